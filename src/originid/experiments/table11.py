"""Table 11: other paradigms than image to image."""

from originid.experiments.bench import PARADIGMS, Bench
from originid.experiments.cells import round1
from originid.experiments.judging import judge_map
from originid.experiments.paper import TABLE_11
from originid.experiments.report import Cell, Report, Table

NOTE = """\
The paper: W carries over to what encodes the origin by a VAE, and fails on IP-Adapter, which
encodes it by CLIP. Here W is learned from all other sources, so edits of the same paradigm are
among them."""


def run(bench: Bench) -> Report:
    """Judge each paradigm without a map and with the closed form."""
    rows: list[tuple[Cell, ...]] = []
    skipped = {}
    for paradigm in PARADIGMS:
        for label, spec in bench.encoders.items():
            for place, map in enumerate(("raw", "full")):
                found = judge_map(bench, spec, map)["by"]["paradigm"].get(paradigm)
                if found is None:
                    skipped[paradigm] = "no pair of the data is of this paradigm"
                    continue
                values = (found["queries"], found["groups"], found["mAP"], found["acc"])
                paper = TABLE_11[paradigm][place]
                rows.append((paradigm, label, map, *map_round(values), *paper))
    columns = ("paradigm", "encoder", "map", "queries", "origins", "mAP", "Acc")
    return Report(
        "table11",
        "Table 11: other paradigms",
        bench.inputs,
        Table("Paradigms", (*columns, "paper: mAP", "paper: Acc"), tuple(rows), NOTE),
        skipped=skipped,
        note=bench.dataset.note,
    )


def map_round(values: tuple[int, int, float, float]) -> tuple[Cell, ...]:
    """Counts as they are, percentages to one decimal."""
    return values[0], values[1], round1(values[2]), round1(values[3])
