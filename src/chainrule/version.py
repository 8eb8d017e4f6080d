"""The version, from the installed package: one place to change it, pyproject.toml."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("chainrule")
except PackageNotFoundError:  # run from a source tree that was not installed
    __version__ = "0+unknown"
