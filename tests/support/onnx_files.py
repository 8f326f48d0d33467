"""Small networks as ONNX files: a sound one, and what may be changed about it."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

SIZE = 16
DESCRIPTION = {"format": 1, "size": SIZE, "shapes": [[2, 8, 8]], "cutoffs": [5.0]}


def node(kind: str, inputs: Sequence[str], output: str, **settings: Any) -> Any:
    """A node of one output."""
    return helper.make_node(kind, list(inputs), [output], **settings)


def sound_nodes() -> list[Any]:
    """The nodes of a network: a convolution with a stride of 2, and ReLU."""
    return [
        node("Transpose", ["images"], "t", perm=[0, 3, 1, 2]),
        node("Cast", ["t"], "c", to=TensorProto.FLOAT),
        node("Div", ["c", "scale"], "d"),
        node("Conv", ["d", "weight", "bias"], "v", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", ["v"], "latents"),
    ]


def sound_weights() -> list[Any]:
    """Its weights."""
    rng = np.random.default_rng(0)
    arrays = {
        "scale": np.float32(255),
        "weight": rng.normal(size=(2, 3, 3, 3)).astype(np.float32),
        "bias": rng.normal(size=2).astype(np.float32),
    }
    return [numpy_helper.from_array(np.asarray(v), k) for k, v in arrays.items()]


def model_of(
    nodes: Sequence[Any] | None = None,
    weights: Sequence[Any] | None = None,
    opsets: Sequence[tuple[str, int]] = (("", 18),),
    described: Any = DESCRIPTION,
    size: int = SIZE,
) -> Any:
    """A model, by default the sound one."""
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", size, size, 3])
    latents = helper.make_tensor_value_info("latents", TensorProto.FLOAT, None)
    graph = helper.make_graph(
        sound_nodes() if nodes is None else list(nodes),
        "g",
        [images],
        [latents],
        sound_weights() if weights is None else list(weights),
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid(*each) for each in opsets], ir_version=10
    )
    text = described if isinstance(described, str) else json.dumps(described)
    helper.set_model_props(model, {"originid": text})
    return model


def sound_file() -> bytes:
    """The content of a sound file."""
    data: bytes = model_of().SerializeToString()
    return data
