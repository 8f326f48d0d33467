"""The job that makes queries, shared among the devices of a Ray cluster by Ray Data.

A worker on each GPU loads the generator once and makes one shard after the other, like a process
that was started by hand. All workers write into the folder of the set. If a worker dies, another
continues its shard.
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from originid.errors import OriginidError
from originid.generation.prompts.base import PromptSource
from originid.generation.sets.job import JobOutcome, JobSettings, run_job
from originid.generation.sets.origins import Origin
from originid.generation.sets.shards import ImageSet
from originid.scale.cluster import TRIES, cluster, count_tries, deadly, ray
from originid.system.progress import Progress, silent

if TYPE_CHECKING:
    from originid.generation.diffusion.making import Maker


def run_on_ray(
    image_set: ImageSet,
    origins: Sequence[Origin],
    prompts: PromptSource,
    settings: JobSettings,
    open_maker: "Callable[[], Maker]",
    progress: Progress = silent,
) -> JobOutcome:
    """Make the missing queries of a set, as `run_job` does, on all devices of a cluster.

    The cluster is the one that this process is connected to, else the one that ``RAY_ADDRESS``
    names, else the one that ``ray start`` began on this machine. If there is none, a cluster of
    this machine alone runs until the job ends. Each GPU gets a worker; a cluster without GPUs has
    one on each CPU. At most 64 workers are busy at a time, each with one shard. Every machine must
    see the origins and the set under the same paths as this machine. All arguments must be
    picklable.

    Args:
        image_set: The set into which queries and rows are written.
        origins: The origins, each content once.
        prompts: The source of the prompts of each origin.
        settings: What the job makes.
        open_maker: Opens the generator. Each worker calls it once.
        progress: Called when a shard is done, with the number of tasks done and of all.

    Raises:
        InputError: The generator cannot be loaded, the source cannot give any prompts, or there is
            no cluster at ``RAY_ADDRESS``.
        OriginidError: A worker raised it, or workers die again and again.
    """
    total = len(settings.strengths) * sum(prompts.count(Path(o.path)) for o in origins)
    shards: dict[str, list[Origin]] = defaultdict(list)
    for origin in origins:
        shards[origin.shard].append(replace(origin, path=os.path.abspath(origin.path)))
    absolute = ImageSet(image_set.folder.absolute(), image_set.settings)
    done = JobOutcome(0, 0, 0, 0)
    if shards:
        with cluster():
            tries = count_tries()
            arguments = (absolute, dict(shards), prompts, settings, open_maker, tries)
            for outcome in _outcomes(sorted(shards), arguments):
                done = JobOutcome(*map(sum, zip(_numbers(done), _numbers(outcome), strict=True)))
                progress(done.made + done.known + done.failed, total)
    image_set.begin()  # a job without origins makes an empty set, as `run_job` does
    return done


class _Worker:
    """Makes the shards that it is given, with a generator that is loaded once."""

    def __init__(
        self,
        image_set: ImageSet,
        shards: Mapping[str, Sequence[Origin]],
        prompts: PromptSource,
        settings: JobSettings,
        open_maker: "Callable[[], Maker]",
        tries: Any,
    ) -> None:
        self._set, self._shards, self._prompts = image_set, shards, prompts
        self._settings, self._open_maker, self._tries = settings, cache(open_maker), tries

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        shard = str(batch["shard"][0])
        outcome, error = JobOutcome(0, 0, 0, 0), ""
        try:
            if ray.get(self._tries.begin.remote(shard)) > TRIES:
                raise deadly(f"{TRIES} workers of Ray died at shard {shard}")
            outcome = run_job(
                self._set, self._shards[shard], self._prompts, self._settings, self._open_maker
            )
        except OriginidError as raised:  # Ray would bury its text in pages of tracebacks
            error = json.dumps([raised.given, raised.expected, raised.todo])
        return {
            key: np.array([value]) for key, value in {**asdict(outcome), "error": error}.items()
        }


def _outcomes(names: list[str], arguments: tuple[Any, ...]) -> Iterator[JobOutcome]:
    """Yield what was done in each shard, in the order in which the shards are done."""
    resources = ray.cluster_resources()
    device = "GPU" if resources.get("GPU") else "CPU"
    workers = min(len(names), max(1, int(resources.get(device, 1))))
    shards = ray.data.from_items(
        [{"shard": name} for name in names], override_num_blocks=len(names)
    )
    rows = shards.map_batches(
        _Worker,
        fn_constructor_args=arguments,
        batch_size=1,
        # One shard at a time, as a shard that waits for a busy worker could be made by another.
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        num_gpus=1 if device == "GPU" else 0,
        num_cpus=0 if device == "GPU" else 1,
    ).iter_rows()
    try:
        for row in rows:
            if row["error"]:
                raise OriginidError(*json.loads(row["error"]))
            yield JobOutcome(*(int(row[key]) for key in asdict(JobOutcome(0, 0, 0, 0))))
    except (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError) as error:
        raise deadly(f"the workers of Ray die: {str(error).strip().splitlines()[0]}") from error


def _numbers(outcome: JobOutcome) -> tuple[int, int, int, int]:
    return outcome.made, outcome.known, outcome.failed, outcome.busy
