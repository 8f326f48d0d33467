import json
import math
import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.datasets.pairs import read_pairs
from originid.errors import InputError
from originid.evaluation import protocol as protocol_module
from originid.evaluation.folds import assign_folds, column
from originid.evaluation.protocol import (
    Protocol,
    Ranking,
    Truth,
    find_truth,
    join_folds,
    list_references,
    rank,
    rank_scores,
    rank_streaming,
)
from originid.evaluation.report import summarise, worst_misses
from originid.types import Failure, Pair


def make_pair(origin: str, query: str, group: str = "", **fields: str) -> Pair:
    return Pair(Path("/d") / origin, Path("/d") / query, group or origin, fields)


def unit(vectors: object) -> np.ndarray:
    array = np.asarray(vectors, np.float32)
    return np.asarray(array / np.linalg.norm(array, axis=-1, keepdims=True))


def random_case(
    seed: int, queries: int = 12, references: int = 30
) -> tuple[np.ndarray, np.ndarray, Truth]:
    rng = np.random.default_rng(seed)
    correct, ignored = [], []
    for _ in range(queries):
        rows = rng.permutation(references)[: rng.integers(1, 6)]
        correct.append(np.sort(rows[:2]))
        ignored.append(np.sort(rows[2:]))
    vectors = unit(rng.standard_normal((queries + references, 4)).round(1) + 1e-3)
    return vectors[:queries], vectors[queries:], Truth(tuple(correct), tuple(ignored))


# Settings


@pytest.mark.parametrize("name", ["folds", "population", "bootstrap", "seed"])
def test_settings_out_of_range(name: str) -> None:
    settings: dict[str, Any] = {name: -1}
    with pytest.raises(InputError, match=f"{name} = -1\nexpected at least"):
        Protocol(**settings)


# Folds


def test_without_sources_groups_and_files_are_kept_apart() -> None:
    pairs = [make_pair(f"o{i % 5}", f"q{i}", f"g{i % 5}") for i in range(10)]
    for pair in pairs:
        assert "source" not in pair.fields
    folds = assign_folds(pairs)
    assert set(folds.tolist()) == {0, 1, 2, 3}
    assert folds[:5].tolist() == folds[5:].tolist()
    with pytest.raises(InputError, match="no column 'kind'"):
        assign_folds(pairs, "kind")


def test_a_source_is_in_one_fold_and_folds_are_balanced_by_groups() -> None:
    sizes = {"a": 6, "b": 5, "c": 4, "d": 3, "e": 2}
    pairs = [
        make_pair(f"{source}{i}", f"{source}{i}-e", source=source)
        for source, size in sizes.items()
        for i in range(size)
    ]
    folds = assign_folds(pairs, "source", 2)
    of_source = {pair.fields["source"]: int(fold) for pair, fold in zip(pairs, folds, strict=True)}
    assert of_source == {"a": 0, "b": 1, "c": 1, "d": 0, "e": 0}
    for pair, fold in zip(pairs, folds, strict=True):
        assert fold == of_source[pair.fields["source"]]


@pytest.mark.parametrize(
    "shared",
    [
        [make_pair("o1", "q1", "g", source="a"), make_pair("o2", "q2", "g", source="b")],
        [make_pair("o", "q1", "g1", source="a"), make_pair("o", "q2", "g2", source="b")],
        [make_pair("o1", "q", "g1", source="a"), make_pair("q", "q2", "g2", source="b")],
    ],
    ids=["a group", "an origin", "a query that is an origin"],
)
def test_sources_that_share_something_stay_together(shared: list[Pair]) -> None:
    others = [make_pair(f"x{i}", f"y{i}", source=f"s{i}") for i in range(3)]
    folds = assign_folds([*shared, *others], "source", 3)
    assert folds[0] == folds[1]
    assert set(folds) == {0, 1, 2}


links = st.tuples(st.integers(0, 4), st.integers(0, 12))


@given(st.lists(links, min_size=1, max_size=40), st.integers(2, 4))
def test_no_source_and_no_group_is_in_two_folds(rows: list[tuple[int, int]], folds: int) -> None:
    pairs = [
        make_pair(f"o{group}-{i}", f"q{i}", str(group), source=str(source))
        for i, (source, group) in enumerate(rows)
    ]
    try:
        assigned = assign_folds(pairs, "source", folds)
    except InputError:  # fewer clusters than folds
        return
    for key in ("source", "group"):
        values = [pair.fields["source"] if key == "source" else pair.group for pair in pairs]
        assert len(set(zip(values, assigned.tolist(), strict=True))) == len(set(values))
    assert set(assigned) == set(range(folds))
    assert (assigned == assign_folds(pairs, "source", folds)).all()


def test_too_few_sources() -> None:
    pairs = [make_pair("a", "b", source="x"), make_pair("c", "d", source="y")]
    with pytest.raises(InputError, match="2 clusters of pairs that share no source, group or file"):
        assign_folds(pairs, "source", 3)


def test_an_unknown_column_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="one of its columns: kind, source"):
        column([make_pair("a", "b", kind="x", source="y")], "generator")


# References and truth


def test_each_reference_is_listed_once_origins_first(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    (folder / "photo.jpg").touch()
    os.symlink("photo.jpg", folder / "link.jpg")
    pair = Pair(folder / "origin.jpg", folder / "query.jpg", "g")
    photos = [folder / name for name in ("photo.jpg", "link.jpg", "origin.jpg", "x/../photo.jpg")]
    assert list_references([pair, pair], photos) == [folder / "origin.jpg", folder / "photo.jpg"]


def truth_of(pairs: list[Pair], photos: str) -> list[tuple[str, str]]:
    """Names of the correct and of the ignored references of each query."""
    references = list_references(pairs, [Path("/d") / name for name in photos])
    truth = find_truth(pairs, references)
    return [
        ("".join(references[r].name for r in right), "".join(references[r].name for r in ignored))
        for right, ignored in zip(truth.correct, truth.ignored, strict=True)
    ]


def test_every_origin_of_the_group_is_correct() -> None:
    pairs = [make_pair("a", "p", "1"), make_pair("b", "q", "1"), make_pair("c", "r", "2")]
    assert truth_of(pairs, "xy") == [("ab", ""), ("ab", ""), ("c", "")]


def test_queries_among_the_photos_are_ignored_for_their_group_only() -> None:
    pairs = [make_pair("a", "p", "1"), make_pair("a", "q", "1"), make_pair("c", "r", "2")]
    assert truth_of(pairs, "pqr") == [("a", "pq"), ("a", "pq"), ("c", "r")]


def test_a_query_that_is_an_origin_does_not_count_for_itself() -> None:
    chain = [make_pair("a", "b", "1"), make_pair("b", "c", "1")]
    assert truth_of(chain, "") == [("a", "b"), ("ab", "")]
    assert truth_of([make_pair("a", "b", "1"), make_pair("b", "c", "2")], "") == [
        ("a", "b"),
        ("b", ""),
    ]


def test_a_query_that_is_its_own_origin_finds_nothing() -> None:
    assert truth_of([make_pair("a", "a")], "x") == [("", "a")]


# Ranking


def slow_rank(query: np.ndarray, references: np.ndarray, right: set[int], out: set[int]) -> int:
    scores = [float(query @ reference) for reference in references]
    best = max(scores[row] for row in right)
    wrong = set(range(len(references))) - right - out
    return 1 + sum(scores[row] >= best - 1e-6 for row in wrong)


@given(st.integers(0, 10_000), st.sampled_from([1, 70, 2**24]))
def test_ranks_against_a_slow_reference_whatever_the_block(seed: int, block: int) -> None:
    queries, references, truth = random_case(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol_module, "BLOCK", block)
        ranking = rank(queries, references, truth)
    for i, query in enumerate(queries):
        right, out = set(truth.correct[i].tolist()), set(truth.ignored[i].tolist())
        assert ranking.ranks[i] == slow_rank(query, references, right, out)
        assert ranking.origins[i] in right
        assert ranking.strangers[i] not in right | out
        own = query @ references[ranking.origins[i]]
        assert ranking.origin_scores[i] == pytest.approx(own, abs=1e-6)
        other = query @ references[ranking.strangers[i]]
        assert ranking.stranger_scores[i] == pytest.approx(other, abs=1e-6)
    assert np.isnan(ranking.p).all()  # 30 references have no tail


def test_projection_within_blocks_is_that_of_each_query_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queries, references, truth = random_case(1, queries=7, references=900)
    whole = rank(queries, references, truth)
    monkeypatch.setattr(protocol_module, "BLOCK", 2000)
    np.testing.assert_allclose(rank(queries, references, truth).p, whole.p, rtol=1e-3)
    assert ((whole.p > 0) & (whole.p <= 1)).all()


def test_p_of_an_origin_in_the_body_is_its_share_of_better_strangers() -> None:
    angles = np.linspace(0, np.pi / 2, 1001)
    references = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    truth = Truth((np.array([500]),), (np.array([0, 1]),))
    ranking = rank(unit([[1, 0]]), references, truth)
    assert ranking.ranks.tolist() == [499]
    assert ranking.p.tolist() == [498 / 998]


def test_an_equal_copy_of_the_origin_among_the_strangers_wins() -> None:
    references = unit(np.random.default_rng(0).standard_normal((50, 33)))
    references[37] = references[4]
    query = unit(references[4:5] + 0.01)
    assert rank(query, references, Truth((np.array([4]),), (np.array([], int),))).ranks == [2]


def test_no_wrong_reference_and_no_correct_reference() -> None:
    queries, references = unit([[1, 0], [1, 0]]), unit([[1, 1], [1, 2]])
    nothing, both = np.array([], np.int64), np.array([0, 1])
    ranking = rank(queries, references, Truth((both, nothing), (nothing, nothing)))
    assert ranking.ranks.tolist() == [1, 3]
    assert ranking.origins.tolist() == [0, -1]
    assert ranking.strangers.tolist() == [-1, 0]


def test_float16_and_read_only_vectors() -> None:
    queries, references, truth = random_case(2)
    references.flags.writeable = False
    half = rank(queries.astype(np.float16), references.astype(np.float16), truth)
    whole = rank(queries, references, truth)
    np.testing.assert_allclose(half.origin_scores, whole.origin_scores, atol=2e-3)


def test_vectors_that_do_not_fit_or_are_not_finite() -> None:
    queries, references, truth = random_case(3)
    with pytest.raises(ValueError, match=r"\(30, 4\).*3 dims"):
        rank(queries[:, :3], references, truth)
    with pytest.raises(ValueError, match=r"queries \(11, 4\)"):
        rank(queries[:11], references, truth)
    for bad in (math.nan, math.inf):
        broken = references.copy()
        broken[5, 1] = bad
        with pytest.raises(ValueError, match="not finite"), np.errstate(invalid="ignore"):
            rank(queries, broken, truth)


def alike(found: Ranking, expected: Ranking) -> None:
    for field in fields(Ranking):
        a, b = getattr(found, field.name), getattr(expected, field.name)
        if a.dtype.kind == "i":
            assert a.tolist() == b.tolist(), field.name
        else:
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6, err_msg=field.name)


def exact_case(seed: int, queries: int, references: int) -> tuple[np.ndarray, np.ndarray, Truth]:
    """Vectors whose products have no rounding, with many ties, so that ranks must be the same."""
    rng = np.random.default_rng(seed)
    *_, truth = random_case(seed, queries, references)
    vectors = rng.integers(-2, 3, (queries + references, 5)).astype(np.float32) / 8
    return vectors[:queries], vectors[queries:], truth


@given(st.integers(0, 10_000), st.lists(st.integers(0, 60), max_size=6), st.sampled_from([1, 900]))
@settings(deadline=None)
def test_blocks_of_references_are_ranked_as_one_array(
    seed: int, cuts: list[int], block: int
) -> None:
    queries, references, truth = exact_case(seed, 7, 60)
    whole = rank(queries, references, truth)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol_module, "BLOCK", block)
        alike(rank_streaming(queries, np.split(references, sorted(cuts)), truth), whole)


@given(st.integers(0, 10_000), st.integers(10, 700))
@settings(max_examples=30, deadline=None)
def test_the_tail_of_blocks_is_that_of_one_array(seed: int, rows: int) -> None:
    queries, references, truth = exact_case(seed, 4, 700)
    blocks = [references[start : start + rows] for start in range(0, 700, rows)]
    whole = rank(queries, references, truth)
    assert np.isfinite(whole.p).all()
    alike(rank_streaming(queries, blocks, truth), whole)


@given(st.integers(0, 10_000), st.lists(st.integers(0, 7), max_size=4))
@settings(max_examples=30, deadline=None)
def test_scores_are_ranked_as_the_vectors_that_gave_them(seed: int, cuts: list[int]) -> None:
    queries, references, truth = exact_case(seed, 7, 500)
    scores = queries @ references.T
    scores.flags.writeable = False
    alike(rank_scores(np.split(scores, sorted(cuts)), truth), rank(queries, references, truth))


def test_scores_may_be_no_cosines() -> None:
    scores = np.array([[-50.0, 1e6, 3.0, 3.0]])
    ranking = rank_scores([scores], Truth((np.array([2]),), (np.array([], int),)))
    assert ranking.ranks.tolist() == [3]
    assert ranking.strangers.tolist() == [1]


def test_references_from_a_file_are_not_all_in_memory(tmp_path: Path) -> None:
    queries, references, truth = random_case(5, queries=6, references=400)
    references.astype(np.float32).tofile(tmp_path / "references")
    mapped = np.memmap(tmp_path / "references", np.float32, "r", shape=references.shape)
    blocks = [mapped[start : start + 100] for start in range(0, 400, 100)]
    alike(rank_streaming(queries, blocks, truth), rank(queries, references, truth))


def test_blocks_that_cannot_be_gone_through_twice_are_refused() -> None:
    queries, references, truth = random_case(6)
    with pytest.raises(ValueError, match="30 references, and 0"):
        rank_streaming(queries, iter([references]), truth)
    with pytest.raises(ValueError, match="of 10 references"):
        rank(queries, references[:10], Truth((np.array([20]),) * 12, truth.ignored))


def test_scores_of_too_few_or_too_many_queries_are_refused() -> None:
    queries, references, truth = random_case(7)
    scores = queries @ references.T
    for blocks in ([], [scores[:11]], [scores, scores]):
        with pytest.raises(ValueError, match="12 queries"):
            rank_scores(blocks, truth)
    with pytest.raises(ValueError, match="not finite"):
        rank_scores([np.where(scores == scores[3, 4], np.nan, scores)], truth)


def test_folds_come_back_in_the_order_of_the_pairs() -> None:
    queries, references, truth = random_case(4)
    folds = np.array([2, 0, 1, 0, 2, 1, 1, 0, 2, 2, 0, 1])
    parts = []
    for fold in range(3):
        rows = np.flatnonzero(folds == fold)
        parts.append(rank(queries[rows], references, truth.take(rows)))
    joined, whole = join_folds(parts, folds), rank(queries, references, truth)
    for field in fields(Ranking):
        np.testing.assert_allclose(
            getattr(joined, field.name), getattr(whole, field.name), atol=1e-6
        )


# Reports


def ranking_of(ranks: list[int], p: list[float]) -> Ranking:
    rows = np.arange(len(ranks))
    scores = (0.9 - 0.1 * rows).astype(np.float32)
    return Ranking(np.array(ranks), rows, scores, rows + 10, scores + np.float32(0.05), np.array(p))


PAIRS = [
    make_pair("a", "q1", "1", kind="sdedit", model="x"),
    make_pair("a", "q2", "1", kind="sdedit", model="y"),
    make_pair("b", "q3", "2", kind="sdedit", model="x"),
    make_pair("b", "q4", "2", kind="inpaint", model="x"),
]
REFERENCES = [Path("/d") / name for name in ("a", "b", "q4", *map(str, range(20)))]


def test_report_by_hand() -> None:
    ranking = ranking_of([1, 2, 1, 20], [0, 1e-6, 1e-6, 0.5])
    skipped = [Failure("/d/broken.jpg", "is empty")]
    report = summarise(ranking, PAIRS, REFERENCES, Protocol(), skipped).to_json()
    e, f = math.exp(-1), 1 - math.exp(-1)  # projected Acc and mAP for N p = 1
    expected = {
        "queries": 4,
        "groups": 2,
        "references": 23,
        "leaks": 1,
        "mAP": 100 * (0.75 + (1 + 1 / 20) / 2) / 2,
        "acc": 50.0,
        "recall": {"5": 75.0, "10": 75.0},
        "projected": {
            "N": 1_000_000,
            "mAP": 100 * ((1 + f) / 2 + (f + 2e-6) / 2) / 2,
            "acc": 100 * ((1 + e) / 2 + e / 2) / 2,
        },
        "skipped": [{"path": "/d/broken.jpg", "reason": "is empty"}],
    }
    flat = {key: value for key, value in report.items() if key not in ("by", "ci95")}
    assert flat.pop("projected") == pytest.approx(expected.pop("projected"), abs=1e-3)
    assert flat.pop("mAP") == pytest.approx(expected.pop("mAP"), abs=1e-3)
    assert flat == expected
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_breakdown_averages_over_the_groups_within_a_value() -> None:
    report = summarise(
        ranking_of([1, 2, 1, 20], [0, 0, 0, 0]), PAIRS, REFERENCES, Protocol(by=("model",))
    ).to_json()
    assert list(report["by"]) == ["kind", "model"]
    sdedit = report["by"]["kind"]["sdedit"]
    assert (sdedit["queries"], sdedit["groups"], sdedit["acc"]) == (3, 2, 75.0)
    assert report["by"]["kind"]["inpaint"]["mAP"] == 5.0
    assert list(report["by"]["model"]) == ["x", "y"]
    assert set(sdedit["projected"]) == {"N", "mAP", "acc"}


def test_intervals_hold_the_averages() -> None:
    report = summarise(ranking_of([1, 2, 1, 20], [0] * 4), PAIRS, REFERENCES, Protocol()).to_json()
    for name, value in (("mAP", report["mAP"]), ("acc", report["acc"])):
        low, high = report["ci95"][name]
        assert low <= value <= high
    assert set(report["ci95"]) == {"mAP", "acc", "projected_acc"}


def test_a_projection_from_too_few_references_is_null() -> None:
    report = summarise(ranking_of([1] * 4, [math.nan] * 4), PAIRS, REFERENCES, Protocol())
    as_json = report.to_json()
    assert as_json["projected"] == {"N": 1_000_000, "mAP": None, "acc": None}
    assert as_json["ci95"]["projected_acc"] == [None, None]
    json.dumps(as_json, allow_nan=False)


def test_kind_is_not_asked_of_a_manifest_without_it_but_other_columns_are() -> None:
    pairs = [make_pair("a", "b", source="s")]
    assert summarise(ranking_of([1], [0]), pairs, REFERENCES, Protocol()).to_json()["by"] == {}
    with pytest.raises(InputError, match="no column 'nothing'"):
        summarise(ranking_of([1], [0]), pairs, REFERENCES, Protocol(by=("nothing",)))


def test_worst_misses_one_of_each_group_worst_first() -> None:
    ranking = ranking_of([3, 9, 1, 9], [0] * 4)
    first, second = worst_misses(ranking, PAIRS, REFERENCES)
    assert (first.query.name, first.rank, first.origin.name) == ("q2", 9, "b")
    assert (second.query.name, second.rank) == ("q4", 9)
    assert first.stranger == REFERENCES[11]
    assert first.stranger_score - first.origin_score == pytest.approx(0.05)
    assert worst_misses(ranking, PAIRS, REFERENCES, limit=1) == [first]
    assert worst_misses(ranking_of([1] * 4, [0] * 4), PAIRS, REFERENCES) == []


def test_a_query_without_a_correct_reference_is_no_row_of_the_worst() -> None:
    ranking = replace(ranking_of([5], [0]), origins=np.array([-1]))
    assert worst_misses(ranking, PAIRS[:1], REFERENCES) == []


# The whole way, on vectors whose difficulty is known


def synthetic(noise: float) -> float:
    """Acc of queries that are their origin plus noise, among strangers."""
    rng = np.random.default_rng(5)
    references = unit(rng.standard_normal((1000, 32)))
    queries = unit(references[:100] + noise * unit(rng.standard_normal((100, 32))))
    pairs = [make_pair(f"o{i}", f"q{i}") for i in range(100)]
    paths = list_references(pairs, [Path(f"/d/p{i}") for i in range(900)])
    ranking = rank(queries, references, find_truth(pairs, paths))
    acc = summarise(ranking, pairs, paths, Protocol(bootstrap=10)).averages.values
    assert acc["projected_acc"] <= acc["acc"] + 0.01
    return acc["acc"]


def test_accuracy_falls_with_noise_from_all_to_hardly_any() -> None:
    accuracies = [synthetic(noise) for noise in (0.1, 1.5, 100.0)]
    assert accuracies[0] == 1.0
    assert accuracies[0] > accuracies[1] > accuracies[2]
    assert accuracies[2] < 0.05


def test_folds_of_the_real_manifest() -> None:
    path = Path(__file__).parents[2] / "../shared/data/pairs/manifest.csv"
    if not path.exists():
        pytest.skip("needs the manifest at ../shared/data/pairs")
    pairs = read_pairs(path)
    folds = assign_folds(pairs)
    keys: list[Callable[[Pair], str]] = [lambda pair: pair.fields["source"], lambda p: p.group]
    for key in keys:
        values = [key(pair) for pair in pairs]
        assert len(set(zip(values, folds.tolist(), strict=True))) == len(set(values))
    groups = [len({pairs[row].group for row in np.flatnonzero(folds == f)}) for f in range(4)]
    assert max(groups) < 1.5 * min(groups)
