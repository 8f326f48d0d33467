"""Adding images to a collection: incremental, resumable, and undisturbed by broken files."""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing

from originid.collection.added import Added
from originid.collection.collection import Collection
from originid.collection.fingerprint_list import is_fingerprint_list, store_fingerprints
from originid.collection.image_writer import BATCH, ImageWriter
from originid.collection.row import Row
from originid.collection.sqlite import slices
from originid.collection.store import Store
from originid.collection.vanished import settle_vanished, unseen_links
from originid.errors import StorageError
from originid.images.credentials import can_read_credentials
from originid.images.find_files import find_images
from originid.latents.encode_files import Entry, encode_sources
from originid.latents.sources import Source
from originid.system.account_key import make_account_key
from originid.system.file_status import FileStatus
from originid.system.parallel import one_blas_thread
from originid.system.progress import Progress, silent
from originid.views.content import find_content


def store_images(
    collection: Collection,
    paths: Iterable[str | os.PathLike[str]],
    workers: int | None = None,
    progress: Progress = silent,
    all_folders: bool = False,
    details: bool = False,
    only_suffixes: bool = False,
    prune: bool = False,
    thumbnails: bool = False,
) -> Added:
    """Store files, and all images in folders, in a collection.

    A file whose size, times and inode are as stored is not read. One whose content is already
    stored is not decoded. Work is committed every `COMMIT_SECONDS` or `BATCH` images; what was
    committed survives whatever ends the process, and the next run goes on from there.

    Args:
        collection: where to.
        paths: files and folders, and lists of fingerprints, as `fingerprint_list` describes them.
        workers: threads that decode and encode; by default one per core. Mapping and storing go
            on beside them.
        progress: called with the files dealt with and the files in all.
        all_folders: whether recycle bins and folders of thumbnails are searched for images too;
            `find_images` says which these are.
        details: whether local features are stored, of these and of all that are added later; files
            that were stored without them are read once more.
        only_suffixes: whether the files of a folder are known by their suffix alone; otherwise
            those with an unknown suffix are known by how they begin.
        prune: whether references under the given folders whose file is gone are dropped;
            `settle_vanished` says which are kept.
        thumbnails: whether small pictures are stored, of these and of all that are added later;
            files that were stored without them are read once more.

    Raises:
        StorageError: the disk is full or read-only.
    """
    added, database = Added(), collection.database
    given = [os.fsdecode(path) for path in paths]
    lists = {path for path in given if is_fingerprint_list(path)}
    for path in dict.fromkeys(path for path in given if path in lists):
        store_fingerprints(collection, path, added, progress)
    paths = [path for path in given if path not in lists]
    database.sign_folders(paths, _key(added))
    details = details or database.count_details() > 0
    thumbnails = thumbnails or database.count_thumbnails() > 0
    writer = ImageWriter(collection, added, details, thumbnails)
    found = find_images(
        paths, writer.put, all_folders, writer.pass_over, only_suffixes, added.unread.append
    )
    files = {os.path.abspath(path): path for path in found}
    files |= {path: path for path in list(unseen_links(database, paths, files.keys()))}
    added.total = added.seen + len(files)
    chunks = encode_sources(
        _changed(list(files.values()), writer),
        collection.model.encoder,
        writer.knows,
        workers,
        find_content=find_content,
        details=details,
        thumbnails=thumbnails,
        credentials=can_read_credentials(),
    )
    with one_blas_thread(), closing(chunks):  # the workers keep all cores busy
        _store(chunks, writer, progress)
    settle_vanished(database, paths, files.keys(), added, prune)
    if added.added or added.updated:
        collection.index()  # so that no search has to begin by making it
    collection.calibrate()
    progress(added.seen, added.total)
    return added


def _key(added: Added) -> bytes | None:
    """The key of this account, or None, with the reason in ``added``, where none can be made."""
    try:
        return make_account_key()
    except StorageError as error:
        added.unsigned = error.given
        return None


def _store(chunks: Iterable[list[Entry]], writer: ImageWriter, progress: Progress) -> None:
    """Write what comes, in batches, until all is committed."""
    for chunk in chunks:
        for entry in chunk:
            writer.put(entry)
        writer.flush_if_due()
        progress(writer.added.seen, writer.added.total)
    writer.flush()
    writer.finish()


def _changed(files: list[str], writer: ImageWriter) -> Iterator[Source]:
    """Those of some files that are not as they are stored, or which lack something."""
    for some in slices(files, BATCH):
        reached = writer.database.all_reached_by(list(map(os.path.abspath, some)))
        for path in some:
            yield from _if_changed(path, reached.get(os.path.abspath(path)), writer)


def _if_changed(path: str, stored: Row | None, writer: ImageWriter) -> Iterator[Source]:
    """A file, unless it is as it is stored; then it is counted."""
    try:
        status = FileStatus.of(os.stat(path))
    except OSError:
        yield Source(path)  # reading it tells the reason
        return
    location = os.path.abspath(path)
    known = stored is not None and _is_as_stored(writer.database, stored, location, status)
    if stored is None or not known or writer.lacks(stored.id):
        yield Source(path, status=status)
        return
    writer.added.unchanged += 1
    if stored.ctime_ns is None:  # stored by an earlier version
        writer.note(stored.id, status)


def _is_as_stored(database: Store, stored: Row, location: str, status: FileStatus) -> bool:
    """Whether a file is unchanged; a reference whose own place is empty gets this one."""
    here = stored.location == location or database.is_there(stored.location) is not False
    return here and stored.status.agrees(status)
