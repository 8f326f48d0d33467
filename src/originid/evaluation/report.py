"""The results of an evaluation: averages, intervals, breakdowns, and the worst failures."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from originid.evaluation.folds import column
from originid.evaluation.metrics import hits, macro_average, reciprocal_ranks, share_interval
from originid.evaluation.projection import projected_acc, projected_map
from originid.evaluation.protocol import Protocol, Ranking
from originid.types import Failure, Floats64, Json, Pair

MEASURES = ("mAP", "acc", "recall_5", "recall_10", "projected_mAP", "projected_acc")


@dataclass(frozen=True)
class Averages:
    """The averages over some queries: first over the queries of a group, then over the groups.

    Args:
        queries: the number of queries.
        groups: the number of groups.
        population: the number of references that the projected measures are for.
        values: each of `MEASURES` in [0, 1], or NaN if it is unknown.
        ci95: the two ends, in [0, 1], of the 95 % interval of some measures.
    """

    queries: int
    groups: int
    population: int
    values: Mapping[str, float]
    ci95: Mapping[str, tuple[float, float]]

    def to_json(self) -> Json:
        """Return the averages in percent, as ``evaluate --json`` prints them; null if unknown."""
        percent = {name: _percent(value) for name, value in self.values.items()}
        return {
            "queries": self.queries,
            "groups": self.groups,
            "mAP": percent["mAP"],
            "acc": percent["acc"],
            "recall": {"5": percent["recall_5"], "10": percent["recall_10"]},
            "projected": {
                "N": self.population,
                "mAP": percent["projected_mAP"],
                "acc": percent["projected_acc"],
            },
            "ci95": {name: [_percent(end) for end in ends] for name, ends in self.ci95.items()},
        }


@dataclass(frozen=True)
class Report:
    """The results of an evaluation.

    Args:
        averages: the averages over all queries.
        references: the number of references.
        leaks: the number of references that are queries as well; they are ignored for their group.
        by: for each manifest column and each of its values the averages over the queries with that
            value; the most frequent value comes first.
        skipped: the files that could not be used.
    """

    averages: Averages
    references: int
    leaks: int
    by: Mapping[str, Mapping[str, Averages]]
    skipped: tuple[Failure, ...]

    def to_json(self) -> Json:
        """Return the results in percent, as ``evaluate --json`` prints them; null if unknown."""
        return {
            **self.averages.to_json(),
            "references": self.references,
            "leaks": self.leaks,
            "by": {
                name: {value: averages.to_json() for value, averages in values.items()}
                for name, values in self.by.items()
            },
            "skipped": [asdict(failure) for failure in self.skipped],
        }


@dataclass(frozen=True)
class Miss:
    """A query whose origin is not on rank 1.

    Args:
        query: the path of the query.
        origin: the path of its best origin.
        stranger: the path of the wrong reference that scored best.
        rank: the rank of the origin, at least 2.
        origin_score: the score of the origin.
        stranger_score: the score of the stranger.
    """

    query: Path
    origin: Path
    stranger: Path
    rank: int
    origin_score: float
    stranger_score: float


def summarise(
    ranking: Ranking,
    pairs: Sequence[Pair],
    references: Sequence[Path],
    protocol: Protocol,
    skipped: Iterable[Failure] = (),
) -> Report:
    """Average what each query found, first over the queries of a group, then over the groups.

    Args:
        ranking: what the query of each pair found, in the order of the pairs.
        pairs: the pairs that were judged, at least one.
        references: the files of all references that were ranked.
        protocol: the settings, which say the population to project to, the resampling, and the
            columns to break the results down by.
        skipped: the files that could not be used.

    Raises:
        InputError: if the manifest lacks a column to break the results down by.
    """
    values = _measures(ranking, protocol.population)
    groups = np.array([pair.group for pair in pairs])
    columns = dict.fromkeys(("kind", *protocol.by) if "kind" in pairs[0].fields else protocol.by)
    return Report(
        _average(values, groups, protocol),
        len(references),
        len({pair.query for pair in pairs} & set(references)),
        {name: _breakdown(values, groups, column(pairs, name), protocol) for name in columns},
        tuple(skipped),
    )


def worst_misses(
    ranking: Ranking, pairs: Sequence[Pair], references: Sequence[Path], limit: int = 24
) -> list[Miss]:
    """Return the queries that missed their origin by most, at most one of each group.

    The query with the worst rank comes first. Among equal ranks, the one whose origin scores
    farthest below the best stranger comes first. Queries without a correct reference are left out.

    Args:
        ranking: what the query of each pair found, in the order of the pairs.
        pairs: the pairs that were judged.
        references: the files of all references, in the order of their rows.
        limit: the largest number of queries to return.
    """
    behind = ranking.stranger_scores - ranking.origin_scores
    missed = np.flatnonzero((ranking.ranks > 1) & (ranking.origins >= 0))
    order = missed[np.lexsort((-behind[missed], -ranking.ranks[missed]))]
    worst: dict[str, int] = {}
    for row in order.tolist():
        worst.setdefault(pairs[row].group, row)  # many edits of one origin fail for one reason
    return [_miss(ranking, pairs, references, row) for row in list(worst.values())[:limit]]


def _miss(ranking: Ranking, pairs: Sequence[Pair], references: Sequence[Path], row: int) -> Miss:
    return Miss(
        pairs[row].query,
        references[ranking.origins[row]],
        references[ranking.strangers[row]],
        int(ranking.ranks[row]),
        float(ranking.origin_scores[row]),
        float(ranking.stranger_scores[row]),
    )


def _measures(ranking: Ranking, population: int) -> dict[str, Floats64]:
    """Return each of `MEASURES` for each query, (q,)."""
    ranks, p = ranking.ranks, ranking.p
    values = (
        reciprocal_ranks(ranks),
        hits(ranks, 1),
        hits(ranks, 5),
        hits(ranks, 10),
        projected_map(p, population),
        projected_acc(p, population),
    )
    return dict(zip(MEASURES, values, strict=True))


def _average(values: Mapping[str, Floats64], groups: np.ndarray, protocol: Protocol) -> Averages:
    averages = {name: macro_average(each, groups) for name, each in values.items()}
    ci95 = {
        name: share_interval(values[name], groups, protocol.bootstrap, protocol.seed)
        for name in ("mAP", "acc", "projected_acc")
    }
    return Averages(len(groups), len(np.unique(groups)), protocol.population, averages, ci95)


def _breakdown(
    values: Mapping[str, Floats64], groups: np.ndarray, cells: Sequence[str], protocol: Protocol
) -> dict[str, Averages]:
    of_row = np.array(cells)
    return {
        cell: _average(
            {name: each[of_row == cell] for name, each in values.items()},
            groups[of_row == cell],
            protocol,
        )
        for cell, _ in Counter(cells).most_common()
    }


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else round(100 * share, 4)
