"""How long each experiment took, over the runs that it needed."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from originid.errors import ExtraError, InputError
from originid.experiments.writing import write_text
from originid.storage import storage_errors

FILE = "timings.json"


@contextmanager
def timed(folder: Path, name: str) -> Iterator[None]:
    """Add what is done in this block to the seconds of an experiment, until it is done once.

    Args:
        folder: of the reports; its ``timings.json`` outlives a run that is cut off by Ctrl-C.
        name: of the experiment.

    Raises:
        StorageError: the disk refuses.
    """
    start, counts, done = time.monotonic(), True, False
    try:
        yield
        done = True
    except (InputError, ExtraError):
        counts = False  # it did not run
        raise
    finally:
        known = _read(folder)
        before = known.get(name, {"seconds": 0.0, "done": False})
        if counts and not before["done"]:
            seconds = round(before["seconds"] + time.monotonic() - start, 1)
            known[name] = {"seconds": seconds, "done": done}
            with storage_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
                write_text(folder / FILE, json.dumps(known, indent=2) + "\n")


def read_timings(folder: Path) -> dict[str, float]:
    """Seconds of each experiment that is done."""
    return {name: entry["seconds"] for name, entry in _read(folder).items() if entry["done"]}


def _read(folder: Path) -> dict[str, dict[str, float | bool]]:
    file = folder / FILE
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return dict(found)
