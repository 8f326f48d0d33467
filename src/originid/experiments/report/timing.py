"""How long each experiment took, over the runs that it needed."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from originid.errors import ExtraError, InputError
from originid.experiments.report.writing import read_object, write_text
from originid.system.storage import storage_errors

FILE = "timings.json"


@dataclass(frozen=True)
class Timing:
    """What an experiment took: seconds on the clock, and of all cores together."""

    seconds: float = 0.0
    core_seconds: float = 0.0
    done: bool = False


@contextmanager
def timed(folder: Path, name: str) -> Iterator[None]:
    """Add what is done in this block to the time of an experiment, until it is done once.

    Args:
        folder: of the reports; its ``timings.json`` outlives a run that is cut off by Ctrl-C.
        name: of the experiment.

    Raises:
        StorageError: the disk refuses.
    """
    start, cores, counts, done = time.monotonic(), time.process_time(), True, False
    try:
        yield
        done = True
    except (InputError, ExtraError):
        counts = False  # it did not run
        raise
    finally:
        known = _read(folder)
        before = known.get(name, Timing())
        if counts and not before.done:
            known[name] = Timing(
                round(before.seconds + time.monotonic() - start, 1),
                round(before.core_seconds + time.process_time() - cores, 1),
                done,
            )
            entries = {each: asdict(timing) for each, timing in known.items()}
            with storage_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
                write_text(folder / FILE, json.dumps(entries, indent=2) + "\n")


def read_timings(folder: Path) -> dict[str, Timing]:
    """What each experiment took that is done."""
    return {name: timing for name, timing in _read(folder).items() if timing.done}


def _read(folder: Path) -> dict[str, Timing]:
    return {name: Timing(**entry) for name, entry in read_object(folder / FILE).items()}
