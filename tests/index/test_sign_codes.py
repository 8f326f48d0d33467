"""Codes of which only signs are known, and what their scores estimate."""

import numpy as np
import pytest

from originid.index import Codec, Codes, ExactIndex
from originid.index.sign_codes import (
    LENGTHENED,
    are_signs,
    cosine_of_signs,
    cosines_between,
    is_flat,
    sign_codes,
)
from originid.types import Ids, Vectors

DIM = 2000


def two_vectors(cosine: float, seed: int = 0) -> Vectors:
    """Two vectors with this cosine, (2, DIM)."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((DIM, 2)))[0].T
    other = cosine * axes[0] + np.sqrt(1 - cosine**2) * axes[1]
    return np.stack([axes[0], other]).astype(np.float32)


def known_by_signs(codec: Codec, codes: Codes) -> Codes:
    return codec.of_bits(codec.bits(codes, codec.dim))


def test_the_bytes_of_a_code_of_signs_are_fixed() -> None:
    # The signs + - + + -: numbers 1023, -1024, 1023, 1023, -1024.
    codes = sign_codes(np.array([[0b01101]], np.uint8), 5)
    assert codes.tolist() == [[63, 192, 63, 63, 192, 0xFF, 0x00, 0x0F]]


@pytest.mark.parametrize("dim", [1, 2, 5, 8, 64, 97])
def test_a_code_of_signs_has_these_signs_and_no_others(dim: int) -> None:
    codec = Codec(dim)
    codes = codec.encode(np.random.default_rng(dim).standard_normal((6, dim)).astype(np.float32))
    signs = known_by_signs(codec, codes)
    assert signs.shape == codes.shape
    assert (codec.bits(signs, dim) == codec.bits(codes, dim)).all()
    assert are_signs(codec._values(signs)).all()
    assert not are_signs(codec._values(codes)).any()
    assert np.allclose(np.linalg.norm(codec.units(signs), axis=1), LENGTHENED, atol=1e-5)


@pytest.mark.parametrize("cosine", [0.0, 0.3, 0.7, 0.95])
def test_scores_of_vectors_and_signs_are_the_cosine_of_both(cosine: float) -> None:
    codec = Codec(DIM)
    vectors = two_vectors(cosine)
    codes = codec.encode(vectors)
    signs = known_by_signs(codec, codes)
    whole, flat = codec.rotate(vectors)[0], codec.rotate(codec.decode(signs))[0]
    error = 4 * 0.76 / np.sqrt(DIM)
    assert codec.scores(codes, whole)[1] == pytest.approx(cosine, abs=1e-4)
    assert codec.scores(signs, whole)[1] == pytest.approx(cosine, abs=error)
    assert codec.scores(codes, flat)[1] == pytest.approx(cosine, abs=error)
    assert codec.scores(signs, flat)[1] == pytest.approx(cosine, abs=1.6 * error)
    units = np.stack([codec.units(signs)[0], codec.units(codes)[0]])
    both = cosines_between(units, codec.units(signs)[1:])[:, 0]
    assert both == pytest.approx([cosine, cosine], abs=1.6 * error)
    rough = codec.rough_scores(codes, flat[None])
    assert rough[1, 0] == pytest.approx(float(codec.scores(codes, flat)[1]), abs=0.01)


def test_a_picture_has_the_score_1_with_its_own_signs() -> None:
    codec = Codec(DIM)
    codes = codec.encode(two_vectors(0.0))
    signs = known_by_signs(codec, codes)
    flat = codec.rotate(codec.decode(signs))
    assert is_flat(flat[0])
    assert not is_flat(codec.rotate(two_vectors(0.0))[0])
    assert codec.scores(signs, flat[0])[0] == pytest.approx(1, abs=1e-5)
    assert codec.scores(codes, flat[0])[0] == pytest.approx(1, abs=0.02)
    # Signs that agree in 3 of 4 places are 45 degrees apart.
    assert cosine_of_signs(np.array([LENGTHENED**2 / 2], np.float32))[0] == pytest.approx(
        np.sqrt(0.5)
    )


def test_among_vectors_and_signs_the_nearest_comes_first() -> None:
    codec, rng = Codec(DIM), np.random.default_rng(5)
    vectors = rng.standard_normal((40, DIM)).astype(np.float32)
    codes = codec.encode(vectors)
    codes[::2] = known_by_signs(codec, codes[::2])

    def fetch(ids: Ids) -> tuple[Ids, Codes]:
        return ids, codes[ids]

    index = ExactIndex(DIM, fetch)
    index.add(np.arange(40), codes)
    queries = (vectors + 1.5 * rng.standard_normal(vectors.shape)).astype(np.float32)
    scores, ids = index.search(queries, 2)
    assert ids[:, 0].tolist() == list(range(40))
    # 1 / sqrt(1 + 1.5^2), whether the reference is a vector or its signs.
    assert scores[::2, 0].mean() == pytest.approx(0.555, abs=0.02)
    assert scores[1::2, 0].mean() == pytest.approx(0.555, abs=0.02)
