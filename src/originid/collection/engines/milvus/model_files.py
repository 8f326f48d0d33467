"""The files of a collection's model: stored on the server, with a copy on this machine."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from originid.collection.engines.milvus.address import Address
from originid.collection.engines.milvus.blobs import BlobTable, pieces_of
from originid.collection.engines.milvus.entity import Entity, meta_entity
from originid.errors import CollectionError
from originid.system.storage import new_directory

FILES = "model files"  # the name of the value that lists them, with the SHA-256 of each
_FOLDER = "model"


class ModelFiles(BlobTable):
    """The part of a collection on a Milvus server that holds the model's files."""

    kept: Path
    """A folder on this machine for what can be made again from the server."""

    def model_folder(self) -> Path:
        """As `Store.model_folder`; the files are fetched where they are not here yet.

        Raises:
            CollectionError: the server does not have them as they were stored.
            StorageError: the disk or the server refuses.
        """
        folder, files = self.kept / _FOLDER, self._listed()
        if not all(_is_here(folder / name, digest) for name, digest in files.items()):
            data = {name: self._blob(_name(name)) or b"" for name in files}
            for name, digest in files.items():
                if hashlib.sha256(data[name]).hexdigest() != digest:
                    raise _damaged(self.address, f"the file {name} of its model")
            shutil.rmtree(folder, ignore_errors=True)
            self.kept.mkdir(parents=True, exist_ok=True)
            with new_directory(folder) as new:
                for name in files:
                    (new / name).write_bytes(data[name])
        return folder

    def _listed(self) -> dict[str, str]:
        try:
            files: Any = json.loads(self.meta(FILES))
        except ValueError:
            files = None
        if not isinstance(files, dict) or not all(_is_plain(name) for name in files):
            raise _damaged(self.address, "the list of its model's files")
        return {name: str(digest) for name, digest in files.items()}


def model_entities(files: Sequence[Path]) -> list[Entity]:
    """What is stored of the files of a model: pieces of them, and a list of them."""
    pieces = [each for path in files for each in pieces_of(_name(path.name), path.read_bytes())]
    return [*pieces, meta_entity(FILES, json.dumps({path.name: _digest(path) for path in files}))]


def _name(file: str) -> str:
    return f"model {file}"


def _is_plain(name: str) -> bool:
    """Whether a name is that of a file in a folder, and leads nowhere else."""
    return name == Path(name).name and name not in ("", ".", "..") and "\\" not in name


def _is_here(path: Path, digest: str) -> bool:
    try:
        return not path.is_symlink() and _digest(path) == digest
    except OSError:
        return False


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _damaged(address: Address, what: str) -> CollectionError:
    return CollectionError(
        f"{address.shown}: {what} is missing or damaged",
        "expected what was stored when the collection was made",
        "restore the server's data from a copy, or index the images again into a new collection",
    )
