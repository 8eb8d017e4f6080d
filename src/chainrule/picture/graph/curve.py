"""Curves of cubic pieces: straight ones, bends, joined ones, cut ones. 3n + 1 points each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from .scene import Point


def split_at(points: tuple[Point, ...], x: float) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """Left and right of x; curves go rightward."""
    i = max((i for i in range(0, len(points) - 1, 3) if points[i][0] <= x), default=0)
    p = points[i : i + 4]
    low, high = 0.0, 1.0
    for _ in range(30):
        t = (low + high) / 2
        low, high = (t, high) if _halves(p, t)[0][-1][0] < x else (low, t)
    left, right = _halves(p, high)
    return (*points[:i], *left), (*right, *points[i + 4 :])


def _halves(p: Sequence[Point], t: float) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """De Casteljau: a cubic curve as two that meet at t."""
    left, right = [p[0]], [p[-1]]
    while len(p) > 1:
        p = [(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])) for a, b in pairwise(p)]
        left.append(p[0])
        right.append(p[-1])
    return tuple(left), tuple(right[::-1])


def straight(*corners: Point) -> tuple[Point, ...]:
    """Straight from corner to corner; nothing but its start where there is no way to go."""
    points = [corners[0]]
    for (x0, y0), (x1, y1) in pairwise(corners):
        if (x0, y0) != (x1, y1):
            points += [(x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3), (x1 - (x1 - x0) / 3, y1 - (y1 - y0) / 3), (x1, y1)]
    return tuple(points)


def joined(*parts: tuple[Point, ...]) -> tuple[Point, ...]:
    """Parts that each begin where the one before ends."""
    return (*parts[0], *(point for part in parts[1:] for point in part[1:]))


def bend(a: Point, b: Point, ahead: Point | None = None, behind: Point | None = None) -> tuple[Point, ...]:
    """From a to b, level at both ends; or smoothly on to what is `ahead` of b, on from what is `behind` a."""
    half = (b[0] - a[0]) / 2
    start = (a[0] + half, a[1]) if behind is None else _beyond(behind, a, half)
    end = (b[0] - half, b[1]) if ahead is None else _beyond(ahead, b, half)
    return (a, start, end, b)


def _beyond(a: Point, b: Point, step: float) -> Point:
    """On from b, in the direction from a to b."""
    away = math.dist(a, b)
    step = step / away if away else 0.0
    return b[0] + step * (b[0] - a[0]), b[1] + step * (b[1] - a[1])
