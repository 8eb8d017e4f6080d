"""The classics, each with its own learning rule: what there was before backpropagation, and how deep nets began (2006)."""

from .adaline import Adaline
from .madaline import Madaline
from .perceptron import Perceptron
from .pretrain import pretrain
from .rbm import RBM

__all__ = ["RBM", "Adaline", "Madaline", "Perceptron", "pretrain"]
