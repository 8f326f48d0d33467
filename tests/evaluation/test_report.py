"""What an evaluation reports: averages by hand, breakdowns, and the worst misses."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from originid.errors import InputError
from originid.evaluation.protocol import Protocol, Ranking
from originid.evaluation.report import MEASURES, summarise, worst_misses
from originid.types import Failure, Pair

# Three queries of one group, one of another, one of a third.
RANKS = (1, 2, 4, 1, 11)
GROUPS = ("a", "a", "a", "b", "c")
KINDS = ("x", "y", "x", "y", "x")


@pytest.fixture
def ranking() -> Ranking:
    ranks = np.array(RANKS)
    return Ranking(
        ranks=ranks,
        origin_scores=np.array([0.9, 0.5, 0.4, 0.8, 0.1], np.float32),
        origins=np.array([0, 0, 0, 1, 2]),
        strangers=np.array([3, 3, 4, 3, 4]),
        stranger_scores=np.array([0.2, 0.6, 0.7, 0.3, 0.9], np.float32),
        p=np.array([1e-7, 1e-6, 1e-5, 0.0, 1e-3]),
    )


@pytest.fixture
def pairs() -> list[Pair]:
    return [
        Pair(Path(f"o-{group}.png"), Path(f"q{n}.png"), group, {"kind": kind, "size": f"{n % 2}"})
        for n, (group, kind) in enumerate(zip(GROUPS, KINDS, strict=True))
    ]


REFERENCES = [Path(name) for name in ("o-a.png", "o-b.png", "o-c.png", "s1.png", "q4.png")]


def test_averages_by_hand(ranking: Ranking, pairs: list[Pair]) -> None:
    """First over the queries of a group, then over the groups."""
    found = summarise(ranking, pairs, REFERENCES, Protocol())
    values = found.averages.values
    assert tuple(values) == MEASURES
    assert values["mAP"] == pytest.approx(((1 + 1 / 2 + 1 / 4) / 3 + 1 + 1 / 11) / 3)
    assert values["acc"] == pytest.approx((1 / 3 + 1 + 0) / 3)
    assert values["recall_5"] == pytest.approx((1 + 1 + 0) / 3)
    assert values["recall_10"] == values["recall_5"]
    expected = [math.exp(-1_000_000 * p) for p in ranking.p]
    assert values["projected_acc"] == pytest.approx((sum(expected[:3]) / 3 + 1 + 0) / 3, abs=1e-9)
    assert (found.averages.queries, found.averages.groups) == (5, 3)
    assert (found.references, found.leaks) == (5, 1)  # q4.png is a query and a reference


def test_a_breakdown_is_the_report_of_its_part(ranking: Ranking, pairs: list[Pair]) -> None:
    found = summarise(ranking, pairs, REFERENCES, Protocol(by=("size",)))
    assert list(found.by) == ["kind", "size"]
    assert list(found.by["kind"]) == ["x", "y"]  # the most frequent first
    for column in ("kind", "size"):
        for value, averages in found.by[column].items():
            rows = [n for n, pair in enumerate(pairs) if pair.fields[column] == value]
            part = Ranking(**{name: array[rows] for name, array in vars(ranking).items()})
            alone = summarise(part, [pairs[n] for n in rows], REFERENCES, Protocol())
            assert averages == alone.averages


def test_a_column_that_is_not_there_is_refused(ranking: Ranking, pairs: list[Pair]) -> None:
    with pytest.raises(InputError, match="colour"):
        summarise(ranking, pairs, REFERENCES, Protocol(by=("colour",)))


def test_intervals_hold_their_averages(ranking: Ranking, pairs: list[Pair]) -> None:
    found = summarise(ranking, pairs, REFERENCES, Protocol())
    assert set(found.averages.ci95) == {"mAP", "acc", "projected_acc"}
    for name, (low, high) in found.averages.ci95.items():
        assert 0 <= low <= found.averages.values[name] <= high <= 1
        assert low < high
    again = summarise(ranking, pairs, REFERENCES, Protocol(seed=1))
    assert again.averages.values == found.averages.values
    assert summarise(ranking, pairs, REFERENCES, Protocol()).averages.ci95 == found.averages.ci95


def test_json_has_percentages(ranking: Ranking, pairs: list[Pair]) -> None:
    skipped = [Failure("a.jpg", "broken")]
    found = summarise(ranking, pairs, REFERENCES, Protocol(), skipped)
    shown = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert shown["mAP"] == round(100 * found.averages.values["mAP"], 4)
    assert shown["recall"] == {"5": 66.6667, "10": 66.6667}
    assert shown["projected"]["N"] == 1_000_000
    assert shown["by"]["kind"]["x"]["queries"] == 3
    assert shown["skipped"] == [{"path": "a.jpg", "reason": "broken"}]
    low, high = shown["ci95"]["acc"]
    assert 0 <= low <= shown["acc"] <= high <= 100


def test_what_is_not_known_is_null(ranking: Ranking, pairs: list[Pair]) -> None:
    unknown = Ranking(**{**vars(ranking), "p": np.full(5, np.nan)})
    shown = summarise(unknown, pairs, REFERENCES, Protocol()).to_json()
    assert shown["projected"] == {"N": 1_000_000, "mAP": None, "acc": None}
    assert shown["ci95"]["projected_acc"] == [None, None]
    assert shown["acc"] == pytest.approx(44.4444)
    json.dumps(shown, allow_nan=False)


def test_another_population(ranking: Ranking, pairs: list[Pair]) -> None:
    few = summarise(ranking, pairs, REFERENCES, Protocol(population=10)).averages
    many = summarise(ranking, pairs, REFERENCES, Protocol(population=10**9)).averages
    assert (few.population, many.population) == (10, 10**9)
    assert few.values["projected_acc"] > 0.99
    assert many.values["projected_acc"] == pytest.approx(1 / 3)  # only what nothing can beat


def test_the_worst_misses_come_first_and_one_of_each_group(
    ranking: Ranking, pairs: list[Pair]
) -> None:
    misses = worst_misses(ranking, pairs, REFERENCES)
    assert [(miss.query.name, miss.rank) for miss in misses] == [("q4.png", 11), ("q2.png", 4)]
    worst = misses[0]
    assert (worst.origin, worst.stranger) == (Path("o-c.png"), Path("q4.png"))
    assert (worst.origin_score, worst.stranger_score) == pytest.approx((0.1, 0.9))
    assert [miss.rank for miss in worst_misses(ranking, pairs, REFERENCES, limit=1)] == [11]


def test_of_equal_ranks_the_one_further_behind_comes_first(
    ranking: Ranking, pairs: list[Pair]
) -> None:
    equal = Ranking(**{**vars(ranking), "ranks": np.array([1, 3, 3, 3, 3])})
    misses = worst_misses(equal, pairs, REFERENCES)
    behind = [miss.stranger_score - miss.origin_score for miss in misses]
    assert behind == sorted(behind, reverse=True)
    assert [miss.query.name for miss in misses] == ["q4.png", "q2.png", "q3.png"]


def test_a_query_without_a_correct_reference_is_no_miss_to_show(
    ranking: Ranking, pairs: list[Pair]
) -> None:
    lost = Ranking(**{**vars(ranking), "origins": np.array([0, 0, 0, 1, -1])})
    assert [miss.query.name for miss in worst_misses(lost, pairs, REFERENCES)] == ["q2.png"]
