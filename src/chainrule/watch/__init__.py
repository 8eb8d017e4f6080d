"""Facts measured before and during a training, for `diagnose` to judge."""

from .start import at_start

__all__ = ["at_start"]
