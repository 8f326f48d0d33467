"""Recording: answers become cases, which are kept in a journal until the report is written."""

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from originid import __version__
from originid.answer import Answer
from originid.finder import TOP, Finder
from originid.latents.sources import ImageLike, Source, as_sources
from originid.report.case import make_case, sha256_of
from originid.report.forms import files_of, has_pictures, write_report
from originid.report.journal import START, SUFFIX, Journal, Key, Place
from originid.system.text import counted
from originid.types import Json, Verdict
from originid.verdict.presets import DEFAULT, PRESETS
from originid.views.looks import Effort

UNREADABLE = "unreadable"  # what queries without a verdict are counted as
COUNTED = (*(verdict.value for verdict in Verdict), UNREADABLE)


@dataclass(frozen=True)
class Asked:
    """How the queries of a report are searched for, as `Finder.find` takes it.

    Args:
        top: the number of matches of each query, at least 1.
        false_matches: the stated false-match rate, above 0 and at most 0.1.
        effort: of the search.
    """

    top: int = TOP
    false_matches: float = PRESETS[DEFAULT]
    effort: Effort = "normal"


class Recording:
    """The cases of a report while its queries are answered, in the order in which they were asked.

    Args:
        finder: of the collection that is searched.
        output: the report, a path that ends as `forms.check_output` says.
        asked: how it is searched.

    Raises:
        StorageError: the disk refuses, or another process writes the same report.
    """

    def __init__(self, finder: Finder, output: Path, asked: Asked) -> None:
        self._finder, self._output, self._asked = finder, output, asked
        self._places: list[Place | None] = []
        self._keys: list[tuple[str, str | None]] = []
        self._waiting: deque[tuple[int, Source]] = deque()
        self.resumed = 0
        self._journal = Journal(output.with_name(output.name + SUFFIX), self._purpose())

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *exception: object) -> None:
        self._journal.__exit__(*exception)

    @property
    def beginning(self) -> str:
        """What becomes of an earlier run that was interrupted, in a sentence; "" without one."""
        if self._journal.changed:
            what = ", ".join(self._journal.changed)
            return (
                f"an earlier run was interrupted; this one starts anew, as this has changed: {what}"
            )
        if self._journal.done:
            cases = counted(len(self._journal.done), "answer")
            return (
                f"an earlier run was interrupted; {cases} of it are taken where a query is the same"
            )
        return ""

    @property
    def finished(self) -> int:
        """How many of the queries that were asked so far are done."""
        return len(self._places) - len(self._waiting)

    @property
    def counts(self) -> dict[str, int]:
        """How many queries that are done got each verdict, and how many could not be read."""
        counts = dict.fromkeys(COUNTED, 0)
        for place in filter(None, self._places):
            counts[place.verdict or UNREADABLE] += 1
        return counts

    def missing(self, queries: Iterable[ImageLike | Source]) -> Iterator[Source]:
        """Yield the queries that are not done; an answer of each is then given to `add`, in order.

        Args:
            queries: all queries of the report, as `Finder.find` takes them.
        """
        for source in as_sources(queries):
            sha256 = sha256_of(source)
            done = None if sha256 is None else self._journal.done.get((source.name, sha256))
            self._keys.append((source.name, sha256))
            self._places.append(done)
            if done is None:
                self._waiting.append((len(self._places) - 1, source))
                yield source
            else:
                self.resumed += 1

    def add(self, answer: Answer) -> None:
        """Record the answer of the first query that waits for one."""
        number, source = self._waiting.popleft()
        name, sha256 = self._keys[number]
        pictures = has_pictures(self._output)
        case = make_case(self._finder, source, answer, sha256, pictures)
        # A query that could not be read is asked again by the next run: its disk may be back.
        key: Key | None = None if sha256 is None or answer.error is not None else (name, sha256)
        self._places[number] = self._journal.add(key, case)

    def write(self) -> tuple[Path, ...]:
        """Write the report, and remove the journal; return the files.

        Raises:
            StorageError: the disk refuses; the journal stays.
        """
        places = [place for place in self._places if place is not None]
        write_report(self._output, self._about(), lambda: map(self._journal.read, places))
        self._journal.remove()
        return files_of(self._output)

    def _purpose(self) -> Json:
        """What fixes the answers: if any of it changes, what was found before is not used."""
        collection, database = self._finder.collection, self._finder.collection.database
        place = collection.place
        return {
            "version": __version__,
            "collection": str(place.absolute() if isinstance(place, Path) else place),
            "model": collection.model.fingerprint,
            "references": [*database.version(), *database.cohort_seen()],
            "decisions": _digest(repr(database.decisions()).encode()),
            "options": asdict(self._asked),
            "pictures": has_pictures(self._output),
            START: now(),
        }

    def _about(self) -> Json:
        collection = self._finder.collection
        lines = (f"{sha256}  {name}\n" for name, sha256 in self._keys if sha256)
        return {
            "version": __version__,
            "collection": str(collection.place),
            "references": len(collection),
            "model": collection.model.name,
            "fingerprint": collection.model.fingerprint,
            "started": self._journal.purpose[START],
            "finished": now(),
            **asdict(self._asked),
            "queries": len(self._keys),
            "queries_sha256": _digest(*(os.fsencode(line) for line in lines)),
            "counts": self.counts,
        }


def now() -> str:
    """The time in UTC, such as ``2026-11-26T09:30:00Z``."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
