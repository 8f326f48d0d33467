"""Best matches and their stated rates, against a slow reference and on strangers that are known."""

import numpy as np
import pytest

from originid.evaluation import best_matches as module
from originid.evaluation.best_matches import (
    best_matches,
    calibrate_references,
    join_matches,
    no_truth,
    without_origins,
)
from originid.evaluation.protocol import Truth
from originid.maps import unit_length
from originid.types import Vectors
from originid.verdict.cohort import COPY, MEMBERS, chosen
from originid.verdict.collection_calibration import calibrate
from originid.verdict.pareto_tail import BODY, Tail

TAIL = Tail(tuple(np.linspace(-0.5, 0.4, len(BODY)).tolist()), shape=-0.1, scale=0.03)


def random_vectors(count: int, seed: int, dim: int = 48) -> Vectors:
    return unit_length(np.random.default_rng(seed).standard_normal((count, dim), np.float32))


def rows(*lists: list[int]) -> tuple[np.ndarray, ...]:
    return tuple(np.array(each, np.int64) for each in lists)


def test_a_collection_is_calibrated_by_its_own_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Block by block, it is what all scores of the members say at once."""
    references = random_vectors(700, 1)
    references[5] = references[6]  # a copy is no stranger
    monkeypatch.setattr(module, "BLOCK", MEMBERS * 37)
    members = chosen(np.arange(700))
    scores = references[members] @ references.T
    scores[np.arange(len(members)), members] = -1
    scores[scores > COPY] = -1
    lists = np.sort(scores, axis=1)[:, ::-1][:, :54]
    expected = calibrate(TAIL, lists, 700)
    found = calibrate_references(TAIL, references)
    assert found.strangers is not None
    assert expected.strangers is not None
    assert found.strangers.scale == pytest.approx(expected.strangers.scale, rel=1e-5)
    np.testing.assert_allclose(found.strangers.body, expected.strangers.body, atol=1e-4)


def test_best_matches_are_those_of_all_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    references, queries = random_vectors(500, 2), random_vectors(30, 3)
    queries[:10] = unit_length(queries[:10] + 2 * references[:10])
    truth = Truth(rows(*([n] for n in range(30))), rows(*([n + 40, n + 41] for n in range(30))))
    calibration = calibrate_references(TAIL, references)
    monkeypatch.setattr(module, "BLOCK", 500 * 7)  # tiles of 7 queries
    found = best_matches(queries, references, calibration, truth)
    scores = queries @ references.T
    for query, row in enumerate(scores):
        row[truth.ignored[query]] = -np.inf
        ordered = np.sort(row)[::-1][:400]
        assert found.scores[query] == pytest.approx(ordered[0])
        assert found.right[query] == (row.argmax() == query)
        expected = calibration.false_match_rates(ordered)[0]
        assert found.rates[query] == pytest.approx(expected, rel=1e-4)
    assert found.right[:10].all()
    assert found.rates[:10].max() < 0.05


def test_copies_of_the_best_match_do_not_lower_its_lead() -> None:
    references, query = random_vectors(500, 4), random_vectors(1, 5)
    query = unit_length(query + 2 * references[:1])
    alone = best_matches(query, references, calibrate_references(TAIL, references), no_truth(1))
    more = np.concatenate([references, np.repeat(references[:1], 20, axis=0)])
    calibration = calibrate_references(TAIL, more)
    copied = best_matches(query, more, calibration, no_truth(1))
    assert copied.rates[0] == pytest.approx(alone.rates[0], rel=0.5)
    assert copied.rates[0] < 0.05


def test_without_its_group_a_query_has_no_origin() -> None:
    references, queries = random_vectors(300, 6), random_vectors(2, 7)
    queries = unit_length(queries + 3 * references[[10, 20]])
    truth = Truth(rows([10, 11], [20]), rows([], [30]))
    calibration = calibrate_references(TAIL, references)
    present = best_matches(queries, references, calibration, truth)
    absent = best_matches(queries, references, calibration, without_origins(truth))
    assert present.right.all()
    assert not absent.right.any()
    assert (present.scores > 0.9).all()
    left = np.delete(queries[0] @ references.T, [10, 11])
    assert absent.scores[0] == pytest.approx(left.max(), rel=1e-6)


def test_where_no_reference_is_left_nothing_is_promised() -> None:
    one = random_vectors(1, 8)
    calibration = calibrate_references(TAIL, one)
    found = best_matches(one, one, calibration, Truth(rows([]), rows([0])))
    assert (found.rates[0], found.scores[0], found.right[0]) == (1, -np.inf, False)
    nobody = best_matches(one[:0], one, calibration, no_truth(0))
    assert len(join_matches([found, nobody]).rates) == 1


def test_strangers_of_a_collection_get_low_rates_as_often_as_stated() -> None:
    """References and queries of one distribution: the rates of the queries are nearly uniform."""
    references, queries = random_vectors(1500, 9, 24), random_vectors(2000, 10, 24)
    calibration = calibrate_references(TAIL, references)
    rates = best_matches(queries, references, calibration, no_truth(2000)).rates
    for stated in (0.5, 0.2, 0.1, 0.05):
        assert (rates <= stated).mean() == pytest.approx(stated, rel=0.35)
    assert (rates <= 0.01).mean() <= 0.02
    assert (rates <= 0.001).mean() <= 0.003
