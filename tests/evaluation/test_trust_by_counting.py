"""The figures of an evaluation against counting with dictionaries, and in any order."""

import json
import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.errors import ExtraError, InputError
from originid.evaluation import reliability
from originid.evaluation.best_matches import BestMatches, join_matches, without_origins
from originid.evaluation.protocol import Protocol, Ranking, Truth, rank
from originid.evaluation.report import summarise, worst_misses
from originid.evaluation.trust import (
    MEASURES,
    Trials,
    expected_calibration_error,
    join_trials,
    observed_frequencies,
    rates_of_strangers,
    share_with_interval,
    summarise_trust,
)
from originid.maps import unit_length
from originid.types import Pair
from originid.verdict.presets import PRESETS

PROTOCOL = Protocol(bootstrap=20)
QUICK = settings(max_examples=30, deadline=None)


def drawn(rng: np.random.Generator, count: int, right: bool = False) -> BestMatches:
    """Best matches whose rates are spread over all presets, with ties."""
    return BestMatches(
        np.power(10.0, rng.integers(-6, 1, count), dtype=np.float64),
        rng.random(count).astype(np.float32),
        rng.random(count) < 0.6 if right else np.zeros(count, np.bool_),
    )


def trials(seed: int, queries: int, strangers: int, photos: bool = True) -> Trials:
    rng = np.random.default_rng(seed)
    groups = tuple(f"g{number}" for number in rng.integers(0, 5, queries))
    return Trials(
        drawn(rng, queries, right=True),
        drawn(rng, queries),
        drawn(rng, queries if photos else 0),
        drawn(rng, strangers),
        groups,
    )


def by_groups(values: Sequence[bool], groups: Sequence[str]) -> float:
    """The mean of the groups' means."""
    of_group: dict[str, list[bool]] = defaultdict(list)
    for value, group in zip(values, groups, strict=True):
        of_group[group].append(value)
    means = [sum(each) / len(each) for each in of_group.values()]
    return sum(means) / len(means) if means else math.nan


@QUICK
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(0, 20))
def test_shares_are_those_of_counting(seed: int, queries: int, strangers: int) -> None:
    made = trials(seed, queries, strangers)
    found = summarise_trust(made, PROTOCOL)
    for name, stated in PRESETS.items():
        low = made.present.rates <= stated
        first = made.present.right
        expected = {
            "false_origin": by_groups((made.absent.rates <= stated).tolist(), made.groups),
            "false_origin_among_photos": by_groups(
                (made.among_photos.rates <= stated).tolist(), made.groups
            ),
            "false_origin_of_strangers": by_groups(
                (made.strangers.rates <= stated).tolist(), list(map(str, range(strangers)))
            ),
            "true_origin": by_groups((low & first).tolist(), made.groups),
            "true_of_first": by_groups(
                low[first].tolist(), [g for g, f in zip(made.groups, first, strict=True) if f]
            ),
            "wrong_origin": by_groups((low & ~first).tolist(), made.groups),
        }
        assert tuple(found.presets[name]) == MEASURES
        for measure, value in expected.items():
            share, start, end = found.presets[name][measure]
            assert share == pytest.approx(value, nan_ok=True)
            assert math.isnan(share) or 0 <= start <= end <= 1


@QUICK
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(0, 20))
def test_a_laxer_preset_lets_more_pass(seed: int, queries: int, strangers: int) -> None:
    found = summarise_trust(trials(seed, queries, strangers), PROTOCOL)
    for measure in MEASURES:
        shares = [found.presets[name][measure][0] for name in ("strict", "balanced", "wide")]
        assert shares == sorted(shares) or any(map(math.isnan, shares))


def reordered(matches: BestMatches, order: np.ndarray) -> BestMatches:
    return BestMatches(matches.rates[order], matches.scores[order], matches.right[order])


@QUICK
@given(st.integers(0, 10**6), st.integers(1, 30))
def test_the_order_of_queries_does_not_matter(seed: int, queries: int) -> None:
    made = trials(seed, queries, 7)
    order = np.random.default_rng(seed + 1).permutation(queries)
    other = Trials(
        reordered(made.present, order),
        reordered(made.absent, order),
        reordered(made.among_photos, order),
        made.strangers,
        tuple(made.groups[row] for row in order),
    )
    one, two = summarise_trust(made, PROTOCOL), summarise_trust(other, PROTOCOL)
    for name in PRESETS:
        for measure in MEASURES:
            expected = pytest.approx(one.presets[name][measure][0], nan_ok=True)
            assert two.presets[name][measure][0] == expected
    assert two.micro_ap == pytest.approx(one.micro_ap)
    assert two.micro_ap_by_score == pytest.approx(one.micro_ap_by_score)


@QUICK
@given(st.integers(0, 10**6), st.integers(2, 20), st.integers(1, 19))
def test_folds_joined_are_the_whole(seed: int, queries: int, cut: int) -> None:
    made, at = trials(seed, queries, 6), min(cut, queries - 1)

    def part(rows: slice) -> Trials:
        some = np.arange(queries)[rows]
        return Trials(
            reordered(made.present, some),
            reordered(made.absent, some),
            reordered(made.among_photos, some),
            reordered(made.strangers, np.arange(6)[rows.start is not None :: 2]),
            made.groups[rows],
        )

    joined = join_trials([part(slice(None, at)), part(slice(at, None))])
    assert joined.groups == made.groups
    np.testing.assert_array_equal(joined.absent.rates, made.absent.rates)
    assert sorted(joined.strangers.rates) == sorted(made.strangers.rates)
    both = join_matches([made.present, made.absent])
    assert len(both.rates) == len(both.scores) == len(both.right) == 2 * queries


@QUICK
@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.integers(0, 10**6))
def test_observed_frequencies_count_from_below(rates: list[float], seed: int) -> None:
    values = np.array(rates)
    weights = np.random.default_rng(seed).uniform(0.1, 1, len(rates))
    weights /= weights.sum()
    stated, observed = observed_frequencies(values, weights)
    order = sorted(range(len(rates)), key=lambda row: rates[row])
    for place, row in enumerate(order):
        below = sum(weights[other] for other in order[:place])
        assert stated[place] == rates[row]
        assert observed[place] == pytest.approx(below + weights[row] / 2)


@QUICK
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 8))
def test_bins_never_make_the_error_larger_than_without_them(rates: list[float], bins: int) -> None:
    values, weights = np.array(rates), np.full(len(rates), 1 / len(rates))
    stated, observed = observed_frequencies(values, weights)
    alone = float(np.abs(stated - observed).mean())
    assert expected_calibration_error(values, weights, bins) <= alone + 1e-12
    assert expected_calibration_error(values[::-1], weights, bins) == pytest.approx(
        expected_calibration_error(values, weights, bins)
    )


@QUICK
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(0, 30))
def test_each_group_and_each_stranger_weighs_one(seed: int, queries: int, strangers: int) -> None:
    made = trials(seed, queries, strangers)
    _, weights = rates_of_strangers(made)
    each = 1 / (len(set(made.groups)) + strangers)
    of_group: dict[str, float] = defaultdict(float)
    for group, weight in zip(made.groups, weights, strict=False):
        of_group[group] += weight
    assert list(of_group.values()) == pytest.approx([each] * len(of_group))
    assert weights[queries:] == pytest.approx([each] * strangers)


@pytest.mark.parametrize("count", [1, 2, 5, 30, 400])
def test_the_open_end_is_that_of_clopper_and_pearson(count: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    groups = [f"{number}" for number in range(count)]
    _, _, high = share_with_interval(np.zeros(count), groups, PROTOCOL)
    assert high == pytest.approx(stats.beta.ppf(0.975, 1, count))
    _, low, _ = share_with_interval(np.ones(count), groups, PROTOCOL)
    assert low == pytest.approx(stats.beta.ppf(0.025, count, 1))


def test_without_photos_and_strangers_json_has_null_and_not_nan() -> None:
    found = summarise_trust(trials(4, 9, 0, photos=False), PROTOCOL).to_json()
    text = json.dumps(found, allow_nan=False)
    read = json.loads(text)
    assert read["queries"] == {"with_origin": 9, "without_origin": 9, "strangers": 0}
    for preset in read["presets"].values():
        for measure in ("false_origin_among_photos", "false_origin_of_strangers"):
            assert preset[measure] is None
            assert preset["ci95"][measure] == [None, None]
        assert 0 <= preset["true_origin"] <= 100
        assert preset["ci95"]["true_origin"][0] <= preset["true_origin"]
    assert [preset["stated"] for preset in read["presets"].values()] == [0.01, 0.1, 1.0]


def test_a_missing_matplotlib_is_an_error_of_three_parts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ExtraError) as caught:
        reliability.draw_reliability(trials(5, 4, 2), tmp_path / "d.png")
    given_, expected, todo = str(caught.value).splitlines()
    assert given_ == "a reliability diagram needs packages that are not installed"
    assert "[experiments]" in expected
    assert todo == "pip install 'originid[experiments]'"
    assert not list(tmp_path.iterdir())


@QUICK
@given(st.integers(0, 10**6), st.integers(2, 30))
def test_the_band_of_the_diagram_rises_and_stays_a_share(seed: int, queries: int) -> None:
    steps = np.array([1e-5, 1e-3, 0.1, 1.0])
    low, high = reliability.interval_of_frequencies(trials(seed, queries, 5), steps)
    assert ((low >= 0) & (low <= high) & (high <= 1)).all()
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) >= 0).all()
    assert (low[-1], high[-1]) == (1, 1)  # every rate is at most 1


def test_without_origins_leaves_out_the_whole_group() -> None:
    truth = Truth((np.array([3, 1]), np.zeros(0, np.int64)), (np.array([7]), np.array([2, 4])))
    left = without_origins(truth)
    assert [rows.tolist() for rows in left.correct] == [[], []]
    assert [sorted(rows.tolist()) for rows in left.ignored] == [[1, 3, 7], [2, 4]]


# The report, from vectors to the sheet of failures.


def ranked(seed: int, queries: int = 14) -> tuple[Ranking, list[Pair], list[Path], np.ndarray]:
    """A ranking of drawn vectors; query n has the origin n of 40 references."""
    rng = np.random.default_rng(seed)
    references = unit_length(rng.standard_normal((40, 6)).astype(np.float32))
    asked = unit_length(references[:queries] + rng.standard_normal((queries, 6)).astype("f4"))
    truth = Truth(tuple(np.array([n]) for n in range(queries)), (np.zeros(0, np.int64),) * queries)
    paths = [Path(f"r{n}.png") for n in range(40)]
    pairs = [
        Pair(paths[n], Path(f"q{n}.png"), f"g{n % 4}", {"kind": "ab"[n % 2]})
        for n in range(queries)
    ]
    return rank(asked, references, truth), pairs, paths, asked @ references.T


@QUICK
@given(st.integers(0, 10**6))
def test_averages_are_those_of_sorted_scores(seed: int) -> None:
    ranking, pairs, paths, scores = ranked(seed)
    report = summarise(ranking, pairs, paths, PROTOCOL)
    ranks = [int((row >= row[n]).sum()) for n, row in enumerate(scores)]
    groups = [pair.group for pair in pairs]
    values = report.averages.values
    assert values["acc"] == pytest.approx(by_groups([each == 1 for each in ranks], groups))
    assert values["recall_5"] == pytest.approx(by_groups([each <= 5 for each in ranks], groups))
    assert values["recall_10"] == pytest.approx(by_groups([each <= 10 for each in ranks], groups))
    assert values["acc"] <= values["mAP"] <= 1
    assert values["acc"] <= values["recall_5"] <= values["recall_10"]
    parts = report.by["kind"]
    assert sum(part.queries for part in parts.values()) == len(pairs)
    assert report.leaks == 0


@QUICK
@given(st.integers(0, 10**6), st.integers(0, 5))
def test_the_worst_misses_are_those_of_sorting(seed: int, limit: int) -> None:
    ranking, pairs, paths, scores = ranked(seed)
    rows = []
    for n, row in enumerate(scores):
        stranger = max((other for other in range(40) if other != n), key=lambda each: row[each])
        if row[stranger] >= row[n]:
            rows.append((-int((row >= row[n]).sum()), row[n] - row[stranger], n, stranger))
    expected, seen = [], set()
    for _, _, n, stranger in sorted(rows):
        if pairs[n].group not in seen:
            seen.add(pairs[n].group)
            expected.append((pairs[n].query, paths[n], paths[stranger]))
    found = worst_misses(ranking, pairs, paths, limit)
    assert [(miss.query, miss.origin, miss.stranger) for miss in found] == expected[:limit]
    assert all(miss.rank > 1 and miss.stranger_score >= miss.origin_score for miss in found)


def test_a_column_that_is_missing_is_refused_in_three_parts() -> None:
    ranking, pairs, paths, _ = ranked(1)
    with pytest.raises(InputError) as caught:
        summarise(ranking, pairs, paths, Protocol(by=("camera",), bootstrap=5))
    assert caught.value.given == "the manifest has no column 'camera'"
    assert caught.value.expected == "expected one of its columns: kind"
    assert "choose one of these columns" in caught.value.todo
