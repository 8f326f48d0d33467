"""Making a set of pairs from folders of origins: the stages, put together."""

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
    """What a run did, and what the set holds now.

    Args:
        outcome: What the run did.
        counts: How many pairs and failures the manifests hold.
        leaks: The number of origins that were moved from the test side to the training side,
            because they look like a training origin.
        sheet: The path of the picture of some pairs; None where there are none.
    """

    outcome: JobOutcome
    counts: ManifestCounts
    leaks: int
    sheet: Path | None


@dataclass(frozen=True)
class SetInputs:
    """What a set is made of.

    Args:
        image_set: The set into which queries and rows are written.
        origins: The origins, each content once.
        unreadable: The files that cannot be origins.
        prompts: The source of the prompts of each origin.
        settings: What the job makes.
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
    """Find the origins of a set that exists or is to be begun. Nothing is written.

    Args:
        folders: The folders of origins.
        output: The folder of the set. It must not be inside the folders of origins, because its
            queries must not become origins.
        shared: The settings of the whole set.
        prompts: The source of the prompts of each origin.
        settings: What the job makes.
        progress: Called with the number of files that were read, and of all.

    Raises:
        InputError: A folder is missing or contains the set, or ``output`` holds something else, or
            images of another generator of the same name.
        StorageError: The disk refuses.
    """
    target = output.resolve()
    for folder in folders:
        if target.is_relative_to(folder.resolve()):
            raise InputError(
                f"{output} is inside {folder}",
                "expected a place outside of the origins, as queries must not become origins",
                "choose another place",
            )
    image_set = ImageSet.open(output, shared)
    image_set.refuse_other_generator(settings.generator, settings.how)
    origins, unreadable = find_origins(folders, progress)
    if not origins and not unreadable:
        raise InputError(
            f"no images in {', '.join(map(str, folders))}",
            "expected folders of photos from which queries are made",
            "name other folders",
        )
    return SetInputs(image_set, origins, unreadable, prompts, settings)


def make_set(
    inputs: SetInputs,
    open_maker: "Callable[[], Maker]",
    model: Model | None = None,
    comparing: Progress = silent,
    making: Progress = silent,
    run: Callable[..., JobOutcome] = run_job,
) -> SetSummary:
    """Make what is missing of a set, and write its manifests, also when the job fails.

    If a new set cannot be begun because its generator cannot be loaded, nothing is written.

    Args:
        inputs: What the set is made of.
        open_maker: Opens the generator. It is called when the first image is to be made.
        model: The model that finds near-duplicates between the two sides; None looks for none.
        comparing: Called with the number of origins that were compared, and of all. It is only
            called where there is a test share.
        making: Called with the number of tasks that are done, and of all.
        run: The function that does the job. It takes the arguments of `run_job`.

    Raises:
        InputError: The generator cannot be loaded, another process began a set with other settings,
            or the source cannot give any prompts.
        StorageError: The disk refuses. What was made is kept.
    """
    origins, settings = inputs.origins, inputs.settings
    image_set = inputs.image_set
    sides, leaks = split_origins(origins, image_set.settings.test, model, comparing)
    try:
        outcome = run(image_set, origins, inputs.prompts, settings, open_maker, making)
    finally:
        # What was made before an error or Ctrl-C is in the manifests too.
        if image_set.begun:
            counts = write_manifests(image_set, origins, sides, inputs.unreadable)
    return SetSummary(outcome, counts, leaks, draw_sheet(image_set))
