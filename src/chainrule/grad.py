"""Gradients of a graph are more graph: backpropagation walks the nodes backward and writes each op's derivative down.

Source: Goodfellow, Bengio and Courville (2016), section 6.5; CS231n, lecture 4. The result can be drawn, run by any engine,
and differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .errors import GradientError, NoValueError
from .graph import METHODS, OPS, Tensor, as_tensor, scope, tensor, topological

Function: TypeAlias = Callable[..., Tensor]


def backpropagate(y: Tensor, g: Tensor | None = None, wrt: Iterable[Tensor] | None = None) -> dict[Tensor, Tensor]:
    """The gradient of <g, y> for every node on a way from `wrt` (default: from any variable) to y; of a scalar y, g is 1."""
    g = _seed_gradient(y) if g is None else g
    order = topological([y])
    wanted = _depends_on(order, [x for x in order if x.is_variable and x.dtype.kind == "f"] if wrt is None else wrt)
    gradient = {y: g}
    for node in reversed(order):
        if node.op is None or node not in gradient or node not in wanted:
            continue
        with scope(f"back/{node.scope}" if node.scope else "back"):
            for i, x in enumerate(node.inputs):
                if x in wanted and node.op.derivative(i) is not None:
                    local = local_gradient(node, gradient[node], i)
                    gradient[x] = gradient[x] + local if x in gradient else local
    return gradient


def local_gradient(node: Tensor, g: Tensor, i: int) -> Tensor:
    """What the upstream gradient `g` of a node becomes on the way to its input `i`: one application of the chain rule."""
    return sum_to_shape(node.op.derivative(i)(g, node, *node.inputs, **node.attrs), node.inputs[i])


def _depends_on(order: Sequence[Tensor], wrt: Iterable[Tensor]) -> set[Tensor]:
    """The nodes that some of `wrt` lead to."""
    wanted = set(wrt)
    for node in order:
        if node.dtype.kind == "f" and any(x in wanted for x in node.inputs):
            wanted.add(node)
    return wanted


def sum_to_shape(g: Tensor, x: Tensor) -> Tensor:
    """Undo broadcasting: what was copied forward is summed backward."""
    if g.shape == x.shape:
        return g
    new = g.ndim - x.ndim
    stretched = tuple(i + new for i, size in enumerate(x.shape) if size == 1 and g.shape[i + new] != 1)
    axes = tuple(range(new)) + stretched
    total = g.sum(axes) if axes else g
    return total if total.shape == x.shape else total.reshape(*x.shape)


def gradients(y: Tensor, wrt: Sequence[Tensor]) -> list[Tensor]:
    """d y / d each of `wrt`, for a scalar y; zeros where y does not depend on one."""
    found = backpropagate(y, wrt=wrt)
    return [found.get(x, _filled(x, 0)) for x in wrt]


def _filled(like: Tensor, value: float) -> Tensor:
    return tensor(np.full(like.shape, value, like.dtype))


def _seed_gradient(y: Tensor) -> Tensor:
    if y.size != 1:
        raise GradientError(
            f"the gradient of {y.label} {y.shape} is not one number per input: take a scalar such as y.sum(), "
            "or use cr.vjp with an upstream gradient, or cr.jacobian"
        )
    if y.dtype.kind != "f":
        raise GradientError(
            f"{y.label} is of {y.dtype}: only float32 and float64 have gradients; write 2.0, not 2, or use .astype(float)"
        )
    return _filled(y, 1)


def _backward(y: Tensor) -> None:
    """`.grad` on every node: values without history, so that no node points at those computed from it."""
    if y.value is None:
        raise NoValueError(
            f"{y.label} {y.shape} is recorded and has no value: its gradient is graph too, by cr.grad or cr.vjp"
        )
    found = backpropagate(y)
    for node in topological([y]):
        node.grad = found[node].detach() if node in found else None


METHODS["backward"] = _backward


def _tensors(args: Iterable[Any]) -> tuple[Tensor, ...]:
    """Each argument as a node of its own: f may know the same tensor as another argument, or from outside."""
    lifted = tuple(OPS["identity"](a) if isinstance(a, Tensor) else as_tensor(a) for a in args)
    for i, a in enumerate(lifted):
        if a.dtype.kind != "f":
            raise GradientError(
                f"argument {i} is of {a.dtype}: only float32 and float64 have gradients; write 2.0, not 2"
            )
    return lifted


def _result(f: Function, args: Sequence[Any]) -> Tensor:
    y = f(*args)
    if not isinstance(y, Tensor):
        raise GradientError(
            f"the function gave {type(y).__name__}, not a Tensor: somewhere it leaves the graph, by np.asarray, float, "
            "or a NumPy function that is no op here"
        )
    return y


def value_and_grad(f: Function, argnums: int | tuple[int, ...] = 0) -> Callable[..., tuple[Tensor, Any]]:
    """A function that gives f(x, ...), a scalar, and its gradient by argument `argnums`; by several: a tuple."""
    wanted = (argnums,) if isinstance(argnums, int) else argnums

    def both(*args: Any) -> tuple[Tensor, Any]:
        if not all(0 <= i < len(args) for i in wanted):
            raise GradientError(f"a gradient by argument {argnums} of a function called with {len(args)} arguments")
        moving = dict(zip(wanted, _tensors(args[i] for i in wanted), strict=True))
        y = _result(f, [moving.get(i, a) for i, a in enumerate(args)])
        found = gradients(y, list(moving.values()))
        return y, found[0] if isinstance(argnums, int) else tuple(found)

    return both


def grad(f: Function, argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The gradient of f, a scalar, by its first argument, or by those of `argnums`. Apply it again for higher orders."""
    return lambda *args: value_and_grad(f, argnums)(*args)[1]


def vjp(f: Function, *args: Any) -> tuple[Tensor, Callable[[Any], list[Tensor]]]:
    """y = f(args), and a function from an upstream gradient g (shaped like y) to g J for each argument."""
    xs = _tensors(args)
    y = _result(f, xs)

    def pull(g: Any) -> list[Tensor]:
        upstream = _beside(g, y)
        if upstream.shape != y.shape:
            raise GradientError(f"the upstream gradient is {upstream.shape} but the output is {y.shape}")
        found = backpropagate(y, upstream, xs)
        return [found.get(x, _filled(x, 0)) for x in xs]

    return y, pull


def jvp(f: Function, args: Sequence[Any], tangents: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """y = f(args), and J v: how y moves when the arguments move by v. (J v is the derivative of u J v by u.)"""
    y, pull = vjp(f, *args)
    u = _filled(y, 0)
    return y, gradients(_inner(pull(u), tangents), [u])[0]


def hvp(f: Function, x: Any, v: Any) -> Tensor:
    """H v: the Hessian of a scalar f times a vector, without the Hessian; twice the work of a gradient.

    Source: Pearlmutter (1994), "Fast exact multiplication by the Hessian": the gradient of <grad f, v>.
    """
    (x,) = _tensors([x])
    return gradients(_inner([grad(f)(x)], [v]), [x])[0]


def _inner(gs: Sequence[Tensor], vs: Sequence[Any]) -> Tensor:
    """The sum of g * v over all arguments."""
    if len(gs) != len(vs) or not gs:
        raise GradientError(
            f"{len(gs)} arguments and {len(vs)} directions: one direction for each argument, and at least one"
        )
    for i, (g, v) in enumerate(zip(gs, vs, strict=True)):
        if np.shape(v) != g.shape:
            raise GradientError(f"direction {i} is {np.shape(v)} but its argument is {g.shape}")
    terms = [(g * _beside(v, g)).sum() for g, v in zip(gs, vs, strict=True)]
    return sum(terms[1:], terms[0])


def _beside(value: Any, partner: Tensor) -> Tensor:
    """A tensor, or numbers as one of the partner's type."""
    return value if isinstance(value, Tensor) else tensor(value, dtype=partner.dtype)


def jacobian(f: Function) -> Callable[[Any], NDArray[Any]]:
    """J[i, j] = d f(x)[i] / d x[j], shape f(x).shape + x.shape; one backward walk for each output."""

    def matrix(x: Any) -> NDArray[Any]:
        y, pull = vjp(f, x)
        rows = [np.asarray(pull(e.reshape(y.shape))[0]) for e in np.eye(y.size, dtype=y.dtype)]
        shape = y.shape + np.shape(x)
        return np.stack(rows).reshape(shape) if rows else np.zeros(shape, y.dtype)

    return matrix


def hessian(f: Function) -> Callable[[Any], NDArray[Any]]:
    """H[i, j] = d^2 f(x) / d x[i] d x[j] of a scalar f."""
    return jacobian(grad(f))


def check_grads(
    f: Function, args: Sequence[Any], order: int = 2, tolerance: float = 1e-8, seed: int = 0
) -> list[float]:
    """The largest error of every element of the gradient against central differences in float64, for each order.

    The error is |gradient - difference| / max(1, largest |difference|); one above `tolerance` raises GradientError.
    Differences take four points, (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h, whose own error is near 1e-12. The second
    order is the gradient of the first derivative along random directions.
    """
    points = [np.asarray(a, np.float64) for a in args]
    errors = []
    for level in range(1, order + 1):
        rng = np.random.default_rng(seed + level - 1)
        upstream = rng.standard_normal(_result(f, _tensors(points)).shape)
        errors.append(_largest_error(f, points, upstream, tolerance, level))
        f = _directional(f, upstream, [rng.standard_normal(p.shape) for p in points])
    return errors


def _largest_error(
    f: Function, points: Sequence[NDArray[Any]], upstream: NDArray[Any], tolerance: float, level: int
) -> float:
    """Over all arguments; refuses one that is too large."""
    largest = 0.0
    for i, g in enumerate(vjp(f, *points)[1](upstream)):
        difference = _central_differences(lambda *xs: float(np.sum(np.asarray(f(*_tensors(xs))) * upstream)), points, i)
        error = np.abs(np.asarray(g) - difference) / np.abs(difference).max(initial=1.0)
        largest = max(largest, float(error.max(initial=0.0)))
        if not np.all(error <= tolerance):
            where = np.unravel_index(int(np.argmax(error)), error.shape)
            raise GradientError(
                f"order {level}: the gradient by argument {i} at {tuple(map(int, where))} is {np.asarray(g)[where]:.9g}, "
                f"finite differences give {difference[where]:.9g}"
            )
    return largest


def _directional(f: Function, upstream: NDArray[Any], directions: Sequence[NDArray[Any]]) -> Function:
    """The first derivative along fixed directions: what the next order differentiates."""
    return lambda *xs: _inner(vjp(f, *xs)[1](upstream), directions)


def _central_differences(f: Callable[..., float], points: Sequence[NDArray[Any]], which: int) -> NDArray[Any]:
    step = 1e-3

    def moved(index: tuple[int, ...], by: float) -> float:
        shifted = [p.copy() for p in points]
        shifted[which][index] += by
        return f(*shifted)

    out = np.zeros_like(points[which])
    for index in np.ndindex(out.shape):
        near = moved(index, step) - moved(index, -step)
        far = moved(index, 2 * step) - moved(index, -2 * step)
        out[index] = (8 * near - far) / (12 * step)
    return out
