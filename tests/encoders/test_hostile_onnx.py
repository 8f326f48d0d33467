"""ONNX files of strangers: refused by name before onnxruntime sees them, or run within limits."""

import copy
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx: Any = pytest.importorskip("onnx", reason="needs the extra [train]")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from onnx_files import (  # noqa: E402
    DESCRIPTION,
    SIZE,
    model_of,
    node,
    sound_file,
    sound_nodes,
    sound_weights,
)
from originid.encoders import open_encoder  # noqa: E402
from originid.encoders.onnx_file import MOST_BYTES, read_network  # noqa: E402
from originid.encoders.protobuf import MOST_FIELDS  # noqa: E402
from originid.errors import InputError  # noqa: E402


def weights(**changes: Any) -> list[Any]:
    """The sound weights, with others of the same or of new names."""
    kept = [each for each in sound_weights() if each.name not in changes]
    return kept + [numpy_helper.from_array(np.asarray(v), k) for k, v in changes.items()]


def changed(place: int, **settings: Any) -> list[Any]:
    """The sound nodes, with other settings of one of them."""
    nodes = sound_nodes()
    old = nodes[place]
    kept = {each.name: helper.get_attribute_value(each) for each in old.attribute}
    nodes[place] = node(old.op_type, old.input, old.output[0], **{**kept, **settings})
    return nodes


def in_the_middle(*more: Any, last: str) -> list[Any]:
    """The sound nodes with others before the last one, which takes the result of that name."""
    return [*sound_nodes()[:-1], *more, node("Relu", [last], "latents")]


def loop() -> Any:
    """A loop that never ends."""
    body = helper.make_graph(
        [
            node("Identity", ["again"], "again_out"),
            node("Identity", ["x"], "x_out"),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("again_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x_out", TensorProto.FLOAT, None),
        ],
    )
    more = weights(yes=np.array(True))
    return model_of(in_the_middle(node("Loop", ["", "yes", "v"], "l", body=body), last="l"), more)


def branches() -> Any:
    branch = helper.make_graph(
        [node("Identity", ["v"], "o")],
        "branch",
        [],
        [helper.make_tensor_value_info("o", TensorProto.FLOAT, None)],
    )
    chosen = node("If", ["yes"], "l", then_branch=branch, else_branch=branch)
    return model_of(in_the_middle(chosen, last="l"), weights(yes=np.array(True)))


def hidden_graph() -> Any:
    """An operator that is taken, with a graph among its settings."""
    branch = helper.make_graph([], "branch", [], [])
    return model_of(changed(4, body=branch))


def external() -> Any:
    model = model_of()
    tensor = model.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "private.bin", "offset": "0", "length": "216"}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return model


def only_named_external() -> Any:
    model = model_of()
    entry = model.graph.initializer[1].external_data.add()
    entry.key, entry.value = "location", "private.bin"
    return model


def other_domain() -> Any:
    nodes = sound_nodes()
    nodes[-1] = node("Relu", ["v"], "latents", domain="evil.example")
    return model_of(nodes, opsets=[("", 18), ("evil.example", 1)])


def microsoft() -> Any:
    nodes = sound_nodes()
    nodes[-1] = node("EPContext", ["v"], "latents", domain="com.microsoft")
    return model_of(nodes)


def functions() -> Any:
    model = model_of()
    function = helper.make_function(
        "", "F", ["x"], ["y"], [node("Relu", ["x"], "y")], [helper.make_opsetid("", 18)]
    )
    model.functions.append(function)
    return model


def circle() -> Any:
    return model_of(in_the_middle(node("Relu", ["b"], "a"), node("Relu", ["a"], "b"), last="b"))


def sparse() -> Any:
    model = model_of()
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [10**9]))
    return model


def no_data() -> Any:
    """Weights of four terabytes that are not there."""
    model = model_of()
    tensor = model.graph.initializer[1]
    del tensor.dims[:]
    tensor.dims.extend([10**6, 3, 10**3, 10**3])
    return model


def another_output() -> Any:
    model = model_of()
    model.graph.output.append(copy.deepcopy(model.graph.output[0]))
    return model


def many(count: int) -> Any:
    """A chain of nodes."""
    chain = [node("Relu", [f"x{i}"], f"x{i + 1}") for i in range(count)]
    return model_of(in_the_middle(node("Relu", ["v"], "x0"), *chain, last=f"x{count}"))


def folded() -> Any:
    """A chain of nodes that makes ever new numbers of weights alone."""
    large = np.zeros(10**6, np.uint8)
    scale = weights(large=large, one=np.float32(1), zero=np.uint8(0))
    names = ["large"]
    chain = []
    for i in range(150):
        kind = "QuantizeLinear" if i % 2 else "DequantizeLinear"
        chain.append(node(kind, [names[-1], "one", "zero"], f"f{i}"))
        names.append(f"f{i}")
    return model_of([*chain, *sound_nodes()], scale)


def wide(channels: int) -> Any:
    """A network whose only convolution has many channels."""
    weight = np.ones((channels, 3, 1, 1), np.float32)
    return model_of(changed(3), weights(weight=weight, bias=np.ones(channels, np.float32)))


def deep(count: int) -> Any:
    """A network with several large convolutions, which share their weights."""
    more = weights(first=np.ones((400, 3, 1, 1), "f4"), again=np.ones((400, 400, 3, 3), "f4"))
    pads = [1, 1, 1, 1]
    nodes = [node("Conv", [f"x{i}", "again"], f"x{i + 1}", pads=pads) for i in range(count)]
    nodes = [*sound_nodes()[:3], node("Conv", ["d", "first"], "x0"), *nodes]
    nodes += [node("Relu", [f"x{count}"], "latents")]
    return model_of(nodes, more, described={**DESCRIPTION, "size": 32}, size=32)


def described(**changes: Any) -> Any:
    return model_of(described={**DESCRIPTION, **changes})


HOSTILE: dict[str, tuple[Callable[[], Any], str]] = {
    "a loop without end": (loop, "holds a graph or a tensor"),
    "a branch": (branches, "holds a graph or a tensor"),
    "a hidden graph": (hidden_graph, "holds a graph or a tensor"),
    "weights in another file": (external, "weights in another file"),
    "weights that name a file": (only_named_external, "weights in another file"),
    "operators of others": (other_domain, "operators of 'evil.example'"),
    "operators of onnxruntime's own": (microsoft, "operators of 'com.microsoft'"),
    "functions": (functions, "functions or training steps"),
    "sparse weights": (sparse, "sparse weights"),
    "weights that are not there": (no_data, "which are not in the file"),
    "two outputs": (another_output, "the outputs"),
    "a new value of any size": (
        lambda: model_of(in_the_middle(node("ConstantOfShape", ["s"], "o"), last="o")),
        "the operator 'ConstantOfShape', expected only Conv",
    ),
    "a tile": (
        lambda: model_of(in_the_middle(node("Tile", ["v", "r"], "o"), last="o")),
        "the operator 'Tile'",
    ),
    "too many nodes": (lambda: many(2000), "2,006 nodes, expected at most 2,000"),
    "endless folding": (folded, "numbers that are made of weights"),
    "a border without end": (
        lambda: model_of(changed(3, pads=[10**6] * 4)),
        "numbers in patches",
    ),
    "a border of overflow": (lambda: model_of(changed(3, pads=[2**62] * 4)), "in patches"),
    "a negative border": (lambda: model_of(changed(3, pads=[-1] * 4)), "settings that do not fit"),
    "no step": (lambda: model_of(changed(3, strides=[0, 1])), "settings that do not fit"),
    "a padding in words": (
        lambda: model_of(changed(3, auto_pad="SAME_UPPER")),
        "'auto_pad' in words",
    ),
    "another kernel": (lambda: model_of(changed(3, kernel_shape=[9, 9])), "with weights"),
    "groups that do not fit": (lambda: model_of(changed(3, group=2)), "with weights"),
    "a kernel larger than the image": (
        lambda: model_of(changed(3, dilations=[100, 100])),
        "larger than they are",
    ),
    "images in the place of channels": (
        lambda: model_of(changed(0, perm=[3, 0, 1, 2])),
        "an order of axes",
    ),
    "a cast to texts": (
        lambda: model_of(changed(1, to=TensorProto.STRING)),
        "a cast to other numbers",
    ),
    "weights that make a value larger": (
        lambda: model_of(weights=weights(scale=np.ones((9, 1, 1, 1), np.float32))),
        "a node Div of",
    ),
    "a result of weights alone": (
        lambda: model_of(in_the_middle(node("Add", ["bias", "bias"], "o"), last="o")),
        "other values than two of one shape",
    ),
    "too many channels": (lambda: wide(600_000), "numbers that are made of one image"),
    "too many multiplications": (lambda: deep(8), "multiplications for one image, expected at"),
    "a value that is made twice": (
        lambda: model_of([*sound_nodes()[:-1], node("Relu", ["v"], "weight"), sound_nodes()[-1]]),
        "'weight' that is made twice",
    ),
    "a circle": (
        lambda: model_of(
            in_the_middle(node("Relu", ["b"], "a"), node("Relu", ["a"], "b"), last="b")
        ),
        "does not depend on the image before it",
    ),
    "images of 100,000 pixels": (lambda: described(size=100_000), "100000 pixels, expected 1 to"),
    "images of no size": (lambda: described(size="16"), "images of 16 pixels"),
    "a latent of other sizes": (
        lambda: described(shapes=[[2, 8, 9]]),
        r"latents of \(1, 2, 8, 8\)",
    ),
    "a latent that fills memory": (lambda: described(shapes=[[10**6, 10**6, 1]]), "sides up to"),
    "cutoffs of another number": (lambda: described(cutoffs=[]), "expected one for each of 1"),
    "cutoffs in words": (lambda: described(cutoffs=["low"]), "expected one for each of 1"),
    "no size": (lambda: model_of(described={"format": 1}), "it lacks 'size'"),
    "a description that is a list": (lambda: model_of(described="[1]"), "it holds a list"),
    "a description without end": (lambda: model_of(described="[" * 10**5), "nested more than"),
    "a description of infinity": (lambda: model_of(described='{"size": 1e999}'), "1e999"),
}


@pytest.fixture
def encoder_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of an ONNX file; what another file could give lies in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "private.bin").write_bytes(bytes(216))
    return tmp_path / "e.onnx"


def refusal(path: Path) -> str:
    """What is said of a file, in less than 5 seconds."""
    start = time.monotonic()
    with pytest.raises(InputError, match=r"e\.onnx: ") as caught:
        open_encoder(f"onnx:{path}")
    assert time.monotonic() - start < 5
    assert caught.value.expected.startswith("expected an ONNX file that `originid distill` wrote")
    assert len(caught.value.given) < 600
    return caught.value.given


def test_the_sound_file_that_the_others_are_made_of_is_run(encoder_file: Path) -> None:
    encoder_file.write_bytes(sound_file())
    encoder = open_encoder(f"onnx:{encoder_file}")
    images = np.random.default_rng(1).integers(0, 256, (40, SIZE, SIZE, 3), np.uint8)
    latents = encoder.encode(images)
    assert (latents.shape, encoder.shapes, encoder.cutoffs) == ((40, 128), ((2, 8, 8),), (5.0,))
    # The convolution by hand, at the place (3, 4) of the first channel.
    _, weight, bias = (numpy_helper.to_array(each) for each in sound_weights())
    patch = images[7, 5:8, 7:10].transpose(2, 0, 1) / np.float32(255)
    expected = max(0, float((patch * weight[0]).sum() + bias[0]))
    assert latents[7, 3 * 8 + 4] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_refused_by_name(name: str, encoder_file: Path) -> None:
    make, message = HOSTILE[name]
    encoder_file.write_bytes(make().SerializeToString())
    before = sorted(encoder_file.parent.iterdir())
    assert re.search(message, refusal(encoder_file))
    assert sorted(encoder_file.parent.iterdir()) == before


def test_a_file_of_too_many_bytes_or_fields_is_refused(encoder_file: Path) -> None:
    with encoder_file.open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # takes no place on the disk
    assert "it has 100,000,001 bytes" in refusal(encoder_file)
    encoder_file.write_bytes(sound_file() + b"\x08\x0a" * MOST_FIELDS)
    assert "more than 500,000 fields" in refusal(encoder_file)


def test_costs_are_counted_by_hand() -> None:
    network = read_network(sound_file(), "originid", "images", "latents")
    assert network.output == (1, 2, 8, 8)
    pixels, latent = SIZE * SIZE * 3, 128
    assert network.values.elements == 3 * pixels + 2 * latent
    assert network.values.work == 8 * network.values.elements + latent * 27


@pytest.mark.parametrize("cut", range(0, 60))
def test_a_file_that_is_cut_short_or_damaged_is_refused(cut: int, encoder_file: Path) -> None:
    data = sound_file()
    encoder_file.write_bytes(data[: len(data) * cut // 60])
    refusal(encoder_file)


def test_null_in_place_of_a_cutoff_stands_for_infinity(encoder_file: Path) -> None:
    encoder_file.write_bytes(described(cutoffs=[None]).SerializeToString())
    assert open_encoder(f"onnx:{encoder_file}").cutoffs == (float("inf"),)
