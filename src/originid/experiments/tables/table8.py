"""Table 8 (Appendix D) in small: how strong an edit may be before its origin is lost.

The generators are the two small ones that originid carries, so that nothing has to be downloaded.
The map is learned from the edits of one generator and judged on both, which is Table 10 in small.
The experiment is called ``strength``.
"""

from dataclasses import replace
from pathlib import Path

from originid.datasets import Dataset
from originid.datasets.pairs import read_pairs
from originid.experiments.harness import small_edits
from originid.experiments.harness.cells import round1
from originid.experiments.harness.context import PACKAGED, ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.harness.small_edits import SMALL_GENERATORS
from originid.experiments.paper import STRENGTHS, TABLE_8
from originid.experiments.report.report import ExperimentReport, Plot, Table, TableRow
from originid.types import Pair

TAUGHT = (0.3, 0.5, 0.7)
"""The strengths that maps learn from. Those of the paper learn from 0.9 of Stable Diffusion 2."""
ENCODERS = {"VAE, distilled": "default", PACKAGED: PACKAGED}
NOTE = """\
Values are Acc in % among all photos. Half of the origins are for learning, with their edits of the
strengths 0.3, 0.5 and 0.7. Where a map is learned from the generator that it is judged on, the row
is the paper's upper bound. Where it is learned from the other one, the row is an unseen generator
of the paper. Both generators were trained on the photos of RealPairs. Their images have 256 px."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Make edits at every strength, learn from one generator, and judge on both.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: there is no folder for the edits, or the data cannot be used.
        ExtraError: the extra ``[generate]`` is not installed.
    """
    folder = small_edits.make_edits(context)
    rows: list[TableRow] = []
    lines: dict[str, tuple[list[float], list[float]]] = {}
    for label, spec in ENCODERS.items():
        for taught in (None, *SMALL_GENERATORS):
            # Without a map it makes no difference which generator may be seen.
            on_edits = _context_of_edits(context, folder, taught or SMALL_GENERATORS[0])
            by = judge_map(on_edits, spec, "full" if taught else "raw", seen=True)["by"]["cell"]
            for judged in SMALL_GENERATORS:
                values = [by[cell(judged, level)]["acc"] for level in small_edits.LEVELS]
                shown = [round1(value) for value in values]
                rows.append((label, taught or "no map", judged, *shown))
                if spec == PACKAGED:
                    name = f"{judged}, {f'map from {taught}' if taught else 'no map'}"
                    lines[name] = (list(small_edits.LEVELS), values)
    columns = ("encoder", "learned from", "judged on", *map(str, small_edits.LEVELS))
    paper: list[TableRow] = [(name, *values) for name, values in TABLE_8.items()]
    return ExperimentReport(
        "strength",
        "Table 8: strength of the edits",
        context.inputs,
        Table("Acc by strength", columns, tuple(rows), NOTE),
        {"paper": Table("The paper's Acc", ("generator", *map(str, STRENGTHS)), tuple(paper))},
        {"acc": Plot(f"Acc by strength, {PACKAGED}", "strength", "Acc in %", lines)},
        note=context.dataset.note,
    )


def cell(generator: str, strength: float) -> str:
    """Return the value of the column ``cell``, by which results are broken down.

    Args:
        generator: the name of the generator.
        strength: the strength of the edit, in (0, 1].
    """
    return f"{generator} {strength:g}"


def _context_of_edits(context: ExperimentContext, folder: Path, taught: str) -> ExperimentContext:
    """Return the same context with the edits as its data; maps may see the generator ``taught``."""

    def labelled(name: str, strengths: tuple[float, ...]) -> tuple[Pair, ...]:
        """Return the pairs of a manifest that have one of the strengths, with the column cell."""
        return tuple(
            replace(pair, fields={**pair.fields, "cell": cell(pair.fields["generator"], level)})
            for pair in read_pairs(folder / name)
            if (level := float(pair.fields["strength"])) in strengths
        )

    data = Dataset(
        f"generated, {taught}",
        labelled("train.csv", TAUGHT),
        labelled("test.csv", small_edits.LEVELS),
        context.dataset.photos,
        "generator",
        taught,
        context.dataset.note,
    )
    return ExperimentContext(
        context.inputs, context.folder, context.latents, context.progress, context.say, data
    )
