"""What is read and written of a collection on a Milvus server, whatever it is about."""

import threading
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from random import choice
from typing import TypeVar

from originid.collection.engines.milvus.address import Address
from originid.collection.engines.milvus.batch import Batch
from originid.collection.engines.milvus.connection import MOST, Connection
from originid.collection.engines.milvus.entity import Entity, Kind, key_of, written
from originid.collection.engines.milvus.ids import A_TICK, TICKS, WRITERS, Ids, now
from originid.collection.engines.milvus.refusals import no_collection
from originid.errors import CollectionError
from originid.index import Codec
from originid.system.addresses import beginnings

Item = TypeVar("Item")
ASKED = 1000  # keys, ids or contents in a question
NEWEST = "1"  # the format of what is stored
NUMBERED = (
    600 * TICKS * A_TICK
)  # 10 minutes in ids: so long the number of an idle writer is its own
FORGOTTEN = 6 * NUMBERED  # an hour
AHEAD = FORGOTTEN  # by so much the clock of another writer may be wrong
SPAN = 4096 * A_TICK  # a first guess at the ids that one question covers: 17 minutes


class MilvusTables:
    """An open collection on a Milvus server.

    Usable from several threads. What is written inside of `writing` is sent when it ends, in an
    order in which each reference is written as a whole, after what belongs to it.

    Args:
        address: where it is.

    Raises:
        CollectionError: there is none, or a later version of originid made it.
        StorageError: the server cannot be reached.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._connection = Connection(address)
        self._lock = threading.RLock()
        self._batch: Batch | None = None
        self._owner = 0  # the thread that writes
        self._ids: Ids | None = None
        self._writer = uuid.uuid4().hex
        self._number = 0
        self._last, self._place = 0, 0  # that this process gave
        self._span = SPAN
        try:
            self._connection.load()
            stored = self._connection.query("", (Kind.META,), strong=True)
            self._meta = {each.place: str(each.value.get("text", "")) for each in stored}
            if self._meta.get("format") != NEWEST:
                raise _other_format(address, self._meta)
            self._codec = Codec(int(self._meta["dim"]))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; calling it again does nothing."""
        self._connection.close()

    def meta(self, key: str) -> str:
        """As `Store.meta`."""
        return self._meta.get(key, "None")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A batch: what is written inside is sent when it ends; nothing is sent after an error.

        Raises:
            StorageError: the server cannot be reached, or refuses. Of what was sent, each
                reference is stored as a whole or not at all; doing the same again completes it.
        """
        with self._lock:
            if self._batch is not None:  # of the same thread: it becomes part of that batch
                yield
                return
            self._batch, self._owner = Batch(), threading.get_ident()
            try:
                yield
                self._send(self._batch)
            finally:
                self._batch, self._owner = None, 0

    def _send(self, batch: Batch) -> None:
        entities, dropped = batch.written(), batch.dropped()
        if not entities and not dropped:
            return
        self._connection.upsert(entities, self._codec)
        if dropped:
            self._connection.delete(dropped)
        # It comes last, so that who sees it sees the whole batch.
        self._connection.upsert([self._writer_now()], self._codec)

    @property
    def _open_batch(self) -> Batch | None:
        """The batch of this thread."""
        return self._batch if self._owner == threading.get_ident() else None

    def _in_batch(self) -> Batch:
        if self._open_batch is None:
            raise RuntimeError("it is written inside of `writing` only")
        return self._open_batch

    def version(self) -> tuple[int, int]:
        """The last id given and the last place in the list of removals, 0 before the first."""
        return self._connection.recent("version", self._version)

    def _version(self) -> tuple[int, int]:
        writers = self._connection.query("", (Kind.WRITER,))
        places = [place for w in writers if isinstance(place := w.value.get("place"), int)]
        return max([0, *(writer.id for writer in writers)]), max([0, *places])

    def _new_id(self) -> int:
        self._last = self._numbers().next()
        return self._last

    def _new_place(self) -> int:
        self._place = self._numbers().next()
        return self._place

    def _numbers(self) -> Ids:
        """What gives ids; at the first use in a batch it is brought above all that are known."""
        batch = self._in_batch()
        if self._ids is None or now() - max(self._last, self._place) > NUMBERED // 2:
            self._ids = Ids(self._own_number())
        if not batch.numbered:
            self._ids.above(max(self.version()))
            batch.numbered = True
        return self._ids

    def _own_number(self) -> int:
        """A number that no other writer has: it is announced before it is looked who has it."""
        while True:
            others = self._connection.query("", (Kind.WRITER,), strong=True)
            self._forget_writers(others)
            taken = {each.value.get("number") for each in others if _is_live(each)}
            self._number = choice([n for n in range(WRITERS) if n not in taken] or range(WRITERS))
            self._connection.upsert([self._writer_now()], self._codec)
            others = self._connection.query("", (Kind.WRITER,), strong=True)
            same = [e for e in others if e.value.get("number") == self._number and _is_live(e)]
            if all(each.key == key_of(Kind.WRITER, self._writer) for each in same):
                return self._number

    def _forget_writers(self, writers: Sequence[Entity]) -> None:
        """Drop what is known of writers that ended long ago, but for what makes the version."""
        old = [each for each in writers if now() - _seen_at(each) > FORGOTTEN]
        newest = max(writers, key=lambda each: each.id, default=None)
        last = max(writers, key=lambda each: int(each.value.get("place", 0)), default=None)
        gone = [each.key for each in old if each not in (newest, last)]
        if gone:
            self._connection.delete(gone)

    def _writer_now(self) -> Entity:
        value = {"place": self._place, "number": self._number, "at": now()}
        return Entity(Kind.WRITER, key_of(Kind.WRITER, self._writer), self._last, value=value)

    def _get(self, keys: Collection[str], kind: Kind, data: bool = False) -> dict[str, Entity]:
        """Those entities of a kind that are stored under some keys; in a batch with their data."""
        batch = self._open_batch
        asked = [key for key in dict.fromkeys(keys) if batch is None or not batch.is_read(key)]
        found: list[Entity] = []
        for some in slices(asked):
            where = f"key in [{texts(some)}]"
            found += self._connection.query(where, (kind,), data or batch is not None)
        if batch is None:
            return {entity.key: entity for entity in found}
        batch.read(found, asked)
        return {key: entity for key in keys if (entity := batch.get(key)) is not None}

    def _find(self, kind: Kind, field: str, values: Collection[object]) -> list[Entity]:
        """The entities of a kind with one of some values in a field."""
        batch, found, wanted = self._open_batch, list[Entity](), set(values)

        def is_asked(entity: Entity) -> bool:
            return entity.kind == kind and getattr(entity, field) in wanted

        if batch is not None and batch.knows(kind, field, wanted):
            return batch.find(kind, field, wanted)
        for some in slices(sorted(wanted, key=str)):
            listed = texts(some) if isinstance(some[0], str) else ",".join(map(str, some))
            found += self._connection.query(f"{field} in [{listed}]", (kind,), batch is not None)
        if batch is None:
            return found
        batch.read(found)
        return batch.over(found, is_asked)

    def _pages(
        self, kind: Kind, where: str = "", data: bool = False, page: int = MOST
    ) -> Iterator[Entity]:
        """All entities of a kind that meet a condition, in the order of their keys.

        What a batch is going to write is not among them.
        """
        condition = where
        while some := self._connection.query(condition, (kind,), data, page):
            yield from some
            if len(some) < page:
                return
            last = max(entity.key for entity in some)
            condition = f'key > "{last}"' + (f" and ({where})" if where else "")

    def _all_of(self, kind: Kind, data: bool = False) -> list[Entity]:
        """All entities of a kind of which there are few."""
        found, batch = list(self._pages(kind, data=data)), self._open_batch
        return batch.over(found, lambda entity: entity.kind == kind) if batch else found

    def _under(self, kind: Kind, location: str) -> list[Entity]:
        """The entities of a kind whose place is this one, or lies in this folder or archive."""
        place, batch = written(location), self._open_batch
        lows = [written(beginning) for beginning in beginnings(location)]
        ranges = [(low, low[:-1] + chr(ord(low[-1]) + 1)) for low in lows]

        def is_asked(entity: Entity) -> bool:
            inside = any(low <= entity.place < end for low, end in ranges)
            return entity.kind == kind and (entity.place == place or inside)

        where = f'place == "{place}"' + "".join(
            f' or (place >= "{low}" and place < "{end}")' for low, end in ranges
        )
        found = list(self._pages(kind, where, batch is not None))
        return batch.over(found, is_asked) if batch else found

    def _after(
        self,
        kinds: tuple[Kind, ...],
        after: int,
        limit: int,
        data: bool = False,
        where: str = "id > 0",
        bare: bool = False,
    ) -> list[Entity]:
        """The next entities of some kinds above an id, ascending, at most ``limit``.

        Args:
            kinds: either with vectors or without.
            after: the id.
            limit: how many are given at most.
            data: whether their data are read as well.
            where: a condition that they meet.
            bare: whether nothing but their ids is read.

        Milvus gives no order. So ids are asked for in spans that hold about as many as are wanted.
        """
        found: list[Entity] = []
        last, most = max(*self.version(), now()) + AHEAD, min(2 * limit, MOST)
        while after < last and len(found) < limit:
            end = min(after + self._span, last)
            within = f"id > {after} and id <= {end} and {where}"
            some = self._connection.query(within, kinds, data, most, bare=bare)
            if len(some) >= most and self._span > 1:
                self._span = max(self._span // 8, 1)
                continue
            found += sorted(some, key=lambda entity: entity.id)
            after = end
            if len(some) < limit // 2:
                self._span = min(self._span * 4, last)
        return found[:limit]


def _seen_at(writer: Entity) -> int:
    at = writer.value.get("at")
    return at if isinstance(at, int) else 0


def _is_live(writer: Entity) -> bool:
    return now() - _seen_at(writer) < NUMBERED


def texts(values: Sequence[object]) -> str:
    """Values of plain text as the list of an expression."""
    return ",".join(f'"{value}"' for value in values)


def slices(items: Sequence[Item], size: int = ASKED) -> Iterator[list[Item]]:
    """The items in lists that are short enough for one question."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _other_format(address: Address, meta: dict[str, str]) -> CollectionError:
    if not meta:
        return no_collection(address)
    return CollectionError(
        f"{address.shown} has collection format {meta.get('format', 'unknown')}",
        f"expected format {NEWEST}",
        "use the version of originid that made it, or index the images again into a new one",
    )
