"""Figures 5, 6, 12 and 13: what is found, and what wins where the origin is lost, as sheets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from originid.errors import ExtraError, InputError
from originid.evaluation.protocol import Ranking
from originid.experiments.bench import Bench
from originid.experiments.judging import Trial, rank_by_map
from originid.experiments.report import Cell, Report, Sheet, Table
from originid.images import decode, read_bytes
from originid.sheet import Tile
from originid.training.fitting import read_map_settings

MODELS = ("phash", "pdq", "resnet-50", "mae", "clip", "sscd")
"""A public model of each family."""
SHOWN = 24
NOTE = """\
Sheets show the query, its best correct reference, and the best wrong one: at most one query of each
origin group, misses with the worst rank first, finds with the smallest lead first."""


def run(bench: Bench) -> Report:
    """Show finds and misses of ours, and misses of a public model of each family."""
    sheets: dict[str, Sheet] = {}
    skipped: dict[str, str] = {}
    rows: list[tuple[Cell, ...]] = []
    cases = [(label, spec, "full") for label, spec in bench.encoders.items()]
    cases += [(name, f"baseline:{name}", "raw") for name in MODELS]
    for label, spec, map in cases:
        try:
            trial, ranking = _rank(bench, spec, map)
        except (InputError, ExtraError) as error:
            skipped[label] = f"{error.given}; {error.todo}"
            continue
        missed = _order(trial, ranking, ranking.ranks > 1)
        found = _order(trial, ranking, ranking.ranks == 1)
        rows.append((label, map, len(found) + len(missed), len(missed)))
        key = label.replace(" ", "-").replace("+", "-")
        sheets |= _sheet(trial, ranking, f"misses-{key}", f"Misses of {label}, map {map}", missed)
        if map == "full":
            sheets |= _sheet(trial, ranking, f"finds-{key}", f"Closest finds of {label}", found)
    columns = ("method", "map", "origin groups", "with a miss")
    return Report(
        "failures",
        "Figures 5, 6, 12 and 13: what is found and what is missed",
        bench.inputs,
        Table("Origin groups, counted by their worst query", columns, tuple(rows), NOTE),
        sheets=sheets,
        skipped=skipped,
        note=bench.dataset.note,
    )


def _rank(bench: Bench, spec: str, map: str) -> tuple[Trial, Ranking]:
    encoder, material = bench.material(spec)
    trial = Trial(bench, material, seen=False)
    return trial, rank_by_map(trial, encoder, read_map_settings(map))[0]


def _order(trial: Trial, ranking: Ranking, chosen: np.ndarray) -> list[int]:
    """One query of each group that is among the chosen, misses and narrow finds first."""
    lead = ranking.origin_scores - ranking.stranger_scores
    rows = np.flatnonzero(chosen & (ranking.origins >= 0) & (ranking.strangers >= 0))
    order = rows[np.lexsort((lead[rows], -ranking.ranks[rows]))].tolist()
    first: dict[str, int] = {}
    for row in order:
        first.setdefault(trial.tested[row].group, row)
    return list(first.values())


def _sheet(
    trial: Trial, ranking: Ranking, key: str, title: str, rows: Sequence[int]
) -> dict[str, Sheet]:
    if not rows:
        return {}
    tiles = [
        [
            _tile(trial.tested[row].query, "query"),
            _tile(
                trial.references[ranking.origins[row]],
                f"origin, rank {ranking.ranks[row]}, score {ranking.origin_scores[row]:.2f}",
            ),
            _tile(
                trial.references[ranking.strangers[row]],
                f"best stranger, score {ranking.stranger_scores[row]:.2f}",
            ),
        ]
        for row in rows[:SHOWN]
    ]
    return {key: Sheet(title, tiles, 3)}


def _tile(path: Path, caption: str) -> Tile:
    return Tile(decode(read_bytes(path), 192).image, (caption,))
