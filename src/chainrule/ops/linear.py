"""Sums of products."""

from typing import Any

from ..errors import ShapeError
from ..graph import Array, Shape, Tensor, numeric, op


@op("... n k, ... k m -> ... n m", dtype=numeric)
def matmul(xp: Any, a: Array, b: Array) -> Array:
    """y[n,m] = sum over k of a[n,k] b[k,m].   Cost: n k m multiply-adds."""
    return a @ b


def einsum_shape(*xs: Shape, subscripts: str) -> Shape:
    """The sizes of the output's letters; a letter has one size everywhere."""
    left, _, right = subscripts.partition("->")
    size: dict[str, tuple[int, int]] = {}
    for i, (letters, x) in enumerate(zip(left.split(","), xs, strict=True)):
        if len(letters) != len(x):
            raise ShapeError(f"'{subscripts}': xs[{i}] {x} has {len(x)} axes, expected ({', '.join(letters)})")
        for letter, n in zip(letters, x, strict=True):
            known, first = size.setdefault(letter, (n, i))
            if known != n:
                raise ShapeError(
                    f"'{subscripts}': axis '{letter}' is {known} in xs[{first}] {xs[first]} but {n} in xs[{i}] {x}"
                )
    return tuple(size[letter][0] for letter in right)


@op(einsum_shape, dtype=numeric)
def einsum(xp: Any, *xs: Array, subscripts: str) -> Array:
    """y = sum of the products of the xs, over every letter that is not in the output; no letter twice in one operand."""
    return xp.einsum(subscripts, *xs, optimize=len(xs) > 2)


def _einsum_back(i: int, g: Tensor, y: Tensor, *xs: Tensor, subscripts: str) -> Tensor:
    """The other operands times g, summed to the letters of operand i; letters only it has are copied along."""
    left, _, right = subscripts.partition("->")
    letters = left.split(",")
    others = [(part, x) for j, (part, x) in enumerate(zip(letters, xs, strict=True)) if j != i]
    seen = "".join(["".join(part for part, _ in others), right])
    kept = "".join(letter for letter in letters[i] if letter in seen)
    parts = ",".join([right, *(part for part, _ in others)])
    back = einsum(g, *(x for _, x in others), subscripts=f"{parts}->{kept}")
    if kept == letters[i]:
        return back
    shape = tuple(n if letter in seen else 1 for letter, n in zip(letters[i], xs[i].shape, strict=True))
    return back.reshape(*shape).broadcast_to(xs[i].shape)


matmul.grads(a=lambda g, y, a, b: g @ b.mT, b=lambda g, y, a, b: a.mT @ g)
einsum.grads(xs=_einsum_back)
