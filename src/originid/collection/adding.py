"""Adding images to a collection: incremental, resumable, and undisturbed by broken files."""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain

from originid.collection.added import Added
from originid.collection.collection import Collection
from originid.collection.copies import refuse_incomplete_copy
from originid.collection.encoding import EncodePieces, Here, Wanted
from originid.collection.fingerprint_list import is_fingerprint_list, store_fingerprints
from originid.collection.image_writer import ImageWriter
from originid.collection.new_pieces import new_files, new_listed, new_members
from originid.collection.vanished import settle_members, settle_vanished, unseen_links
from originid.errors import InputError
from originid.images.find_files import find_images
from originid.inputs.kinds import Archive, Input
from originid.inputs.manners import POLITE, Manners
from originid.inputs.opening import is_input, open_inputs
from originid.inputs.pieces import Piece
from originid.inputs.url_list import is_other_text
from originid.latents.encode_files import Entry
from originid.system.account_key import key_or_reason
from originid.system.parallel import one_blas_thread
from originid.system.paths import Paths, as_paths
from originid.system.progress import Progress, silent
from originid.types import Failure

OTHER_TEXT = (
    "a text whose first line is no address; a list of paths is read from standard input, as in "
    "originid index - < LIST"
)


def store_images(
    collection: Collection,
    paths: Paths,
    workers: int | None = None,
    progress: Progress = silent,
    all_folders: bool = False,
    details: bool = False,
    only_suffixes: bool = False,
    prune: bool = False,
    thumbnails: bool = False,
    encode: EncodePieces | None = None,
    manners: Manners | None = POLITE,
) -> Added:
    """Store files, and all images in folders, in a collection.

    A file whose size, times and inode are as stored is not read. One whose content is already
    stored is not decoded. Work is committed every `COMMIT_SECONDS` or `BATCH` images; what was
    committed survives whatever ends the process, and the next run goes on from there.

    Args:
        collection: where to.
        paths: files and folders; other inputs, as `is_input` knows them; and lists of fingerprints,
            as `fingerprint_list` describes them.
        workers: threads that decode and encode; by default one per core. Mapping and storing go
            on beside them.
        progress: called with the files dealt with and the files in all.
        all_folders: whether recycle bins and folders of thumbnails are searched for images too;
            `find_images` says which these are.
        details: whether local features are stored, of these and of all that are added later; files
            that were stored without them are read once more.
        only_suffixes: whether the files of a folder are known by their suffix alone; otherwise
            those with an unknown suffix are known by how they begin.
        prune: whether references under the given folders whose file is gone are dropped, and those
            of members that an archive no longer has; `settle_vanished` says which are kept.
        thumbnails: whether small pictures are stored, of these and of all that are added later;
            files that were stored without them are read once more.
        encode: what decodes and encodes in the place of these threads.
        manners: how pictures are fetched from the web; None takes all paths for files and folders.

    Raises:
        ExtraError: an input needs packages that are not installed.
        InputError: the collection is a copy that is not complete.
        StorageError: the disk is full or read-only.
    """
    added, database = Added(), collection.database
    refuse_incomplete_copy(database)
    given = as_paths(paths)
    lists = {path for path in given if is_fingerprint_list(path)}
    for path in dict.fromkeys(path for path in given if path in lists):
        store_fingerprints(collection, path, added, progress)
    others = [path for path in given if path not in lists]
    inputs = set() if manners is None else {path for path in others if is_input(path)}
    opened = _opened([path for path in others if path in inputs], manners or POLITE, added)
    texts = [path for path in others if path not in inputs and is_other_text(path)]
    added.failures += [Failure(path, OTHER_TEXT) for path in dict.fromkeys(texts)]
    paths = [path for path in others if path not in inputs and path not in texts]
    key, added.unsigned = key_or_reason()
    database.sign_folders(paths, key)
    details = details or database.count_details() > 0
    thumbnails = thumbnails or database.count_thumbnails() > 0
    writer = ImageWriter(collection, added, details, thumbnails)
    found = find_images(
        paths, writer.put, all_folders, writer.pass_over, only_suffixes, added.unread.append
    )
    files = {os.path.abspath(path): path for path in found}
    files |= {path: path for path in list(unseen_links(database, paths, files.keys()))}
    added.total = added.seen + len(files)
    pieces = chain(new_files(list(files.values()), writer), _of_inputs(opened, writer))
    store_pieces(collection, pieces, writer, encode or Here(workers), progress)
    settle_vanished(database, paths, files.keys(), added, prune)
    settle_members(database, writer.outdated, added, prune)
    if added.added or added.updated:
        collection.index()  # so that no search has to begin by making it
    collection.calibrate()
    added.total = max(added.total, added.seen)  # how many an input has is known at its end
    progress(added.seen, added.total)
    return added


def store_pieces(
    collection: Collection,
    pieces: Iterable[Piece],
    writer: ImageWriter,
    encode: EncodePieces,
    progress: Progress,
) -> None:
    """Encode the images of some pieces, and store them until all is committed.

    Args:
        collection: where to.
        pieces: what is read.
        writer: of the collection; it counts what was done.
        encode: what decodes and encodes.
        progress: called with the files dealt with and the files in all.

    Raises:
        StorageError: the disk is full or read-only.
    """
    wanted = Wanted(writer.details, writer.thumbnails)
    report = writer.added.failures.append
    chunks = encode(pieces, collection.model, wanted, writer.knows, report)
    with one_blas_thread(), closing(chunks):  # the workers keep all cores busy
        _store(chunks, writer, progress)


def _opened(names: list[str], manners: Manners, added: Added) -> list[Input]:
    """What some names stand for; one that cannot be used is a failure."""
    found: list[Input] = []
    for name in dict.fromkeys(names):
        try:
            found += open_inputs(name, manners)
        except InputError as error:
            added.failures.append(Failure(name, error.reason))
    return found


def _of_inputs(inputs: list[Input], writer: ImageWriter) -> Iterator[Piece]:
    for each in inputs:
        if isinstance(each, Archive):
            yield from new_members(each, writer)
        else:
            yield from new_listed(each, writer, writer.added.failures.append)


def _store(chunks: Iterable[list[Entry]], writer: ImageWriter, progress: Progress) -> None:
    """Write what comes, in batches, until all is committed."""
    for chunk in chunks:
        for entry in chunk:
            writer.put(entry)
        writer.flush_if_due()
        progress(writer.added.seen, max(writer.added.total, writer.added.seen))
    writer.flush()
    writer.finish()
