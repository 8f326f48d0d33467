"""The paper's theory in figures: Lemma 1, Theorem 1, Observation 1 (Table 1) and Table 4."""

import os
from collections.abc import Callable
from dataclasses import asdict
from functools import cache

from originid.encoders import open_encoder
from originid.errors import InputError
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.latents import EncodedFiles, Files, encode_files, list_files
from originid.experiments.report.report import Report, Table
from originid.experiments.theory.tables import PARTS, Result
from originid.types import Failure, Json

PIXELS = "tones+edges"  # the encoder without a network, which pairs are measured with too


def run(context: ExperimentContext) -> Report:
    """Run every part that there is material for.

    Each image is encoded once by each encoder, and all latents are held in memory.

    Raises:
        InputError: there are no images, or a manifest, folder or VAE cannot be used.
        ExtraError: VAEs without the extra ``[vae]``.
    """
    return run_parts(context, "theory", "The theory in figures", tuple(PARTS))


def run_parts(context: ExperimentContext, name: str, title: str, wanted: tuple[str, ...]) -> Report:
    """Run some parts of the theory as a report of their own.

    Args:
        context: the data, the encoders, and results that are kept.
        name: the name of the report.
        title: the headline of the report.
        wanted: which entries of `tables.PARTS` to run.

    Raises:
        InputError: there are no images, or a manifest, folder or VAE cannot be used.
        ExtraError: VAEs without the extra ``[vae]``.
    """
    inputs = context.inputs
    files = list_files(inputs)
    if not files.pairs and (inputs.references is None or not inputs.vaes):
        raise InputError(
            "nothing to run the theory on",
            "expected pairs, or VAEs and a folder of references, or all of these",
            "give --pairs PAIRS.csv, or --vae DIR_OR_ID and --references FOLDER, or --data",
        )
    encoded = cache(lambda: _encode(context, files, wanted))
    results: dict[str, Result] = {}
    failures: dict[Failure, None] = {}
    skipped: dict[str, str] = {}
    for part in wanted:
        try:
            results[part], unreadable = _part(context, part, encoded)
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


Encoded = tuple[list[EncodedFiles], list[EncodedFiles]]
"""What the VAEs, and what all encoders made of the files."""


def _part(
    context: ExperimentContext, part: str, encoded: Callable[[], Encoded]
) -> tuple[Result, tuple[Failure, ...]]:
    """The result of a part, and the files that could not be used for it.

    Raises:
        MissingError: that part alone cannot be run.
    """

    def compute() -> Json:
        vaes, coded = encoded()
        try:
            result = PARTS[part](vaes, coded, context.inputs.seed)
        except InputError as error:
            raise MissingError(f"{error.given}; {error.expected}; {error.todo}") from error
        return {"result": result.to_json(), "unreadable": [asdict(f) for f in _failures(coded)]}

    found = context.cached("theory", {"table": part}, compute)
    return Result.from_json(found["result"]), tuple(Failure(**each) for each in found["unreadable"])


def _encode(context: ExperimentContext, files: Files, wanted: tuple[str, ...]) -> Encoded:
    """What the VAEs, and all encoders, make of the files."""
    chosen = context.inputs.vaes[:1] if wanted == ("observation1",) else context.inputs.vaes
    specs = [(label, f"diffusers:{vae}") for label, vae in _labels(chosen)]
    specs += [(PIXELS, PIXELS)] if files.pairs else []
    # All are opened before any is used: a bad name is no news for the end of an hour.
    opened = [(label, open_encoder(spec)) for label, spec in specs]
    coded = [
        encode_files(label, encoder, files, context.progress, context.cache(encoder))
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


def _failures(coded: list[EncodedFiles]) -> tuple[Failure, ...]:
    """Every file that some encoder could not use, once."""
    return tuple(dict.fromkeys(f for each in coded for f in each.material.skipped))
