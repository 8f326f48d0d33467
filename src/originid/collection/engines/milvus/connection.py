"""A connection to the Milvus collection that holds a collection: its requests, tries and errors."""

import itertools
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar, cast

import numpy as np

from originid.collection.engines.milvus.address import Address
from originid.collection.engines.milvus.entity import (
    FIELDS,
    PARTITIONS,
    VECTORS,
    WITHOUT_DATA,
    Entity,
    Kind,
    entity_of,
)
from originid.collection.engines.milvus.layout import METRIC, make_collection
from originid.collection.engines.milvus.refusals import explained, is_coming_back
from originid.errors import ExtraError, StorageError
from originid.index import Codec

Answer = TypeVar("Answer")
FRESH = 0.05  # seconds; what others write takes longer to be seen anyway
SENT = 4_000_000  # bytes of entities in a request; Milvus takes 64 MB
MOST = 16_384  # rows of an answer, for Milvus
PAUSES = (0.1, 0.2, 0.5, 1.0)  # seconds between tries; the last one again and again
LOADING = 60.0  # seconds that the server may take to load the collection


class Connection:
    """What is asked of the server; every method waits at most `Address.timeout` seconds.

    pymilvus tries again, with growing pauses, while the server cannot be reached.

    What this process wrote is seen by its next question; what others wrote, as soon as the server
    has passed it on, which takes about 0.2 seconds. Asking for everything at once ("strong")
    would cost that time with every question.

    Args:
        address: of the collection.

    Raises:
        ExtraError: pymilvus is not installed.
        StorageError: the server cannot be reached, or does not let us in.
    """

    def __init__(self, address: Address) -> None:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # it prints what pymilvus raises
        try:
            from pymilvus import MilvusClient, MilvusException
        except ImportError:
            raise ExtraError("a collection on a Milvus server", "milvus") from None
        # It prints every error with a traceback; ours say what to do.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
        self.address = address
        self._recent: dict[str, tuple[float, object]] = {}
        self._error: type[Exception] = MilvusException
        options = {"server_pem_path": address.ca} if address.ca else {}
        self._client = self._ask(
            lambda: MilvusClient(
                address.uri,
                token=address.token,
                db_name=address.database,
                timeout=address.timeout,
                dedicated=True,
                **options,
            )
        )
        self.version = str(self._ask(self._client.get_server_version))

    def close(self) -> None:
        """Close the connection; calling it again does nothing."""
        self._client.close()

    def exists(self) -> bool:
        """Whether there is a Milvus collection of this name."""
        return bool(self._ask(partial(self._client.has_collection, self.address.name)))

    def is_ours(self) -> bool:
        """Whether the Milvus collection has the fields of one that originid made."""
        described = self._ask(partial(self._client.describe_collection, self.address.name))
        return {field["name"] for field in described["fields"]} == {*FIELDS, "signs"}

    def create(self, dim: int) -> None:
        """Make the Milvus collection for vectors of so many components, and load it: 2 seconds."""
        self._ask(partial(make_collection, self._client, self.address.name, dim))
        self.load()

    def load(self) -> None:
        """Let the server hold the collection ready; it does so until it is told otherwise."""
        name, until = self.address.name, time.monotonic() + max(self.address.timeout, LOADING)
        if self._is_loaded():
            return
        self._ask(partial(self._client.load_collection, name, _async=True))
        while not self._is_loaded():
            if time.monotonic() > until:
                raise StorageError(
                    f"{self.address.shown} is not ready",
                    "expected the server to load it within a minute",
                    "look into the log of the server; it may lack memory",
                )
            time.sleep(0.02)

    def _is_loaded(self) -> bool:
        state = self._ask(partial(self._client.get_load_state, self.address.name))["state"]
        return bool(getattr(state, "name", str(state)) == "Loaded")

    def drop(self) -> None:
        """Remove the Milvus collection with all that is in it."""
        self._ask(partial(self._client.drop_collection, self.address.name))

    def rename(self, to: Address) -> None:
        """Give the Milvus collection another name, which nothing may have."""
        self._ask(partial(self._client.rename_collection, self.address.name, to.name))
        self.address = to

    def upsert(self, entities: Sequence[Entity], codec: Codec) -> None:
        """Write entities, each in place of that with its key, in the order in which they come."""
        name = self.address.name
        for vectors, some in _requests(entities):
            rows = [entity.row(_signs(entity, codec)) for entity in some]
            self._recent = {}
            self._ask(partial(self._client.upsert, name, rows, partition_name=PARTITIONS[vectors]))

    def delete(self, keys: Sequence[str]) -> None:
        """Remove the entities with some keys; others are passed over."""
        for start in range(0, len(keys), MOST):
            some = list(keys[start : start + MOST])
            self._recent = {}
            self._ask(partial(self._client.delete, self.address.name, ids=some))

    def query(
        self,
        where: str,
        kinds: tuple[Kind, ...],
        data: bool = False,
        limit: int = MOST,
        strong: bool = False,
        bare: bool = False,
    ) -> list[Entity]:
        """The entities of some kinds that meet a condition; of too many those with the first keys.

        Args:
            where: the condition; an empty one is met by all.
            kinds: of the entities: either with vectors or without.
            data: whether their data are read as well.
            limit: how many are given at most, up to `MOST`.
            strong: whether all that anybody wrote by now is waited for.
            bare: whether nothing but their ids is read.
        """
        fields = ("kind", "id") if bare else FIELDS if data else WITHOUT_DATA
        of_kinds = f"kind in [{','.join(str(int(kind)) for kind in kinds)}]"
        rows = self._ask(
            lambda: self._client.query(
                self.address.name,
                f"{of_kinds} and ({where})" if where else of_kinds,
                output_fields=list(fields),
                limit=limit,
                partition_names=[PARTITIONS[kinds[0] in VECTORS]],
                consistency_level="Strong" if strong else "Session",
            )
        )
        return [entity_of(row) for row in rows]

    def recent(self, what: str, ask: Callable[[], Answer]) -> Answer:
        """An answer that is asked for once in `FRESH` seconds, unless something is written here.

        Args:
            what: a name for it.
            ask: asks for it.
        """
        now = time.monotonic()
        known = self._recent.get(what)
        if known is None or now - known[0] > FRESH:
            self._recent[what] = known = (now, ask())
        return cast(Answer, known[1])

    def count(self, where: str, vectors: bool) -> int:
        """How many entities meet a condition, among those with vectors or the others."""
        return self.recent(f"{vectors} {where}", lambda: self._counted(where, vectors))

    def _counted(self, where: str, vectors: bool) -> int:
        rows = self._ask(
            lambda: self._client.query(
                self.address.name,
                where,
                output_fields=["count(*)"],
                partition_names=[PARTITIONS[vectors]],
                consistency_level="Session",
            )
        )
        return int(rows[0]["count(*)"])

    def nearest(self, signs: Sequence[bytes], count: int) -> list[list[tuple[Entity, float]]]:
        """The vectors whose signs differ in the fewest places from some others.

        Returns:
            For each of them ids and data, with the number of places in which the signs differ.
        """
        found = self._ask(
            lambda: self._client.search(
                self.address.name,
                list(signs),
                limit=count,
                output_fields=["kind", "id", "data"],
                search_params={"metric_type": METRIC},
                partition_names=[PARTITIONS[True]],
                consistency_level="Session",
            )
        )
        return [
            [(entity_of({"key": "", **hit["entity"]}), float(hit["distance"])) for hit in hits]
            for hits in found
        ]

    def _ask(self, ask: Callable[[], Answer]) -> Answer:
        """An answer of the server; one that is just coming back is waited for.

        Raises:
            StorageError: it does not answer, or refuses.
            CollectionError: it has no collection of this name.
        """
        start = time.monotonic()
        for tries in itertools.count():
            pause = PAUSES[min(tries, len(PAUSES) - 1)]
            try:
                return ask()
            except self._error as error:
                late = time.monotonic() + pause - start > self.address.timeout
                if late or not is_coming_back(error, tries >= len(PAUSES)):
                    raise explained(error, self.address) from error
            time.sleep(pause)
        raise AssertionError("it tries until the time is over")


def _signs(entity: Entity, codec: Codec) -> bytes:
    if entity.kind not in VECTORS:
        return bytes(-(-codec.dim // 8))
    codes = np.frombuffer(entity.data, np.uint8)[None]
    return codec.bits(codes, codec.dim).tobytes()


def _requests(entities: Sequence[Entity]) -> Iterator[tuple[bool, list[Entity]]]:
    """The entities in requests of one partition each, and of a bounded size."""
    some: list[Entity] = []
    size = 0
    for entity in entities:
        vectors = entity.kind in VECTORS
        if some and (size > SENT or vectors != (some[0].kind in VECTORS)):
            yield some[0].kind in VECTORS, some
            some, size = [], 0
        some.append(entity)
        size += 2 * len(entity.data) + 1000
    if some:
        yield some[0].kind in VECTORS, some
