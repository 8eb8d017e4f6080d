"""The networks for those who do not want to choose, in the notation, so that they can be read and changed."""

from __future__ import annotations

from ..graph import Shape


def default_net(shape: Shape, outputs: int) -> str:
    """A small CNN for images (h, w, c), an MLP for tables (features,)."""
    return _cnn(shape[0], shape[1], outputs) if len(shape) == 3 else f"dense64 tanh dense64 tanh dense{outputs}"


def _cnn(height: int, width: int, outputs: int) -> str:
    """Two stages of convolution, batch norm, ReLU and pooling; an image under 4 pixels is too small to pool."""
    side = min(height, width)
    stages = [f"conv{units}-3 bn relu" + (" pool2" if side >= least else "") for units, least in ((32, 4), (64, 8))]
    return " ".join([*stages, f"flatten dropout0.3 dense{outputs}"])
