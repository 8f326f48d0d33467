"""Table 3: trained methods, on the generator that they saw and on others, and what they cost.

Table 10: the same by generator.
"""

import time
from collections.abc import Callable

import numpy as np

from originid.baselines.paper import GENERATORS
from originid.experiments.bench import Bench
from originid.experiments.cells import PAPER_SEEN_UNSEEN, SEEN_UNSEEN, ahead, round1, seen_unseen
from originid.experiments.judging import divide, judge_map
from originid.experiments.networks import Squares, judge_network
from originid.experiments.paper import NOTES, TABLE_3, TABLE_3_COSTS, TABLE_10
from originid.experiments.report import Cell, Report, Table
from originid.maps import unit_length
from originid.training.fitting import fit_map
from originid.training.networks.settings import PRESETS
from originid.types import Json

MAPS = {"raw": "none", "cosface": "cosface", "full": ""}
"""Ways to learn the map, and the paper's row that is of the same kind."""

BASE = "cosface"
"""Whose costs are 1."""

NOTE = """\
Everything learned saw pairs of the seen generator only, and is judged on origins that it did not
see. map cosface is the paper's W, full the closed form. all generators is the paper's upper bound:
the map may see pairs of every generator. ours ahead is the Acc of the last row of the packaged
encoder's seen maps less this row's, with its 95 % interval. """
SMALL = """\
The networks are small and begin from random weights (images of 64 px; the paper's are ViT-B/16
and ResNet-50 that begin from ImageNet). """

COSTS_NOTE = """\
One run on one machine. Training is of one fold; extraction of one image, from pixels to the
vector or feature map; matching of one pair, in batches. Ratios are to map cosface on the first
encoder, in the paper to its W: there QAConv-GS trains 8.6 times as long, ViT extracts 1.8 times as
long, and QAConv-GS matches 875 times as long."""


def judge_methods(bench: Bench) -> dict[str, tuple[str, Json]]:
    """The paper's key and the result of every method."""
    found: dict[str, tuple[str, Json]] = {}
    for name in PRESETS:
        found[name] = (name, judge_network(bench, name))
    for label, spec in bench.encoders.items():
        for map, key in MAPS.items():
            found[f"{label}, map {map}"] = (key, judge_map(bench, spec, map, seen=True))
        found[f"{label}, map full, all generators"] = ("upper", _upper(bench, spec))
    return found


def _upper(bench: Bench, spec: str) -> Json:
    """A map that saw every generator, on the same folds."""
    return judge_map(bench, spec, "full", seen=True, upper=True)


def run(bench: Bench) -> Report:
    """Judge trained networks and maps, and measure what they cost."""
    found = judge_methods(bench)
    packaged = list(bench.encoders)[-1]
    best = found[f"{packaged}, map full"][1]
    rows: list[tuple[Cell, ...]] = []
    for name, (key, report) in found.items():
        paper: tuple[Cell, ...] = TABLE_3.get(key, (None,) * 4)
        gain = None if report is best else ahead(best, report, bench.inputs.seed)
        rows.append((name, *seen_unseen(report), gain, *paper))
    columns = ("method", *SEEN_UNSEEN, "ours ahead", *PAPER_SEEN_UNSEEN)
    return Report(
        "table3",
        "Table 3: trained methods",
        bench.inputs,
        Table("Accuracy", columns, tuple(rows), _note(bench) + NOTES[0]),
        {"costs": _costs(bench, found)},
        note=bench.dataset.note,
    )


def run_by_generator(bench: Bench) -> Report:
    """The same results by kind of generator."""
    found = judge_methods(bench)
    families = list(next(iter(found.values()))[1]["by"]["family"])
    rows: list[tuple[Cell, ...]] = [
        (name, *(round1(report["by"]["family"][family]["mAP"]) for family in families))
        for name, (_, report) in found.items()
    ]
    paper: list[tuple[Cell, ...]] = [(name, *values) for name, values in TABLE_10.items()]
    return Report(
        "table10",
        "Table 10: trained methods by generator",
        bench.inputs,
        Table("mAP by kind of generator", ("method", *families), tuple(rows), _note(bench)),
        {"paper": Table("The paper's mAP", ("method", *GENERATORS), tuple(paper))},
        note=bench.dataset.note,
    )


def _note(bench: Bench) -> str:
    return NOTE if bench.inputs.scale.paper else NOTE + SMALL


def _costs(bench: Bench, found: dict[str, tuple[str, Json]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    base = _cost(bench, next(iter(bench.encoders)), BASE, found)
    paper_base = TABLE_3_COSTS["cosface"]
    names = [(name, "") for name in PRESETS]
    names += [(label, map) for label in bench.encoders for map in MAPS]
    for label, map in names:
        cost = _cost(bench, label, map, found)
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
    bench: Bench, label: str, map: str, found: dict[str, tuple[str, Json]]
) -> tuple[float, float, float]:
    """Seconds to train a fold, to extract from an image, to match a pair."""
    if not map:
        report = found[label][1]
        return report["fit_seconds"], report["extract_seconds"], report["match_seconds"]
    spec = bench.encoders[label]
    settings = {"encoder": spec, "map": map}
    value = bench.part("cost", settings, lambda: _measure(bench, spec, map))
    return found[f"{label}, map {map}"][1]["fit_seconds"], value["extract"], value["match"]


def _measure(bench: Bench, spec: str, map: str) -> dict[str, float]:
    """Seconds to encode and map an image, and to compare two vectors; the best of three."""
    encoder, material = bench.material(spec)
    images = Squares(list(material.rows)[:32], encoder.size)[:]
    trial = divide(bench, material, seen=True)
    fitted = fit_map(trial.examples(trial.folds != 0), encoder, bench.map_settings(map))
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
