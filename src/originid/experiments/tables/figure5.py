"""Figures 5, 6, 12 and 13: what is found, and what wins where the origin is lost, as sheets."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from originid.errors import ExtraError, InputError
from originid.evaluation.fold_split import FoldSplit, rank_by_map
from originid.evaluation.protocol import Ranking
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import divide
from originid.experiments.report.report import Cell, Report, Sheet, Table
from originid.images.contact_sheet import Tile
from originid.images.decode import decode, read_bytes
from originid.types import Json

MODELS = ("phash", "pdq", "resnet-50", "mae", "clip", "sscd")
"""A public model of each family."""
SHOWN = 24
NOTE = """\
Sheets show the query, its best correct reference, and the best wrong one: at most one query of each
origin group, misses with the worst rank first, finds with the smallest lead first."""


def run(context: ExperimentContext) -> Report:
    """Show finds and misses of ours, and misses of a public model of each family."""
    sheets: dict[str, Sheet] = {}
    skipped: dict[str, str] = {}
    rows: list[tuple[Cell, ...]] = []
    cases = [(label, spec, "full") for label, spec in context.encoders.items()]
    cases += [(name, f"baseline:{name}", "raw") for name in MODELS]
    for label, spec, map in cases:
        settings = {"spec": spec, "map": map}
        try:
            found = context.cached("failures", settings, partial(_find, context, spec, map))
        except (InputError, ExtraError) as error:
            skipped[label] = f"{error.given}; {error.todo}"
            continue
        rows.append((label, map, found["groups"], found["missed"]))
        key = label.replace(" ", "-").replace("+", "-")
        shown = {"misses": f"Misses of {label}, map {map}"}
        shown |= {"finds": f"Closest finds of {label}"} if map == "full" else {}
        for kind, title in shown.items():
            if found[kind]:
                tiles = [[_tile(*tile) for tile in row] for row in found[kind]]
                sheets[f"{kind}-{key}"] = Sheet(title, tiles, 3)
    if not rows:
        raise InputError(
            f"no method could be judged: {next(iter(skipped.values()))}",
            "expected pairs that fall into folds, and at least one encoder",
            "see what each lacks: " + ", ".join(skipped),
        )
    columns = ("method", "map", "origin groups", "with a miss")
    return Report(
        "failures",
        "Figures 5, 6, 12 and 13: what is found and what is missed",
        context.inputs,
        Table("Origin groups, counted by their worst query", columns, tuple(rows), NOTE),
        sheets=sheets,
        skipped=skipped,
        note=context.dataset.note,
    )


def _find(context: ExperimentContext, spec: str, map: str) -> Json:
    """Counts of origin groups, and for each row of a sheet (file, caption) of its tiles."""
    encoder, material = context.material(spec)
    trial = divide(context, material, seen=False)
    ranking = rank_by_map(trial, encoder, context.map_settings(map))[0]
    missed = _order(trial, ranking, ranking.ranks > 1)
    found = _order(trial, ranking, ranking.ranks == 1)
    return {
        "groups": len({*_groups(trial, missed), *_groups(trial, found)}),
        "missed": len(missed),
        "misses": [_tiles(trial, ranking, row) for row in missed[:SHOWN]],
        "finds": [_tiles(trial, ranking, row) for row in found[:SHOWN]],
    }


def _groups(trial: FoldSplit, rows: Sequence[int]) -> list[str]:
    return [trial.tested[row].group for row in rows]


def _order(trial: FoldSplit, ranking: Ranking, chosen: np.ndarray) -> list[int]:
    """One query of each group that is among the chosen, misses and narrow finds first."""
    lead = ranking.origin_scores - ranking.stranger_scores
    rows = np.flatnonzero(chosen & (ranking.origins >= 0) & (ranking.strangers >= 0))
    order = rows[np.lexsort((lead[rows], -ranking.ranks[rows]))].tolist()
    first: dict[str, int] = {}
    for row in order:
        first.setdefault(trial.tested[row].group, row)
    return list(first.values())


def _tiles(trial: FoldSplit, ranking: Ranking, row: int) -> list[tuple[str, str]]:
    origin = f"origin, rank {ranking.ranks[row]}, score {ranking.origin_scores[row]:.2f}"
    stranger = f"best stranger, score {ranking.stranger_scores[row]:.2f}"
    files = [trial.references[place[row]] for place in (ranking.origins, ranking.strangers)]
    paths = [os.fspath(path) for path in (trial.tested[row].query, *files)]
    return list(zip(paths, ("query", origin, stranger), strict=True))


def _tile(path: str, caption: str) -> Tile:
    return Tile(decode(read_bytes(Path(path)), 192).image, (caption,))
