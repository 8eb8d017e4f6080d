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
from .branch import Concat, Parallel, Residual
from .conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from .dense import Dense
from .net import Net
from .norm import BatchNorm, LayerNorm
from .notation import parse
from .pool import AvgPool1d, AvgPool2d, GlobalAvgPool, GlobalMaxPool, MaxPool1d, MaxPool2d
from .recurrent import GRU, LSTM, Embedding, SimpleRNN
from .regularise import Dropout
from .sequential import Sequential
from .shape import Flatten, Reshape, Upsample

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LAYERS",
    "LSTM",
    "SELU",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm",
    "Call",
    "Concat",
    "Context",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool1d",
    "MaxPool2d",
    "Maxout",
    "MaxoutConv2d",
    "Net",
    "PReLU",
    "Parallel",
    "Param",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SimpleRNN",
    "Softplus",
    "State",
    "Tanh",
    "Threshold",
    "Upsample",
    "parse",
    "record",
]
