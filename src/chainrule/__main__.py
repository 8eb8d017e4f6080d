"""The entry point of the command `chainrule`: the command line is an extra, so its absence must read well too."""

from __future__ import annotations

import sys

from .errors import MissingExtra, need


def main() -> None:
    """Run the command, or say what brings it."""
    try:
        need("click", "cli", "the command line")
    except MissingExtra as problem:
        print(f"chainrule: {problem}", file=sys.stderr)
        sys.exit(2)
    from .cli import command  # noqa: PLC0415  (it imports click)

    command(prog_name="chainrule")


if __name__ == "__main__":
    main()
