"""Measures a training: before its first step, at the units while it runs, and on the side where something is wrong."""

from .after import after, steps_of_forks
from .before import before
from .forks import Fork, plain
from .looks import Looks, fixed_rows, is_look
from .replay import Bad, Feed, first_bad
from .start import at_start

__all__ = ["Bad", "Feed", "Fork", "Looks", "after", "at_start", "before", "first_bad", "fixed_rows", "is_look", "plain", "steps_of_forks"]
