"""The measures are those of scikit-learn and of the Image Similarity Challenge, to 1e-9."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    coverage_error,
    label_ranking_average_precision_score,
    top_k_accuracy_score,
)

from originid.evaluation.metrics import (
    hits,
    micro_average_precision,
    pessimistic_ranks,
    reciprocal_ranks,
)
from originid.evaluation.protocol import Truth, rank_scores

seeds = st.integers(0, 100_000)


def tied_scores(seed: int, queries: int = 15, references: int = 40) -> tuple[np.ndarray, Truth]:
    """Scores of which many are equal, and one correct reference for each query."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(2, 60)
    scores = rng.integers(0, levels, (queries, references)) / levels
    nothing = np.zeros(0, np.int64)
    truth = Truth(tuple(rng.integers(references, size=(queries, 1))), (nothing,) * queries)
    return scores, truth


def as_labels(truth: Truth, references: int) -> np.ndarray:
    labels = np.zeros((len(truth.correct), references), int)
    for query, rows in enumerate(truth.correct):
        labels[query, rows] = 1
    return labels


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_mean_average_precision_with_ties(seed: int) -> None:
    scores, truth = tied_scores(seed)
    labels = as_labels(truth, scores.shape[1])
    values = reciprocal_ranks(rank_scores([scores], truth).ranks)
    expected = [average_precision_score(*query) for query in zip(labels, scores, strict=True)]
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-9)
    theirs = label_ranking_average_precision_score(labels, scores)
    assert values.mean() == pytest.approx(theirs, abs=1e-9)


@given(seeds, st.sampled_from([1, 5, 10]))
@settings(max_examples=40, deadline=None)
def test_accuracy_and_recall_with_ties(seed: int, k: int) -> None:
    scores, truth = tied_scores(seed)
    labels = as_labels(truth, scores.shape[1])
    ranks = rank_scores([scores], truth).ranks
    theirs = [coverage_error(labels[[i]], scores[[i]]) for i in range(len(scores))]
    assert ranks.tolist() == theirs
    assert hits(ranks, k).mean() == np.mean(np.array(theirs) <= k)


@given(seeds, st.sampled_from([1, 5, 10]))
@settings(max_examples=40, deadline=None)
def test_recall_without_ties(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.arange(30.0), (20, 1)), axis=1)
    correct = rng.integers(30, size=20)
    own = scores[np.arange(20), correct]
    wrong = np.where(np.arange(30) == correct[:, None], -np.inf, scores)
    recall = hits(pessimistic_ranks(own, wrong), k).mean()
    theirs = top_k_accuracy_score(correct, scores, k=k, labels=np.arange(30))
    assert recall == pytest.approx(theirs, abs=1e-9)


def slow_micro_average_precision(scores: list[float], correct: list[bool], positives: int) -> float:
    """As the challenge computes it: recall steps times precision, wrong first among equals."""
    order = sorted(zip(scores, [not right for right in correct], strict=True), reverse=True)
    found, total, recall = 0, 0.0, 0.0
    for place, (_, wrong) in enumerate(order, start=1):
        found += not wrong
        total += (found / positives - recall) * found / place
        recall = found / positives
    return total


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=60), st.integers(0, 5))
def test_micro_average_precision_with_ties(rows: list[tuple[int, bool]], missed: int) -> None:
    scores, correct = [row[0] / 7 for row in rows], [row[1] for row in rows]
    positives = max(1, sum(correct) + missed)
    expected = slow_micro_average_precision(scores, correct, positives)
    found = micro_average_precision(scores, correct, positives)
    assert found == pytest.approx(expected, abs=1e-9)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_micro_average_precision_of_all_pooled_scores(seed: int) -> None:
    scores, truth = tied_scores(seed)
    labels = as_labels(truth, scores.shape[1])
    # Scores without ties, in the order in which the challenge puts equal ones.
    places = np.argsort(np.lexsort((-labels.ravel(), scores.ravel()))).astype(float)
    theirs = average_precision_score(labels.ravel(), places)
    found = micro_average_precision(scores.ravel(), labels.ravel(), labels.sum())
    assert found == pytest.approx(theirs, abs=1e-9)


def test_micro_average_precision_by_hand() -> None:
    assert micro_average_precision([0.9, 0.8, 0.7], [True, False, True], 2) == (1 + 2 / 3) / 2
    assert micro_average_precision([0.9, 0.9], [True, False], 1) == 0.5
    assert micro_average_precision([], [], 3) == 0
