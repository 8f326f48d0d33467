"""Codes: the bytes are fixed for ever, and say what the vector was."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from originid.errors import InputError
from originid.index import VERSION, Codec, Codes
from originid.index.codec import BLOCK
from originid.types import Vectors

DIMS = (1, 2, 3, 7, 8, 64, 97)
GOLDEN_FIVE = ["15307f526b75a00f", "7fbe081f366f3c09"]
GOLDEN_LONG = "f6312b5b085b96442c4110e5be0cd225bd2043f3486b687c02ce64c38ddf62d3"


def some_vectors(n: int, dim: int, seed: int = 0) -> Vectors:
    """Unit vectors whose components have very unequal variances."""
    rng = np.random.default_rng(seed)
    vectors = (rng.standard_normal((n, dim)) * np.geomspace(1, 0.01, dim)).astype(np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def cosines(a: Vectors, b: Vectors) -> NDArray[np.float64]:
    a, b = a.astype(np.float64), b.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / lengths)


def slow_signs(number: int, dim: int) -> list[int]:
    stream = hashlib.shake_128(f"originid rotation {number}".encode()).digest(dim)
    return [-1 if stream[i // 8] >> (i % 8) & 1 else 1 for i in range(dim)]


def slow_hartley(row: list[float]) -> list[float]:
    n = len(row)
    angles = [2 * math.pi * i / n for i in range(n)]
    return [
        sum(x * (math.cos(k * a) + math.sin(k * a)) for x, a in zip(row, angles, strict=True))
        / math.sqrt(n)
        for k in range(n)
    ]


def slow_rotate(row: list[float]) -> list[float]:
    for number in (1, 2):
        signs = slow_signs(number, len(row))
        row = slow_hartley([s * x for s, x in zip(signs, row, strict=True)])
    return row


def slow_encode(row: list[float]) -> bytes:
    rotated = slow_rotate(row)
    step = max(abs(x) for x in rotated) / 2048
    numbers = [min(max(math.floor(x / step), -2048), 2047) for x in rotated]
    half = (len(row) + 1) // 2
    lower = [n & 15 for n in numbers] + [0]
    upper = [(n >> 4) & 255 for n in numbers]
    return bytes(upper + [lower[j] | lower[j + half] << 4 for j in range(half)])


def read(code: NDArray[np.uint8], dim: int) -> NDArray[np.float64]:
    """As the module's documentation says."""
    upper, rest = code[:dim].view(np.int8), code[dim:]
    y = 16.0 * upper + np.concatenate([rest & 15, rest >> 4])[:dim] + 0.5
    return np.asarray(y / np.linalg.norm(y))


def test_the_bytes_are_what_they_were() -> None:
    assert VERSION == 1
    five = np.array([[0.5, -0.1, 0.3, 0.7, -0.4], [0, 0, 1, 0, 0]], np.float32)
    assert [code.tobytes().hex() for code in Codec(5).encode(five)] == GOLDEN_FIVE
    long = (np.arange(1413) * 7919 % 2003 - 1000).astype(np.float32)[None]
    assert hashlib.sha256(Codec(1413).encode(long).tobytes()).hexdigest() == GOLDEN_LONG


@pytest.mark.parametrize("dim", DIMS)
def test_fast_and_slow_encoders_agree(dim: int) -> None:
    vectors = some_vectors(5, dim)
    codes = Codec(dim).encode(vectors)
    assert codes.dtype == np.uint8
    assert codes.shape == (5, Codec(dim).size) == (5, dim + (dim + 1) // 2)
    assert [code.tobytes() for code in codes] == [slow_encode(v) for v in vectors.tolist()]


@pytest.mark.parametrize("dim", DIMS)
def test_rotation_keeps_every_cosine(dim: int) -> None:
    rotation = Codec(dim).rotate(np.eye(dim, dtype=np.float32)).astype(np.float64)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(dim), atol=1e-6)


def test_rotation_spreads_what_is_concentrated() -> None:
    single = np.eye(1413, dtype=np.float32)[[0, 700, 1412]]
    smooth = np.linspace(0, 1, 1413, dtype=np.float32)[None]
    rotated = Codec(1413).rotate(np.concatenate([single, smooth]))
    # Normal components have kurtosis 3, and among 1,413 the largest is 3 to 5 deviations out.
    components = rotated * np.sqrt(1413)
    np.testing.assert_allclose((components**4).mean(axis=1), 3, atol=0.6)
    assert np.abs(components).max() < 5.5


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_a_code_is_within_half_a_step(dim: int, seed: int) -> None:
    codec, vectors = Codec(dim), some_vectors(3, dim, seed)
    rotated = codec.rotate(vectors).astype(np.float64)
    for code, row in zip(codec.encode(vectors), rotated, strict=True):
        upper, rest = code[:dim].view(np.int8), code[dim:]
        numbers = 16.0 * upper + np.concatenate([rest & 15, rest >> 4])[:dim] + 0.5
        assert np.abs(numbers - row * 2048 / np.abs(row).max()).max() < 0.5 + 1e-3


@pytest.mark.parametrize("dim", [*DIMS, 512, 1413])
def test_decode_gives_the_vector_back(dim: int) -> None:
    vectors = some_vectors(4, dim)
    decoded = Codec(dim).decode(Codec(dim).encode(vectors))
    assert decoded.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(decoded, axis=1), 1, atol=1e-6)
    assert cosines(decoded, vectors).min() > 1 - 1e-6


def test_the_error_of_a_cosine_is_as_stated() -> None:
    vectors, others = some_vectors(200, 1413), some_vectors(200, 1413, seed=1)
    errors = cosines(Codec(1413).decode(Codec(1413).encode(vectors)), others)
    assert np.std(errors - cosines(vectors, others)) < 1.5e-5


@pytest.mark.parametrize("dim", DIMS)
def test_the_documented_lines_read_a_code(dim: int) -> None:
    codec, vectors = Codec(dim), some_vectors(3, dim)
    for code, row in zip(codec.encode(vectors), codec.rotate(vectors), strict=True):
        np.testing.assert_allclose(read(code, dim), row, atol=1e-3)


@pytest.mark.parametrize("dim", DIMS)
def test_bits_are_the_signs_of_the_rotated_vector(dim: int) -> None:
    codec, vectors = Codec(dim), some_vectors(6, dim)
    codes, signs = codec.encode(vectors), codec.rotate(vectors) > 0
    for count in (1, dim, dim + 9):
        unpacked = np.unpackbits(codec.bits(codes, count), axis=1, bitorder="little")
        known = min(count, dim)
        assert (unpacked[:, :known] == signs[:, :known]).all()
        assert not unpacked[:, known:].any()


@pytest.mark.parametrize("dim", DIMS)
def test_scores_are_cosines(dim: int) -> None:
    codec = Codec(dim)
    codes, query = codec.encode(some_vectors(9, dim)), codec.rotate(some_vectors(1, dim, seed=5))[0]
    expected = [float(read(code, dim) @ query) for code in codes]
    scores = codec.scores(codes, query)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize("dim", [64, 97, 1999])
def test_rough_scores_are_near_the_scores(dim: int) -> None:
    codec, rng = Codec(dim), np.random.default_rng(dim)
    vectors = some_vectors(300, dim)
    noise = rng.uniform(0, 0.8, (300, 1)) * some_vectors(300, dim, seed=1)
    codes = codec.encode((vectors + noise).astype(np.float32))
    queries = codec.rotate(np.concatenate([vectors[:20], -vectors[:2]]))
    rough = codec.rough_scores(codes, queries)
    exact = np.stack([codec.scores(codes, query) for query in queries], axis=1)
    assert rough.shape == exact.shape == (300, 22)
    assert np.abs(rough - exact).max() < 0.01
    assert np.abs(rough).max() <= 1
    assert codec.rough_scores(codes[:0], queries).shape == (0, 22)


def test_a_score_does_not_depend_on_the_row() -> None:
    codec = Codec(1413)
    codes = np.repeat(codec.encode(some_vectors(1, 1413)), 401, axis=0)
    assert len(set(codec.scores(codes, codec.rotate(some_vectors(1, 1413, seed=1))[0]))) == 1


def test_a_score_never_leaves_its_range() -> None:
    codec, vectors = Codec(7), some_vectors(200, 7)
    decoded = codec.rotate(codec.decode(codec.encode(vectors)))
    scores = [codec.scores(codec.encode(vectors), row).max() for row in decoded]
    assert max(scores) <= 1 < max(scores) + 1e-6


def encode_one_by_one(vectors: Vectors, dim: int) -> Codes:
    return np.concatenate([Codec(dim).encode(vectors[i : i + 1]) for i in range(len(vectors))])


def test_a_code_does_not_depend_on_the_batch() -> None:
    vectors = some_vectors(BLOCK + 3, 5)
    codes = Codec(5).encode(vectors)
    assert (codes[-9:] == encode_one_by_one(vectors[-9:], 5)).all()
    np.testing.assert_array_equal(Codec(5).decode(codes)[-9:], Codec(5).decode(codes[-9:]))


def test_only_the_direction_counts() -> None:
    vectors, codec = some_vectors(3, 8), Codec(8)
    for factor in (2.0**-120, 0.5, 1024, 2.0**120):
        assert (codec.encode(vectors * np.float32(factor)) == codec.encode(vectors)).all()
    huge = vectors.astype(np.float64) * 1e308
    assert (codec.encode(huge) == codec.encode(vectors)).all()  # type: ignore[arg-type]


def test_types_and_layouts_of_floats() -> None:
    vectors, codec = some_vectors(6, 8), Codec(8)
    codes = codec.encode(vectors)
    double, half = vectors.astype(np.float64), vectors.astype(np.float16)
    assert (codec.encode(double) == codes).all()  # type: ignore[arg-type]
    widened = codec.encode(half.astype(np.float32))
    assert (codec.encode(half) == widened).all()  # type: ignore[arg-type]
    assert (codec.encode(np.asfortranarray(vectors)) == codes).all()
    assert (codec.encode(np.repeat(vectors, 2, axis=1)[:, ::2]) == codes).all()
    assert (codec.encode(vectors.astype(">f4")) == codes).all()
    vectors.flags.writeable = False
    assert (codec.encode(vectors) == codes).all()


def test_none_at_all() -> None:
    none, codec = np.empty((0, 9), np.float32), Codec(9)
    assert codec.encode(none).shape == (0, codec.size)
    assert codec.decode(codec.encode(none)).shape == codec.rotate(none).shape == (0, 9)


NAN = np.array([[1, 2, 3], [1, np.nan, 3]], np.float32)


@pytest.mark.parametrize(
    ("vectors", "given_text"),
    [
        (NAN, "vector 1 of 2 is not finite"),
        (np.array([[np.inf, 0, 0]], np.float32), "vector 0 of 1 is not finite"),
        (np.zeros((1, 3), np.float32), "vector 0 of 1 is all zero"),
        (np.ones((2, 4), np.float32), "vectors of shape (2, 4)"),
        (np.ones(3, np.float32), "vectors of shape (3,)"),
        (np.ones((1, 3), np.int64), "vectors of type int64"),
        (np.ones((1, 3), np.complex64), "vectors of type complex64"),
        (np.array([["a", "b", "c"]]), "vectors of type <U1"),
        ([[1.0, 2.0, 3.0]], "vectors of type list"),
    ],
)
def test_what_is_not_vectors_is_refused(vectors: Vectors, given_text: str) -> None:
    for method in (Codec(3).encode, Codec(3).rotate):
        with pytest.raises(InputError) as caught:
            method(vectors)
        assert caught.value.given == given_text


def test_a_dim_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="dim 0"):
        Codec(0)


def slow_decode(code: NDArray[np.uint8], dim: int) -> list[float]:
    """The rotation undone: the transform is its own inverse, and so are the signs."""
    row: list[float] = read(code, dim).tolist()
    for number in (2, 1):
        signs = slow_signs(number, dim)
        row = [s * x for s, x in zip(signs, slow_hartley(row), strict=True)]
    return row


@pytest.mark.parametrize("dim", DIMS)
def test_decoding_undoes_the_rotation(dim: int) -> None:
    codec, vectors = Codec(dim), some_vectors(6, dim)
    codes = codec.encode(vectors)
    found = codec.decode(codes)
    assert found.shape == vectors.shape
    assert found.dtype == np.float32
    expected = [slow_decode(code, dim) for code in codes]
    np.testing.assert_allclose(found, expected, atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found, vectors, atol=2e-3)


def test_no_codes_have_no_components() -> None:
    none = np.empty((0, 0), np.uint8)  # as a database gives them
    assert Codec(9).decode(none).shape == (0, 9)
