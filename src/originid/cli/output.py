"""What all commands print in the same way: JSON, errors, failures and progress."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from originid.errors import OriginidError
from originid.system.progress import time_left
from originid.system.text import printable, shell_command

if TYPE_CHECKING:
    from originid.collection.collection import Collection
    from originid.types import Failure

EVERY = 30.0  # seconds between lines of progress where no terminal shows a bar
SHOWN = 20  # failures that are printed one by one; the others are only counted
FIRST = 5  # references that are named where a command tells what it did

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON object instead of text.")
]
"""The option of every command that prints one result."""


def print_json(value: Any) -> None:
    """Print a value as one line of JSON.

    The line is in ASCII, so that file names of any bytes come through every terminal.

    Args:
        value: a JSON value; NaN and infinity are not allowed.
    """
    print(json.dumps(value, allow_nan=False), flush=True)


def print_error(error: OriginidError) -> None:
    """Print the three parts of an error on standard error."""
    print(f"error: {printable(error.given)}", file=sys.stderr)
    print(f"  {printable(error.expected)}", file=sys.stderr)
    print(f"  {printable(error.todo)}", file=sys.stderr)


def as_rows(failures: "Iterable[Failure]") -> list[dict[str, str]]:
    """Return failures as ``--json`` lists them: objects with ``path`` and ``reason``."""
    return [asdict(failure) for failure in failures]


def print_failures(failures: "Iterable[Failure]", more: str) -> None:
    """Print the files that could not be used on standard error, at most `SHOWN` of them.

    Args:
        failures: the files and the reasons.
        more: what a person can do to see the files that are not printed.
    """
    failures = list(failures)
    for failure in failures[:SHOWN]:
        print(f"skipped {printable(failure.path)}: {printable(failure.reason)}", file=sys.stderr)
    if len(failures) > SHOWN:
        print(f"... and {len(failures) - SHOWN} more: {more}", file=sys.stderr)


def print_first(left: "Sequence[Failure]", what: str) -> None:
    """Print the first few references that a command had to leave out, among what it did.

    Args:
        left: the references and the reasons.
        what: is the matter with them, in words.
    """
    for failure in left[:FIRST]:
        print(f"{what}: {printable(failure.path)}: {printable(failure.reason)}")
    if len(left) > FIRST:
        print(f"... and {len(left) - FIRST} more: --json lists them")


def note_missing_locks(collection: "Collection") -> None:
    """Say on standard error if a collection is read without locks, and what follows from that."""
    if collection.database.without_locks:
        print(
            f"note: the disk of {printable(str(collection.place))} has no working locks, so that "
            "the collection is only read; nobody may write to it meanwhile",
            file=sys.stderr,
        )


def note_damaged(collection: "Collection") -> None:
    """Say on standard error if stored vectors are damaged, so that a search passes them over."""
    damaged = collection.passed_over
    if damaged:
        vectors = "1 stored vector is" if damaged == 1 else f"{damaged} stored vectors are"
        command = shell_command("show", collection.place, "--verify")
        print(
            f"note: {vectors} damaged and passed over; to see which: {printable(command)}",
            file=sys.stderr,
        )


def note_untrusted(collection: "Collection") -> None:
    """Say on standard error if a file was not opened because its folder is not trusted."""
    from originid.collection.trusted_folders import how_to_trust

    refused = collection.database.refused
    if refused is not None:
        print(
            f"note: {printable(refused)} and files like it are not opened: this account never "
            "indexed their folder here, as in a collection that somebody else made. If you know "
            f"the collection, {printable(how_to_trust(collection.place, refused))}",
            file=sys.stderr,
        )


def note_unsigned(reason: str) -> None:
    """Say on standard error why later commands will not know that this account named files.

    Args:
        reason: why the account has no key; nothing is said where it is empty.
    """
    if reason:
        print(
            f"note: {printable(reason)}; later commands open these files only with their "
            "folder in ORIGINID_TRUSTED_FOLDERS",
            file=sys.stderr,
        )


@contextmanager
def progress_bar(what: str, unit: str = "images") -> "Iterator[Callable[[int, int], None]]":
    """Show progress on standard error: a bar with the rate and the time that is left.

    The bar appears after a second, and disappears when everything is done. If standard error is no
    terminal, a line is printed every 30 seconds instead.

    Args:
        what: what is being done, such as ``encoding``.
        unit: what is counted, in the plural.

    Yields:
        A function to call with the number of units done and the number of units in all. When the
        first number falls, another stage begins, and the rate is counted anew.
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
        """Show how much is done, ``done`` of ``total`` units."""
        nonlocal start, said, before
        now = time.monotonic()
        if done < before:  # another stage has begun
            start = now
            bar.reset(task)
        before = done
        seconds = now - start
        if not console.is_terminal:
            if now - said >= EVERY:
                said = now
                left = time_left(seconds, done, total)
                line = f"{what}: {done} of {total} {unit}{left and f', {left}'}"
                print(line, file=sys.stderr, flush=True)
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
