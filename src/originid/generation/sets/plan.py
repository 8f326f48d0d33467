"""What a job will take, before it starts: images, time, disk and the cost of prompts."""

import shutil
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from originid.generation.prompts.chat import ChatCost, ChatPrompts
from originid.generation.sets.run import SetInputs
from originid.generation.sets.shards import ImageSet, ImageSetRow

JPEG = 0.42  # bytes a pixel at quality 95 without subsampling: mean of the packaged photos
RECENT = 1000  # images of the same generator from which time and size are read


@dataclass(frozen=True)
class JobPlan:
    """What a job takes.

    ``images`` is what there will be of this generator from these origins, at most, and ``made``
    how many of them there are. ``seconds`` and ``bytes`` are for the rest, on one device; seconds
    are None until some images of the generator show how long one takes. ``free`` is the space on
    the disk in bytes, ``cost`` what asking a chat model takes at most.
    """

    origins: int
    images: int
    made: int
    seconds: float | None
    bytes: int
    free: int
    cost: ChatCost | None


def plan_job(inputs: SetInputs, size: int) -> JobPlan:
    """Count what a job takes; nothing is opened, asked or made.

    Args:
        inputs: of the job.
        size: square root of the area of its images, in pixels.
    """
    origins, prompts = inputs.origins, inputs.prompts
    settings, strengths = inputs.settings, inputs.settings.strengths
    images = len(strengths) * sum(prompts.count(Path(origin.path)) for origin in origins)
    known = {origin.sha256 for origin in origins}
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
        images=images,
        made=min(made, images),
        seconds=left * statistics.median(timed) if timed else None,
        bytes=round(left * each),
        free=_free(inputs.image_set.folder),
        cost=prompts.estimate(len(origins)) if isinstance(prompts, ChatPrompts) else None,
    )


def _free(folder: Path) -> int:
    """Bytes that are free where a folder is, or will be."""
    folder = folder.absolute()
    return shutil.disk_usage(next(f for f in (folder, *folder.parents) if f.exists())).free


def _rows(image_set: ImageSet) -> Iterator[ImageSetRow]:
    for name in image_set.shards():
        yield from image_set.rows(name)[0]
