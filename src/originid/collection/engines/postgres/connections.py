"""Connections to a PostgreSQL server: made when they are needed, and again when they break."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from originid.collection.engines.postgres.dialect import ShownText
from originid.collection.engines.postgres.refusals import postgres_errors
from originid.errors import InputError
from originid.system.server_url import ServerUrl

Connection = psycopg.Connection[tuple[Any, ...]]
Found = TypeVar("Found")
COLLECTION = "originid"  # the name of a collection of which the URL names none
_OWN_ENTRY = "collection="
_PORTS = re.compile("[0-9,]*")  # one for each host
_NAME = re.compile("[a-z_][a-z0-9_]{0,62}")  # what PostgreSQL takes without quoting
WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # seconds before a server is asked again that was not there
CONNECT = 10  # seconds for the server to answer, where the URL says nothing else
COMING = ("refused", "starting up", "shutting down", "closed", "No such file", "recovery")
"""What libpq says of a server that may be there in a moment."""
LOST = (psycopg.OperationalError, psycopg.InterfaceError)
LOCK = "60s"  # what another process may take to write


def collection_name(url: ServerUrl) -> str:
    """The name of the collection that a URL means, which is that of its schema.

    Raises:
        InputError: it cannot be the name of a schema.
    """
    own = [entry for entry in _parts(url)[1] if entry.startswith(_OWN_ENTRY)]
    given = own[0].removeprefix(_OWN_ENTRY) if own else COLLECTION
    todo = "choose another name, such as collection=photos"
    if len(own) > 1:
        names = " and ".join(own)
        raise InputError(f"{names} in {url}", "expected one collection", "leave the others out")
    if given.startswith("pg_") or given == "public":
        expected = "expected a name that PostgreSQL does not keep for itself"
        raise InputError(f"collection={given} in {url}", expected, todo)
    if not _NAME.fullmatch(given):
        expected = "expected a name of small letters, digits and _ that begins with a letter"
        raise InputError(f"collection={given} in {url}", expected, todo)
    return given


class Connections:
    """Connections to the database of a collection.

    Each thread that asks at the same time has one of its own. A thread that is in a transaction
    asks by the connection of that.

    Args:
        url: of the collection.

    Raises:
        InputError: the URL is none.
    """

    def __init__(self, url: ServerUrl) -> None:
        self.place = url
        self.schema = collection_name(url)
        self._options = _options(url)
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._closed = False

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is in a transaction."""
        return getattr(self._mine, "connection", None) is not None

    def ask(self, what: Callable[[Connection], Found]) -> Found:
        """What a function finds with a connection; it is asked again where that breaks.

        Raises:
            StorageError: the server does not answer, or refuses.
        """
        with postgres_errors(self.place):
            if self.in_transaction:
                return what(self._mine.connection)
            connection, found = self._tried(what)
            self._give_back(connection)
            return found

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction of this thread, which alone writes to the collection meanwhile.

        Raises:
            StorageError: the server does not answer, goes away before the end, or refuses.
        """
        with postgres_errors(self.place):
            connection, _ = self._tried(_begin)
            self._mine.connection = connection
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._mine.connection = None
                self._give_back(connection)

    def close(self) -> None:
        """Close all connections; calling it again does nothing."""
        self._closed = True
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _tried(self, what: Callable[[Connection], Found]) -> tuple[Connection, Found]:
        """A connection, and what a function found with it; another one is tried if it breaks."""
        for wait in (*WAITS, None):
            connection = self._taken()
            try:
                return connection, what(connection)
            except BaseException as error:
                lost = isinstance(error, LOST) and connection.broken
                connection.close()  # it may be in the middle of an answer
                if not lost or wait is None or self._closed:
                    raise
                time.sleep(wait)
        raise AssertionError("the last try ends the loop")

    def _taken(self) -> Connection:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if not connection.closed:
                    return connection
        return self._made()

    def _give_back(self, connection: Connection) -> None:
        idle = psycopg.pq.TransactionStatus.IDLE
        if self._closed or connection.closed or connection.info.transaction_status != idle:
            connection.close()
            return
        with self._lock:
            self._idle.append(connection)

    def _made(self) -> Connection:
        connection = connected(self._options)
        path = sql.SQL("SELECT set_config('search_path', {}, false)")
        extension = connection.execute(
            "SELECT nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
            " WHERE extname = 'vector'"
        ).fetchone()
        schemas = [self.schema, str(extension[0]) if extension else "public"]
        connection.execute(path.format(", ".join(f'"{each}"' for each in schemas)))
        connection.adapters.register_loader("text", ShownText)
        return connection


def _begin(connection: Connection) -> None:
    """Begin a transaction that writes, which no other connection begins now."""
    connection.execute("BEGIN")
    connection.execute(f"SET LOCAL lock_timeout = '{LOCK}'")
    # One writer at a time, so that ids are seen in the order in which they were given. Readers,
    # and the server's own cleaning of other tables, go on.
    connection.execute("LOCK TABLE meta IN SHARE ROW EXCLUSIVE MODE")


def connected(options: dict[str, Any]) -> Connection:
    """A connection, which is waited for while the server is starting or not there.

    Args:
        options: as libpq takes them.

    Raises:
        psycopg.OperationalError: the server is not there, or does not let the user in.
    """
    for wait in (*WAITS, None):
        try:
            return psycopg.connect(**options, autocommit=True)
        except psycopg.OperationalError as error:
            if wait is None or not _may_come(error):
                raise
            time.sleep(wait)
    raise AssertionError("the last try ends the loop")


def _may_come(error: psycopg.OperationalError) -> bool:
    """Whether a server that was not reached may be there in a moment."""
    return any(each in str(error) for each in COMING)


def _options(url: ServerUrl) -> dict[str, Any]:
    """What libpq is told: all of the URL but the name of the collection."""
    before, entries = _parts(url)
    rest = "&".join(entry for entry in entries if not entry.startswith(_OWN_ENTRY))
    try:
        given = conninfo_to_dict(f"postgresql{before[len(url.scheme) :]}?{rest}")
    except psycopg.ProgrammingError:  # its text may hold the password
        raise _no_url(url) from None
    if not _PORTS.fullmatch(str(given.get("port") or "")):  # it may be a part of the password
        raise _no_url(url)
    usual = {"connect_timeout": CONNECT, "application_name": "originid"}
    return {**usual, **given, "client_encoding": "utf8"}


def _parts(url: ServerUrl) -> tuple[str, list[str]]:
    """The URL up to the question mark, and the entries behind it."""
    before, _, query = url.url.partition("?")
    return before, query.split("&") if query else []


def _no_url(url: ServerUrl) -> InputError:
    return InputError(
        f"{url} is no URL that PostgreSQL takes",
        "expected postgresql://user@host:port/database?collection=NAME",
        "write special characters of names as %40 and the like; docs/engines.md has examples",
    )
