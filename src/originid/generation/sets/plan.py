"""What a job will take, before it starts: images, time, disk space and the cost of prompts."""

import shutil
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from originid.generation.prompts.chat import ChatPrompts
from originid.generation.prompts.chat_settings import ChatCost
from originid.generation.sets.rows import ImageSetRow
from originid.generation.sets.run import SetInputs
from originid.generation.sets.shards import ImageSet

# Bytes for each pixel at quality 95 without subsampling, as a mean over the packaged photos.
JPEG = 0.42
RECENT = 1000  # the last images of the generator, from which time and size are read


@dataclass(frozen=True)
class JobPlan:
    """What a job takes.

    Args:
        origins: The number of origins.
        unprompted: How many of them have no prompt, such as where a file of prompts names others.
        images: The largest number of images of this generator from these origins, when all is done.
        made: How many of these images exist already.
        seconds: The time for the other images on one device. None until some images of the
            generator show how long one takes.
        bytes: The disk space for the other images.
        free: The free space on the disk, in bytes.
        cost: The most that asking a chat model costs; None for other sources of prompts.
    """

    origins: int
    unprompted: int
    images: int
    made: int
    seconds: float | None
    bytes: int
    free: int
    cost: ChatCost | None


def plan_job(inputs: SetInputs, size: int) -> JobPlan:
    """Count what a job takes. Nothing is opened, asked or made.

    Args:
        inputs: The inputs of the job.
        size: The square root of the area of its images, in pixels.
    """
    origins, prompts = inputs.origins, inputs.prompts
    settings, strengths = inputs.settings, inputs.settings.strengths
    counts = [prompts.count(Path(origin.path)) for origin in origins]
    images = len(strengths) * sum(counts)
    known = {origin.sha256 for origin in origins}
    # Also those of other origins and seeds: they take the same time and space.
    same = [row for row in _rows(inputs.image_set) if row.generator == settings.generator]
    made = sum(
        row.sha256 in known and row.strength in strengths and row.seed == settings.seed
        for row in same
    )
    timed = [row.seconds for row in same if row.seconds][-RECENT:]
    sizes = [row.bytes for row in same][-RECENT:]
    left = max(0, images - made)
    each = statistics.fmean(sizes) if sizes else size * size * JPEG
    return JobPlan(
        origins=len(origins),
        unprompted=counts.count(0),
        images=images,
        made=min(made, images),
        # The median, as the first batch of a run takes longer than the others.
        seconds=left * statistics.median(timed) if timed else None,
        bytes=round(left * each),
        free=_free(inputs.image_set.folder),
        cost=prompts.estimate(len(origins)) if isinstance(prompts, ChatPrompts) else None,
    )


def _free(folder: Path) -> int:
    """Return the bytes that are free where a folder is, or will be."""
    folder = folder.absolute()
    return shutil.disk_usage(next(f for f in (folder, *folder.parents) if f.exists())).free


def _rows(image_set: ImageSet) -> Iterator[ImageSetRow]:
    for name in image_set.shards():
        yield from image_set.rows(name)[0]
