"""What is wrong with a training, and how one sees it. `probes` measures inside the compiled step."""

from .probes import Probe, Probes, probed

__all__ = ["Probe", "Probes", "probed"]
