"""Table 11 (Appendix G): other ways to edit an image than plain image-to-image diffusion."""

from originid.errors import ExtraError, InputError
from originid.experiments.harness.cells import round1
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.harness.labels import PARADIGMS
from originid.experiments.paper import TABLE_11, TABLE_11_CLIP
from originid.experiments.report.report import Cell, ExperimentReport, Table, TableRow
from originid.types import Json

MAPS = ("raw", "full")
CLIP, CLIP_SPEC = "CLIP", "baseline:clip"
"""The encoder that IP-Adapter uses for the origin, instead of a VAE."""
NOTE = """\
The paper finds that W works for paradigms that encode the origin by a VAE. It fails for IP-Adapter,
which encodes the origin by CLIP; there a map on CLIP's own features finds some origins. Here W is
learned from all other sources, and some of their edits are of the same paradigm."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Judge each paradigm without a map and with the closed form.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: the data or an encoder cannot be used, or there are too few pairs to learn from.
        ExtraError: the extra ``[vae]`` is not installed, and a VAE is given.
    """
    found = {label: _judge(context, spec) for label, spec in context.encoders.items()}
    skipped = {}
    # CLIP's weights are not part of originid, so they may be missing.
    try:
        found[CLIP] = _judge(context, CLIP_SPEC)
    except (InputError, ExtraError) as error:
        skipped[CLIP] = f"{error.given}; {error.todo}"
    rows: list[TableRow] = []
    for paradigm in PARADIGMS:
        for label, of_map in found.items():
            for map, by in of_map.items():
                if paradigm in by:
                    values, paper = _values(by[paradigm]), _paper(paradigm, label, map)
                    rows.append((paradigm, label, map, *values, *paper))
        if paradigm not in {row[0] for row in rows}:
            skipped[paradigm] = "no pair of the data is of this paradigm"
    columns = ("paradigm", "encoder", "map", "queries", "origins", "mAP", "Acc")
    return ExperimentReport(
        "table11",
        "Table 11: other paradigms",
        context.inputs,
        Table("Paradigms", (*columns, "paper: mAP", "paper: Acc"), tuple(rows), NOTE),
        skipped=skipped,
        note=context.dataset.note,
    )


def _judge(context: ExperimentContext, spec: str) -> dict[str, Json]:
    """Return, for each map, the averages over the queries of each paradigm."""
    return {map: judge_map(context, spec, map)["by"]["paradigm"] for map in MAPS}


def _values(found: Json) -> tuple[Cell, ...]:
    """Return the cells of a paradigm: counts as they are, percentages to one decimal."""
    return found["queries"], found["groups"], round1(found["mAP"]), round1(found["acc"])


def _paper(paradigm: str, label: str, map: str) -> tuple[Cell, Cell]:
    """Return the paper's mAP and Acc; of CLIP it only has those of a map on IP-Adapter's edits."""
    if label != CLIP:
        return TABLE_11[paradigm][MAPS.index(map)]
    return TABLE_11_CLIP if (paradigm, map) == ("IP-Adapter", "full") else (None, None)
