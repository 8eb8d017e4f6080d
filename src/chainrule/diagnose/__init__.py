"""What is wrong with a training, and how one sees it. `probes` measures inside the compiled step."""

from .probes import MOVES, Probe, Probes, layer_outputs, makers, probed

__all__ = ["MOVES", "Probe", "Probes", "layer_outputs", "makers", "probed"]
