"""A collection: the stored references, their vectors, and the model that made them.

A directory with ``collection.sqlite`` (the source of truth), ``model/`` (a copy of the model, so
that a collection outlives an upgrade of the package) and what the index keeps (by default
``index.bin``, which is made again whenever it is missing or damaged).
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from originid.collection.calibrating import update_cohort
from originid.collection.detail_words import FILE as WORDS
from originid.collection.detail_words import DetailWords
from originid.collection.following import Followed, stored_details, stored_vectors
from originid.collection.kept_codes import META, KeptCodes
from originid.collection.low_frequencies import FILE as SHORTLIST
from originid.collection.low_frequencies import LowFrequencies
from originid.collection.own_model import own_model, refuse_other_model
from originid.collection.row import Row
from originid.collection.store import Store
from originid.collection.stores import Place, create_store, open_store
from originid.collection.verifying import problems
from originid.encoders.base import Encoder
from originid.errors import InputError, ModelChangedError
from originid.index import Codec, ExactIndex, Index, OpenIndex, Searcher, SignIndex
from originid.index.scan_index import FILE as INDEX
from originid.model import Model
from originid.system.addresses import location_of
from originid.system.paths import as_paths
from originid.system.text import as_it_was
from originid.types import Failure, Vectors
from originid.verdict.cohort import chosen, keys
from originid.verdict.collection_calibration import CollectionCalibration, calibrate
from originid.views.normalise import Strangers


def refuse_unopened(collection: object) -> None:
    """Refuse what is no open collection, such as its path.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(collection, Collection):
        raise InputError(
            f"{str(collection)[:100]!r} as a collection",
            "expected one that is open",
            "open it first: with originid.open_collection(PATH) as collection",
        )


class Collection:
    """An open collection; see `open_collection` and `create_collection`.

    Usable from several threads, and while other processes add to the same directory.

    Example:
        >>> import originid
        >>> from originid.testing import write_photos
        >>> with originid.create_collection("example", originid.open_model()) as collection:
        ...     added = originid.add_images(collection, write_photos("photos", 3))
        ...     not_there = collection.remove(["photos/0002.png", "photos/other.png"])
        ...     print(len(collection), not_there)
        2 ['photos/other.png']
    """

    def __init__(
        self,
        database: Store,
        model: Model,
        open_index: OpenIndex | None = None,
    ) -> None:
        self.place = database.place
        """The folder or the URL of the collection, as a command names it."""
        self.path = path = database.kept
        """Its folder; of a collection on a server, the one for what is kept of it here."""
        self.model = model
        self.database = database
        self.codec = Codec(model.dim)
        self.kept_codes = KeptCodes.said(self.codec, database.meta(META))
        database.kept_codes = self.kept_codes
        open_index = open_index or (SignIndex.open if self.compact else ExactIndex.open)
        vectors = stored_vectors(database)
        self._index: Followed[Index] = Followed(
            vectors, lambda: open_index(path, model.dim, database.codes), path / INDEX
        )
        shortlist, words = path / SHORTLIST, path / WORDS
        self._low_frequencies: Followed[LowFrequencies] = Followed(
            vectors, lambda: LowFrequencies(model.map, self.codec, shortlist), shortlist
        )
        self._detail_words: Followed[DetailWords] = Followed(
            stored_details(database), lambda: DetailWords(words), words
        )
        self._searcher = database.searcher(model.dim)
        self._open_index = open_index
        self.followers = self._index, self._low_frequencies, self._detail_words
        self._calibration: tuple[object, CollectionCalibration] | None = None
        self._strangers: tuple[object, Strangers] | None = None

    def __len__(self) -> int:
        return self.database.count()

    @property
    def compact(self) -> bool:
        """Whether nothing but the signs of most vectors is stored."""
        return self.kept_codes.compact

    @property
    def forms(self) -> int:
        """How many references have a second form, by which they are found as well."""
        return self.database.count_forms()

    def __enter__(self) -> "Collection":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; calling it again does nothing."""
        self.database.close()

    def opened_again(self) -> "Collection":
        """The same collection, opened anew: with the model that it has by now."""
        return open_collection(self.place, None, self.model.own_encoder, self._open_index)

    def add_vectors(self, rows: Sequence[Row], vectors: Vectors) -> None:
        """Add references whose vectors (n, dim) are at hand, in one transaction."""
        codes = self.codec.encode(vectors)
        with self.database.writing():
            self.database.prepare([row.location for row in rows], [row.sha256 for row in rows])
            for row, code in zip(rows, codes, strict=True):
                self.database.insert(row, code.tobytes())

    def remove(self, references: str | Iterable[str]) -> list[str]:
        """Remove references, named as `references` names them, by a path or by an address; a folder
        removes all that lies in it. A reference that has further names elsewhere keeps those. A
        path may be given as it was printed, with escapes for what no terminal shows.

        Args:
            references: one name or several.

        Returns:
            The names that are not in the collection.
        """
        unknown = []
        with self.database.writing():
            for name in as_paths(references):
                if not any(map(self._remove, dict.fromkeys((name, as_it_was(name))))):
                    unknown.append(name)
        self.calibrate()
        return unknown

    def _remove(self, name: str) -> int:
        """Remove what lies at a path or an address; how many references and failures that was."""
        location = location_of(name)
        forgotten = self.database.forget_failures(location)
        return self.database.remove(location) + forgotten

    def references(self) -> Iterator[Row]:
        """Every reference, in the order in which they came."""
        return self.database.all_rows()

    def failures(self) -> list[Failure]:
        """Files that could not be used when they were last seen."""
        return self.database.failures()

    def search(self, queries: Vectors, k: int) -> list[list[tuple[Row, float]]]:
        """The best k references of each query (q, dim) with their scores, best first.

        A reference that was found by its second form has the box of that form in its row.
        """
        index = self.index()
        scores, ids = index.search(queries, 2 * k if self.forms else k)
        rows = self.database.rows(sorted(set(ids[ids >= 0].tolist())))
        found = []
        for line, values in zip(ids.tolist(), scores.tolist(), strict=True):
            best: dict[int, tuple[Row, float]] = {}
            for key, score in zip(line, values, strict=True):
                if key in rows:
                    best.setdefault(rows[key].id, (rows[key], score))
            found.append(list(best.values())[:k])
        return found

    def calibrate(self) -> None:
        """Bring up to date what the collection knows of its own strangers.

        Raises:
            StorageError: the disk refuses.
        """
        update_cohort(self.database, self.codec, self.index().search)

    def calibration(self) -> CollectionCalibration:
        """What a score means in the collection, at its present size.

        A collection that no run brought up to date, such as one of an earlier version that is only
        read, has the calibration of its model alone.
        """
        references = len(self.index()) - self.forms
        again = self.database.second_looks()
        key = (references, self.database.cohort_seen(), tuple(again.items()))
        if self._calibration is None or self._calibration[0] != key:
            lists = self.database.cohort().cohort.scores
            leads = [lead for lead, _ in again.values()]
            made = calibrate(self.model.calibration.tail, lists, max(references, 1), leads)
            self._calibration = key, made
        return self._calibration[1]

    @property
    def passed_over(self) -> int:
        """How many stored vectors are known to be damaged, so that a search passes them over.

        An index that was made before the damage knows nothing of it, until a search reads them.
        """
        self.index()
        return max(self._index.passed_over, len(self.database.seen_torn))

    @property
    def vectors_each(self) -> float:
        """How many vectors a reference has on average, from 1 (no second forms) to 2."""
        vectors = len(self.index())
        return vectors / max(vectors - self.forms, 1) if self.forms else 1.0

    @property
    def is_searched_elsewhere(self) -> bool:
        """Whether a server searches the vectors, and no index on this machine."""
        return self._searcher is not None

    def index(self) -> Searcher:
        """What searches the vectors: the server, or the index, brought up to what is stored."""
        return self._searcher or self._index.up_to_date()

    def low_frequencies(self) -> LowFrequencies:
        """The low frequencies of all stored vectors, brought up to what is stored.

        Raises:
            ModelError: the model's map is not in the DCT.
        """
        return self._low_frequencies.up_to_date()

    def detail_words(self) -> DetailWords:
        """The words of all stored local features, brought up to what is stored."""
        return self._detail_words.up_to_date()

    def strangers(self) -> Strangers:
        """Some hundred references drawn at random, for what is compared by `Strangers`."""
        seen = self.database.cohort_seen()
        key = (len(self.index()), seen)
        if self._strangers is None or self._strangers[0] != key:
            members = self.database.cohort().cohort.members
            if not len(members):  # no run brought it up to date
                members = chosen(self.database.ids())
            found, codes = self.database.codes(np.sort(members))
            # In the order of their keys, so that the first few are a sample as well.
            order = np.argsort(keys(found), kind="stable")
            self._strangers = key, Strangers(self.codec.decode(codes)[order])
        return self._strangers[1]

    def verify(self, content: bool = False) -> Iterator[Failure]:
        """Check the database, the encoder, all vectors, and that files are as they were.

        With ``content`` files are read; otherwise their size, times and inode are compared.
        """
        return problems(self, content)


def create_collection(
    path: Place, model: Model, open_index: OpenIndex | None = None, compact: bool = False
) -> Collection:
    """Make an empty collection for a model, all of it or nothing, and open it.

    Args:
        path: the folder of the collection, which must not exist, or be empty; or the URL of one on
            a server, such as ``postgresql://host/database``.
        model: what turns images into vectors; the collection keeps a copy of it.
        open_index: what searches the collection.
        compact: whether nothing but the signs of most vectors is stored, which takes a fifth of
            the disk where there are many.

    Raises:
        InputError: ``path`` exists and is not an empty folder, the encoder cannot be used, or a
            collection on a server is to be compact.
        ModelError: the model's encoder is another one, or its files changed.
        StorageError: the disk refuses.

    Example:
        >>> import originid
        >>> with originid.create_collection("new", originid.open_model("default")) as collection:
        ...     len(collection)
        0
    """
    if not isinstance(model, Model):
        raise InputError(
            f"a model of the type {type(model).__name__}",
            "expected what open_model returns",
            "for example: create_collection(path, open_model())",
        )
    model.encoder  # noqa: B018 - what cannot be used is refused before anything is made
    create_store(path, model, compact)
    return open_collection(path, encoder=model.own_encoder, open_index=open_index)


def open_collection(
    path: Place,
    model: Model | None = None,
    encoder: Encoder | None = None,
    open_index: OpenIndex | None = None,
) -> Collection:
    """Open a collection.

    Args:
        path: the folder of the collection, or the URL of one on a server.
        model: a model that must be the one that made the collection; None takes any.
        encoder: an encoder of your own, for a collection that was made with it.
        open_index: what searches the collection, unless a server does.

    Raises:
        CollectionError: there is none, it is damaged, or another model made it.

    Example:
        >>> import originid
        >>> originid.create_collection("stored", originid.open_model()).close()
        >>> with originid.open_collection("stored") as collection:
        ...     [row.name for row in collection.references()]
        []
    """
    database = open_store(path)
    try:
        if model is not None:
            refuse_other_model(database, model)
        own = own_model(database, encoder)
    except ModelChangedError:  # between two steps: it is whole again
        database.close()
        return open_collection(path, model, encoder, open_index)
    except BaseException:
        database.close()
        raise
    return Collection(database, own, open_index)
