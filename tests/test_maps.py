"""The map: what it computes, and what a file of it must prove before it is used."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from originid.errors import ModelError
from originid.maps import (
    DctBasis,
    DctMap,
    DenseMap,
    Map,
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


def some_dense_map() -> DenseMap:
    rng = np.random.default_rng(1)
    return DenseMap(
        rng.normal(size=(7, 57)).astype(np.float32), rng.normal(size=57).astype(np.float32)
    )


@pytest.fixture(params=[some_dct_map, some_dense_map], ids=["dct", "dense"])
def map(request: pytest.FixtureRequest) -> Map:
    made: Map = request.param()
    return made


def latents(n: int) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(n, 57)).astype(np.float32)


def test_every_map_is_affine(map: Map) -> None:
    a, b = latents(2)[:1], latents(2)[1:]
    middle = map.apply((a + b) / 2)
    assert np.allclose(middle, (map.apply(a) + map.apply(b)) / 2, atol=1e-5)
    assert middle.shape == (1, map.dim)
    assert middle.dtype == np.float32


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
