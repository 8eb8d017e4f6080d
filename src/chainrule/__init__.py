"""chainrule: neural networks you can see through.

import chainrule as cr

run = cr.train(None, cr.data.load("digits"))       # a default network; or cr.Sequential(...), or "dense64 relu dense10"
print(run.summary())
model = run.model
model.predict(x)
run.report("digits.html")
"""

from typing import TYPE_CHECKING

from . import data, metrics, ops
from .data import Dataset
from .diagnose import Finding, diagnose
from .engine import engines, set_threads
from .errors import ChainruleError, FindingWarning
from .fix import fix
from .grad import check_grads, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .graph import Tensor, debug, op, placeholder, scope, tensor
from .later import later as _later
from .layers import (
    ELU,
    GELU,
    GRU,
    LSTM,
    SELU,
    AvgPool1d,
    AvgPool2d,
    BatchNorm,
    Concat,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    Maxout,
    MaxoutConv2d,
    MaxPool1d,
    MaxPool2d,
    Net,
    Parallel,
    PReLU,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    SimpleRNN,
    Softplus,
    Tanh,
    Threshold,
    Upsample,
)
from .loss import AbsoluteError, BinaryCrossEntropy, CrossEntropy, Focal, Hinge, Huber, Poisson, SquaredError
from .lr_range import lr_range
from .lsuv import lsuv
from .model import Model, load_model
from .ops import *  # noqa: F403  (its __all__ is the list of ops)
from .optim import SGD, AdaGrad, Adam, AdamW, RMSProp
from .picture import graph as _graph  # noqa: F401  (it fills Tensor.show)
from .picture import text as _text  # noqa: F401  (it fills Run.summary)
from .report import html as _html  # noqa: F401  (it fills Run.report)
from .run import Run
from .schedule import Constant, Cosine, Exponential, OneCycle, Plateau, Steps, WarmUp
from .step import Step
from .train import train
from .version import __version__

if TYPE_CHECKING:
    from .activations import activation_table
    from .classics import RBM, Adaline, Madaline, Perceptron
    from .classics.pretrain import pretrain
    from .estimators import NetClassifier as NetClassifier  # not in __all__: they need scikit-learn
    from .estimators import NetRegressor as NetRegressor
    from .statistics import activation_statistics
else:
    __getattr__, __dir__ = _later(
        __name__,
        {
            "activations": "activation_table",
            "classics": "RBM Adaline Madaline Perceptron pretrain",
            "estimators": "NetClassifier NetRegressor",
            "statistics": "activation_statistics",
        },
    )

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RBM",
    "SELU",
    "SGD",
    "AbsoluteError",
    "AdaGrad",
    "Adaline",
    "Adam",
    "AdamW",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm",
    "BinaryCrossEntropy",
    "ChainruleError",
    "Concat",
    "Constant",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "Cosine",
    "CrossEntropy",
    "Dataset",
    "Dense",
    "Dropout",
    "Embedding",
    "Exponential",
    "Finding",
    "FindingWarning",
    "Flatten",
    "Focal",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "Hinge",
    "Huber",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Madaline",
    "MaxPool1d",
    "MaxPool2d",
    "Maxout",
    "MaxoutConv2d",
    "Model",
    "Net",
    "OneCycle",
    "PReLU",
    "Parallel",
    "Perceptron",
    "Plateau",
    "Poisson",
    "RMSProp",
    "ReLU",
    "Reshape",
    "Residual",
    "Run",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SimpleRNN",
    "Softplus",
    "SquaredError",
    "Step",
    "Steps",
    "Tanh",
    "Tensor",
    "Threshold",
    "Upsample",
    "WarmUp",
    "__version__",
    "activation_statistics",
    "activation_table",
    "check_grads",
    "data",
    "debug",
    "diagnose",
    "engines",
    "fix",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "load_model",
    "lr_range",
    "lsuv",
    "metrics",
    "op",
    "placeholder",
    "pretrain",
    "scope",
    "set_threads",
    "tensor",
    "train",
    "value_and_grad",
    "vjp",
]
__all__ += ops.__all__
