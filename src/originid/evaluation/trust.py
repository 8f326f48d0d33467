"""How well the stated false-match rate keeps its promise, and how many true origins it lets pass.

Each query is asked three times: among all references, where its origin is; with all references of
its group left out, where it has none; and among the photos alone, with the origins of all groups
left out. The last two differ where origins of different groups are related, such as two pictures
of one maker. Other images without an origin may be asked besides. All functions are pure: they turn
best matches into figures.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from originid.evaluation.best_matches import BestMatches, join_matches
from originid.evaluation.metrics import macro_average, micro_average_precision, share_interval
from originid.evaluation.protocol import Protocol
from originid.types import Floats64, Json
from originid.verdict.presets import PRESETS

BINS = 15  # of the expected calibration error
MEASURES = (
    "false_origin",
    "false_origin_among_photos",
    "false_origin_of_strangers",
    "true_origin",
    "true_of_first",
    "wrong_origin",
)
Estimate = tuple[float, float, float]
"""A share in [0, 1] and the ends of its 95 % interval; three NaN if there are no queries."""


@dataclass(frozen=True)
class Trials:
    """What queries found with and without their origins.

    Args:
        present: the best match of each of q queries among all references.
        absent: the best match of the same queries with the references of their group left out.
        among_photos: the best match of the same queries among the photos alone, a collection of its
            own; of no queries if there are no photos.
        strangers: the best match of s other queries among all references; they have no origin.
        groups: the origin group of each of the q queries.
    """

    present: BestMatches
    absent: BestMatches
    among_photos: BestMatches
    strangers: BestMatches
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Trust:
    """The figures of an evaluation about its stated rates.

    Args:
        queries: the number of queries, each asked with and without its origin.
        strangers: the number of other queries, which have no origin.
        presets: for the name of each preset its measures by name. ``false_origin`` is the share of
            queries that get the verdict ``origin`` when their group is left out,
            ``false_origin_among_photos`` when the origins of all groups are, and
            ``false_origin_of_strangers`` is the same share of the other queries. ``true_origin`` is
            the share of queries that get the verdict ``origin`` for their origin,
            ``true_of_first`` that share of those whose origin comes first, and ``wrong_origin``
            the share that get it for another reference although their origin is there.
        micro_ap: the micro-average precision of all best matches, ordered by their stated rates.
        micro_ap_by_score: the same, ordered by their scores.
        calibration_error: the expected calibration error, in [0, 1].
    """

    queries: int
    strangers: int
    presets: Mapping[str, Mapping[str, Estimate]]
    micro_ap: float
    micro_ap_by_score: float
    calibration_error: float

    def to_json(self) -> Json:
        """Return what ``evaluate --json`` prints: percentages, but the calibration error a share.

        A value that is unknown is null.
        """
        return {
            "queries": {
                "with_origin": self.queries,
                "without_origin": self.queries,
                "strangers": self.strangers,
            },
            "presets": {
                name: {
                    "stated": 100 * PRESETS[name],
                    **{measure: _percent(value) for measure, (value, _, _) in measures.items()},
                    "ci95": {
                        measure: [_percent(low), _percent(high)]
                        for measure, (_, low, high) in measures.items()
                    },
                }
                for name, measures in self.presets.items()
            },
            "micro_ap": _percent(self.micro_ap),
            "micro_ap_by_score": _percent(self.micro_ap_by_score),
            "expected_calibration_error": round(self.calibration_error, 6),
        }


def join_trials(parts: Sequence[Trials]) -> Trials:
    """Put the trials of several folds together.

    Args:
        parts: the trials of each fold, at least one.
    """
    return Trials(
        join_matches([part.present for part in parts]),
        join_matches([part.absent for part in parts]),
        join_matches([part.among_photos for part in parts]),
        join_matches([part.strangers for part in parts]),
        tuple(group for part in parts for group in part.groups),
    )


def summarise_trust(trials: Trials, protocol: Protocol) -> Trust:
    """Average what queries found with and without their origins.

    Shares are averaged over the queries of a group first and then over the groups; each stranger is
    a group of its own.

    Args:
        trials: what the queries found, at least one.
        protocol: the settings of the resampling.
    """
    rates, weights = rates_of_strangers(trials)
    both = join_matches([trials.present, trials.absent, trials.strangers])
    pairs = len(trials.groups)
    return Trust(
        pairs,
        len(trials.strangers.rates),
        {name: _measures(trials, stated, protocol) for name, stated in PRESETS.items()},
        micro_average_precision(-both.rates, both.right, pairs),
        micro_average_precision(both.scores, both.right, pairs),
        expected_calibration_error(rates, weights),
    )


def rates_of_strangers(trials: Trials) -> tuple[Floats64, Floats64]:
    """Return the rates that were stated for the matches of all queries without an origin.

    Args:
        trials: what the queries found.

    Returns:
        The rates of n queries and their weights, both float64 of shape (n,). The queries of a group
        have the weight 1 together, and so has each stranger. The weights are divided by their sum.
    """
    _, member, sizes = np.unique(trials.groups, return_inverse=True, return_counts=True)
    weights = np.concatenate([1 / sizes[member], np.ones(len(trials.strangers.rates))])
    return np.concatenate([trials.absent.rates, trials.strangers.rates]), weights / weights.sum()


def observed_frequencies(rates: Floats64, weights: Floats64) -> tuple[Floats64, Floats64]:
    """Return how often a rate as low was really stated for a query without an origin.

    Args:
        rates: the rates that were stated, in [0, 1], float64 of shape (n,).
        weights: the weight of each query, summing to 1, float64 of shape (n,).

    Returns:
        The rates in ascending order, and for each the weight of the queries with a lower rate and
        half of its own, both float64 of shape (n,). Where the promise is kept, both are equal.
    """
    order = np.argsort(rates, kind="stable")
    return rates[order], np.cumsum(weights[order]) - weights[order] / 2


def expected_calibration_error(rates: Floats64, weights: Floats64, bins: int = BINS) -> float:
    """Return by how much stated false-match rates differ from observed frequencies, on average.

    A false-match rate r promises that of the queries without an origin the share r is given a match
    with a rate of r or less. So the queries without an origin are put in the order of their rates,
    and the observed frequency of a rate is the share of them down to it (`observed_frequencies`).
    They are divided into bins that have equal counts, or equal weights where the weights differ.
    The error is the average over the bins of abs(mean stated rate - mean observed frequency). It is
    between 0, where every promise is kept, and about 1/2, where all rates are at the same end of
    the scale. Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks",
    equation 3, has the same average over bins. The queries with an origin enter with their
    strangers, that is, with their group left out: what is stated for the origin itself says nothing
    about strangers.

    Args:
        rates: the rates that were stated for queries without an origin, in [0, 1], of shape (n,).
        weights: the weight of each query, summing to 1, of shape (n,).
        bins: the number of bins, at least 1; with fewer queries some bins are empty.
    """
    stated, observed = observed_frequencies(rates, weights)
    ordered = weights[np.argsort(rates, kind="stable")]
    of_bin = np.minimum((observed * bins).astype(np.int64), bins - 1)
    differences = np.bincount(of_bin, ordered * (stated - observed), bins)
    return float(np.abs(differences).sum())


def share_with_interval(values: Floats64, groups: Sequence[str], protocol: Protocol) -> Estimate:
    """Return a macro-averaged share and its 95 % interval, as of `share_interval`.

    Args:
        values: 1 or 0 for each query, float64 of shape (q,).
        groups: the group of each query.
        protocol: the settings of the resampling.
    """
    if not len(values):
        return math.nan, math.nan, math.nan
    interval = share_interval(values, groups, protocol.bootstrap, protocol.seed)
    return macro_average(values, groups), *interval


def _measures(trials: Trials, stated: float, protocol: Protocol) -> dict[str, Estimate]:
    """Return each of `MEASURES` at a stated rate."""
    groups = np.array(trials.groups)
    present, first = trials.present.rates <= stated, trials.present.right
    alone = [str(number) for number in range(len(trials.strangers.rates))]
    values = (
        (trials.absent.rates <= stated, groups),
        (trials.among_photos.rates <= stated, groups[: len(trials.among_photos.rates)]),
        (trials.strangers.rates <= stated, alone),
        (present & first, groups),
        (present[first], groups[first]),
        (present & ~first, groups),
    )
    estimates = (
        share_with_interval(value.astype(np.float64), list(of), protocol) for value, of in values
    )
    return dict(zip(MEASURES, estimates, strict=True))


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else round(100 * share, 4)
