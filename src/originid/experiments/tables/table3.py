"""Table 3: trained methods, on the generator that they saw and on others, and what they cost."""

import time
from collections.abc import Callable

import numpy as np

from originid.experiments.harness.cells import (
    PAPER_SEEN_UNSEEN,
    SEEN_UNSEEN,
    accuracy_gain,
    seen_unseen,
)
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import divide
from originid.experiments.harness.judging_networks import ResizedImages
from originid.experiments.harness.trained_methods import MAPS, judge_methods, note
from originid.experiments.paper import NOTES, TABLE_3, TABLE_3_COSTS
from originid.experiments.report.report import Cell, Report, Table
from originid.experiments.trained_networks.settings import PRESETS
from originid.maps import unit_length
from originid.training.fitting import fit_map
from originid.types import Json

BASE = "cosface"
"""Whose costs are 1."""

COSTS_NOTE = """\
One run on one machine. Training is of one fold; extraction of one image, from pixels to the
vector or feature map; matching of one pair, in batches. Ratios are to map cosface on the first
encoder, in the paper to its W: there QAConv-GS trains 8.6 times as long, ViT extracts 1.8 times as
long, and QAConv-GS matches 875 times as long."""


def run(context: ExperimentContext) -> Report:
    """Judge trained networks and maps, and measure what they cost."""
    found = judge_methods(context)
    packaged = list(context.encoders)[-1]
    best = found[f"{packaged}, map full"][1]
    rows: list[tuple[Cell, ...]] = []
    for name, (key, report) in found.items():
        paper: tuple[Cell, ...] = TABLE_3.get(key, (None,) * 4)
        gain = None if report is best else accuracy_gain(best, report, context.inputs.seed)
        rows.append((name, *seen_unseen(report), gain, *paper))
    columns = ("method", *SEEN_UNSEEN, "ours ahead", *PAPER_SEEN_UNSEEN)
    return Report(
        "table3",
        "Table 3: trained methods",
        context.inputs,
        Table("Accuracy", columns, tuple(rows), note(context) + NOTES[0]),
        {"costs": _costs(context, found)},
        note=context.dataset.note,
    )


def _costs(context: ExperimentContext, found: dict[str, tuple[str, Json]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    base = _cost(context, next(iter(context.encoders)), BASE, found)
    paper_base = TABLE_3_COSTS["cosface"]
    names = [(name, "") for name in PRESETS]
    names += [(label, map) for label in context.encoders for map in MAPS]
    for label, map in names:
        cost = _cost(context, label, map, found)
        paper = TABLE_3_COSTS.get(MAPS.get(map, label), (None,) * 3)
        ours = [_ratio(a, b) for a, b in zip(cost, base, strict=True)]
        theirs = [_ratio(a, b) for a, b in zip(paper, paper_base, strict=True)]
        shown = (cost[0], 1e3 * cost[1], 1e9 * cost[2])
        name = f"{label}, map {map}" if map else label
        rows.append((name, *(float(f"{each:.3g}") for each in shown), *ours, *theirs))
    parts = ("training", "extraction", "matching")
    units = ("training s", "extraction ms an image", "matching ns a pair")
    ratios = tuple(f"{part} ratio" for part in parts)
    columns = ("method", *units, *ratios, *(f"paper: {ratio}" for ratio in ratios))
    return Table("Costs", columns, tuple(rows), COSTS_NOTE)


def _cost(
    context: ExperimentContext, label: str, map: str, found: dict[str, tuple[str, Json]]
) -> tuple[float, float, float]:
    """Seconds to train a fold, to extract from an image, to match a pair."""
    if not map:
        report = found[label][1]
        return report["fit_seconds"], report["extract_seconds"], report["match_seconds"]
    spec = context.encoders[label]
    settings = {"encoder": spec, "map": map}
    value = context.cached("cost", settings, lambda: _measure(context, spec, map))
    return found[f"{label}, map {map}"][1]["fit_seconds"], value["extract"], value["match"]


def _measure(context: ExperimentContext, spec: str, map: str) -> dict[str, float]:
    """Seconds to encode and map an image, and to compare two vectors; the best of three."""
    encoder, material = context.material(spec)
    images = ResizedImages(list(material.rows)[:32], encoder.size)[:]
    trial = divide(context, material, seen=True)
    fitted = fit_map(trial.examples(trial.folds != 0), encoder, context.map_settings(map))
    extract = _best(lambda: unit_length(fitted.apply(encoder.encode(images)))) / len(images)
    latents = material.store.take(np.arange(min(6000, len(material.rows))))
    references = unit_length(fitted.apply(latents))
    queries = references[:300]
    match = _best(lambda: queries @ references.T) / (len(queries) * len(references))
    return {"extract": extract, "match": match}


def _best(call: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of some calls."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def _ratio(value: float | None, base: float | None) -> Cell:
    return None if value is None or not base else float(f"{value / base:.3g}")
