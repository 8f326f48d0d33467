"""The files of a collection's model, as they are stored on a Milvus server."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from originid.collection.engines.client_files import model_folder
from originid.collection.engines.milvus.blobs import BlobTable, pieces_of
from originid.collection.engines.milvus.entity import Entity, meta_entity
from originid.system.server_url import ServerUrl

FILES = "model files"  # the name of the value that lists them


class ModelFiles(BlobTable):
    """The part of a collection on a Milvus server that holds the model's files."""

    place: ServerUrl

    def model_folders(self) -> list[Path]:
        """As `Store.model_folders`."""
        return [model_folder(self.place, self.meta("fingerprint"), self._files)]

    def _files(self) -> Iterator[tuple[str, bytes]]:
        try:
            names: Any = json.loads(self.meta(FILES))
        except ValueError:  # the server may be somebody else's
            return
        for name in map(str, names if isinstance(names, list) else ()):
            content = self._blob(_name(name))
            if content is not None:
                yield name, content


def model_entities(files: Sequence[Path]) -> list[Entity]:
    """What is stored of the files of a model: pieces of them, and a list of them."""
    pieces = [each for path in files for each in pieces_of(_name(path.name), path.read_bytes())]
    return [*pieces, meta_entity(FILES, json.dumps([path.name for path in files]))]


def _name(file: str) -> str:
    return f"model {file}"
