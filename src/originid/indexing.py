"""Adding images to a collection, and what the collection then learns about itself."""

from originid.collection.added import Added
from originid.collection.adding import store_images
from originid.collection.collection import Collection, refuse_unopened
from originid.collection.encoding import EncodePieces
from originid.escalation.calibrating import calibrate_again
from originid.inputs.manners import POLITE, Manners
from originid.scale.in_processes import InProcesses
from originid.system.paths import Paths
from originid.system.progress import Progress, silent


def add_images(
    collection: Collection,
    paths: Paths,
    workers: int | None = None,
    progress: Progress = silent,
    all_folders: bool = False,
    calibrating: Progress = silent,
    details: bool = False,
    only_suffixes: bool = False,
    prune: bool = False,
    thumbnails: bool = False,
    encode: EncodePieces | None = None,
    manners: Manners = POLITE,
) -> Added:
    """Add files, and all images in folders and other inputs, to a collection, and calibrate it.

    A file whose size, times and inode are as stored is not read. One whose content is already
    stored is not decoded. What was committed survives whatever ends the process, and the next run
    goes on from there.

    From 72 references on, the collection looks again at up to 64 of them when it has doubled, to
    learn how strong strangers are in it; that takes some seconds.

    Args:
        collection: where to.
        paths: one path or several: files and folders, tar shards, lists of addresses, parquet
            files, and objects of a store; docs/scale.md describes them. A CSV file with a column
            ``fingerprint`` is a list of references without pictures; docs/fingerprints.md
            describes it.
        workers: processes that decode and encode, or threads where few images are added; by
            default one per core.
        progress: called with the files dealt with and the files in all.
        all_folders: whether recycle bins and folders of thumbnails are searched for images too.
        calibrating: called with the number of references looked at again and of all.
        details: whether local features are stored, of these and of all that are added later, so
            that second looks are quicker and find more. It takes some 15 ms of a core and 5 kB for
            each reference; files that were stored without them are read once more.
        only_suffixes: whether the files of a folder are known by their suffix alone; otherwise
            those with an unknown suffix are known by how they begin.
        prune: whether references under the given folders whose file is gone are dropped. Those
            under a folder that is missing or has no file in it are kept, as its disk may not be
            mounted; `Added.kept` names it.
        thumbnails: whether small pictures are stored, of these and of all that are added later, so
            that pages and reports can show references whose files are not at hand: 12 kB each.
        encode: what encodes; None encodes on this machine, by ``workers``.
            `originid.scale.on_ray.OnRay` encodes on the machines of a cluster.
        manners: how pictures are fetched from the web.

    Raises:
        ExtraError: an input needs packages that are not installed.
        InputError: the collection is a copy that is not complete.
        StorageError: the disk is full or read-only.

    Example:
        >>> import originid
        >>> from originid.testing import write_photos
        >>> photos = write_photos("album", 2)
        >>> with originid.create_collection("album-index", originid.open_model()) as collection:
        ...     first = originid.add_images(collection, ["album"])
        ...     again = originid.add_images(collection, ["album"])
        >>> first.added, again.added, again.unchanged
        (2, 0, 2)
    """
    refuse_unopened(collection)
    added = store_images(
        collection,
        paths,
        workers,
        progress,
        all_folders,
        details,
        only_suffixes,
        prune,
        thumbnails,
        encode or InProcesses(workers),
        manners,
    )
    # Also if nothing came: an earlier run may have been stopped before it was done.
    calibrate_again(collection, calibrating)
    return added
