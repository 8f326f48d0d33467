"""How long each experiment took, added up over the runs that it needed."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from originid.errors import ExtraError, InputError
from originid.experiments.report.writing import read_object, write_text
from originid.system.storage import storage_errors

FILE = "timings.json"  # in the folder of the reports


@dataclass(frozen=True)
class Timing:
    """How long an experiment took.

    Args:
        seconds: the seconds on the clock, at least 0.
        core_seconds: the seconds that all cores together computed, at least 0.
        done: True if the experiment was run to its end.
    """

    seconds: float = 0.0
    core_seconds: float = 0.0
    done: bool = False


@contextmanager
def timed(folder: Path, name: str) -> Iterator[None]:
    """Add the time of this block to the time of an experiment, until the block ends well once.

    Later runs read kept results, so they would say nothing about how long the experiment takes.

    Args:
        folder: the folder of the reports. Its file ``timings.json`` keeps the time of a run that
            is cut off by Ctrl-C.
        name: the name of the experiment.

    Raises:
        StorageError: the time cannot be written.
    """
    start, cores, counts, done = time.monotonic(), time.process_time(), True, False
    try:
        yield
        done = True
    except (InputError, ExtraError):
        counts = False  # it could not be run, so nothing was measured
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
    """Return the times of the experiments that were run to their end, by their names.

    Args:
        folder: the folder of the reports.

    Raises:
        InputError: the file of the times cannot be read.
    """
    return {name: timing for name, timing in _read(folder).items() if timing.done}


def _read(folder: Path) -> dict[str, Timing]:
    try:
        return {name: Timing(**entry) for name, entry in read_object(folder / FILE).items()}
    except TypeError as error:
        raise InputError(
            f"{folder / FILE} cannot be used: it holds something else than times",
            "expected the seconds of each experiment, as an experiment wrote them",
            "delete the file",
        ) from error
