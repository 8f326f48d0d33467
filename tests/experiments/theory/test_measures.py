"""Distances and spectra on small material, beside loops; and the columns of the paper's tables."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.experiments.theory import distances, spectra, words
from originid.maps import DenseMap
from originid.types import Floats32

# The kernels of OpenBLAS read beyond the ends of small matrices. What they find there is not used,
# but it may set the processor's flag for an invalid value, which numpy then warns of.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in matmul")


def normal(seed: int, *shape: int) -> Floats32:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 6))
def test_distances_are_those_of_a_loop(seed: int, q: int, r: int) -> None:
    rng = np.random.default_rng(seed)
    groups = [f"g{i}" for i in rng.integers(0, 3, q)]
    other_groups = [("", "g0", "g1")[i] for i in rng.integers(0, 3, r)]
    other_groups[0] = ""  # every query has a stranger
    map = DenseMap(normal(seed, 3, 5), normal(seed + 1, 5))
    o, g, s = normal(seed + 2, q, 5), normal(seed + 3, q, 5), normal(seed + 4, r, 5)
    found = distances.measure(map, o, g, groups, s, other_groups)

    def vector(latent: Floats32) -> list[float]:
        return [float(sum(row * (latent - map.mean))) for row in map.matrix]

    def squared(a: list[float], b: list[float]) -> float:
        return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))

    def cosine(a: list[float], b: list[float]) -> float:
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(squared(a, [0] * 3) * squared(b, [0] * 3))

    means: dict[str, list[float]] = {}
    for i in range(q):
        mine = [vector(s[j]) for j in range(r) if other_groups[j] != groups[i]]
        apart = [squared(vector(g[i]), each) for each in mine]
        means.setdefault(groups[i], []).append(sum(apart) / len(apart))
        cosines = [cosine(vector(g[i]), each) for each in mine]
        mean = sum(cosines) / len(cosines)
        assert found.stranger_cosines[i] == pytest.approx(mean, abs=1e-4)
        own = cosine(vector(g[i]), vector(o[i]))
        assert found.pair_cosines[i] == pytest.approx(own, abs=1e-4)
        spread = math.sqrt(sum((each - mean) ** 2 for each in cosines) / len(cosines))
        if spread > 1e-2:  # a single stranger has no spread
            assert found.separation[i] == pytest.approx((own - mean) / spread, rel=1e-2, abs=1e-2)
    unit = np.mean([np.mean(each) for each in means.values()])
    expected = [squared(vector(g[i]), vector(o[i])) / unit for i in range(q)]
    assert found.relative.tolist() == pytest.approx(expected, rel=1e-3)


def test_averages_count_groups_and_not_queries() -> None:
    values = np.array([1.0, 1.0, 1.0, 5.0])
    found = distances.Distances(values, values / 10, -values / 10, values, ("a", "a", "a", "b"))
    assert found.averages() == pytest.approx((3, 0.3, -0.3, 3))
    low, high = found.interval()
    assert 1 <= low <= 3 <= high <= 5


def test_a_map_of_zeros_is_no_number_that_looks_good() -> None:
    nothing = DenseMap(np.zeros((2, 3), np.float32), np.zeros(3, np.float32))
    with np.errstate(invalid="ignore"):
        found = distances.measure(
            nothing, normal(0, 2, 3), normal(1, 2, 3), ["a", "b"], normal(2, 2, 3), ["", ""]
        )
    assert np.isnan(found.relative).all()  # W = 0 must not count as a distance of 0
    assert found.pair_cosines.tolist() == [0, 0]


@given(st.integers(0, 999), st.integers(1, 6), st.integers(0, 6))
def test_singular_values_squared_add_up_to_the_matrix(seed: int, dim: int, more: int) -> None:
    matrix = normal(seed, dim, dim + more)
    values = spectra.singular_values(matrix)
    assert values.shape == (dim,)
    assert values.tolist() == sorted(values, reverse=True)
    assert (values**2).sum() == pytest.approx((matrix.astype(float) ** 2).sum())
    turned = matrix @ np.linalg.qr(normal(seed + 1, dim + more, dim + more))[0]
    assert np.allclose(spectra.singular_values(turned), values, atol=1e-3)


def test_a_matrix_that_lacks_directions_has_zeros() -> None:
    values = spectra.singular_values(np.ones((3, 4), np.float32))
    assert values == pytest.approx([math.sqrt(12), 0, 0], abs=1e-6)


def test_a_random_spectrum_is_that_of_its_seed() -> None:
    one, again = (spectra.random_spectrum(4, 9, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, again)
    # Of a wide Gaussian matrix all singular values are near the root of its width.
    wide = spectra.random_spectrum(4, 40_000, np.random.default_rng(0))
    assert wide == pytest.approx([200] * 4, rel=0.05)


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=6))
def test_the_cosine_of_sorted_positive_numbers_is_positive(values: list[float]) -> None:
    a = np.sort(np.array(values))[::-1]
    b = np.ones(len(a))
    assert spectra.spectrum_cosine(a, a) == pytest.approx(1)
    assert spectra.spectrum_cosine(a, b) == pytest.approx(spectra.spectrum_cosine(b, 7 * a))
    # It cannot fall below that of a single number beside zeros.
    assert 1 / math.sqrt(len(a)) - 1e-9 <= spectra.spectrum_cosine(a, b) <= 1 + 1e-9


@pytest.mark.parametrize("name", ["LEMMA1", "THEOREM1", "OBSERVATION1", "TABLE4"])
def test_notes_name_the_columns_that_need_words(name: str) -> None:
    columns, note = getattr(words, f"{name}_COLUMNS"), getattr(words, f"{name}_NOTE")
    assert len(columns) == len(set(columns))
    named = re.findall(r"[Tt]he\scolumn\s(\w+)", note)
    assert named
    assert all(any(column.startswith(word) for column in columns) for word in named)


def test_the_range_of_table_1_holds_all_of_its_cosines() -> None:
    low, high = (float(each) for each in words.TABLE_1_RANGE.split(" to "))
    cosines = [round(float(text.split(" ± ")[0]), 4) for text in words.TABLE_1.values()]
    assert (min(cosines), max(cosines)) == (low, high)
