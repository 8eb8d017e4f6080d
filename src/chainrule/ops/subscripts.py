"""`einsum`'s subscripts in their general form, made plain: no `...`, an explicit output, no letter twice in one operand."""

from __future__ import annotations

import string
from collections import Counter

import numpy as np

from ..errors import ShapeError
from ..graph import Tensor, tensor
from .linear import einsum


def normal_einsum(subscripts: str, xs: list[Tensor]) -> Tensor:
    """The op on operands that it takes as they are."""
    if not isinstance(subscripts, str):
        raise ShapeError(f"einsum: subscripts are text such as 'ij,jk->ik', found {subscripts!r}")
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(xs) or not xs:
        raise ShapeError(f"einsum '{subscripts}': {len(parts)} operands are named, {len(xs)} are given")
    if bad := set(text) - set(string.ascii_letters + ",.->"):
        raise ShapeError(f"einsum '{subscripts}': {' '.join(sorted(bad))} is no letter; axes are named a-z and A-Z")
    if any(part.count(".") not in (0, 3) or part.replace("...", "").count(".") for part in [*parts, right]):
        raise ShapeError(f"einsum '{subscripts}': dots stand for axes in threes, once for each operand")
    if len(set(right.replace("...", ""))) < len(right.replace("...", "")):
        raise ShapeError(f"einsum '{subscripts}': the output names an axis twice")
    fresh = iter(sorted(set(string.ascii_letters) - set(text)))
    parts, xs, dots = _without_dots(parts, xs, subscripts, [next(fresh) for _ in range(_dotted(parts, xs))])
    if not arrow:
        count = Counter("".join(parts))
        right = "".join(["..." if "..." in left else "", *sorted(c for c in count if count[c] == 1 and c not in dots)])
    out = right.replace("...", dots)
    if lost := set(out) - set("".join(parts)):
        raise ShapeError(f"einsum '{subscripts}': the output names {', '.join(sorted(lost))}, which no operand has")
    for i, part in enumerate(list(parts)):
        for letter, times in Counter(part).items():
            for _ in range(times - 1):  # a diagonal is a product with the identity: "ii->i" is "ij,ij->i"
                other = next(fresh)
                parts[i] = parts[i].replace(letter, other, 1)
                size = xs[i].shape[parts[i].index(other)]
                parts.append(letter + other)
                xs.append(tensor(np.eye(size, dtype=xs[i].dtype)))
    return einsum(*xs, subscripts=f"{','.join(parts)}->{out}")


def _dotted(parts: list[str], xs: list[Tensor]) -> int:
    """How many axes the longest `...` stands for."""
    return max(
        [x.ndim - len(part.replace("...", "")) for part, x in zip(parts, xs, strict=True) if "..." in part] + [0]
    )


def _without_dots(
    parts: list[str], xs: list[Tensor], subscripts: str, letters: list[str]
) -> tuple[list[str], list[Tensor], str]:
    """`...` as letters, counted from the right; an axis of size 1 that is stretched elsewhere is dropped."""
    names = [_letters(part, x, subscripts, letters) for part, x in zip(parts, xs, strict=True)]
    pairs = [pair for own, x in zip(names, xs, strict=True) for pair in zip(own, x.shape, strict=True)]
    stretched = {letter for letter, size in pairs if letter in letters and size != 1}
    plain: list[str] = []
    squeezed: list[Tensor] = []
    for own, x in zip(names, xs, strict=True):
        gone = tuple(i for i, letter in enumerate(own) if letter in stretched and x.shape[i] == 1)
        plain.append("".join(letter for i, letter in enumerate(own) if i not in gone))
        squeezed.append(x.squeeze(gone) if gone else x)
    return plain, squeezed, "".join(letters)


def _letters(part: str, x: Tensor, subscripts: str, letters: list[str]) -> str:
    """One letter for each axis of x."""
    before, dots, after = part.partition("...")
    stands = x.ndim - len(before) - len(after)
    if stands < 0 or (not dots and stands):
        raise ShapeError(f"einsum '{subscripts}': an operand {x.shape} does not have the axes of '{part}'")
    return "".join([before, *letters[len(letters) - stands :], after])
