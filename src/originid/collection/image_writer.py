"""Writing encoded images into a collection: new, changed, moved, or known by another path."""

import time
from dataclasses import replace

import numpy as np

from originid.collection.added import Added
from originid.collection.collection import Collection
from originid.collection.form_table import Form
from originid.collection.name_table import Name
from originid.collection.row import Row
from originid.collection.stored_image import StoredImage, stored_image
from originid.images.credentials import can_read_credentials
from originid.latents.encode_files import Encoded, Entry, encode_sources
from originid.latents.read_files import Known
from originid.system.addresses import is_address, location_of
from originid.system.file_status import FileStatus
from originid.types import Failure
from originid.verdict.information import information
from originid.views.content import find_content

COMMIT_SECONDS = 2.0  # work that the death of the process may cost
BATCH = 256  # images mapped and committed together
NOTES = 10_000  # states of files noted together
SAME_CONTENT = 64  # references with one content that are asked whether they are one file


class ImageWriter:
    """Collects entries and commits them together."""

    def __init__(
        self, collection: Collection, added: Added, details: bool, thumbnails: bool
    ) -> None:
        self.details = details
        self.thumbnails = thumbnails
        self.added = added
        self.outdated: dict[str, tuple[FileStatus, list[str]]] = {}
        """By the location of an archive its state, and the places of members that were stored in
        another one: what is left of them when the archive was read is not in it any more."""
        self._collection = collection
        self.database = collection.database
        self._entries: list[Entry] = []
        self._noted: list[tuple[int, FileStatus]] = []
        self._contents: set[bytes] = set()  # of pending entries that are stored, perhaps
        self._committed = time.monotonic()

    def knows(self, sha256: bytes) -> bool:
        """Whether all that is stored of an image is stored of some reference with a content."""
        database = self.database
        known = database.has_details if self.details else database.has_content
        return known(sha256) and (not self.thumbnails or database.has_thumbnail(sha256))

    def lacks(self, reference: int) -> bool:
        """Whether a reference lacks local features or a small picture that it is to have."""
        database = self.database
        return (self.details and not database.has_details_of(reference)) or (
            self.thumbnails and database.thumbnail(reference) is None
        )

    def put(self, entry: Entry) -> None:
        """Take an entry; nothing is written yet."""
        self._entries.append(entry)

    def note(self, reference: int, status: FileStatus) -> None:
        """Note the state of the file of a reference that is unchanged."""
        self._noted.append((reference, status))
        if len(self._noted) >= NOTES:
            self.flush()

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
        if not self._entries and not self._noted:
            return
        entries = self._with_orphans_encoded()
        described = iter(self._described([e for e in entries if isinstance(e, Encoded)]))
        done = Added()
        with self.database.writing():
            read = [entry.sha256 for entry in entries if not isinstance(entry, Failure)]
            names = (e.path if isinstance(e, Failure) else e.source.name for e in entries)
            self.database.prepare(map(location_of, names), read)
            for reference, status in self._noted:
                self.database.note_status(reference, status)
            self._contents = self.database.contents(read)
            # Read before anything is replaced: a file may have taken another's place.
            stored = {
                e.sha256: stored_image(self._collection, e.sha256)
                for e in entries
                if isinstance(e, Known)
            }
            for entry in entries:
                if isinstance(entry, Encoded):
                    self._insert(entry, next(described), done)
                    done.notes += [(entry.source.name, entry.note)] if entry.note else []
                elif isinstance(entry, Known):
                    self._insert_known(entry, stored[entry.sha256], done)
                else:
                    self._fail(entry, done)
        self.added.include(done)
        self._entries, self._noted = [], []
        self._committed = time.monotonic()

    def finish(self) -> None:
        """Drop the notes on broken files that no longer exist."""
        with self.database.writing():
            self.database.forget_vanished()

    def _described(self, entries: list[Encoded]) -> list[StoredImage]:
        if not entries:
            return []
        vectors = self._collection.model.vectors(np.stack([entry.latent for entry in entries]))
        codes = self._collection.codec.encode(vectors)
        informations = information(np.stack([entry.thumbnail for entry in entries]))
        return [
            StoredImage(
                entry.width,
                entry.height,
                code.tobytes(),
                float(share),
                form,
                entry.features,
                entry.description,
                entry.thumbnail_jpeg,
                entry.manifest,
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

    def _insert(self, entry: Encoded | Known, image: StoredImage, done: Added) -> None:
        source, name = entry.source, _name(entry)
        same = self._same_file(entry)
        if same is not None:
            self._insert_name(entry, image, same, done)
            return
        here = self.database.at(name.location)
        if here is not None and here.sha256 == entry.sha256 and not self._lacks(here, image):
            # Another process was faster, or only the times differ.
            self.database.relocate(here, name, source.status)
            self.database.describe(here.id, source.description)
            done.unchanged += 1
            return
        names = self.database.names([here.id]).get(here.id, []) if here else []
        # Those of them that do not lead to the file as it is now keep what was stored.
        names = [e for e in names if self.database.is_same_file(e.location, name.location)]
        if self._store(name, entry, image, names):
            done.updated += 1
        else:
            done.added += 1

    def _insert_name(
        self, entry: Encoded | Known, image: StoredImage, same: Row, done: Added
    ) -> None:
        """Store a path that leads to the file of a reference."""
        name, database = _name(entry), self.database
        if database.named(name.location) == same.id:
            done.unchanged += 1
        else:
            done.names += 1
            database.free(name.location)
            database.add_name(same.id, name)
        if self._lacks(same, image):
            main = Name(same.location, same.name)
            self._store(main, entry, image, database.names([same.id]).get(same.id, []))
        else:
            database.relocate(same, Name(same.location, same.name), entry.source.status)
        database.forget_failures(name.location)

    def _store(
        self, name: Name, entry: Encoded | Known, image: StoredImage, names: list[Name]
    ) -> bool:
        self._contents.add(entry.sha256)
        status = entry.source.status
        row = Row(
            name.location,
            name.name,
            entry.sha256,
            entry.bytes,
            status.mtime_ns,
            image.width,
            image.height,
            information=image.information,
            ctime_ns=status.ctime_ns,
            inode=status.inode,
        )
        return self.database.insert(
            row,
            image.code,
            image.form,
            image.features,
            names,
            image.description,
            image.thumbnail,
            image.manifest,
        )

    def _lacks(self, row: Row, image: StoredImage) -> bool:
        """Whether a reference lacks local features or a small picture that an image brings."""
        database = self.database
        return (image.features is not None and not database.has_details_of(row.id)) or (
            image.thumbnail is not None and database.thumbnail(row.id) is None
        )

    def _same_file(self, entry: Encoded | Known) -> Row | None:
        """The reference that has the file of an entry at another location, if there is one."""
        if entry.sha256 not in self._contents:
            return None
        location = _name(entry).location
        inode = entry.source.status.inode
        for row in self.database.with_content(entry.sha256, SAME_CONTENT, inode):
            if row.location != location and self.database.is_same_file(row.location, location):
                return row
        return None

    def _with_orphans_encoded(self) -> list[Entry]:
        """What is pending, where known content that was replaced meanwhile is encoded after all."""
        orphans = [
            entry.source
            for entry in self._entries
            if isinstance(entry, Known) and not self.database.has_content(entry.sha256)
        ]
        encoded: dict[str, Entry] = {}
        encoder = self._collection.model.encoder
        for chunk in encode_sources(
            orphans,
            encoder,
            find_content=find_content,
            details=self.details,
            thumbnails=self.thumbnails,
            credentials=can_read_credentials(),
        ):
            encoded |= {
                entry.path if isinstance(entry, Failure) else entry.source.name: entry
                for entry in chunk
            }
        return [
            encoded.get(entry.source.name, entry) if isinstance(entry, Known) else entry
            for entry in self._entries
        ]

    def _insert_known(self, entry: Known, stored: StoredImage | None, done: Added) -> None:
        """Store a file whose content is stored: untouched, named again, moved or copied here."""
        name, database = _name(entry), self.database
        gone = None
        if database.at(name.location) is None and self._same_file(entry) is None:
            gone = self._moved_from(entry)
        if gone is not None:
            database.relocate(gone, name, entry.source.status)
            done.moved += 1
        elif stored is not None:
            said = entry.source.description.over(stored.description)
            self._insert(entry, replace(stored, description=said), done)
        else:
            reason = "removed while it was being added; run again"
            if damaged := self.database.with_content(entry.sha256):
                remedy = "remove it and index it again"
                reason = f"its vector, stored for {damaged[0].shown}, is damaged: {remedy}"
            self._fail(Failure(entry.source.name, reason), done)

    def _moved_from(self, entry: Known) -> Row | None:
        """The reference whose file lies here now: it has this content, and its own place is empty.

        One that still has its file by a further name is not moved, unless this is that name. A
        place that may not be looked at counts as empty: the file is known to lie here.
        """
        named = self.database.named(_name(entry).location)
        for row in self.database.with_content(entry.sha256, read=True):
            if is_address(row.location) or self.database.is_there(row.location):
                continue
            names = self.database.names([row.id]).get(row.id, [])
            there = (self.database.is_there(each.location) for each in names)
            if row.id == named or not any(there):
                return row
        return None

    def _fail(self, failure: Failure, done: Added) -> None:
        location = location_of(failure.path)
        if self.database.at(location) is not None:
            stays = f"{failure.reason}; what was indexed of it before stays in the collection"
            failure = replace(failure, reason=stays)
        self.database.fail(location, failure)
        done.failures.append(failure)


def _name(entry: Encoded | Known) -> Name:
    return Name(location_of(entry.source.name), entry.source.name)
