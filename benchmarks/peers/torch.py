"""PyTorch: eager, in channels-last memory, and compiled."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (as everyone calls it)

from ..works import EPS, LR, MOMENTUM, Arrays, Part, Work
from .base import Runner

LAYERS: dict[str, Callable[[Part], nn.Module]] = {
    "conv": lambda p: nn.Conv2d(p.shape[-1], p.units, p.size, padding=p.size // 2 if p.same else 0),
    "bn": lambda p: nn.BatchNorm2d(p.shape[-1], eps=EPS),
    "relu": lambda p: nn.ReLU(),
    "pool": lambda p: nn.MaxPool2d(p.units),
    "flatten": lambda p: nn.Flatten(),
    "dense": lambda p: nn.Linear(math.prod(p.shape), p.units),
}


def network(work: Work, arrays: Arrays) -> nn.Sequential:
    """The network with these weights."""
    torch.manual_seed(0)
    net = nn.Sequential(*[LAYERS[part.word](part) for part in work.parts])
    with torch.no_grad():
        image: tuple[int, ...] = ()  # what was flattened, if it was an image
        for part, layer in zip(work.parts, net, strict=True):
            if part.word == "flatten":
                image = part.shape
            for (path, shape), own in zip(part.arrays.items(), layer.parameters(), strict=True):
                own.copy_(torch.from_numpy(as_torch(arrays[path], shape, image)))
            if part.word == "dense":
                image = ()
    return net


def as_torch(array: NDArray[np.float32], shape: tuple[int, ...], image: tuple[int, ...]) -> NDArray[np.float32]:
    """Filters o i h w, dense weights o i, and of a flattened image the channels first."""
    if len(shape) == 4:
        return array.transpose(3, 2, 0, 1).copy()
    if len(shape) == 2 and image:
        return array.reshape(*image, -1).transpose(3, 2, 0, 1).reshape(shape[1], -1).copy()
    return array.T.copy()


class Eager(Runner):
    """Forward, backward and the fused optimiser: of SGD's three forms the fastest on a processor."""

    about = "eager, fused SGD"
    layout = torch.contiguous_format

    def build(self, arrays: Arrays, threads: int) -> None:
        torch.set_num_threads(threads)
        self.net = network(self.work, arrays)
        if self.work.of_images:
            self.net = self.net.to(memory_format=self.layout)
        self.optimizer = torch.optim.SGD(self.net.parameters(), LR, MOMENTUM, fused=True)
        self.forward: Callable[[Tensor, Tensor], Tensor] = lambda x, y: F.cross_entropy(self.net(x), y)
        self.data = [(self.inputs(x), torch.from_numpy(y)) for x, y in self.batches]

    def inputs(self, x: NDArray[np.float32]) -> Tensor:
        """A batch as PyTorch has it: n c h w, in the memory order that is asked for."""
        if not self.work.of_images:
            return torch.from_numpy(x)
        return torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=self.layout)

    def step(self, i: int) -> None:
        x, y = self.data[i]
        self.optimizer.zero_grad()
        self.loss = self.forward(x, y)
        self.loss.backward()
        self.optimizer.step()

    def finish(self) -> float:
        return self.loss.item()


class ChannelsLast(Eager):
    """The same with images in memory as n h w c."""

    about = "eager, channels last"
    layout = torch.channels_last


class Compiled(Eager):
    """torch.compile on the forward and, through it, the backward pass."""

    about = "torch.compile"

    def build(self, arrays: Arrays, threads: int) -> None:
        super().build(arrays, threads)
        warnings.simplefilter("ignore")
        compiled: Any = torch.compile(self.forward)
        self.forward = compiled


class Predict(Eager):
    """Probabilities, without a graph."""

    about = "eager, inference mode"

    def build(self, arrays: Arrays, threads: int) -> None:
        super().build(arrays, threads)
        self.net.eval()

    def step(self, i: int) -> Tensor:
        with torch.inference_mode():
            return torch.softmax(self.net(self.data[i][0]), 1)

    def finish(self) -> float:
        return 0.0

    def outputs(self) -> NDArray[np.float32]:
        return self.step(0).numpy()[:2]


SIDES = {"torch": Eager, "torch-channels-last": ChannelsLast, "torch-compile": Compiled, "torch-predict": Predict}
