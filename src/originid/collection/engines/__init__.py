"""The servers that can hold a collection: one package for each, imported when its URL is given.

An engine's package has three functions, as `Engine` says, and is named in `ENGINES`. What it needs
beyond originid itself is in an extra of the same name.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from originid.collection.store import Store
from originid.errors import ExtraError, InputError
from originid.system.server_url import ServerUrl

ENGINES = {"postgresql": "postgres", "postgres": "postgres", "milvus": "milvus"}
"""The package, and the extra, of each scheme."""


class Engine(Protocol):
    """What the package of a server can do."""

    def exists(self, url: ServerUrl) -> bool:
        """Whether there is a collection.

        Raises:
            StorageError: the server does not answer.
        """
        ...

    def create(self, url: ServerUrl, meta: Mapping[str, str], model: Sequence[Path]) -> None:
        """Make an empty collection, all of it or nothing.

        Args:
            url: where.
            meta: what `Store.meta` says: ``model``, ``fingerprint`` and ``dim``.
            model: the files of the model, of which the server keeps a copy.

        Raises:
            InputError: there is one already, or the place can hold none.
            StorageError: the server does not answer, or refuses.
        """
        ...

    def open_store(self, url: ServerUrl) -> Store:
        """Open a collection.

        Raises:
            CollectionError: there is none, or it is of another format.
            StorageError: the server does not answer, or refuses.
        """
        ...


def engine(url: ServerUrl) -> Engine:
    """The engine of a URL.

    Raises:
        InputError: no engine has such URLs.
        ExtraError: its extra is not installed.
    """
    name = ENGINES.get(url.scheme)
    if name is None:
        raise InputError(
            f"{url} begins with {url.scheme}://",
            f"expected the path of a folder, or {' or '.join(f'{each}://' for each in ENGINES)}",
            "write the URL of a server that can hold a collection; docs/engines.md lists them",
        )
    try:
        return cast(Engine, import_module(f"{__name__}.{name}"))
    except ModuleNotFoundError as error:
        raise ExtraError(f"a collection at {url.scheme}://", name) from error
