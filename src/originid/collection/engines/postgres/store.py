"""A collection in PostgreSQL: the tables of the file of a folder, and bits to search by."""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from originid.collection.engines.client_files import kept_folder, model_folder
from originid.collection.engines.postgres.connections import Connection, Connections
from originid.collection.engines.postgres.creating import MOST_BITS
from originid.collection.engines.postgres.dialect import translated, translated_tables
from originid.collection.engines.postgres.searching import PostgresSearcher, as_bits
from originid.collection.schema import FORMAT, UPGRADES
from originid.collection.sql import SqlTables
from originid.collection.tables import Tables
from originid.errors import CollectionError
from originid.index import Codec
from originid.system.server_url import ServerUrl
from originid.types import Failure

FOLLOWING = ("reference", "form")  # tables that change with `version` alone


class PostgresTables(SqlTables):
    """The tables of a collection in a schema of a PostgreSQL database.

    Args:
        url: of the collection.

    Raises:
        StorageError: the server does not answer, or refuses.
    """

    def __init__(self, url: ServerUrl) -> None:
        self._connections = Connections(url)
        self._written = 0  # transactions of this process
        self.format = self._number("format")

    @property
    def place(self) -> ServerUrl:
        """The URL of the collection."""
        return self._connections.place

    def refuse_moved(self) -> None:
        """As `Store.refuse_moved`: whoever asks a server by a name asks what has that name."""

    def _number(self, key: str) -> int:
        """A number that was given when the collection was made."""
        text = self.meta(key)
        if not re.fullmatch("[1-9][0-9]{0,5}", text):
            self.close()
            raise CollectionError(
                f"{self.place} cannot be read: it does not say its {key}",
                "expected a collection that originid made",
                "restore it from a copy, or index the images again into a new collection",
            )
        return int(text)

    def close(self) -> None:
        """Close it; calling it again does nothing."""
        self._connections.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction, as `Store.writing` says; the server lets one write at a time."""
        with self._connections.transaction():
            yield
        self._written += 1

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        statement = translated(query)
        bound = statement.bound(values)
        return self._connections.ask(lambda asked: asked.execute(statement.text, bound).fetchall())

    def _execute(self, statement: str, values: Sequence[object] = ()) -> int:
        ours = translated(statement)
        bound = ours.bound(values)
        return self._connections.ask(lambda asked: asked.execute(ours.text, bound).rowcount)

    def _execute_each(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        ours = translated(statement)
        bound = [ours.bound(row) for row in rows]
        self._connections.ask(lambda asked: asked.cursor().executemany(ours.text, bound))

    def _copy(
        self, table: str, types: Sequence[str] | None, rows: Iterable[Sequence[object]]
    ) -> None:
        """Write rows to a table within a transaction.

        Args:
            table: its name.
            types: of its columns, for what is written in PostgreSQL's binary form; None for text.
            rows: values of all columns.
        """
        form = " (FORMAT BINARY)" if types else ""

        def copied(asked: Connection) -> None:
            with asked.cursor().copy(f"COPY {table} FROM STDIN{form}") as copy:
                if types:
                    copy.set_types(types)
                for row in rows:
                    copy.write_row(row)

        self._connections.ask(copied)

    def _insert_reference(self, statement: str, values: Sequence[object]) -> int | None:
        found = self._all(f"{statement} RETURNING id", *values)
        return int(found[0][0]) if found else None

    def _next_id(self) -> int:
        return int(self._one("SELECT nextval(pg_get_serial_sequence('reference', 'id'))")[0])

    def _has_table(self, name: str) -> bool:
        return bool(self._one("SELECT to_regclass(?) IS NOT NULL", name)[0])

    def _changes(self) -> object:
        return self._written, int(monotonic())  # others' are seen after a second

    @property
    def _in_transaction(self) -> bool:
        return self._connections.in_transaction


class PostgresStore(Tables, PostgresTables):
    """A collection in a PostgreSQL database; a `Store`."""

    without_locks = False
    name = "database"

    def __init__(self, url: ServerUrl) -> None:
        self._has_failures = True
        self._vectors: list[tuple[int, int, bytes]] = []  # added, and not yet written
        super().__init__(url)
        if self.format not in UPGRADES and self.format != FORMAT:
            self.close()
            raise CollectionError(
                f"{url} has collection format {self.format}",
                f"expected format {FORMAT}",
                "use the version of originid that made it, or index the images again with this one",
            )
        self._codec = Codec(self._number("dim"))
        self._bits = min(self._codec.dim, MOST_BITS)
        self._counts: dict[str, tuple[tuple[int, int], int]] = {}

    @property
    def kept(self) -> Path:
        """The folder on this machine for what follows the vectors."""
        return kept_folder(self.place, self.meta("id"))

    def model_folders(self) -> list[Path]:
        """The folder of the model on this machine; it is fetched where it is not here."""
        query = "SELECT name, content FROM model_file"
        return [model_folder(self.place, self.meta("fingerprint"), lambda: self._all(query))]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction, as `Store.writing` says; tables of an earlier format are brought up."""
        before = self.format
        try:
            with self._written_alone():
                yield
        except BaseException:
            self.format = before
            raise

    @contextmanager
    def _written_alone(self) -> Iterator[None]:
        with super().writing():
            # Asked again inside: another process may have done it.
            for earlier in range(self._number("format"), FORMAT):
                for statement in UPGRADES[earlier]:
                    self._execute(translated_tables(statement))
                self.set_meta("format", str(earlier + 1))
            self.format = FORMAT
            self._no_names, self._vectors = None, []
            self._has_failures = bool(self._all("SELECT 1 FROM failure LIMIT 1"))
            yield
            self._store_vectors()

    def searcher(self, dim: int) -> PostgresSearcher:
        """What searches on the server."""
        return PostgresSearcher(self._connections, self._codec, self._bits, self.count_signs)

    def count_signs(self) -> int:
        """How many vectors can be found."""
        return self._count("sign")

    def size(self) -> int:
        """The bytes of all tables of the collection, and of what finds rows in them."""
        query = (
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN"
            " pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ? AND c.relkind = 'r'"
        )
        return int(self._one(query, self._connections.schema)[0])

    def damage(self) -> list[str]:
        """Whether each vector has its bits, by which it is found."""
        found = []
        for one, other, told in (
            ("vector", "sign", "stored vectors are not found by a search: index their files again"),
            ("sign", "vector", "bits of vectors are left over"),
        ):
            own = f"SELECT 1 FROM {other} WHERE {other}.id = {one}.id"
            count = self._one(f"SELECT count(*) FROM {one} WHERE NOT EXISTS ({own})")[0]
            found += [f"{count} {told}"] if count else []
        return found

    def fail(self, location: str, failure: Failure) -> None:
        """Note a file that could not be used."""
        self._has_failures = True
        super().fail(location, failure)

    def _forget_failure(self, location: str) -> None:
        if self._has_failures:  # nobody else adds one meanwhile, and asking takes a journey
            super()._forget_failure(location)

    def _add_vector(self, key: int, code: bytes) -> None:
        self._vectors.append((key, zlib.crc32(code), code))

    def _store_vectors(self) -> None:
        """Write the vectors that were added, and their bits, together: a copy costs little."""
        rows, self._vectors = self._vectors, []
        if not rows:
            return
        codes = np.frombuffer(b"".join(code for _, _, code in rows), np.uint8)
        packed = self._codec.bits(codes.reshape(len(rows), -1), self._bits)
        signs = zip((row[0] for row in rows), as_bits(packed, self._bits), strict=True)
        self._copy("vector", ("int8", "int8", "bytea"), rows)
        self._copy("sign", None, signs)

    def _delete_vector(self, key: int) -> None:
        super()._delete_vector(key)
        self._execute("DELETE FROM sign WHERE id = ?", (key,))

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        if self._vectors and self._in_transaction and "vector" in query:
            self._store_vectors()
        return super()._all(query, *values)

    def _execute(self, statement: str, values: Sequence[object] = ()) -> int:
        if self._vectors and "vector" in statement:
            self._store_vectors()
        return super()._execute(statement, values)

    def _count(self, table: str) -> int:
        if table not in (*FOLLOWING, "sign"):
            return super()._count(table)
        version = self.version()
        known = self._counts.get(table)
        if known is None or known[0] != version:
            known = self._counts[table] = version, super()._count(table)
        return known[1]


def open_store(url: ServerUrl) -> PostgresStore:
    """Open a collection, as `Engine.open_store` says."""
    return PostgresStore(url)
