"""What reads an image, and kills the process that does so: each time, or the first time."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from originid.images.decode import ReserveMemory, read_bytes
from originid.images.limits import Limits


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
