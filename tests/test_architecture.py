"""Imports point one way. A room may import the rooms that its row names, and itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import chainrule as cr

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "chainrule"
CORE = "errors later philox version graph ops grad trace explain engine"
PARTS = f"{CORE} init optim schedule loss table layers"
ALL = f"{PARTS} data metrics exchange run network step model evaluate interrupt trainer train picture report statistics activations lsuv classics choices parts diagnose watch fix lr_range estimators"
ALLOWED = {
    "errors": "",
    "philox": "",
    "version": "",
    "interrupt": "",
    "later": "",
    "table": "",
    "exchange": "errors",
    "metrics": "errors",
    "data": "errors philox later",
    "run": "errors exchange",
    "graph": "errors",
    "ops": "errors philox graph",
    "grad": "errors graph ops",
    "trace": "errors graph grad",
    "engine": "errors graph ops grad",
    "init": "errors philox",
    "optim": "errors graph ops",
    "schedule": "errors",
    "loss": "errors graph ops",
    "layers": "errors philox graph ops init table",
    "explain": "errors graph grad trace",
    "network": "errors graph ops grad engine init layers loss optim",
    "step": "errors graph trace explain engine layers loss optim network diagnose",
    "statistics": "errors graph layers network picture table diagnose",
    "lsuv": "errors graph init layers network",
    "activations": "errors graph grad init layers network picture table",
    "diagnose": "errors graph ops run",
    "watch": "errors graph ops grad engine init layers loss optim data run network step model evaluate diagnose",
    "classics": "errors philox graph ops engine init layers loss optim data step",
    "model": f"{PARTS} data exchange network",
    "evaluate": f"{PARTS} data metrics network model",
    "choices": "errors graph layers loss data model",
    "trainer": f"{PARTS} data metrics exchange run network step model evaluate interrupt diagnose watch",
    "train": f"{PARTS} choices data exchange run model trainer",
    "parts": "errors data init layers loss metrics optim schedule",
    "fix": f"{PARTS} choices data metrics exchange run network model evaluate interrupt train parts diagnose",
    "lr_range": f"{PARTS} choices data network step model picture train",
    "estimators": f"{PARTS} choices classics data model run step train",
    "picture": "errors later exchange graph grad trace run table diagnose",
    "report": "errors exchange run picture",
    "cli": ALL,
    "__main__": "errors cli",
    "__init__": ALL,
}
OPTIONAL = (
    "click",
    "jinja2",
    "matplotlib",
    "pygraphviz",
    "sklearn",
    "safetensors",
    "torch",
    "jax",
    "pandas",
    "polars",
    "pyarrow",
    "PIL",
    "onnx",
    "optuna",
)
# Rooms and modules that most programs do without; NumPy may bring some of the latter itself.
SELDOM = (
    "chainrule.activations",
    "chainrule.classics",
    "chainrule.cli",
    "chainrule.data.augment",
    "chainrule.data.formats",
    "chainrule.estimators",
    "chainrule.fix.protocol",
    "chainrule.parts",
    "chainrule.picture.graph.picture",
    "chainrule.statistics",
    "concurrent.futures",
    "csv",
    "difflib",
    "email",
    "gzip",
    "http",
    "statistics",
    "tempfile",
    "tqdm",
    "webbrowser",
    "zipfile",
)


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(code: str, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import in a module of `package`, inside functions and TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = [*base, *([node.module] if node.module else [])]
            yield from ((node.lineno, ".".join([*module, alias.name])) for alias in node.names)


def arrows_back(code: str, room: str, package: tuple[str, ...]) -> list[str]:
    """The imports of other rooms that this room's row does not name."""
    rooms = [(line, name.split(".")[1]) for line, name in imported(code, package) if name.startswith("chainrule.")]
    return [f"line {line}: {room} imports {to}" for line, to in rooms if to != room and to not in ALLOWED[room].split()]


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    package = ("chainrule", *path.relative_to(SOURCE).parent.parts)
    assert arrows_back(path.read_text(encoding="utf-8"), room_of(path), package) == []


def test_the_table_itself_has_no_circle() -> None:
    done: set[str] = set()
    while ready := {room for room, below in ALLOWED.items() if room not in done and set(below.split()) <= done}:
        done |= ready
    assert done == set(ALLOWED)


@pytest.mark.parametrize(
    "code",
    [
        "from ..train import train",
        "from .. import train",
        "import chainrule.train",
        "def f():\n    from chainrule import train",
        "if TYPE_CHECKING:\n    from ..train import train",
    ],
)
def test_an_arrow_back_is_found(code: str) -> None:
    assert arrows_back(code, "ops", ("chainrule", "ops"))


def test_only_the_native_engine_imports_the_extension() -> None:
    users = [p for p in FILES if re.search(r"\b_ext\b", p.read_text(encoding="utf-8"))]
    assert {p.relative_to(SOURCE).parent.as_posix() for p in users} == {"engine/native"}


def test_no_file_is_long() -> None:
    files = [*FILES, *(ROOT / "tests").rglob("*.py")]
    assert {str(p): n for p in files if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400} == {}


@pytest.mark.parametrize("modules", [OPTIONAL, SELDOM], ids=["extras", "what is seldom used"])
def test_importing_chainrule_leaves_out(modules: tuple[str, ...]) -> None:
    code = "import sys, numpy; before = {*sys.modules}; import chainrule; print(*{*sys.modules} - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {*done.stdout.split()} & {*modules} == set()


@pytest.mark.parametrize("package", [cr, cr.data, cr.picture.graph], ids=lambda package: str(package.__name__))
def test_every_public_name_is_there(package: ModuleType) -> None:
    assert {*package.__all__} <= {*dir(package)}
    assert [name for name in dir(package) if not hasattr(package, name)] == []
    assert not hasattr(package, "no_such_name")
