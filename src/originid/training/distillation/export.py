"""The student as a file: an ONNX model, in eight bits where asked, that describes itself."""

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from originid.encoders.onnx import INPUT, METADATA, OUTPUT
from originid.system.storage import new_file, storage_errors
from originid.training.distillation.network import Student
from originid.types import Image, Json

OPSET = 18  # version of ONNX's operators; every onnxruntime since 1.14 knows it
BATCH = 16  # images in a step of the quantisation: memory is for the values between all layers


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Feeds images to the quantisation, which notes the range of every value between layers."""

    def __init__(self, images: Image) -> None:
        parts = [images[i : i + BATCH] for i in range(0, len(images), BATCH)]
        self._parts: Iterator[Image] = iter(parts)

    def get_next(self) -> dict[str, Image] | None:
        """Return the next batch by the name of the input, or None after the last batch."""
        part = next(self._parts, None)
        return None if part is None else {INPUT: part}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the notes of torch and onnxruntime from the user's terminal.

    They log under many names, and warn as well, so all logging is off for as long as this lasts.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def to_onnx(student: Student, size: int) -> Any:
    """Return the student as an ONNX model.

    The model takes any number of images, uint8 of shape (n, size, size, 3).

    Args:
        student: The trained network.
        size: The side of the square images, in pixels.
    """
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    with _quiet():
        program = torch.onnx.export(
            student.eval(),
            (example,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    return program.model_proto


def to_eight_bits(model: Any, images: Image) -> Any:
    """Return a model whose weights, and values between layers, are stored in eight bits.

    The last layer stays in floats: it is small, and its result is the latent. The weights use only
    seven of the eight bits. Processors without the instructions VNNI add products of uint8 and int8
    in pairs in sixteen bits, which would overflow with eight bits. With seven, all processors
    compute the same.

    Args:
        model: The ONNX model in floats, as `to_onnx` returns it.
        images: Images like those that the model will see: uint8 of shape (n, s, s, 3).
    """
    # A white image makes the range of the input 0 to 1, so that a step of eight bits is 1 / 255.
    images = np.concatenate([images, np.full_like(images[:1], 255)])
    last = [node.name for node in model.graph.node if node.op_type == "Conv"][-1]
    with tempfile.TemporaryDirectory() as folder, _quiet():
        floats, out = Path(folder) / "floats.onnx", Path(folder) / "quantised.onnx"
        onnx.save(model, floats)
        quantize_static(
            str(floats),
            str(out),
            _Calibration(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Add"],
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,  # seven bits of weights
            nodes_to_exclude=[last],
        )
        return _keep_bytes(onnx.load(out))


def _keep_bytes(model: Any) -> Any:
    """Remove the first steps of a quantised model, which turn the image's bytes into themselves.

    The model divides each byte by 255 and then rounds it to steps of 1 / 255, which gives the byte
    again. These two steps would take a seventh of the time.
    """
    # From the first rounding back to the cast, which takes the bytes.
    made = {name: node for node in model.graph.node for name in node.output}
    first = next(node for node in model.graph.node if node.op_type == "QuantizeLinear")
    skipped = [first]
    while skipped[-1].op_type != "Cast":
        skipped.append(made[skipped[-1].input[0]])
    values = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    scale, zero = values[first.input[1]], values[first.input[2]]
    # Another version of torch or onnxruntime may write other nodes: then this must be rewritten.
    if [node.op_type for node in skipped] != ["QuantizeLinear", "Div", "Cast"] or zero != 0:
        raise ValueError(f"unexpected nodes {[node.op_type for node in skipped]}, zero {zero}")
    np.testing.assert_allclose(scale, 1 / 255, rtol=1e-6)
    for node in model.graph.node:
        node.input[:] = [skipped[-1].input[0] if i == first.output[0] else i for i in node.input]
    for node in skipped:
        model.graph.node.remove(node)
    onnx.checker.check_model(model)
    return model


def write(model: Any, path: Path, description: Json) -> None:
    """Write a model and its description into one file, completely or not at all.

    Args:
        model: The ONNX model.
        path: The path of the file.
        description: What the file says about itself, as JSON.

    Raises:
        StorageError: The disk refuses.
    """
    onnx.helper.set_model_props(model, {METADATA: json.dumps(description)})
    model.doc_string = ""  # equal models make equal files, whatever the exporter notes
    with storage_errors(path), new_file(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))


def difference(a: Any, b: Any) -> float:
    """Return the Euclidean norm of the difference of two arrays, relative to the norm of the first.

    Args:
        a: The first array, which must not be all 0.
        b: An array of the same shape.
    """
    return float(np.linalg.norm(a - b) / np.linalg.norm(a))
