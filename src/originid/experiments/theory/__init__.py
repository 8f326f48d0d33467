"""The paper's theory in figures: Lemma 1, Theorem 1, Observation 1 and Table 4."""

import os

from originid.encoders import open_encoder
from originid.errors import InputError
from originid.experiments.latents import Coded, encode_files, list_files
from originid.experiments.report import Inputs, Report, Table
from originid.experiments.theory.tables import PARTS, Result
from originid.progress import Progress, silent
from originid.types import Failure

PIXELS = "tones+edges"  # the encoder without a network, which pairs are measured with too


def run(inputs: Inputs, progress: Progress = silent) -> Report:
    """Run every part that there is material for.

    Each image is encoded once by each encoder, and all latents are held in memory.

    Raises:
        InputError: there are no images, or a manifest, folder or VAE cannot be used.
        ExtraError: VAEs without the extra ``[vae]``.
    """
    if inputs.pairs is None and (inputs.references is None or not inputs.vaes):
        raise InputError(
            "nothing to run the theory on",
            "expected pairs, or VAEs and a folder of references, or all of these",
            "give --pairs PAIRS.csv, or --vae DIR_OR_ID and --references FOLDER",
        )
    files = list_files(inputs)
    specs = [(label, f"diffusers:{vae}") for label, vae in _labels(inputs.vaes)]
    specs += [(PIXELS, PIXELS)] if files.pairs else []
    # All are opened before any is used: a bad name is no news for the end of an hour.
    opened = [(label, open_encoder(spec)) for label, spec in specs]
    coded = [encode_files(label, encoder, files, progress) for label, encoder in opened]
    vaes = coded[: len(inputs.vaes)]
    results: dict[str, Result] = {}
    skipped: dict[str, str] = {}
    for name, part in PARTS.items():
        try:
            results[name] = part(vaes, coded, inputs.seed)
        except InputError as error:
            skipped[name] = f"{error.given}; {error.expected}; {error.todo}"
    rows = tuple(row for result in results.values() for row in result.summary)
    return Report(
        "theory",
        "The theory in figures",
        inputs,
        Table("Summary", ("what", "measured", "paper"), rows),
        {name: result.table for name, result in results.items()},
        {name: result.plot for name, result in results.items() if result.plot is not None},
        skipped,
        _failures(coded),
    )


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
