"""Collections on a Milvus server: ``milvus://host:port/name``."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from originid.collection.engines.milvus import creating
from originid.collection.engines.milvus.address import read_address
from originid.collection.engines.milvus.store import MilvusStore
from originid.collection.store import Store
from originid.system.server_url import ServerUrl


def exists(url: ServerUrl) -> bool:
    """As `Engine.exists`."""
    return creating.is_there(read_address(url.url))


def create(url: ServerUrl, meta: Mapping[str, str], model: Sequence[Path]) -> None:
    """As `Engine.create`."""
    creating.create(read_address(url.url), meta, model)


def open_store(url: ServerUrl) -> Store:
    """As `Engine.open_store`."""
    return MilvusStore(read_address(url.url), url)
