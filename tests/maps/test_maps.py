"""The map: what it computes, and what a file of it must prove before it is used."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from originid.errors import ModelError
from originid.maps import (
    AttentionMap,
    ConvolutionMap,
    DctBasis,
    DctMap,
    DenseMap,
    Map,
    MlpMap,
    dct_matrix,
    load_map,
    save_map,
    unit_length,
)

SHAPES = ((2, 4, 6), (1, 3, 3))


def some_dct_map(cutoff: float = 3.0, rank: int = 5) -> DctMap:
    rng = np.random.default_rng(0)
    basis = DctBasis(SHAPES, (cutoff, np.inf))
    directions = np.linalg.qr(rng.normal(size=(basis.dim, rank)))[0].T
    return DctMap(
        basis,
        rng.normal(size=basis.dim).astype(np.float32),
        rng.uniform(0.5, 2, basis.dim).astype(np.float32),
        # As a file stores them, so that saving loses nothing.
        directions.astype(np.float16).astype(np.float32),
        rng.uniform(-0.9, 0, rank).astype(np.float32),
        rng.uniform(0.5, 2, basis.dim).astype(np.float32),
    )


def some_clipped_map() -> DctMap:
    return replace(some_dct_map(), clip=1.2)


def some_dense_map() -> DenseMap:
    rng = np.random.default_rng(1)
    return DenseMap(
        rng.normal(size=(7, 57)).astype(np.float32), rng.normal(size=57).astype(np.float32)
    )


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def some_mlp_map() -> MlpMap:
    weights = normal(57, 57), normal(20, 57), normal(6, 20)
    return MlpMap(normal(57), weights, (normal(57), normal(20)))


def some_convolution_map() -> ConvolutionMap:
    return ConvolutionMap((3, 1, 19), normal(57), normal(2, 3, 5, 5))


def some_attention_map() -> AttentionMap:
    arrays = normal(57), normal(9, 3), normal(9), normal(3, 3), normal(3), normal(5, 57)
    return AttentionMap((3, 1, 19), 1, 3, *arrays)


LINEAR = [some_dct_map, some_dense_map, some_convolution_map]
ALL = [*LINEAR, some_clipped_map, some_mlp_map, some_attention_map]


@pytest.fixture(params=ALL, ids=lambda make: make.__name__)
def map(request: pytest.FixtureRequest) -> Map:
    made: Map = request.param()
    return made


def latents(n: int) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(n, 57)).astype(np.float32)


@pytest.mark.parametrize("make", LINEAR)
def test_every_linear_map_is_affine(make: Callable[[], Map]) -> None:
    map = make()
    a, b = latents(2)[:1], latents(2)[1:]
    middle = map.apply((a + b) / 2)
    assert np.allclose(middle, (map.apply(a) + map.apply(b)) / 2, atol=1e-5)


def test_every_map_gives_a_vector_for_each_latent(map: Map) -> None:
    assert map.latent_dim == 57
    vectors = map.apply(latents(600))
    assert vectors.shape == (600, map.dim)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors[500:503], map.apply(latents(600)[500:503]), atol=1e-4)
    assert map.apply(latents(600)[:0]).shape == (0, map.dim)


def test_every_map_survives_its_file(map: Map, tmp_path: Path) -> None:
    digest = save_map(map, tmp_path / "map.safetensors")
    again = load_map(tmp_path / "map.safetensors")
    assert np.array_equal(again.apply(latents(3)), map.apply(latents(3)))
    assert save_map(again, tmp_path / "again.safetensors") == digest


def test_a_dct_map_is_the_matrix_that_its_docstring_says() -> None:
    map = some_dct_map()
    rows = [np.kron(dct_matrix(h), dct_matrix(w)) for c, h, w in SHAPES for _ in range(c)]
    full = np.zeros((57, 57))
    start = 0
    for block in rows:
        full[start : start + len(block), start : start + len(block)] = block
        start += len(block)
    radius = [np.hypot(*np.meshgrid(range(h), range(w), indexing="ij")) for _, h, w in SHAPES]
    kept = np.concatenate([radius[0].ravel() < 3, radius[0].ravel() < 3, np.ones(9, bool)])
    v, gain = map.directions, map.gain
    corrected = np.eye(map.dim) + v.T @ np.diag(gain) @ v
    matrix = np.diag(map.weight) @ corrected @ np.diag(map.scale)
    expected = (latents(4) @ full[kept].T - map.mean) @ matrix.T
    assert np.allclose(map.apply(latents(4)), expected, atol=1e-4)


def test_an_mlp_is_what_its_docstring_says() -> None:
    map = some_mlp_map()
    (first, second, last), (bias, narrow) = map.weights, map.biases
    for latent, vector in zip(latents(3), map.apply(latents(3)), strict=True):
        x = latent - map.mean
        x = x + np.maximum(first @ x + bias, 0)  # as wide as its input
        x = np.maximum(second @ x + narrow, 0)
        assert np.allclose(vector, last @ x, rtol=1e-4, atol=1e-3)


def test_a_convolution_is_a_sum_at_every_fourth_place() -> None:
    map = ConvolutionMap((2, 6, 9), normal(108), normal(3, 2, 5, 5))
    latent = normal(1, 108)
    block = np.pad((latent[0] - map.mean).reshape(2, 6, 9), ((0, 0), (2, 2), (2, 2)))
    expected = [
        (block[:, y : y + 5, x : x + 5] * weight).sum()
        for weight in map.weight
        for y in (0, 4)
        for x in (0, 4, 8)
    ]
    assert np.allclose(map.apply(latent)[0], expected, atol=1e-4)
    assert map.dim == len(expected)


def test_attention_is_what_its_docstring_says() -> None:
    width = 8
    arrays = normal(3 * width, width), normal(3 * width), normal(width, width), normal(width)
    map = AttentionMap((2, 4, 6), 2, 2, normal(48), *arrays, normal(5, 48))
    block = (latents(1)[0, :48] - map.mean).reshape(2, 4, 6)
    tokens = [block[:, y : y + 2, x : x + 2].ravel() for y in (0, 2) for x in (0, 2, 4)]
    rows = [map.inward @ token + map.inward_bias for token in tokens]
    mixed = []
    for token, row in zip(tokens, rows, strict=True):
        heads = []
        for head in (slice(0, 4), slice(4, 8)):
            query, keys = row[:8][head], [other[8:16][head] for other in rows]
            weight = np.exp([float(query @ key) / 2 for key in keys])
            values = [other[16:][head] for other in rows]
            heads.append(sum(w * v for w, v in zip(weight / weight.sum(), values, strict=True)))
        mixed.append(token + map.outward @ np.concatenate(heads) + map.outward_bias)
    expected = map.matrix @ np.concatenate(mixed)
    assert np.allclose(map.apply(latents(1)[:, :48])[0], expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (some_mlp_map, "bias_1", normal(21)),
        (some_mlp_map, "weight_1", normal(20, 56)),
        (some_mlp_map, "weight_2", normal(6)),
        (some_mlp_map, "mean", normal(56)),
        (some_mlp_map, "bias_2", normal(6)),
        (some_mlp_map, "layers", 2),
        (some_mlp_map, "layers", 0),
        (some_convolution_map, "weight", normal(2, 3, 3, 3)),
        (some_convolution_map, "mean", normal(56)),
        (some_convolution_map, "shape", [3, 19]),
        (some_attention_map, "inward", normal(9, 4)),
        (some_attention_map, "matrix", normal(5, 56)),
        (some_attention_map, "patch", 0),
        (some_attention_map, "patch", 2),
        (some_attention_map, "heads", 2),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    make: Callable[[], Map], name: str, value: object
) -> None:
    map = make()
    tensors, header = map.pack()
    if name in header:
        header = {**header, name: value}
    else:
        tensors = {**tensors, name: np.asarray(value)}
    with pytest.raises((KeyError, TypeError, ValueError)):
        type(map).unpack(tensors, header)


@given(st.integers(1, 12))
def test_the_dct_is_orthonormal(n: int) -> None:
    assert np.allclose(dct_matrix(n) @ dct_matrix(n).T, np.eye(n), atol=1e-5)


def test_all_coefficients_give_the_latents_back() -> None:
    basis = DctBasis(SHAPES, (np.inf, np.inf))
    assert basis.dim == basis.latent_dim == 57
    assert np.allclose(basis.latents(basis.coefficients(latents(3))), latents(3), atol=1e-5)


def test_a_constant_channel_is_its_first_coefficient() -> None:
    basis = DctBasis(((1, 4, 4),), (1.0,))
    assert basis.dim == 1
    assert basis.coefficients(np.full((1, 16), 3, np.float32)).tolist() == [[pytest.approx(12)]]


def test_cutoffs_must_fit_the_blocks() -> None:
    with pytest.raises(ModelError, match="1 cutoffs for 2 latent blocks"):
        DctBasis(SHAPES, (3.0,))


def test_unit_length_leaves_zero_alone() -> None:
    scaled = unit_length(np.array([[3, 4], [0, 0]], np.float32))
    assert np.allclose(scaled, np.array([[0.6, 0.8], [0, 0]]))


def rewrite(path: Path, change: str) -> None:
    tensors = load_file(path)
    header = {"format": 1, "kind": "dense", "dim": 7, "latent_dim": 57}
    if change == "another format":
        header["format"] = 99
    elif change == "wrong dims":
        header["dim"] = 8
    elif change == "unknown kind":
        header["kind"] = "magic"
    elif change == "a tensor missing":
        del tensors["mean"]
    elif change == "a tensor too many":
        tensors["extra"] = tensors["mean"]
    elif change == "not finite":
        tensors["matrix"][0, 0] = np.nan
    metadata = None if change == "no header" else {"originid": json.dumps(header)}
    save_file(tensors, path, metadata=metadata)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("another format", "has format 99, this version reads 1"),
        ("wrong dims", "maps 57 -> 7, its header says 57 -> 8"),
        ("unknown kind", "magic"),
        ("a tensor missing", "mean"),
        ("a tensor too many", "extra"),
        ("not finite", "not finite"),
        ("no header", "has format None"),
    ],
)
def test_a_map_that_misstates_itself_is_refused(change: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "map.safetensors"
    save_map(some_dense_map(), path)
    rewrite(path, change)
    with pytest.raises(ModelError, match=message):
        load_map(path)


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\x08" + bytes(100)])
def test_a_file_that_is_no_map_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "map.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read"):
        load_map(path)


def test_a_torn_dct_map_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.safetensors"
    save_map(some_dct_map(), path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ModelError, match="cannot be read"):
        load_map(path)
