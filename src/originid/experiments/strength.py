"""Table 8 in small: how strongly an edit may change an image before its origin is lost.

The generators are the two small ones that originid carries, so that nothing is fetched; the map is
learned from one and judged on both (Table 10 in small).
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

from originid.datasets import Dataset
from originid.errors import InputError
from originid.experiments.bench import PACKAGED, Bench
from originid.experiments.cells import round1
from originid.experiments.judging import judge_map
from originid.experiments.latents import spread_out
from originid.experiments.paper import STRENGTHS, TABLE_8
from originid.experiments.report import Cell, Plot, Report, Table
from originid.experiments.writing import to_csv, write_text
from originid.pairs import read_pairs
from originid.storage import storage_errors
from originid.types import Pair

GENERATORS = ("small-ddpm", "small-flow")
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TAUGHT = (0.3, 0.5, 0.7)
"""Strengths that maps learn from; the paper's learn from 0.9 of Stable Diffusion 2."""
ENCODERS = {"VAE, distilled": "default", PACKAGED: PACKAGED}
PROMPTS = (
    "a black and white photo of something",
    "a pencil drawing of something",
    "an oil painting of something",
    "a cartoon of something",
    "something at night",
    "something at sunset",
    "something in the fog",
    "a negative of something",
)
"""What the small generators have learned to do; one for each origin."""
NOTE = """\
Acc in % among all photos. Half of the origins are for learning: pairs of strengths 0.3, 0.5 and
0.7. Rows "learned from" the generator itself are the paper's upper bound, those from the other one
its unseen generator. Both generators were trained on RealPairs' photos; their images have 256
px."""


def run(bench: Bench) -> Report:
    """Make edits at every strength, learn from one generator, judge on both."""
    folder = make_edits(bench)
    rows: list[tuple[Cell, ...]] = []
    lines: dict[str, tuple[list[float], list[float]]] = {}
    for label, spec in ENCODERS.items():
        for taught in (None, *GENERATORS):
            small = _bench(bench, folder, taught or GENERATORS[0])
            by = judge_map(small, spec, "full" if taught else "raw", seen=True)["by"]["cell"]
            for judged in GENERATORS:
                values = [by[cell(judged, level)]["acc"] for level in LEVELS]
                shown = [round1(value) for value in values]
                rows.append((label, taught or "no map", judged, *shown))
                if spec == PACKAGED:
                    name = f"{judged}, {f'map from {taught}' if taught else 'no map'}"
                    lines[name] = (list(LEVELS), values)
    columns = ("encoder", "learned from", "judged on", *map(str, LEVELS))
    paper: list[tuple[Cell, ...]] = [(name, *values) for name, values in TABLE_8.items()]
    return Report(
        "strength",
        "Table 8: strength of the edits",
        bench.inputs,
        Table("Acc by strength", columns, tuple(rows), NOTE),
        {"paper": Table("The paper's Acc", ("generator", *map(str, STRENGTHS)), tuple(paper))},
        {"acc": Plot(f"Acc by strength, {PACKAGED}", "strength", "Acc in %", lines)},
        note=bench.dataset.note,
    )


def cell(generator: str, strength: float) -> str:
    """The value of the column that results are broken down by."""
    return f"{generator} {strength:g}"


def _bench(bench: Bench, folder: Path, taught: str) -> Bench:
    """The same place with the generated pairs as its data."""

    def labelled(name: str) -> tuple[Pair, ...]:
        return tuple(
            replace(pair, fields={**pair.fields, "cell": cell(pair.fields["generator"], level)})
            for pair in read_pairs(folder / name)
            if (level := float(pair.fields["strength"])) in (TAUGHT if "train" in name else LEVELS)
        )

    data = Dataset(
        f"generated, {taught}",
        labelled("train.csv"),
        labelled("test.csv"),
        bench.dataset.photos,
        "generator",
        taught,
        bench.dataset.note,
    )
    return Bench(bench.inputs, bench.folder, bench.latents, bench.progress, bench.say, data)


def make_edits(bench: Bench) -> Path:
    """The set of edits of some of the photos, made or completed."""
    from originid.generation.job import JobSettings
    from originid.generation.making import open_maker
    from originid.generation.presets import GENERATORS as PRESETS
    from originid.generation.prompts import open_prompts
    from originid.generation.run import find_inputs, make_set
    from originid.generation.shards import SetSettings

    if bench.folder is None:
        raise InputError("no folder", "expected one for the edits", "give -o FOLDER")
    origins = spread_out(bench.dataset.photos, bench.inputs.scale.images)
    output, listing = bench.folder / "generated", bench.folder / "prompts.csv"
    prompts = [(str(path), PROMPTS[row % len(PROMPTS)]) for row, path in enumerate(origins)]
    with storage_errors(listing):
        bench.folder.mkdir(parents=True, exist_ok=True)
        write_text(listing, to_csv(Table("", ("path", "prompt"), tuple(prompts))))
    for name in GENERATORS:
        preset = PRESETS[name]
        settings = JobSettings(name, preset.kind, LEVELS, batch=8, seed=bench.inputs.seed)
        source = open_prompts(str(listing), 1, output / "prompts")
        inputs = find_inputs(origins, output, SetSettings(0.5), source, settings)
        make_set(inputs, partial(open_maker, preset), making=bench.progress)
    return output
