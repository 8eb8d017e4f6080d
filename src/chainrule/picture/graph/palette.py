"""The colours, by role. As on the lecture's slides: values are green, gradients red. Both read on white and for the
colour-blind by their place too: a value is above its line, a gradient below."""

from __future__ import annotations

from typing import NamedTuple


class Paint(NamedTuple):
    """What is inside, the outline, and how wide the outline is."""

    fill: str
    stroke: str = "none"
    width: float = 0.0


FONT = "DejaVu Sans, Verdana, sans-serif"
PAPER = "#ffffff"
PAINT = {
    "paper": Paint(PAPER),
    "hover": Paint("none"),
    "ink": Paint("#1c2733"),
    "soft": Paint("#5f6b76"),
    "value": Paint("#0b7a34"),
    "gradient": Paint("#c9202b"),
    "nan": Paint("#7a3fa0"),
    "leaf": Paint("#edf3fa", "#8aa9cc", 1.2),
    "outside": Paint("#f4f5f6", "#a9b2ba", 1.0),
    "op": Paint("#ffffff", "#3d4a56", 1.4),
    "fold": Paint("#fdf5e3", "#c79a3c", 1.4),
    "wire": Paint("none", "#76828d", 1.2),
    "tip": Paint("#76828d"),
    "value-line": Paint("none", "#0b7a34", 1.0),
    "gradient-line": Paint("none", "#c9202b", 1.0),
    "value-rim": Paint("none", "#9cc9ad", 0.8),
    "gradient-rim": Paint("none", "#e5aeb1", 0.8),
}
DARK = {  # for pages on a dark background
    "ink": Paint("#e6e9ec"),
    "soft": Paint("#9aa5af"),
    "value": Paint("#52c878"),
    "gradient": Paint("#ff7b80"),
    "nan": Paint("#c89be8"),
    "leaf": Paint("#1d2a38", "#5b7da3"),
    "outside": Paint("#1f252b", "#5f6b76"),
    "op": Paint("#1b2127", "#b4bec7"),
    "fold": Paint("#2e2717", "#c79a3c"),
    "wire": Paint("none", "#8a96a1"),
    "tip": Paint("#8a96a1"),
    "value-line": Paint("none", "#52c878"),
    "gradient-line": Paint("none", "#ff7b80"),
    "value-rim": Paint("none", "#2f6e45"),
    "gradient-rim": Paint("none", "#8a4246"),
}
