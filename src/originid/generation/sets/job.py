"""The job that makes queries. Any number of processes may run it, and any of them may die.

A process takes one shard after the other that no other process holds. Threads read and decode
origins, and ask for their prompts, ahead of the generator, which makes images in batches.
"""

import hashlib
import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PILImage

from originid.errors import ImageError, UsageError
from originid.generation.diffusion.presets import BATCH
from originid.generation.diffusion.tasks import Task, task_key, task_seed
from originid.generation.prompts.base import PromptError, PromptSource
from originid.generation.sets.manifests import relative_to
from originid.generation.sets.origins import Origin
from originid.generation.sets.rows import ImageSetRow
from originid.generation.sets.shards import ImageSet, Shard
from originid.images.decode import decode, read_bytes
from originid.system.parallel import map_ordered
from originid.system.progress import Progress, silent
from originid.types import Image

if TYPE_CHECKING:
    from originid.generation.diffusion.making import Maker

READERS = 4  # origins read and asked about at a time; a chat model takes seconds for each
WAITING = 16  # tasks, beyond a batch, that may wait for others of their strength and shape
QUALITY = 95  # of the JPEG files, in Pillow's scale up to 100


@dataclass(frozen=True)
class JobSettings:
    """What a job makes.

    Args:
        generator: The name of the generator, which the rows carry.
        kind: How the generator edits, which the rows state too.
        strengths: The strengths, each in (0, 1]. Each prompt gives one image at each of them. A
            single None is for pipelines that have no strength.
        batch: The number of images made together, all of one strength.
        seed: The seed of all images. Another seed makes other images from the same origins and
            prompts.
        how: What else decides what the generator makes, as JSON values by name. A set has images of
            one such generator of each name.

    Raises:
        UsageError: A value is out of its range.
    """

    generator: str
    kind: str
    strengths: tuple[float | None, ...]
    batch: int = BATCH
    seed: int = 0
    how: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        odd = [s for s in self.strengths if s is not None and not 0 < s <= 1]
        if odd or not self.strengths:
            raise UsageError(
                f"strength {', '.join(map(str, odd)) or '(none)'}",
                "expected numbers above 0 and up to 1, such as 0.3,0.6",
                "choose other strengths",
            )
        if self.batch < 1 or self.seed < 0:
            raise UsageError(
                f"a batch of {self.batch} and the seed {self.seed}",
                "expected a batch of at least 1 and a seed of at least 0",
                "choose other numbers",
            )


@dataclass(frozen=True)
class JobOutcome:
    """What one run of a job did.

    Args:
        made: The number of images that it made.
        known: The number of tasks that were done before.
        failed: The number of failures.
        busy: The number of shards that other processes held.
    """

    made: int
    known: int
    failed: int
    busy: int


@dataclass(frozen=True)
class _PlannedQuery:
    """A task, and the row that its query will have, as yet without what making it costs."""

    shard: Shard
    task: Task
    row: ImageSetRow  # without what making it costs


_Read = tuple[Shard, Origin, Image, list[str]]
_Refused = tuple[Shard, Origin, str]


def run_job(
    image_set: ImageSet,
    origins: Sequence[Origin],
    prompts: PromptSource,
    settings: JobSettings,
    open_maker: "Callable[[], Maker]",
    progress: Progress = silent,
) -> JobOutcome:
    """Make the queries of a set that are missing.

    Origins that cannot be decoded or get no prompts, and tasks that the generator refuses, become
    rows of the set's failures. A task that was refused before is tried again only if somebody
    removed ``failures.csv``.

    Args:
        image_set: The set into which queries and rows are written.
        origins: The origins, each content once.
        prompts: The source of the prompts of each origin.
        settings: What the job makes.
        open_maker: Opens the generator. It is called before a new set is begun, or when the first
            image of an existing set is to be made.
        progress: Called with the number of tasks that are done, by any process, and of all.

    Raises:
        InputError: The generator cannot be loaded, or the source cannot give any prompts.
        StorageError: The disk refuses. What was made is kept.
    """
    job = _Job(image_set, prompts, settings, open_maker, progress)
    job.total = len(settings.strengths) * sum(prompts.count(Path(o.path)) for o in origins)
    try:
        return job.run(origins)
    finally:
        job.close()


class _Job:
    """One run of a job in this process: the shards that it holds, and its counts."""

    def __init__(
        self,
        image_set: ImageSet,
        prompts: PromptSource,
        settings: JobSettings,
        open_maker: "Callable[[], Maker]",
        progress: Progress,
    ) -> None:
        self.total = 0
        self._set, self._prompts, self._settings = image_set, prompts, settings
        self._open_maker, self._progress = open_maker, progress
        self._maker: Maker | None = None
        self._shards: dict[str, Shard | None] = {}
        self._retry = not (image_set.folder / "failures.csv").exists()
        self._made = self._known = self._failed = 0

    def run(self, origins: Sequence[Origin]) -> JobOutcome:
        """Make what is missing, and return what was done.

        Args:
            origins: The origins, each content once.
        """
        if origins and not self._set.begun:
            # Before the set is begun: a generator that cannot be loaded leaves nothing behind.
            self._maker = self._open_maker()
        self._set.begin()
        self._set.keep_generator(self._settings.generator, self._settings.how)
        # A generator can only make a batch of tasks that have one strength and one shape.
        waiting: dict[object, list[_PlannedQuery]] = defaultdict(list)
        for planned in self._planned(origins):
            batch = waiting[planned.task.strength, planned.task.origin.shape]
            batch.append(planned)
            size, count = self._settings.batch, sum(map(len, waiting.values()))
            # A batch is made when it is full. If too many tasks wait in batches that do not fill,
            # the fullest is made as it is, so that memory stays bounded.
            if len(batch) == size or count == WAITING + size:
                fullest = max(waiting, key=lambda alike: len(waiting[alike]))
                self._make(waiting.pop(fullest))
        for batch in waiting.values():
            self._make(batch)
        busy = sum(shard is None for shard in self._shards.values())
        return JobOutcome(self._made, self._known, self._failed, busy)

    def close(self) -> None:
        """Give the shards back, so that other processes can hold them."""
        for shard in filter(None, self._shards.values()):
            shard.close()

    def _planned(self, origins: Sequence[Origin]) -> Iterator[_PlannedQuery]:
        """Yield the tasks that are still to be done, while threads read other origins ahead."""
        for found in map_ordered(self._read, self._claimed(origins), READERS):
            shard, origin = found[0], found[1]
            if len(found) == 3:
                row = ImageSetRow(
                    "", origin.sha256, relative_to(self._set, origin), reason=found[2]
                )
                shard.add([row], {})
                self._failed += 1
                continue
            for planned in self._tasks(*found):
                if not self._is_done(planned):
                    yield planned

    def _claimed(self, origins: Sequence[Origin]) -> Iterator[tuple[Shard, Origin]]:
        """Yield the origins of shards that this process holds. It holds them until the job ends."""
        for origin in origins:
            if origin.shard not in self._shards:
                self._shards[origin.shard] = self._set.claim(origin.shard)
            if shard := self._shards[origin.shard]:
                yield shard, origin

    def _read(self, item: tuple[Shard, Origin]) -> _Read | _Refused:
        """Read an origin and its prompts, or return the reason why that is impossible."""
        shard, origin = item
        try:
            data = read_bytes(origin.path)
            # The rows name the content, so they would be wrong for a file that was replaced.
            if hashlib.sha256(data).hexdigest() != origin.sha256:
                return shard, origin, "the file was changed while the job ran; run it again"
            image = decode(data).image
            return shard, origin, image, self._prompts.prompts(Path(origin.path), image)
        except (ImageError, PromptError) as error:
            return shard, origin, error.reason

    def _tasks(
        self, shard: Shard, origin: Origin, image: Image, prompts: list[str]
    ) -> Iterator[_PlannedQuery]:
        """Yield a task for each strength and prompt of an origin."""
        settings, seed = self._settings, self._settings.seed
        place = relative_to(self._set, origin)
        for strength in settings.strengths:
            for prompt in dict.fromkeys(prompts):
                key = task_key(origin.sha256, prompt, settings.generator, strength, seed)
                name = f"images/{origin.shard}/{origin.sha256[:12]}-{key[:16]}.jpg"
                made = (prompt, settings.generator, settings.kind, strength, seed)
                row = ImageSetRow(key, origin.sha256, place, name, *made)
                yield _PlannedQuery(shard, Task(image, prompt, strength, task_seed(key)), row)

    def _is_done(self, planned: _PlannedQuery) -> bool:
        """Return whether a query exists, or failed before, and count it if so."""
        shard, row = planned.shard, planned.row
        name = row.name
        if shard.has(row.key) or (shard.has_failed(row.key) and not self._retry):
            self._known += 1
        elif shard.has_image(name):  # a process died after it wrote the image, before its row
            size = (shard.folder / name).stat().st_size
            shard.add([replace(row, bytes=size)], {})
            self._known += 1
        else:
            return False
        self._report()
        return True

    def _make(self, batch: list[_PlannedQuery]) -> None:
        """Make a batch of images, and write them and their rows."""
        if self._maker is None:
            self._maker = self._open_maker()
        start = time.monotonic()
        results = self._maker.make([planned.task for planned in batch])
        seconds = round((time.monotonic() - start) / len(batch), 4)  # for one image
        rows: dict[Shard, list[ImageSetRow]] = defaultdict(list)
        files: dict[Shard, dict[str, bytes]] = defaultdict(dict)
        for planned, result in zip(batch, results, strict=True):
            if isinstance(result, str):
                row = replace(planned.row, query="", reason=result)
                self._failed += 1
            else:
                data = _jpeg(result)
                row = replace(planned.row, seconds=seconds, bytes=len(data))
                files[planned.shard][row.name] = data
                self._made += 1
            rows[planned.shard].append(row)
        for shard, added in rows.items():
            shard.add(added, files[shard])
        self._report()

    def _report(self) -> None:
        self._progress(self._made + self._known + self._failed, self.total)


def _jpeg(image: Image) -> bytes:
    file = io.BytesIO()
    picture = PILImage.fromarray(np.ascontiguousarray(image))
    picture.save(file, "JPEG", quality=QUALITY, subsampling=0)
    return file.getvalue()
