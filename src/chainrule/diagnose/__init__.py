"""What is wrong with a training, and how one sees it. `probes` measures inside the compiled step; a rule reads the record.

The order of the families is that of causes: data before the start, the start before what happens inside, curves last.
"""

# isort: off
from . import inputs, targets, start, depth, signal, rate, regularisation, units, outcome, curves  # noqa: F401  (they fill RULES, in this order)

# isort: on
from .finding import CURES, Cure, Finding
from .probes import MOVES, Probes, layer_outputs, makers, probed
from .record import RISEN, Record, dissatisfied
from .rule import RULES, diagnose

__all__ = [
    "CURES",
    "MOVES",
    "RISEN",
    "RULES",
    "Cure",
    "Finding",
    "Probes",
    "Record",
    "diagnose",
    "dissatisfied",
    "layer_outputs",
    "makers",
    "probed",
]
