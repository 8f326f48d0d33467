"""Table 11: other paradigms than image to image."""

from originid.errors import ExtraError, InputError
from originid.experiments.harness.cells import round1
from originid.experiments.harness.context import PARADIGMS, ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.paper import TABLE_11, TABLE_11_CLIP
from originid.experiments.report.report import Cell, Report, Table
from originid.types import Json

MAPS = ("raw", "full")
CLIP, CLIP_SPEC = "CLIP", "baseline:clip"
"""What IP-Adapter encodes the origin by, instead of a VAE."""
NOTE = """\
The paper: W carries over to what encodes the origin by a VAE, and fails on IP-Adapter, which
encodes it by CLIP; there a map on CLIP's own features finds some. Here W is learned from all other
sources, so edits of the same paradigm are among them."""


def run(context: ExperimentContext) -> Report:
    """Judge each paradigm without a map and with the closed form."""
    found = {label: _judge(context, spec) for label, spec in context.encoders.items()}
    skipped = {}
    try:
        found[CLIP] = _judge(context, CLIP_SPEC)
    except (InputError, ExtraError) as error:
        skipped[CLIP] = f"{error.given}; {error.todo}"
    rows: list[tuple[Cell, ...]] = []
    for paradigm in PARADIGMS:
        for label, of_map in found.items():
            for map, by in of_map.items():
                if paradigm in by:
                    values, paper = _values(by[paradigm]), _paper(paradigm, label, map)
                    rows.append((paradigm, label, map, *values, *paper))
        if paradigm not in {row[0] for row in rows}:
            skipped[paradigm] = "no pair of the data is of this paradigm"
    columns = ("paradigm", "encoder", "map", "queries", "origins", "mAP", "Acc")
    return Report(
        "table11",
        "Table 11: other paradigms",
        context.inputs,
        Table("Paradigms", (*columns, "paper: mAP", "paper: Acc"), tuple(rows), NOTE),
        skipped=skipped,
        note=context.dataset.note,
    )


def _judge(context: ExperimentContext, spec: str) -> dict[str, Json]:
    return {map: judge_map(context, spec, map)["by"]["paradigm"] for map in MAPS}


def _values(found: Json) -> tuple[Cell, ...]:
    """Counts as they are, percentages to one decimal."""
    return found["queries"], found["groups"], round1(found["mAP"]), round1(found["acc"])


def _paper(paradigm: str, label: str, map: str) -> tuple[Cell, Cell]:
    if label != CLIP:
        return TABLE_11[paradigm][MAPS.index(map)]
    return TABLE_11_CLIP if (paradigm, map) == ("IP-Adapter", "full") else (None, None)
