"""Files of maps whose header says what no map has: each is refused with one error in our words."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from originid.errors import ModelError
from originid.maps import DctBasis, DctMap, DenseMap, MlpMap, load_map, save_map
from originid.maps.limits import MOST_BYTES, MOST_LATENT, MOST_WIDTH

FLOATS = np.float32


def ones(*shape: int) -> "np.ndarray[Any, np.dtype[np.float32]]":
    return np.ones(shape, FLOATS)


# For each form the arrays and the header of a small sound map of 4 components to 2 or 4.
DENSE = ({"matrix": ones(2, 4), "mean": ones(4)}, {"kind": "dense", "dim": 2})
DCT = (
    {
        "mean": ones(4),
        "scale": ones(4),
        "directions": ones(1, 4),
        "gain": ones(1),
        "weight": ones(4),
    },
    {"kind": "dct", "dim": 4, "shapes": [[1, 2, 2]], "cutoffs": [None], "clip": None},
)
MLP = (
    {"mean": ones(4), "weight_0": ones(4, 4), "bias_0": ones(4), "weight_1": ones(2, 4)},
    {"kind": "mlp", "dim": 2, "layers": 2},
)
CONVOLUTION = (
    {"mean": ones(4), "weight": ones(2, 1, 5, 5)},
    {"kind": "convolution", "dim": 2, "shape": [1, 2, 2]},
)
ATTENTION = (
    {
        "mean": ones(4),
        "inward": ones(3, 1),
        "inward_bias": ones(3),
        "outward": ones(1, 1),
        "outward_bias": ones(1),
        "matrix": ones(2, 4),
    },
    {"kind": "attention", "dim": 2, "shape": [1, 2, 2], "patch": 1, "heads": 1},
)
SOUND = [DENSE, DCT, MLP, CONVOLUTION, ATTENTION]
Form = tuple[dict[str, Any], dict[str, Any]]


def write(path: Path, form: Form, **changes: Any) -> Path:
    tensors, special = form
    header = {"format": 1, "latent_dim": 4, **special, **changes}
    return write_header(path, tensors, json.dumps(header))


def write_header(path: Path, tensors: dict[str, Any], text: str) -> Path:
    save_file(tensors, path / "map.safetensors", metadata={"originid": text})
    return path / "map.safetensors"


def refusal(path: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load_map(path)
    error = caught.value
    assert error.given.startswith(f"map {path} ")
    assert "\n" not in error.given
    assert error.expected == "expected a safetensors file that originid wrote, format 1"
    assert error.todo.startswith("train the model again")
    return error


@pytest.mark.parametrize("form", SOUND, ids=lambda form: form[1]["kind"])
def test_the_sound_file_that_the_others_are_made_of_is_read(form: Form, tmp_path: Path) -> None:
    map = load_map(write(tmp_path, form))
    assert (map.kind, map.latent_dim, map.dim) == (form[1]["kind"], 4, form[1]["dim"])
    assert map.apply(ones(3, 4)).shape == (3, map.dim)


@pytest.mark.parametrize(
    ("text", "kind"), [("[1]", "list"), ("3", "int"), ("null", "NoneType"), ('"dense"', "str")]
)
def test_a_header_that_is_no_object_is_named(text: str, kind: str, tmp_path: Path) -> None:
    error = refusal(write_header(tmp_path, DENSE[0], text))
    assert f"cannot be read: it holds a {kind}" in error.given


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"format": 1,}'])
def test_a_header_that_is_no_json_cannot_be_read(text: str, tmp_path: Path) -> None:
    assert "cannot be read" in refusal(write_header(tmp_path, DENSE[0], text)).given


@pytest.mark.parametrize("name", ["kind", "dim", "latent_dim"])
def test_a_header_without_a_size_or_a_kind_lacks_it(name: str, tmp_path: Path) -> None:
    tensors, special = DENSE
    header = {"format": 1, "latent_dim": 4, **special}
    del header[name]
    error = refusal(write_header(tmp_path, tensors, json.dumps(header)))
    assert f"lacks or misstates '{name}'" in error.given


@pytest.mark.parametrize("version", [0, 2, "1", None, [1], 1.5])
def test_only_the_format_of_this_version_is_read(version: Any, tmp_path: Path) -> None:
    assert "this version reads 1" in refusal(write(tmp_path, DENSE, format=version)).given


HUGE = 10**400  # a JSON number that no float holds


@pytest.mark.parametrize(
    ("form", "name", "value"),
    [
        (DENSE, "kind", ["dense"]),
        (DENSE, "kind", None),
        (DENSE, "kind", "Dense"),
        (DENSE, "dim", None),
        (DENSE, "dim", [2]),
        (DENSE, "latent_dim", -4),
        (DCT, "shapes", None),
        (DCT, "shapes", [1, 2, 2]),
        (DCT, "shapes", [[1, 2]]),
        (DCT, "shapes", [[1, -2, 2]]),
        (DCT, "shapes", [[1, 10**6, 10**6]]),
        (DCT, "shapes", [[1, 2, 3]]),
        (DCT, "shapes", [[1, 30_000, 30_000]]),
        (DCT, "shapes", [[1, 1, 2**18]]),
        (DCT, "shapes", [[1, 2, 2]] * 65),
        (DCT, "shapes", [[1, 512, 512], [1, 2, 2]]),
        (DCT, "shapes", [[True, 2, 2]]),
        (DCT, "shapes", [["1", 2, 2]]),
        (DCT, "shapes", [[1, 2.0, 2]]),
        (DCT, "shapes", []),
        (DCT, "cutoffs", []),
        (DCT, "cutoffs", [1.0]),
        (DCT, "cutoffs", [float("nan")]),
        (DCT, "cutoffs", [HUGE]),
        (DCT, "cutoffs", ["low"]),
        (DCT, "clip", "much"),
        (DCT, "clip", HUGE),
        (MLP, "layers", float("inf")),
        (MLP, "layers", float("nan")),
        (MLP, "layers", 10**12),
        (MLP, "layers", -1),
        (MLP, "layers", {}),
        (CONVOLUTION, "shape", [1, 1, float("inf")]),
        (CONVOLUTION, "shape", [1, 4, 2]),
        (CONVOLUTION, "shape", [1, 2**62, 2**62]),
        (CONVOLUTION, "shape", "1x2x2"),
        (CONVOLUTION, "shape", 4),
        (ATTENTION, "shape", [4, 1]),
        (ATTENTION, "patch", 3),
        (ATTENTION, "patch", -1),
        (ATTENTION, "patch", None),
        (ATTENTION, "heads", 0),
        (ATTENTION, "heads", 2),
        (ATTENTION, "heads", float("inf")),
    ],
)
def test_what_no_map_has_is_refused(form: Form, name: str, value: Any, tmp_path: Path) -> None:
    refusal(write(tmp_path, form, **{name: value}))


@pytest.mark.parametrize("form", SOUND, ids=lambda form: form[1]["kind"])
def test_each_array_must_be_there_and_have_its_shape(form: Form, tmp_path: Path) -> None:
    tensors, special = form
    for name, tensor in tensors.items():
        others = {key: each for key, each in tensors.items() if key != name}
        refusal(write(tmp_path, (others, special)))
        refusal(write(tmp_path, ({**others, name: ones()}, special)))  # a single number
        refusal(write(tmp_path, ({**others, name: ones(*tensor.shape, 2)}, special)))
        refusal(write(tmp_path, ({**tensors, f"{name}_2": tensor}, special)))
        refusal(write(tmp_path, ({**tensors, name: tensor.astype(np.int32)}, special)))
        refusal(write(tmp_path, ({**tensors, name: tensor[:0]}, special)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_array_may_hold_what_is_not_finite(value: float, tmp_path: Path) -> None:
    for tensors, special in SOUND:
        for name, tensor in tensors.items():
            bad = tensor.copy()
            bad.flat[-1] = value
            error = refusal(write(tmp_path, ({**tensors, name: bad}, special)))
            assert "not finite" in error.given


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SOUND), st.data())
def test_any_value_of_any_setting_gives_a_map_or_our_error(
    tmp_path: Path, form: Form, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted({"format", "latent_dim", *form[1]})))
    path = write(tmp_path, form, **{name: data.draw(VALUES)})
    try:
        map = load_map(path)
    except ModelError:
        return
    assert map.apply(ones(1, map.latent_dim)).shape == (1, map.dim)


def test_a_transposed_matrix_is_stored_as_it_is_read(tmp_path: Path) -> None:
    matrix = np.arange(8, dtype=FLOATS).reshape(4, 2).T
    save_map(DenseMap(matrix, np.zeros(4, FLOATS)), tmp_path / "m")
    assert np.array_equal(load_map(tmp_path / "m").apply(np.eye(4, dtype=FLOATS)), matrix.T)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.integers(0, 99))
def test_an_mlp_of_any_widths_survives_its_file(
    tmp_path: Path, widths: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pairs = list(zip(widths[1:], widths, strict=False))
    weights = tuple(rng.normal(size=pair).astype(FLOATS) for pair in pairs)
    biases = tuple(rng.normal(size=out).astype(FLOATS) for out, _ in pairs[:-1])
    map = MlpMap(rng.normal(size=widths[0]).astype(FLOATS), weights, biases)
    save_map(map, tmp_path / "m")
    latents = rng.normal(size=(2, widths[0])).astype(FLOATS)
    assert np.array_equal(load_map(tmp_path / "m").apply(latents), map.apply(latents))


def test_only_the_directions_of_a_dct_map_lose_precision(tmp_path: Path) -> None:
    third = np.full(4, 1 / 3, FLOATS)
    basis = DctBasis(((1, 2, 2),), (float("inf"),))
    save_map(DctMap(basis, third, third, third[None], third[:1], third, 0.1), tmp_path / "m")
    again = load_map(tmp_path / "m")
    assert isinstance(again, DctMap)
    for array in (again.mean, again.scale, again.gain, again.weight):
        assert np.array_equal(array, third[: len(array)])
    assert again.directions.dtype == FLOATS
    assert np.array_equal(again.directions, third[None].astype(np.float16).astype(FLOATS))
    assert (again.clip, again.basis.cutoffs) == (0.1, (float("inf"),))


def test_a_file_that_is_too_large_or_has_too_long_a_header_is_refused_unread(
    tmp_path: Path,
) -> None:
    path = tmp_path / "map.safetensors"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # takes no place on the disk
    assert "it has 256,000,001 bytes, expected at most 256,000,000" in refusal(path).given
    path.write_bytes((2**62).to_bytes(8, "little") + b"{")
    assert "its header has 4,611,686,018,427,387,904 bytes" in refusal(path).given


def test_a_vector_or_a_latent_with_too_many_components_is_refused(tmp_path: Path) -> None:
    wide = {"matrix": ones(MOST_WIDTH + 1, 1), "mean": ones(1)}
    special = {"kind": "dense", "dim": MOST_WIDTH + 1, "latent_dim": 1}
    assert "expected 1 to 262,144 -> 1 to 65,536" in refusal(write(tmp_path, (wide, special))).given
    long = {"matrix": ones(1, MOST_LATENT + 1), "mean": ones(MOST_LATENT + 1)}
    special = {"kind": "dense", "dim": 1, "latent_dim": MOST_LATENT + 1}
    assert "expected sides up to 262,144" in refusal(write(tmp_path, (long, special))).given


def test_attention_among_too_many_patches_is_refused(tmp_path: Path) -> None:
    size = 32 * 32
    tensors = ATTENTION[0] | {"mean": ones(size), "matrix": ones(2, size)}
    special = ATTENTION[1] | {"shape": [1, 32, 32], "latent_dim": size}
    error = refusal(write(tmp_path, (tensors, special)))
    assert "1,048,576 pairs of patches in all heads, expected 524,288" in error.given
