"""The networks for those who do not want to choose, in the notation, so that they can be read and changed."""

from __future__ import annotations

from ..graph import Shape


def default_net(shape: Shape, outputs: int, pixels: bool = False) -> str:
    """A small CNN for images (h, w, c), for each pixel if so asked; an MLP for tables (features,)."""
    if len(shape) != 3:
        return f"{'flatten ' if len(shape) > 1 else ''}dense64 tanh dense64 tanh dense{outputs}"
    return (_for_each_pixel if pixels else _cnn)(shape[0], shape[1], outputs)


def _for_each_pixel(height: int, width: int, outputs: int) -> str:
    """Encoder and decoder: half the size in the middle, where the sides can be halved, so that more is seen."""
    halved = height % 2 == 0 and width % 2 == 0
    middle = "conv32-3 bn relu conv32-3 bn relu"
    middle = f"pool2 {middle} upsample2" if halved else middle
    return f"conv16-3 bn relu {middle} conv16-3 bn relu conv{outputs}-1"


def _cnn(height: int, width: int, outputs: int) -> str:
    """Two stages of convolution, batch norm, ReLU and pooling; an image under 4 pixels is too small to pool."""
    side = min(height, width)
    stages = [f"conv{units}-3 bn relu" + (" pool2" if side >= least else "") for units, least in ((32, 4), (64, 8))]
    return " ".join([*stages, f"flatten dropout0.3 dense{outputs}"])
