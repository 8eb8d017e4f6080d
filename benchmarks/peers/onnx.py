"""onnxruntime: prediction only. The model file's graph is written here, with weights as PyTorch has them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ..works import EPS, Arrays, Part, Work
from .base import Runner

OPSET, IR = 17, 10


def weights(work: Work, arrays: Arrays) -> Arrays:
    """Filters o i h w; the rows of what follows a flattened image with the channels first; and running statistics."""
    found, image = dict(arrays), (0,)
    for part in work.parts:
        path = f"{part.name}/w"
        if part.word == "flatten":
            image = part.shape
        elif part.word == "conv":
            found[path] = arrays[path].transpose(3, 2, 0, 1).copy()
        elif part.word == "dense" and len(image) == 3:
            found[path], image = arrays[path].reshape(*image, -1).transpose(2, 0, 1, 3).reshape(-1, part.units), (0,)
        elif part.word == "bn":
            channels = part.shape[-1]
            found |= {f"{part.name}/mean": np.zeros(channels, np.float32)}
            found |= {f"{part.name}/var": np.ones(channels, np.float32)}
    return found


def nodes(work: Work) -> Iterator[Any]:
    """A node for each layer, and the softmax."""
    value = "x"
    for i, part in enumerate(work.parts):
        op, inputs, attributes = node(part)
        yield helper.make_node(op, [value, *inputs], [f"v{i}"], **attributes)
        value = f"v{i}"
    yield helper.make_node("Softmax", [value], ["probabilities"], axis=1)


def node(part: Part) -> tuple[str, list[str], dict[str, Any]]:
    """Its op, its further inputs and its attributes."""
    w, b = f"{part.name}/w", f"{part.name}/b"
    around = part.size // 2 if part.same else 0
    statistics = [f"{part.name}/{what}" for what in ("scale", "shift", "mean", "var")]
    return {
        "conv": ("Conv", [w, b], {"pads": [around] * 4}),
        "bn": ("BatchNormalization", statistics, {"epsilon": EPS}),
        "relu": ("Relu", [], {}),
        "pool": ("MaxPool", [], {"kernel_shape": [part.units] * 2, "strides": [part.units] * 2}),
        "flatten": ("Flatten", [], {}),
        "dense": ("Gemm", [w, b], {}),
    }[part.word]


def model_file(work: Work, arrays: Arrays) -> bytes:
    """The network as an ONNX model for any number of rows."""
    shape = (work.shape[2], *work.shape[:2]) if work.of_images else work.shape
    graph = helper.make_graph(
        list(nodes(work)),
        work.name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", work.classes])],
        [numpy_helper.from_array(array, path) for path, array in weights(work, arrays).items()],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    written: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=IR).SerializeToString()
    return written


class Predict(Runner):
    """Probabilities of a batch of NumPy rows."""

    about = "session, all optimisations"

    def build(self, arrays: Arrays, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        asleep = os.environ.get("OMP_WAIT_POLICY") == "PASSIVE"
        options.add_session_config_entry("session.intra_op.allow_spinning", "0" if asleep else "1")
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        written = model_file(self.work, arrays)
        self.session = onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])
        order = (0, 3, 1, 2) if self.work.of_images else (0, 1)
        self.data = [{"x": np.ascontiguousarray(x.transpose(order))} for x, _ in self.batches]

    def step(self, i: int) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self.session.run(None, self.data[i])[0]
        return found

    def outputs(self) -> NDArray[np.float32]:
        return self.step(0)[:2]


SIDES = {"onnxruntime": Predict}
