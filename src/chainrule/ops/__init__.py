"""The ops, one family a file. Importing this room fills the registry `graph.OPS`."""

from .conv import conv2d, conv2d_k, conv2d_x
from .elementwise import add, cast, div, exp, less, log, mul, neg, positive, power, relu, sigmoid, sqrt, sub, tanh
from .linear import matmul
from .loss import cross_entropy, one_hot, softmax
from .move import broadcast, reshape, transpose
from .norm import standardise
from .pool import max_pool, pool_argmax, pool_gather, pool_scatter
from .random import uniform
from .reduce import sum, var

__all__ = [
    "add",
    "broadcast",
    "cast",
    "conv2d",
    "conv2d_k",
    "conv2d_x",
    "cross_entropy",
    "div",
    "exp",
    "less",
    "log",
    "matmul",
    "max_pool",
    "mul",
    "neg",
    "one_hot",
    "pool_argmax",
    "pool_gather",
    "pool_scatter",
    "positive",
    "power",
    "relu",
    "reshape",
    "sigmoid",
    "softmax",
    "sqrt",
    "standardise",
    "sub",
    "sum",
    "tanh",
    "transpose",
    "uniform",
    "var",
]
