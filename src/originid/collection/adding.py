"""Adding images to a collection: incremental, resumable, and undisturbed by broken files."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from originid.collection.collection import Collection
from originid.collection.database import Row, modified
from originid.collection.form_table import Form
from originid.details.features import Features
from originid.images.find_files import find_images
from originid.latents.encode_files import Encoded, Entry, encode_sources
from originid.latents.read_files import Known
from originid.latents.sources import Source
from originid.system.parallel import one_blas_thread
from originid.system.progress import Progress, silent
from originid.types import Failure
from originid.verdict.information import information
from originid.views.content import find_content

COMMIT_SECONDS = 2.0  # work that the death of the process may cost
BATCH = 256  # images mapped and committed together


@dataclass
class Added:
    """What one run did, in numbers of files; ``total`` are to be seen, committed ones count.

    ``passed_over`` is a number of folders: recycle bins, and folders of thumbnails.
    """

    total: int = 0
    added: int = 0
    updated: int = 0
    moved: int = 0
    unchanged: int = 0
    passed_over: int = 0
    failures: list[Failure] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """Files dealt with."""
        return self.added + self.updated + self.moved + self.unchanged + len(self.failures)


def store_images(
    collection: Collection,
    paths: Iterable[str | os.PathLike[str]],
    workers: int | None = None,
    progress: Progress = silent,
    all_folders: bool = False,
    details: bool = False,
) -> Added:
    """Store files, and all images in folders, in a collection.

    A file whose size and time of change are as stored is not read. One whose content is already
    stored is not decoded. Work is committed every `COMMIT_SECONDS` or `BATCH` images; what was
    committed survives whatever ends the process, and the next run goes on from there.

    Args:
        collection: where to.
        paths: files and folders.
        workers: threads that decode and encode; by default one per core. Mapping and storing go
            on beside them.
        progress: called with the files dealt with and the files in all.
        all_folders: whether recycle bins and folders of thumbnails are searched for images too;
            `find_images` says which these are.
        details: whether local features are stored, of these and of all that are added later; files
            that were stored without them are read once more.

    Raises:
        StorageError: the disk is full or read-only.
    """
    added, database = Added(), collection.database
    details = details or database.count_details() > 0
    known = database.has_details if details else database.has_content
    writer = _Writer(collection, added, details)
    sources = _changed(collection, paths, writer, all_folders)
    with (
        one_blas_thread(),  # the workers keep all cores busy
        closing(
            encode_sources(
                sources,
                collection.model.encoder,
                known,
                workers,
                find_content=find_content,
                details=details,
            )
        ) as chunks,
    ):
        for chunk in chunks:
            for entry in chunk:
                writer.put(entry)
            writer.flush_if_due()
            progress(added.seen, added.total)
        writer.flush()
        writer.finish()
    if added.added or added.updated:
        collection.index()  # so that no search has to begin by making it
    collection.calibrate()
    progress(added.seen, added.total)
    return added


def _changed(
    collection: Collection,
    paths: Iterable[str | os.PathLike[str]],
    writer: "_Writer",
    all_folders: bool,
) -> Iterator[Source]:
    """Files whose size or time of change is not as stored, or whose details are missing."""
    database = collection.database
    found = find_images(list(paths), writer.put, all_folders, writer.pass_over)
    files = list({os.path.abspath(path): path for path in found}.values())
    writer.added.total = len(files)
    for path in files:
        try:
            status = os.stat(path)
        except OSError:
            yield Source(path)  # reading it tells the reason
            continue
        stored = database.at(os.path.abspath(path))
        lacking = stored and writer.details and not database.has_details_of(stored.id)
        same = stored and (stored.bytes, stored.mtime_ns) == (status.st_size, modified(status))
        if same and not lacking:
            writer.added.unchanged += 1
        else:
            yield Source(path, mtime_ns=modified(status))


@dataclass(frozen=True)
class _Description:
    """What is stored of an image, whatever its file is called."""

    width: int
    height: int
    code: bytes
    information: float | None
    form: Form | None
    features: Features | None


class _Writer:
    """Collects entries and commits them together."""

    def __init__(self, collection: Collection, added: Added, details: bool) -> None:
        self.details = details
        self.added = added
        self._collection = collection
        self._database = collection.database
        self._entries: list[Entry] = []
        self._committed = time.monotonic()

    def put(self, entry: Entry) -> None:
        """Take an entry; nothing is written yet."""
        self._entries.append(entry)

    def pass_over(self, folder: str) -> None:
        """Count a folder whose images are not taken."""
        self.added.passed_over += 1

    def flush_if_due(self) -> None:
        """Commit if enough is pending, or pending for long enough."""
        late = time.monotonic() - self._committed >= COMMIT_SECONDS
        if late or len(self._entries) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Commit what is pending; count it when it is safe."""
        if not self._entries:
            return
        entries = self._with_orphans_encoded()
        described = iter(self._described([e for e in entries if isinstance(e, Encoded)]))
        done = Added()
        with self._database.writing():
            # Read before anything is replaced: a file may have taken another's place.
            stored = {e.sha256: self._stored(e) for e in entries if isinstance(e, Known)}
            for entry in entries:
                if isinstance(entry, Encoded):
                    self._insert(entry, next(described), done)
                elif isinstance(entry, Known):
                    self._insert_known(entry, stored[entry.sha256], done)
                else:
                    self._fail(entry, done)
        for name in ("added", "updated", "moved", "unchanged", "failures"):
            setattr(self.added, name, getattr(self.added, name) + getattr(done, name))
        self._entries = []
        self._committed = time.monotonic()

    def finish(self) -> None:
        """Drop the notes on broken files that no longer exist."""
        with self._database.writing():
            self._database.forget_vanished()

    def _described(self, entries: list[Encoded]) -> list[_Description]:
        if not entries:
            return []
        vectors = self._collection.model.vectors(np.stack([entry.latent for entry in entries]))
        codes = self._collection.codec.encode(vectors)
        informations = information(np.stack([entry.thumbnail for entry in entries]))
        return [
            _Description(
                entry.width, entry.height, code.tobytes(), float(share), form, entry.features
            )
            for entry, code, share, form in zip(
                entries, codes, informations, self._forms(entries), strict=True
            )
        ]

    def _forms(self, entries: list[Encoded]) -> list[Form | None]:
        """The second form of each entry: what its frame holds."""
        contents = [entry.content for entry in entries if entry.content]
        if not contents:
            return [None] * len(entries)
        vectors = self._collection.model.vectors(np.stack([each.latent for each in contents]))
        codes = iter(self._collection.codec.encode(vectors))
        return [
            Form(entry.content.box, next(codes).tobytes()) if entry.content else None
            for entry in entries
        ]

    def _insert(self, entry: Encoded | Known, image: _Description, done: Added) -> None:
        source, location = entry.source, os.path.abspath(entry.source.name)
        here = self._database.at(location)
        lacking = image.features and here and not self._database.has_details_of(here.id)
        if here is not None and here.sha256 == entry.sha256 and not lacking:
            # Another process was faster, or only the time of change differs.
            self._database.relocate(here, location, source.name, source.mtime_ns)
            done.unchanged += 1
            return
        row = Row(
            location,
            source.name,
            entry.sha256,
            entry.bytes,
            source.mtime_ns,
            image.width,
            image.height,
            information=image.information,
        )
        if self._database.insert(row, image.code, image.form, image.features):
            done.updated += 1
        else:
            done.added += 1

    def _with_orphans_encoded(self) -> list[Entry]:
        """What is pending, where known content that was replaced meanwhile is encoded after all."""
        orphans = [
            entry.source
            for entry in self._entries
            if isinstance(entry, Known) and not self._database.has_content(entry.sha256)
        ]
        encoded: dict[str, Entry] = {}
        encoder, details = self._collection.model.encoder, self.details
        for chunk in encode_sources(orphans, encoder, find_content=find_content, details=details):
            encoded |= {
                entry.path if isinstance(entry, Failure) else entry.source.name: entry
                for entry in chunk
            }
        return [
            encoded.get(entry.source.name, entry) if isinstance(entry, Known) else entry
            for entry in self._entries
        ]

    def _stored(self, entry: Known) -> _Description | None:
        """What is stored of a reference with this content."""
        twins = self._database.with_content(entry.sha256, limit=1)
        codes = self._database.codes(np.array([row.id for row in twins], np.int64))[1]
        if not len(codes):
            return None
        row = twins[0]
        form = self._database.form_of(row.id)
        if form is not None and len(form.code) != self._collection.codec.size:
            form = None  # damaged: no copies are made of it
        features = self._database.details([row.id]).get(row.id)
        code = codes[0].tobytes()
        return _Description(row.width, row.height, code, row.information, form, features)

    def _insert_known(self, entry: Known, stored: _Description | None, done: Added) -> None:
        """Store a file whose content is stored: untouched, moved here, or copied here."""
        source, location = entry.source, os.path.abspath(entry.source.name)
        twins = self._database.with_content(entry.sha256)
        gone = [row for row in twins if not os.path.exists(row.location)]
        if gone and self._database.at(location) is None:
            self._database.relocate(gone[0], location, source.name, source.mtime_ns)
            done.moved += 1
        elif stored is not None:
            self._insert(entry, stored, done)
        else:
            self._fail(Failure(source.name, "removed while it was being added; run again"), done)

    def _fail(self, failure: Failure, done: Added) -> None:
        self._database.fail(os.path.abspath(failure.path), failure)
        done.failures.append(failure)
