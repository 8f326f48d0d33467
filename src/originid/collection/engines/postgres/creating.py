"""Making a collection in a PostgreSQL database."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from psycopg import errors, sql

from originid.collection.engines.postgres.connections import Connection, Connections
from originid.collection.engines.postgres.dialect import stored, translated_tables
from originid.collection.folder_table import SCHEMA_ID
from originid.collection.schema import FORMAT, TABLES
from originid.collection.sqlite import META
from originid.errors import InputError, StorageError
from originid.system.server_url import ServerUrl

OLDEST = 140000  # PostgreSQL 14
MOST_BITS = 4096  # of a vector that the server scans; more of them hardly change the order
_OWN_TABLES = """
ALTER TABLE decision ADD COLUMN rowid bigserial;
-- The bits of the vectors, apart from them, so that a scan reads little.
CREATE TABLE sign (id bigint PRIMARY KEY, bits bit({bits}) NOT NULL);
CREATE TABLE model_file (name text PRIMARY KEY, content bytea NOT NULL);
-- Vectors do not get smaller by compression, and are read soonest where they are not apart.
ALTER TABLE vector ALTER COLUMN code SET STORAGE EXTERNAL;
ALTER TABLE vector SET (toast_tuple_target = 8160);
"""


def exists(url: ServerUrl) -> bool:
    """Whether there is a collection, as `Engine.exists` says."""
    connections = Connections(url)
    query = "SELECT to_regclass(%s) IS NOT NULL"
    try:
        name = f"{connections.schema}.model_file"
        return bool(connections.ask(lambda asked: asked.execute(query, (name,)).fetchall())[0][0])
    finally:
        connections.close()


def create(url: ServerUrl, meta: Mapping[str, str], model: Sequence[Path]) -> None:
    """Make an empty collection, as `Engine.create` says."""
    connections = Connections(url)
    try:
        connections.ask(lambda asked: _refuse(asked, connections))
        connections.ask(lambda asked: _make(asked, connections, meta, model))
    finally:
        connections.close()


def _refuse(connection: Connection, connections: Connections) -> None:
    """Refuse a server that cannot hold a collection."""
    version = connection.info.server_version
    if version < OLDEST:
        raise StorageError(
            f"{connections.place} is PostgreSQL {version // 10000}",
            f"expected PostgreSQL {OLDEST // 10000} or later",
            "use a newer server",
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StorageError(
            f"the database of {connections.place} stores text as {encoding}",
            "expected UTF8",
            "make another database: createdb --encoding=UTF8 --template=template0 NAME",
        )


def _make(
    connection: Connection, connections: Connections, meta: Mapping[str, str], model: Sequence[Path]
) -> None:
    schema = sql.Identifier(connections.schema)
    with connection.transaction():
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except (errors.UndefinedFile, errors.FeatureNotSupported) as error:
            raise StorageError(
                f"{connections.place} has no pgvector",
                "expected a server with the extension vector",
                "install pgvector on the server, such as apt install postgresql-17-pgvector",
            ) from error
        try:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        except (errors.DuplicateSchema, errors.UniqueViolation) as error:
            raise InputError(
                f"{connections.place}: the schema {connections.schema} exists already",
                "expected a collection, or the name of a new one",
                "choose another name: add ?collection=NAME to the URL",
            ) from error
        connection.execute(sql.SQL("SET LOCAL search_path TO {}, public").format(schema))
        bits = min(int(meta["dim"]), MOST_BITS)
        tables = (META + TABLES).replace(SCHEMA_ID, "")
        connection.execute(translated_tables(tables) + _OWN_TABLES.format(bits=bits))
        said = {**meta, "id": secrets.token_hex(16), "format": str(FORMAT)}
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO meta VALUES (%s, %s)", [(k, stored(v)) for k, v in said.items()]
            )
            files = [(file.name, file.read_bytes()) for file in model]
            cursor.executemany("INSERT INTO model_file VALUES (%s, %s)", files)
