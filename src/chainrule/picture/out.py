"""The way out of a picture or a chart: into a file, a notebook or the web browser."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import RunError, SettingError


def save(path: str | Path, what: str, endings: Sequence[str], draw: Callable[[str], bytes]) -> Path:
    """Write what `draw` makes for the ending of that path, one of several; `what` it is, the sentences say."""
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in endings:
        known = f"{', '.join(endings[:-1])} or {endings[-1]}"
        raise SettingError(f"{target}: a {what} is saved as {known}, found '{ending or 'no ending'}'")
    content = draw(ending)
    try:
        target.write_bytes(content)
    except OSError as problem:
        reason = problem.strerror or problem
        raise RunError(f"{target}: the {what} cannot be written ({reason}): choose another place") from None
    return target


def show(name: str, write: Callable[[Path], Path], inline: Callable[[ModuleType], Any]) -> None:
    """In a notebook at this place, as `inline` makes it of IPython's display; else a file in the web browser."""
    shell = sys.modules.get("IPython")
    if shell is not None and shell.get_ipython() is not None:
        display = importlib.import_module("IPython.display")
        display.display(inline(display))
        return
    import tempfile  # noqa: PLC0415  (both bring a dozen modules that an import of chainrule need not wait for)
    import webbrowser  # noqa: PLC0415

    target = write(Path(tempfile.mkdtemp(prefix="chainrule-")) / name)
    webbrowser.open(target.as_uri())
    print(target)
