"""Figures 5, 6, 12 and 13: contact sheets of what is found, and of what wins where it is lost.

They are in Sections 5.2 and 5.4 and in Appendices D and E. The experiment is called ``failures``.
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from originid.errors import ExtraError, InputError
from originid.evaluation.fold_split import FoldSplit, rank_by_map
from originid.evaluation.protocol import Ranking
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import split_folds
from originid.experiments.report.report import ExperimentReport, Sheet, Table, TableRow
from originid.images.contact_sheet import Tile
from originid.images.decode import decode, read_bytes
from originid.types import Json

MODELS = ("phash", "pdq", "resnet-50", "mae", "clip", "sscd")
"""A public model of each family."""
SHOWN = 24  # queries of a sheet
SIDE = 192  # pixels of the square tiles of a sheet
NOTE = """\
The sheets show the query, its best correct reference, and the best wrong reference. They have at
most one query of each origin group. Misses with the worst rank come first, and so do finds with the
smallest lead."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Show finds and misses of ours, and misses of a public model of each family.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: no method can be judged on the data.
    """
    sheets: dict[str, Sheet] = {}
    skipped: dict[str, str] = {}
    rows: list[TableRow] = []
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
        key = label.replace(" ", "-").replace("+", "-")  # part of the name of a file
        shown = {"misses": f"Misses of {label}, map {map}"}
        shown |= {"finds": f"Closest finds of {label}"} if map == "full" else {}
        for kind, title in shown.items():
            if found[kind]:
                tiles = [[_tile(*tile) for tile in row] for row in found[kind]]
                sheets[f"{kind}-{key}"] = Sheet(title, tiles, 3)
    if not rows:
        raise InputError(
            f"no method could be judged: {next(iter(skipped.values()))}",
            "expected pairs that can be divided into folds, and at least one encoder",
            f"give data with more sources; these were tried: {', '.join(skipped)}",
        )
    columns = ("method", "map", "origin groups", "with a miss")
    return ExperimentReport(
        "failures",
        "Figures 5, 6, 12 and 13: what is found and what is missed",
        context.inputs,
        Table("Origin groups, counted by their worst query", columns, tuple(rows), NOTE),
        sheets=sheets,
        skipped=skipped,
        note=context.dataset.note,
    )


def _find(context: ExperimentContext, spec: str, map: str) -> Json:
    """Return counts of origin groups, and for each row of a sheet the (file, caption) of tiles."""
    encoder, encoded = context.encoded_pairs(spec)
    split = split_folds(context, encoded, seen=False)
    ranking = rank_by_map(split, encoder, context.map_settings(map))[0]
    missed = _order(split, ranking, ranking.ranks > 1)
    found = _order(split, ranking, ranking.ranks == 1)
    return {
        "groups": len({*_groups(split, missed), *_groups(split, found)}),
        "missed": len(missed),
        "misses": [_tiles(split, ranking, row) for row in missed[:SHOWN]],
        "finds": [_tiles(split, ranking, row) for row in found[:SHOWN]],
    }


def _groups(split: FoldSplit, rows: Sequence[int]) -> list[str]:
    return [split.tested[row].group for row in rows]


def _order(split: FoldSplit, ranking: Ranking, chosen: np.ndarray) -> list[int]:
    """Return the number of one query of each group, of those that ``chosen`` is True for.

    Misses with the worst rank come first, and so do finds with the smallest lead.
    """
    # By how much the best correct reference scores higher than the best wrong one.
    lead = ranking.origin_scores - ranking.stranger_scores
    rows = np.flatnonzero(chosen & (ranking.origins >= 0) & (ranking.strangers >= 0))
    order = rows[np.lexsort((lead[rows], -ranking.ranks[rows]))].tolist()
    first: dict[str, int] = {}
    for row in order:
        first.setdefault(split.tested[row].group, row)
    return list(first.values())


def _tiles(split: FoldSplit, ranking: Ranking, row: int) -> list[tuple[str, str]]:
    """Return (file, caption) of the tiles that show a query."""
    origin = f"origin, rank {ranking.ranks[row]}, score {ranking.origin_scores[row]:.2f}"
    stranger = f"best stranger, score {ranking.stranger_scores[row]:.2f}"
    files = [split.references[place[row]] for place in (ranking.origins, ranking.strangers)]
    paths = [os.fspath(path) for path in (split.tested[row].query, *files)]
    return list(zip(paths, ("query", origin, stranger), strict=True))


def _tile(path: str, caption: str) -> Tile:
    return Tile(decode(read_bytes(Path(path)), SIDE).image, (caption,))
