"""The computational graph: tensors are nodes, ops are declared once, a frozen graph is what an engine runs."""

from .frozen import Graph, node_names, topological
from .op import Op, attr_dtype, first_dtype, int64, op, same_dtype
from .shapes import Shape
from .tensor import METHODS, NO_ATTRS, OPS, Array, Axis, Tensor, lift, normal_axes, number, placeholder, scope, tensor

__all__ = [
    "METHODS",
    "NO_ATTRS",
    "OPS",
    "Array",
    "Axis",
    "Graph",
    "Op",
    "Shape",
    "Tensor",
    "attr_dtype",
    "first_dtype",
    "int64",
    "lift",
    "node_names",
    "normal_axes",
    "number",
    "op",
    "placeholder",
    "same_dtype",
    "scope",
    "tensor",
    "topological",
]
