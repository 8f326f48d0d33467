"""What reads images, and kills the process that does so: each time, or the first time."""

import os
import signal
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from originid.images.decode import ReserveMemory, read_bytes
from originid.images.limits import Limits
from originid.inputs.kinds import OnFailure
from originid.inputs.tar import TarShard
from originid.latents.sources import Source


@dataclass(frozen=True)
class Deadly:
    """Reads a file, and kills the process before.

    Args:
        path: the file.
        once: a file that is made the first time, and saves those who come later; None kills all.
    """

    path: Path
    once: Path | None = None

    def __call__(self, limits: Limits, reserve: ReserveMemory) -> bytes:
        if self.once is None or not self.once.exists():
            if self.once is not None:
                self.once.touch()
            os.kill(os.getpid(), signal.SIGTERM)
        return read_bytes(self.path, limits, reserve)


@dataclass(frozen=True)
class DeadlyShard(TarShard):
    """A tar shard that kills the process when it has named some of its images.

    Args:
        deaths: a file that grows by a byte each time.
        times: how often it kills.
    """

    deaths: Path = Path()
    times: int = 1

    def members(self, on_failure: OnFailure, skip: Collection[str] = ()) -> Iterator[Source]:
        """Name the images, as `TarShard`."""
        died = self.deaths.stat().st_size if self.deaths.exists() else 0
        members = super().members(on_failure, skip)
        if died < self.times:
            yield from islice(members, 3)
            self.deaths.write_bytes(bytes(died + 1))
            os.kill(os.getpid(), signal.SIGTERM)
        yield from members
