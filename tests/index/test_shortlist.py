"""Which references are looked at again."""

import numpy as np
import pytest

from originid.index import Codec, ExactIndex
from originid.index.numbers import LEVELS, STEP, WIDEST, row_size, rows_of
from originid.index.scan import faiss, number_scan
from originid.index.shortlist import MARGIN, may_be_best, may_lack_the_best
from originid.index.sign_codes import sign_codes
from originid.types import Floats32
from shelf import SMALL, Shelf, near, some_vectors


def row_of(*values: float) -> Floats32:
    return np.array([values], np.float32)


def test_what_lies_less_than_the_margin_below_the_best_may_be_one() -> None:
    estimates = row_of(1, 1 - 0.9 * MARGIN, 0.5, 1 - 1.1 * MARGIN, 1 - 2.1 * MARGIN, -np.inf)
    assert may_be_best(estimates, 1, 1).tolist() == [[True, True, False, False, False, False]]
    assert may_be_best(estimates, 2, 2).tolist() == [[True, True, False, True, False, False]]
    # At least so many, however far away.
    assert may_be_best(estimates, 1, 4).tolist() == [[True, True, False, True, True, False]]
    assert may_be_best(estimates, 1, 5).tolist() == [[True, True, True, True, True, False]]


def test_what_is_damaged_may_be_the_best_and_counts_for_nothing() -> None:
    estimates = row_of(np.inf, 1, 0.3, np.inf, 0.2)
    assert may_be_best(estimates, 1, 1).tolist() == [[True, True, False, True, False]]
    assert may_be_best(estimates, 2, 2).tolist() == [[True, True, True, True, True]]
    few = row_of(np.inf, np.inf, 0.2)
    assert may_be_best(few, 2, 2).all()


@pytest.mark.parametrize("dim", [64, 512, 1999])
def test_an_estimate_by_numbers_errs_less_than_the_margin(dim: int) -> None:
    rng = np.random.default_rng(dim)
    codec = Codec(dim)
    signs = sign_codes(rng.integers(0, 256, (500, -(-dim // 8)), np.uint8), dim)
    whole = codec.encode(rng.standard_normal((500, dim)).astype(np.float32))
    units = codec.units(np.concatenate([whole, signs]))
    query = codec.rotate(rng.standard_normal((1, dim)).astype(np.float32))[0]
    compared = number_scan(row_size(dim))
    compared.room(1000)[:] = rows_of(units, np.arange(1000))
    values, order = compared.search(query, 1000)
    # The products in levels; what is added to all of them changes nothing.
    levels = (units @ query)[order] * np.sqrt(dim) * LEVELS / (2 * WIDEST)
    away = values - levels * STEP
    away -= away.mean()
    assert (np.abs(away) < MARGIN).mean() >= 0.999
    # Vectors of signs are told as they are, neither higher nor lower.
    of_signs = order >= 500
    slope = np.polyfit(levels[of_signs], values[of_signs] / STEP, 1)[0]
    assert slope == pytest.approx(1, abs=1e-3)


def test_a_list_of_strangers_lacks_none_and_one_of_a_series_may() -> None:
    rng = np.random.default_rng(0)
    scores = np.sort(rng.standard_normal(400).astype(np.float32))[::-1]
    near_by = (scores + 0.3 * rng.standard_normal(400)).astype(np.float32)
    alike = rng.standard_normal(400).astype(np.float32)
    assert not may_lack_the_best(near_by, scores)
    assert may_lack_the_best(alike, scores)
    assert not may_lack_the_best(alike[:31], scores[:31])


def test_a_search_leaves_the_threads_of_faiss_as_they_were() -> None:
    shelf = Shelf(lambda dim, fetch: ExactIndex(dim, fetch, SMALL))
    shelf.add(list(range(60)), some_vectors(60))
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        shelf.check(near(some_vectors(60))[:1], 3)
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)
