"""How a node is written in its box: gates by their symbol, with the Python numbers among their inputs: `+1`, `1/x`."""

from __future__ import annotations

from ...graph import Tensor

SYMBOLS = {
    "add": "+", "sub": "−", "mul": "×", "div": "/", "power": "^", "neg": "×−1", "matmul": "@",
    "maximum": "max", "minimum": "min", "sum": "Σ", "relu": "ReLU", "sigmoid": "σ",
}  # fmt: skip
FIRST = {"sub": "{}−x", "mul": "×{}", "div": "{}/x", "power": "{}^x"}  # the number comes first
SECOND = {"add": "+{}", "sub": "−{}", "mul": "×{}", "div": "x/{}", "power": "^{}"}


def gate_text(node: Tensor) -> str:
    """The symbol of an op, and the numbers it was called with."""
    name: str = node.op.name
    numbers = [_number(x) if x.is_number else None for x in node.inputs]
    if not any(numbers):
        return SYMBOLS.get(name, name)
    first, second = (*numbers, None)[:2]
    if name in SECOND and len(numbers) == 2 and not (first and second):
        form = SECOND[name] if second or name == "add" else FIRST[name]
        return form.format(second or first).replace("+−", "−")
    if len(numbers) == 2:
        return f"{SYMBOLS.get(name, name)}({', '.join(n or 'x' for n in numbers)})"
    return f"{SYMBOLS.get(name, name)}(…, {', '.join(filter(None, numbers))})"


def _number(node: Tensor) -> str:
    return f"{float(node.value):.4g}".replace("-", "−")
