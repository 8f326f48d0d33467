"""What every command prints alike."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from originid.errors import OriginidError
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.types import Failure

EVERY = 30.0  # seconds between lines of progress where no terminal shows a bar
SHOWN = 20  # failures printed one by one; the rest is counted


def print_json(value: Any) -> None:
    """Print one JSON line, in ASCII so that names of any bytes survive every terminal."""
    print(json.dumps(value, allow_nan=False), flush=True)


def print_error(error: OriginidError) -> None:
    """Print an error's three parts on stderr."""
    print(f"error: {printable(error.given)}", file=sys.stderr)
    print(f"  {printable(error.expected)}", file=sys.stderr)
    print(f"  {printable(error.todo)}", file=sys.stderr)


def as_rows(failures: "Iterable[Failure]") -> list[dict[str, str]]:
    """Failures as ``--json`` lists them."""
    return [asdict(failure) for failure in failures]


def print_failures(failures: "Iterable[Failure]", more: str) -> None:
    """Print files that were passed over on stderr; ``more`` says where the rest is listed."""
    failures = list(failures)
    for failure in failures[:SHOWN]:
        print(f"skipped {printable(failure.path)}: {printable(failure.reason)}", file=sys.stderr)
    if len(failures) > SHOWN:
        print(f"... and {len(failures) - SHOWN} more: {more}", file=sys.stderr)


@contextmanager
def progress_bar(what: str, unit: str = "images") -> "Iterator[Callable[[int, int], None]]":
    """A bar on stderr with rate and time left, to be called with units done and in all.

    It appears after a second, and goes when all is done. Without a terminal there is a line every
    30 seconds instead.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    start = said = time.monotonic()
    before = 0
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeLeft())
    console = Console(stderr=True)
    bar = Progress(TextColumn(what), *columns, console=console, transient=True)
    task = bar.add_task(what, total=None, rate="")

    def update(done: int, total: int) -> None:
        nonlocal start, said, before
        now = time.monotonic()
        if done < before:  # another stage
            start = now
            bar.reset(task)
        before = done
        seconds = now - start
        if not console.is_terminal:
            if now - said >= EVERY:
                said = now
                print(f"{what}: {done} of {total} {unit}", file=sys.stderr, flush=True)
        elif seconds > 1:
            if not bar.live.is_started and done < total:
                bar.start()
            bar.update(task, completed=done, total=total, rate=f"{done / seconds:.0f} {unit}/s")
            if done == total:
                bar.stop()

    try:
        yield update
    finally:
        if bar.live.is_started:
            bar.stop()
