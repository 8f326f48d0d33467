"""A set of pairs from folders of origins: the stages of making one, composed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from originid.errors import InputError
from originid.generation.prompts.base import PromptSource
from originid.generation.sets.job import JobOutcome, JobSettings, run_job
from originid.generation.sets.manifests import ManifestCounts, draw_sheet, write_manifests
from originid.generation.sets.origins import Origin, find_origins, split_origins
from originid.generation.sets.shards import ImageSet, SetSettings
from originid.model import Model
from originid.system.progress import Progress, silent
from originid.types import Failure

if TYPE_CHECKING:
    from originid.generation.diffusion.making import Maker


@dataclass(frozen=True)
class SetSummary:
    """What a run did, what the set holds, and its contact sheet.

    ``leaks`` counts the origins that look like a training origin and were taken from the tests.
    """

    outcome: JobOutcome
    counts: ManifestCounts
    leaks: int
    sheet: Path | None


@dataclass(frozen=True)
class SetInputs:
    """What a set is made of.

    ``origins`` holds each content once; ``unreadable`` are the files that are no origins.
    """

    image_set: ImageSet
    origins: Sequence[Origin]
    unreadable: Sequence[Failure]
    prompts: PromptSource
    settings: JobSettings


def find_inputs(
    folders: Sequence[Path],
    output: Path,
    shared: SetSettings,
    prompts: PromptSource,
    settings: JobSettings,
    progress: Progress = silent,
) -> SetInputs:
    """Find the origins of a set that is begun or to be begun; nothing is written.

    Args:
        folders: of origins.
        output: of the set, outside of the folders: its queries must not become origins.
        shared: what holds for the whole set.
        prompts: what is made of the origins.
        settings: how.
        progress: called with files read and all.

    Raises:
        InputError: a folder that is missing, or that the set would be in; an ``output`` that
            holds something else.
    """
    target = output.resolve()
    for folder in folders:
        if target.is_relative_to(folder.resolve()):
            expected = "expected a place outside of the origins, as queries must not become origins"
            raise InputError(f"{output} is in {folder}", expected, "choose another place")
    image_set = ImageSet.open(output, shared)
    origins, unreadable = find_origins(folders, progress)
    return SetInputs(image_set, origins, unreadable, prompts, settings)


def make_set(
    inputs: SetInputs,
    open_maker: "Callable[[], Maker]",
    model: Model | None = None,
    comparing: Progress = silent,
    making: Progress = silent,
    run: Callable[..., JobOutcome] = run_job,
) -> SetSummary:
    """Make what is missing of a set, and its manifests, which are written whatever happens.

    Of a set that could not be begun, as its generator cannot be loaded, nothing is written.

    Args:
        inputs: of what.
        open_maker: opens the generator, when the first image is to be made.
        model: what finds near-duplicates between the two sides; None to look for none.
        comparing: called with origins compared and all, where there is a test share.
        making: called with tasks done and all.
        run: does the job; takes the arguments of `run_job`.

    Raises:
        InputError: the generator cannot be loaded, another process began a set with other
            settings, or the source of prompts cannot give any.
        StorageError: the disk refuses; what was made is kept.
    """
    origins, settings = inputs.origins, inputs.settings
    image_set = inputs.image_set
    sides, leaks = split_origins(origins, image_set.settings.test, model, comparing)
    try:
        outcome = run(image_set, origins, inputs.prompts, settings, open_maker, making)
    finally:
        if image_set.begun:
            counts = write_manifests(image_set, origins, sides, inputs.unreadable)
    return SetSummary(outcome, counts, leaks, draw_sheet(image_set))
