"""The experiment ``theory``: Lemma 1, Theorem 1, Observation 1 (Table 1) and Table 4, measured.

They are in Sections 4.1, 4.2 and 5.3 of the paper. Tables 1 and 4 can be run alone as well.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import cache

from originid.encoders import open_encoder
from originid.errors import InputError
from originid.experiments.harness.context import PACKAGED, ExperimentContext, short_name
from originid.experiments.harness.latents import EncodedFiles, ListedFiles, encode_files, list_files
from originid.experiments.report.report import ExperimentReport, Table
from originid.experiments.theory.tables import PARTS, TheoryResult
from originid.types import Failure, Json


def run(context: ExperimentContext) -> ExperimentReport:
    """Run every part of the theory that there are pairs, photos or VAEs for.

    Each image is encoded once by each encoder, and all latents are held in memory.

    Args:
        context: the data, the VAEs and the results that are kept.

    Raises:
        InputError: there are no images, or a manifest, folder or VAE cannot be used.
        ExtraError: VAEs are given, and the extra ``[vae]`` is not installed.
    """
    return run_parts(context, "theory", "The theory in figures", tuple(PARTS))


def run_parts(
    context: ExperimentContext, name: str, title: str, wanted: tuple[str, ...]
) -> ExperimentReport:
    """Run some parts of the theory as a report of their own.

    Args:
        context: the data, the VAEs and the results that are kept.
        name: the name of the report.
        title: the headline of the report.
        wanted: the parts to run, keys of `tables.PARTS`.

    Raises:
        InputError: there are no images, or a manifest, folder or VAE cannot be used.
        ExtraError: VAEs are given, and the extra ``[vae]`` is not installed.
    """
    inputs = context.inputs
    files = list_files(*context.pairs_and_photos, inputs.scale.images)
    if not files.pairs and (inputs.references is None or not inputs.vaes):
        raise InputError(
            "nothing to run the theory on",
            "expected pairs, or VAEs and a folder of references, or all of these",
            "give --data NAME:FOLDER, or --pairs PAIRS.csv, or --vae DIR_OR_ID with "
            "--references FOLDER",
        )
    # Nothing is encoded if the results of all parts are kept in the folder.
    encoded = cache(lambda: _encode(context, files, wanted))
    results: dict[str, TheoryResult] = {}
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
            f"expected what one of {', '.join(wanted)} is measured on",
            "give --data, or --pairs, --vae and --references; docs/theory.md says what each needs",
        )
    rows = tuple(row for result in results.values() for row in result.summary)
    return ExperimentReport(
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
    """A part has nothing to be measured on; the text says what is missing."""


Encoded = tuple[list[EncodedFiles], list[EncodedFiles]]
"""The latents by each VAE, then the latents by every encoder, VAEs included."""


def _part(
    context: ExperimentContext, part: str, encoded: Callable[[], Encoded]
) -> tuple[TheoryResult, tuple[Failure, ...]]:
    """Return the result of a part, and the files that could not be used for it.

    Raises:
        MissingError: this part cannot be run; others may be.
    """

    def compute() -> Json:
        """Measure the part."""
        vaes, every = encoded()
        try:
            result = PARTS[part](vaes, every, context.inputs.seed)
        except InputError as error:
            raise MissingError(f"{error.given}; {error.expected}; {error.todo}") from error
        return {"result": result.to_json(), "unreadable": [asdict(f) for f in _failures(every)]}

    found = context.cached("theory", {"table": part}, compute)
    return TheoryResult.from_json(found["result"]), tuple(
        Failure(**each) for each in found["unreadable"]
    )


def _encode(context: ExperimentContext, files: ListedFiles, wanted: tuple[str, ...]) -> Encoded:
    """Encode the files by each VAE and, if there are pairs, by the encoder without a network."""
    chosen = context.inputs.vaes[:1] if wanted == ("observation1",) else context.inputs.vaes
    specs = [(label, f"diffusers:{vae}") for label, vae in _labels(chosen)]
    specs += [(PACKAGED, PACKAGED)] if files.pairs else []
    # All are opened before any is used, so that a bad name is an error at once, not after an hour.
    opened = [(label, open_encoder(spec)) for label, spec in specs]
    every = [
        encode_files(label, encoder, files, context.progress, context.cache(encoder))
        for label, encoder in opened
    ]
    return every[: len(chosen)], every


def _labels(vaes: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return label and source of each VAE: the short name, or the whole where two are alike."""
    names = [short_name(vae) for vae in vaes]
    return [
        (name if names.count(name) == 1 else vae, vae)
        for name, vae in zip(names, vaes, strict=True)
    ]


def _failures(every: list[EncodedFiles]) -> tuple[Failure, ...]:
    """Return every file that some encoder could not use, once."""
    return tuple(dict.fromkeys(f for each in every for f in each.encoded_pairs.skipped))
