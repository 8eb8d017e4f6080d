"""Facts measured before and during a training, for `diagnose` to judge."""

from .replay import Bad, first_bad
from .start import at_start

__all__ = ["Bad", "at_start", "first_bad"]
