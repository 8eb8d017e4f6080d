"""Ctrl-C as a wish, not a crash: the step in progress is finished and everything learned is kept."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """Inside `with Interrupt() as interrupt:`, the first Ctrl-C sets `interrupt.wished`; a second one stops at once.

    Of one inside of another, as of a training that is one of many, both are told: the inner one may be about to end.
    """

    wished = False
    _outer: Interrupt | None = None

    def __enter__(self) -> Interrupt:
        # Python delivers signals to the main thread only; in another one there is nothing to catch
        self._ours = threading.current_thread() is threading.main_thread()
        if self._ours:
            self._before: Any = signal.signal(signal.SIGINT, self._on_signal)
            outer = getattr(self._before, "__self__", None)
            self._outer = outer if isinstance(outer, Interrupt) else None
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        told: Interrupt | None = self
        while told is not None:
            told.wished, told = True, told._outer
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ours:
            spent = self._outer is not None and self._outer.wished
            signal.signal(signal.SIGINT, signal.default_int_handler if spent else self._before)
