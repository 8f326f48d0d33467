"""Table 3 (Section 5.4): trained methods on seen and unseen generators, and what they cost."""

import time
from collections.abc import Callable

import numpy as np

from originid.experiments.harness.cells import (
    PAPER_SEEN_UNSEEN,
    SEEN_UNSEEN,
    Judgement,
    accuracy_gain,
    seen_unseen,
)
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import split_folds
from originid.experiments.harness.judging_networks import ResizedImages
from originid.experiments.harness.trained_methods import MAPS, judge_methods, note
from originid.experiments.paper import NOTES, TABLE_3, TABLE_3_COSTS
from originid.experiments.report.report import Cell, ExperimentReport, Table, TableRow
from originid.experiments.trained_networks.settings import PRESETS
from originid.maps import unit_length
from originid.training.fitting import fit_map

BASE = "cosface"
"""The map whose costs are 1 in the columns of ratios."""

COSTS_NOTE = """\
These are times of one run on one machine. Training is that of one fold. Extraction is that of one
image, from pixels to the vector or the feature map. Matching is that of one pair of a query and a
reference, in batches. The ratios here are to map cosface on the first encoder. Those of the paper
are to its W: there QAConv-GS trains 8.6 times as long, ViT extracts 1.8 times as long, and
QAConv-GS matches 875 times as long."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Judge trained networks and maps, and measure what they cost.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: the data or an encoder cannot be used, or there are too few pairs to learn from.
        ExtraError: the extra ``[train]`` is not installed.
    """
    found = judge_methods(context)
    packaged = list(context.encoders)[-1]  # a VAE, if there is one, comes first
    best = found[f"{packaged}, map full"][1]
    rows: list[TableRow] = []
    for name, (key, judgement) in found.items():
        paper: tuple[Cell, ...] = TABLE_3.get(key, (None,) * 4)
        gain = None if judgement is best else accuracy_gain(best, judgement, context.inputs.seed)
        rows.append((name, *seen_unseen(judgement), gain, *paper))
    columns = ("method", *SEEN_UNSEEN, "ours ahead", *PAPER_SEEN_UNSEEN)
    return ExperimentReport(
        "table3",
        "Table 3: trained methods",
        context.inputs,
        Table("Accuracy", columns, tuple(rows), note(context) + NOTES[0]),
        {"costs": _costs(context, found)},
        note=context.dataset.note,
    )


def _costs(context: ExperimentContext, found: dict[str, tuple[str, Judgement]]) -> Table:
    """Return the table of costs and of their ratios to those of `BASE`."""
    rows: list[TableRow] = []
    base = _cost(context, next(iter(context.encoders)), BASE, found)
    paper_base = TABLE_3_COSTS["cosface"]
    names = [(name, "") for name in PRESETS]
    names += [(label, map) for label in context.encoders for map in MAPS]
    for label, map in names:
        cost = _cost(context, label, map, found)
        paper = TABLE_3_COSTS.get(MAPS.get(map, label), (None,) * 3)
        ours = [_ratio(a, b) for a, b in zip(cost, base, strict=True)]
        theirs = [_ratio(a, b) for a, b in zip(paper, paper_base, strict=True)]
        shown = (cost[0], 1e3 * cost[1], 1e9 * cost[2])  # s, ms an image, ns a pair
        name = f"{label}, map {map}" if map else label
        rows.append((name, *(float(f"{each:.3g}") for each in shown), *ours, *theirs))
    parts = ("training", "extraction", "matching")
    units = ("training s", "extraction ms an image", "matching ns a pair")
    ratios = tuple(f"{part} ratio" for part in parts)
    columns = ("method", *units, *ratios, *(f"paper: {ratio}" for ratio in ratios))
    return Table("Costs", columns, tuple(rows), COSTS_NOTE)


def _cost(
    context: ExperimentContext, label: str, map: str, found: dict[str, tuple[str, Judgement]]
) -> tuple[float, float, float]:
    """Return the seconds to train a fold, to extract from an image, and to match a pair.

    Args:
        context: the data, the encoders and the results that are kept.
        label: the label of an encoder, or the name of a trained network.
        map: the way to learn the map; empty for a trained network.
        found: what `judge_methods` gave.
    """
    if not map:
        value = found[label][1]
        return value["fit_seconds"], value["extract_seconds"], value["match_seconds"]
    spec = context.encoders[label]
    settings = {"encoder": spec, "map": map}
    value = context.cached("cost", settings, lambda: _measure(context, spec, map))
    return found[f"{label}, map {map}"][1]["fit_seconds"], value["extract"], value["match"]


def _measure(context: ExperimentContext, spec: str, map: str) -> dict[str, float]:
    """Return the seconds to encode and map an image, and to compare two vectors."""
    encoder, encoded = context.encoded_pairs(spec)
    # Decoded images are held in memory: reading and decoding are not part of the cost.
    images = ResizedImages(list(encoded.rows)[:32], encoder.size)[:]
    split = split_folds(context, encoded, seen=True)
    fitted = fit_map(split.examples(split.folds != 0), encoder, context.map_settings(map))
    extract = _best(lambda: unit_length(fitted.apply(encoder.encode(images)))) / len(images)
    # A batch of so many takes milliseconds, long enough to be timed.
    latents = encoded.store.take(np.arange(min(6000, len(encoded.rows))))
    references = unit_length(fitted.apply(latents))
    queries = references[:300]
    match = _best(lambda: queries @ references.T) / (len(queries) * len(references))
    return {"extract": extract, "match": match}


def _best(call: Callable[[], object], times: int = 3) -> float:
    """Return the seconds of the fastest of some calls, which other processes disturbed least."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def _ratio(value: float | None, base: float | None) -> Cell:
    """Return the ratio with three digits, or None if a value is missing or the base is 0."""
    return None if value is None or not base else float(f"{value / base:.3g}")
