"""Measures a training: before its first step, at the units while it runs, and on the side where something is wrong."""

from .after import steps_of_forks
from .feed import Feed
from .replay import Bad, first_bad
from .start import at_start
from .watcher import Watcher

__all__ = ["Bad", "Feed", "Watcher", "at_start", "first_bad", "steps_of_forks"]
