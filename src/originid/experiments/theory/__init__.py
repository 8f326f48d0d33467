"""The paper's theory in figures: Lemma 1, Theorem 1, Observation 1 (Table 1) and Table 4."""

import os
from collections.abc import Callable
from dataclasses import asdict
from functools import cache

from originid.encoders import open_encoder
from originid.errors import InputError
from originid.experiments.bench import Bench
from originid.experiments.latents import Coded, Files, encode_files, list_files
from originid.experiments.report import Report, Table
from originid.experiments.theory.tables import PARTS, Result
from originid.types import Failure, Json

PIXELS = "tones+edges"  # the encoder without a network, which pairs are measured with too


def run(bench: Bench) -> Report:
    """Run every part that there is material for.

    Each image is encoded once by each encoder, and all latents are held in memory.

    Raises:
        InputError: there are no images, or a manifest, folder or VAE cannot be used.
        ExtraError: VAEs without the extra ``[vae]``.
    """
    return _run(bench, "theory", "The theory in figures", tuple(PARTS))


def run_table1(bench: Bench) -> Report:
    """Table 1 alone: cosines of singular values."""
    return _run(
        bench, "table1", "Table 1: singular values of two generators' maps", ("observation1",)
    )


def run_table4(bench: Bench) -> Report:
    """Table 4 alone: differences of the VAEs."""
    return _run(bench, "table4", "Table 4: VAEs differ", ("table4",))


def _run(bench: Bench, name: str, title: str, wanted: tuple[str, ...]) -> Report:
    inputs = bench.inputs
    files = list_files(inputs)
    if not files.pairs and (inputs.references is None or not inputs.vaes):
        raise InputError(
            "nothing to run the theory on",
            "expected pairs, or VAEs and a folder of references, or all of these",
            "give --pairs PAIRS.csv, or --vae DIR_OR_ID and --references FOLDER, or --data",
        )
    encoded = cache(lambda: _encode(bench, files, wanted))
    results: dict[str, Result] = {}
    failures: dict[Failure, None] = {}
    skipped: dict[str, str] = {}
    for part in wanted:
        try:
            results[part], unreadable = _part(bench, part, encoded)
        except MissingError as reason:
            skipped[part] = str(reason)
        else:
            failures |= dict.fromkeys(unreadable)
    if not results:
        raise InputError(
            f"nothing of {name} can be run: {next(iter(skipped.values()))}",
            f"expected material for one of {', '.join(wanted)}",
            "give --data, or --pairs, --vae and --references; docs/theory.md says what each needs",
        )
    rows = tuple(row for result in results.values() for row in result.summary)
    return Report(
        name,
        title,
        inputs,
        Table("Summary", ("what", "measured", "paper"), rows),
        {part: result.table for part, result in results.items()},
        {part: result.plot for part, result in results.items() if result.plot is not None},
        skipped=skipped,
        failures=tuple(failures),
    )


class MissingError(Exception):
    """Why a part has nothing to run on."""


Encoded = tuple[list[Coded], list[Coded]]
"""What the VAEs, and what all encoders made of the files."""


def _part(
    bench: Bench, part: str, encoded: Callable[[], Encoded]
) -> tuple[Result, tuple[Failure, ...]]:
    """The result of a part, and the files that could not be used for it.

    Raises:
        MissingError: that part alone cannot be run.
    """

    def compute() -> Json:
        vaes, coded = encoded()
        try:
            result = PARTS[part](vaes, coded, bench.inputs.seed)
        except InputError as error:
            raise MissingError(f"{error.given}; {error.expected}; {error.todo}") from error
        return {"result": result.to_json(), "unreadable": [asdict(f) for f in _failures(coded)]}

    found = bench.part("theory", {"table": part}, compute)
    return Result.from_json(found["result"]), tuple(Failure(**each) for each in found["unreadable"])


def _encode(bench: Bench, files: Files, wanted: tuple[str, ...]) -> Encoded:
    """What the VAEs, and all encoders, make of the files."""
    chosen = bench.inputs.vaes[:1] if wanted == ("observation1",) else bench.inputs.vaes
    specs = [(label, f"diffusers:{vae}") for label, vae in _labels(chosen)]
    specs += [(PIXELS, PIXELS)] if files.pairs else []
    # All are opened before any is used: a bad name is no news for the end of an hour.
    opened = [(label, open_encoder(spec)) for label, spec in specs]
    coded = [
        encode_files(label, encoder, files, bench.progress, bench.cache(encoder))
        for label, encoder in opened
    ]
    return coded[: len(chosen)], coded


def _labels(vaes: tuple[str, ...]) -> list[tuple[str, str]]:
    """The last part of each VAE's path as its label; the whole where two are alike."""
    names = [os.path.basename(os.path.normpath(vae)) for vae in vaes]
    return [
        (name if names.count(name) == 1 else vae, vae)
        for name, vae in zip(names, vaes, strict=True)
    ]


def _failures(coded: list[Coded]) -> tuple[Failure, ...]:
    """Every file that some encoder could not use, once."""
    return tuple(dict.fromkeys(f for each in coded for f in each.material.skipped))
