"""The layers, one family a file."""

from .activation import ReLU, Sigmoid, Tanh
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
    "LAYERS",
    "BatchNorm",
    "Call",
    "Context",
    "Conv2d",
    "Dense",
    "Dropout",
    "Flatten",
    "Layer",
    "MaxPool2d",
    "Param",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "State",
    "Tanh",
    "parse",
    "record",
]
