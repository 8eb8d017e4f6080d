"""From what a graph means to what kernels take: operands packed, bias and ReLU folded into the product before them.

Weights reach the building block in panels of 16 columns (`pack`), laid out so that it reads them straight on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, TypeAlias

import numpy as np

from ...graph import inputs_first
from .tile import ITSELF
from .value import COLUMN_REDUCTIONS, Builder, Value

PANEL = 16  # columns, on every path
DIRECT = 128  # up to so many columns a matrix whose rows are whole panels is read where it stands
KEPT = "kept "  # how the names of outputs begin that are only looked at
Expanded: TypeAlias = frozenset[tuple[Value, int]]
NOTHING: Expanded = frozenset()
PRODUCTS = frozenset(["gemm", "conv", "conv_x"])


def topological(roots: Iterable[Value]) -> list[Value]:
    """Every value that the roots are computed from, inputs first."""
    return inputs_first(roots, attrgetter("inputs"))


def _uses(outputs: Iterable[Value]) -> Counter[Value]:
    """How many want each value."""
    roots = list(outputs)
    uses = Counter(x for value in topological(roots) for x in value.inputs)
    uses.update(roots)
    return uses


class Fusion:
    """The outputs, computed by kernels' own operations.

    `expanded` names inputs of values that must be repeated in memory first, by number, or values themselves (ITSELF).
    `for_looks` names more of them, for what is only looked at: it is made apart, wherever the graph itself has it otherwise.
    """

    def __init__(self, outputs: Mapping[str, Value], expanded: Expanded, for_looks: Expanded = NOTHING) -> None:
        own = {name: value for name, value in outputs.items() if not name.startswith(KEPT)}
        kept = {name: value for name, value in outputs.items() if name.startswith(KEPT)}
        self.builder = Builder()
        self.origin: dict[Value, list[Value]] = defaultdict(list)
        self.uses = _uses(own.values())  # without those who look on: what is folded would change, and with it the bits
        self.outputs = self._fused(own, expanded) | self._fused(kept, expanded | for_looks)

    def _fused(self, outputs: Mapping[str, Value], expanded: Expanded) -> dict[str, Value]:
        self.apart = {value for value, _ in expanded}
        self.new: dict[Value, Value] = {}
        for value in topological(outputs.values()):
            made = self._renewed(value, expanded)
            self.origin[made].append(value)
            self.new[value] = self._expanded(made, value) if (value, ITSELF) in expanded else made
        return {name: added_up(self.builder, self.new[value]) for name, value in outputs.items()}

    def _renewed(self, value: Value, expanded: Expanded) -> Value:
        if value.op in ("input", "constant"):
            return value
        self.builder.label = value.label
        folded = self._folded(value) if value not in self.apart else None
        if folded is not None:
            return folded
        inputs = tuple(
            self._expanded(self.new[x], value) if (value, i) in expanded else self.new[x]
            for i, x in enumerate(value.inputs)
        )
        if not (value.is_expression or value.op in ("moment", "merge_moments", *COLUMN_REDUCTIONS)):
            inputs = tuple(added_up(self.builder, x) for x in inputs)
        change = CHANGES.get(value.op)
        return change(self.builder, value, inputs) if change else self._same(value, inputs)

    def _same(self, value: Value, inputs: tuple[Value, ...]) -> Value:
        return self.builder.make(value.op, *inputs, shape=value.shape, dtype=value.dtype, **value.attrs)

    def _expanded(self, x: Value, like: Value) -> Value:
        return self.builder.make("expand", added_up(self.builder, x), shape=like.shape, dtype=x.dtype)

    def _folded(self, value: Value) -> Value | None:
        """`x w + b` as one product, and relu of it too, where nobody else wants what is between."""
        if value.op == "add":
            for product, bias in (value.inputs, value.inputs[::-1]):
                if self._folds(product, "bias") and bias.op == "input" and bias.shape == product.shape[-1:]:
                    return self._with(value, self.new[product], bias=True, extra=(self.new[bias],))
                if self._lone_product(product, value):
                    return self._same_as(value, "muladd", (*self.new[product].inputs, self.new[bias]))
        if value.op == "sub":
            return self._less_a_product(value)
        if value.op == "relu" and self._folds(value.inputs[0], "relu"):
            return self._with(value, self.new[value.inputs[0]], relu=True)
        return None

    def _less_a_product(self, value: Value) -> Value | None:
        """a - s x as (-s) x + a, where s is a scalar."""
        a, product = value.inputs
        factors = self.new[product].inputs if self._lone_product(product, value) else ()
        for scalar, x in (factors, factors[::-1]) if factors else ():
            if scalar.size == 1:
                less = self.builder.make("neg", scalar, shape=scalar.shape)
                self.origin[less].append(value)
                return self._same_as(value, "muladd", (less, x, self.new[a]))
        return None

    def _lone_product(self, product: Value, value: Value) -> bool:
        """Whether it is computed for `value` alone, element by element."""
        return self.new[product].op == "mul" and self.uses[product] == 1 and product.shape == value.shape

    def _same_as(self, value: Value, op: str, inputs: tuple[Value, ...]) -> Value:
        return self.builder.make(op, *inputs, shape=value.shape)

    def _folds(self, product: Value, what: str) -> bool:
        made = self.new[product]
        return (
            made.op in PRODUCTS and not made.attrs.get(what) and not made.attrs.get("relu") and self.uses[product] == 1
        )

    def _with(self, value: Value, product: Value, extra: tuple[Value, ...] = (), **flags: bool) -> Value:
        attrs = {**product.attrs, **flags}
        return self.builder.make(product.op, *product.inputs, *extra, shape=value.shape, **attrs)


def _gemm(b: Builder, value: Value, inputs: tuple[Value, ...]) -> Value:
    """Rows times panels; a narrow matrix of whole panels is read as it is."""
    a, w = inputs
    flipped = value.attrs["b_flipped"]
    k, n = w.shape[::-1] if flipped else w.shape
    if not flipped and n % PANEL == 0 and n <= DIRECT:
        packed, b_panel, b_k = w, PANEL, n
    else:
        strides = (0, 0, 1, k) if flipped else (0, 0, n, 1)
        packed, b_panel, b_k = _packed(b, w, n, (1, 1, k), strides, 0), k * PANEL, PANEL
    attrs = {"a_flipped": value.attrs["a_flipped"], "n": n, "k": k, "b_panel": b_panel, "b_k": b_k}
    return b.make("gemm", a, packed, shape=value.shape, **attrs)


def _packed(
    b: Builder, w: Value, n: int, ks: tuple[int, ...], strides: tuple[int, ...], origin: int, winograd: bool = False
) -> Value:
    """Panels of 16 columns; for Winograd's algorithm with the 16 transformed numbers of each window of 3 x 3."""
    rows = 16 * ks[2] if winograd else int(np.prod(ks))
    shape = (-(-n // PANEL), rows, PANEL)
    return b.make("pack", w, shape=shape, n=n, ks=ks, strides=strides, origin=origin, winograd=winograd)


def _conv(b: Builder, value: Value, inputs: tuple[Value, ...]) -> Value:
    """Each group is a convolution of its own, of some of the channels; what they give stands side by side."""
    x, kernel = inputs
    kh, kw, c, o_all = kernel.shape
    groups = value.attrs["groups"]
    o = o_all // groups
    shape = (*value.shape[:3], o)
    geometry = (*forward_geometry(value.attrs, x.shape[1:3], c, o, value.shape[1:3], (kh, kw)), 1, 1)
    strides = (kw * c * o_all, c * o_all, o_all, 1)
    made = [_product(b, x, kernel, shape, geometry, strides, g * o, g * c) for g in range(groups)]
    return _side_by_side(b, made, value.shape)


def _conv_x(b: Builder, value: Value, inputs: tuple[Value, ...]) -> Value:
    """The gradient by the image: a convolution of the gradient, pulled apart by the stride, with the kernel turned round."""
    g, kernel = inputs
    kh, kw, c, o_all = kernel.shape
    attrs, groups = value.attrs, value.attrs["groups"]
    o = o_all // groups
    (top, _), (left, _) = attrs["padding"]
    dh, dw = attrs["dilation"]
    around = (dh * (kh - 1) - top, dw * (kw - 1) - left)
    shape = (*value.shape[:3], c)
    geometry = (*g.shape[1:3], o, c, *value.shape[1:3], kh, kw, 1, 1, dh, dw, *around, *attrs["stride"])
    strides, last = (-kw * c * o_all, -c * o_all, 1, o_all), (kh * kw - 1) * c * o_all
    made = [_product(b, g, kernel, shape, geometry, strides, last + i * o, i * o) for i in range(groups)]
    return _side_by_side(b, made, value.shape)


def _conv_kernel(b: Builder, value: Value, inputs: tuple[Value, ...]) -> Value:
    x, g = inputs
    groups = value.attrs["groups"]
    c, o = x.shape[3] // groups, g.shape[3] // groups
    geometry = forward_geometry(value.attrs, x.shape[1:3], c, o, g.shape[1:3], value.shape[:2])
    shape = (*value.shape[:3], o)
    quick = _takes_winograd((*geometry, 1, 1))
    made = [
        b.make("conv_kernel", x, g, shape=shape, geometry=geometry, at=(i * c, i * o), winograd=quick)
        for i in range(groups)
    ]
    return _side_by_side(b, made, value.shape)


def forward_geometry(
    attrs: Mapping[str, Any], image: tuple[int, ...], c: int, o: int, out: tuple[int, ...], size: tuple[int, ...]
) -> tuple[int, ...]:
    """h, w, c, o, oh, ow, kh, kw, then strides, dilations, top and left."""
    (top, _), (left, _) = attrs["padding"]
    return (*image, c, o, *out, *size, *attrs["stride"], *attrs["dilation"], top, left)


def _product(
    b: Builder, x: Value, kernel: Value, shape: tuple[int, ...], geometry: tuple[int, ...],
    strides: tuple[int, ...], origin: int, at: int,
) -> Value:  # fmt: skip
    """A convolution of the channels of x from `at` on, with the kernel read by these strides."""
    _, _, c, o, _, _, kh, kw = geometry[:8]
    quick = _takes_winograd(geometry)
    packed = _packed(b, kernel, o, (kh, kw, c), strides, origin, quick)
    return b.make("conv", x, packed, shape=shape, geometry=geometry, at=at, winograd=quick)


def _takes_winograd(geometry: tuple[int, ...]) -> bool:
    """Windows of 3 x 3, one apart, of enough channels: fewer products by Winograd's algorithm (Lavin and Gray, 2016)."""
    _, _, c, o, oh, ow, *window = geometry
    plain = window[:6] == [3, 3, 1, 1, 1, 1] and window[8:] == [1, 1]
    return plain and c % PANEL == 0 and o % PANEL == 0 and min(c, o) >= 32 and min(oh, ow) >= 4


def _side_by_side(b: Builder, made: list[Value], shape: tuple[int, ...]) -> Value:
    return made[0] if len(made) == 1 else b.make("concat", *(added_up(b, x) for x in made), shape=shape, axis=3)


def added_up(b: Builder, x: Value) -> Value:
    """The parts of a reduction as one value, for those who cannot add them up: only loops do, as they load."""
    base = x
    while base.op == "reshape":
        base = base.inputs[0]
    return b.make("copy", x, shape=x.shape, dtype=x.dtype) if base.is_reduction else x


def _pool_argmax(b: Builder, value: Value, inputs: tuple[Value, ...]) -> Value:
    """Where the largest stood comes out of the max pooling itself."""
    pooled = b.make("max_pool", *inputs, shape=value.shape, **value.attrs)
    return b.make("pool_argmax", *inputs, pooled, shape=value.shape, dtype=value.dtype, **value.attrs)


CHANGES: dict[str, Callable[[Builder, Value, tuple[Value, ...]], Value]] = {
    "gemm": _gemm,
    "conv": _conv,
    "conv_x": _conv_x,
    "conv_kernel": _conv_kernel,
    "pool_argmax": _pool_argmax,
}
