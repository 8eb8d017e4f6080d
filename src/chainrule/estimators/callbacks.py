"""scikit-learn's callbacks (1.9): told of every epoch, they may end a training. Before 1.9 there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """In place of scikit-learn's."""

    def with_callbacks(method: Any) -> Any:
        """As it is."""
        return method


Told: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]


class Callbacks(CallbackSupportMixin):  # type: ignore[misc]
    """`set_callbacks`, where scikit-learn has it."""

    @contextmanager
    def _telling(self, epochs: int | None, x: Any, y: Any) -> Iterator[Told]:
        """What is to be called after every epoch, with its metrics and what makes the estimator a fitted one by then;
        whether a callback wants it to be the last."""
        if not hasattr(self, "_init_callback_context"):
            yield lambda row, fitted: False
            return
        context = self._init_callback_context(max_subtasks=epochs)
        given = {"estimator": self, "X": x, "y": y}
        context.call_on_fit_task_begin(**given)

        def told(row: Mapping[str, Any], fitted: Mapping[str, Any]) -> bool:
            epoch = context.subcontext(task_name=f"epoch {row['epoch']}")
            epoch.call_on_fit_task_begin(**given)
            return bool(epoch.call_on_fit_task_end(**given, metadata=dict(row), reconstruction_attributes=dict(fitted)))

        yield told
        context.call_on_fit_task_end(**given, reconstruction_attributes={})


__all__ = ["Callbacks", "Told", "with_callbacks"]
