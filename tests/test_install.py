"""What the package declares: few requirements, types, and an install that survives without a compiler."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from chainrule import __version__

ROOT = Path(__file__).parents[1]
NOT_FOR_USERS = {"all", "test", "dev"}


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}


def test_required_are_numpy_and_at_most_two_more(pyproject: dict[str, Any]) -> None:
    required = names(pyproject["project"]["dependencies"])
    assert "numpy" in required
    assert len(required) <= 3


def test_all_has_every_extra(pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    assert everything == f"chainrule[{','.join(name for name in extras if name not in NOT_FOR_USERS)}]"


def test_a_build_that_fails_leaves_a_pure_python_install(pyproject: dict[str, Any]) -> None:
    (override,) = pyproject["tool"]["scikit-build"]["overrides"]
    assert override["if"]["any"] == {"failed": True, "env": {"CHAINRULE_NO_NATIVE": True}}
    assert override["wheel"] == {"cmake": False, "py-api": "py3"}


def test_the_types_are_installed() -> None:
    package = files("chainrule")
    assert package.joinpath("py.typed").is_file()
    assert package.joinpath("engine", "native", "_ext.pyi").is_file()


def test_citation_names_this_version(pyproject: dict[str, Any]) -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {__version__}\n" in citation
    assert f"license: {pyproject['project']['license']}\n" in citation
