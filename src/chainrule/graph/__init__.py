"""The computational graph: tensors are nodes, ops are declared once, a frozen graph is what an engine runs."""

from .debug import debug
from .frozen import Graph, inputs_first, node_names, topological
from .op import Op, attr_dtype, boolean, first_dtype, floating, int64, numeric, op, same_dtype
from .operators import normal_axes, one_axis
from .registry import METHODS, OPS, Axis
from .shapes import Shape
from .tensor import NO_ATTRS, Array, Tensor, as_tensor, lift, number, placeholder, scope, tensor

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
    "as_tensor",
    "attr_dtype",
    "boolean",
    "debug",
    "first_dtype",
    "floating",
    "inputs_first",
    "int64",
    "lift",
    "node_names",
    "normal_axes",
    "number",
    "numeric",
    "one_axis",
    "op",
    "placeholder",
    "same_dtype",
    "scope",
    "tensor",
    "topological",
]
