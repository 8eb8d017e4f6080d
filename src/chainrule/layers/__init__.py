"""The layers, one family a file."""

from .activation import (
    ELU,
    GELU,
    SELU,
    Identity,
    LeakyReLU,
    Maxout,
    MaxoutConv2d,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
    Threshold,
)
from .base import LAYERS, Call, Context, Layer, Param, State, record
from .conv import Conv2d
from .dense import Dense
from .norm import BatchNorm
from .notation import parse
from .pool import MaxPool2d
from .regularise import Dropout
from .sequential import Sequential
from .shape import Flatten

__all__ = [
    "ELU",
    "GELU",
    "LAYERS",
    "SELU",
    "BatchNorm",
    "Call",
    "Context",
    "Conv2d",
    "Dense",
    "Dropout",
    "Flatten",
    "Identity",
    "Layer",
    "LeakyReLU",
    "MaxPool2d",
    "Maxout",
    "MaxoutConv2d",
    "PReLU",
    "Param",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "State",
    "Tanh",
    "Threshold",
    "parse",
    "record",
]
