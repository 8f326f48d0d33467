"""The journal of an audit: the cases that are done, on disk, so that it can be interrupted.

It is a text file beside the report. Its first line is a JSON object that says what was asked. Each
further line is a case: a JSON list of its name and its content's SHA-256, a tab, its verdict, a
tab, and the case as JSON. A line that was cut off is left out when the file is opened again.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from originid.errors import StorageError
from originid.system.storage import storage_errors
from originid.types import Json

SUFFIX = ".unfinished"
START = "started"  # the field of the first line that need not be the same


@dataclass(frozen=True)
class Place:
    """Where a case lies in the journal, in bytes from its start, and its verdict."""

    offset: int
    verdict: str | None


Key = tuple[str, str]
"""A query: its name, and the SHA-256 of its content."""


class Journal:
    """Cases on disk, found by the name and the content of their query.

    Args:
        path: the file; it goes on if it was made for the same purpose, and otherwise starts anew.
        purpose: what fixes the answers, such as the model, the collection's state and the options:
            a JSON object with `START`, the time at which the audit began.

    Raises:
        StorageError: the disk refuses, or another process writes the same report.
    """

    def __init__(self, path: Path, purpose: Json) -> None:
        self.path = path
        self.changed: list[str] = []
        self.done: dict[Key, Place] = {}
        with storage_errors(path):
            self._file = open(path, "a+b")  # noqa: SIM115 - it stays open until `close`
            try:
                self._lock()
                self.purpose = self._go_on(purpose) or self._start(purpose)
            except BaseException:
                self._file.close()
                raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def add(self, key: Key | None, case: Json) -> Place:
        """Append a case.

        Args:
            key: by which it is found when the audit goes on; None for one to ask again then.
            case: a JSON object.
        """
        verdict = case["verdict"]
        line = "\t".join(map(json.dumps, (key, verdict, case))) + "\n"
        with storage_errors(self.path):
            offset = self._file.seek(0, os.SEEK_END)
            self._file.write(line.encode("ascii"))
            self._file.flush()
        return Place(offset, verdict)

    def read(self, place: Place) -> Json:
        """The case at a place."""
        self._file.seek(place.offset)
        case: Json = json.loads(self._file.readline().split(b"\t", 2)[2])
        return case

    def remove(self) -> None:
        """Close the journal and delete its file."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _go_on(self, purpose: Json) -> Json | None:
        """Find the cases of an earlier run; None if it had another purpose, or there is none."""
        self._file.seek(0)
        first = self._file.readline()
        if not first:
            return None
        try:
            before = json.loads(first)
            self.changed = sorted(
                name
                for name in {*purpose, *before} - {START}
                if purpose.get(name) != before.get(name)
            )
        except (ValueError, TypeError, AttributeError):
            self.changed = ["its first line"]
        if self.changed:
            return None
        for offset, line in self._whole_lines():
            key, verdict, _ = line.split(b"\t", 2)
            name = json.loads(key)
            if name is not None:
                self.done[tuple(name)] = Place(offset, json.loads(verdict))
        return before if isinstance(before, dict) else None

    def _whole_lines(self) -> Iterator[tuple[int, bytes]]:
        """The lines behind the first one; what was cut off at the end is cut away."""
        offset = self._file.tell()
        while line := self._file.readline():
            if not line.endswith(b"}\n"):
                self._file.truncate(offset)
                return
            yield offset, line
            offset += len(line)

    def _start(self, purpose: Json) -> Json:
        self._file.truncate(0)
        self._file.write(json.dumps(purpose).encode("ascii") + b"\n")
        self._file.flush()
        return purpose

    def _lock(self) -> None:
        """Let no other process write the same journal, where the system has locks."""
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(
                f"another process is writing the report {str(self.path).removesuffix(SUFFIX)}",
                "expected one audit for each report",
                "wait until it is done, or give this report another name with -o",
            ) from error
        except OSError:  # a disk without locks
            return
