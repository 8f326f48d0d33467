"""A worker of a cluster: it reads and encodes the images of one piece after the other."""

import os
import pickle
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from originid.collection.encoding import Here, Wanted
from originid.encoders.base import Encoder
from originid.errors import OriginidError
from originid.inputs.pieces import Piece
from originid.latents.encode_files import Entry
from originid.model import Model, open_model
from originid.scale.cluster import TRIES, ray
from originid.system.parallel import one_blas_thread
from originid.types import Failure


@dataclass(frozen=True)
class PackedModel:
    """A model that can be sent to another machine: the files of its folder.

    Weights that its folder does not hold, such as those of ``diffusers:``, must lie on every
    machine, under the same path or in the cache of the hub.

    Args:
        files: the bytes of each file, by its name.
        environment: what this account trusts, which the workers trust too.
        own_encoder: an encoder of the user's own; it must be picklable.
    """

    files: dict[str, bytes]
    environment: dict[str, str]
    own_encoder: Encoder | None

    @classmethod
    def of(cls, model: Model) -> "PackedModel":
        """Pack a model."""
        trusted = {k: text for k, text in os.environ.items() if k.startswith("ORIGINID_TRUSTED_")}
        files = {path.name: path.read_bytes() for path in model.files}
        return cls(files, trusted, model.own_encoder)

    def open(self) -> Model:
        """Unpack the model; its encoder is built at once, and the files are gone afterwards."""
        os.environ.update(self.environment)
        folder = Path(tempfile.mkdtemp(prefix="originid-model-"))
        try:
            for name, data in self.files.items():
                (folder / name).write_bytes(data)
            model = open_model(folder, self.own_encoder)
            model.encoder  # noqa: B018 - it reads its files now
            return model
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Part:
    """What a worker made of some of the images of a piece, in a row that Ray carries.

    Args:
        piece: the number of the piece.
        place: the number of the part in its piece, from 0.
        last: whether the piece ends with it.
        machine: the address of the machine.
        entries: what the images became.
        failures: what was no image to read.
        given_up: whether the piece was not tried once more, as workers die at it.
        error: the three lines of an error that ends the job; empty if there is none.
    """

    piece: int
    place: int
    last: bool
    machine: str = ""
    entries: tuple[Entry, ...] = ()
    failures: tuple[Failure, ...] = ()
    given_up: bool = False
    error: tuple[str, ...] = ()

    def to_row(self) -> dict[str, Any]:
        """The part as a batch of one row, for Ray."""
        data = np.empty(1, object)
        data[0] = pickle.dumps(self)
        return {"part": data}


class EncodingWorker:
    """Encodes the images of pieces, with a model that is loaded once.

    Args:
        model: whose encoder it is.
        wanted: what is taken from each image beside its latent.
        tries: the actor that counts how often each piece was begun, a `Tries`.
        threads: that decode and encode.
    """

    def __init__(self, model: PackedModel, wanted: Wanted, tries: Any, threads: int) -> None:
        self._packed, self._wanted, self._tries = model, wanted, tries
        self._encode = Here(threads)
        self._model: Model | None = None
        self._machine = str(ray.util.get_node_ip_address())

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Encode one piece, given by its number and its pickle; yield its parts as rows."""
        number, piece = int(batch["piece"][0]), pickle.loads(batch["data"][0])
        if ray.get(self._tries.begin.remote(number)) > TRIES:
            yield Part(number, -1, True, given_up=True).to_row()
            return
        try:
            for part in self._parts(number, piece):
                yield part.to_row()
        except OriginidError as raised:  # Ray would bury its text in pages of tracebacks
            error = raised.given, raised.expected, raised.todo
            yield Part(number, -1, True, error=error).to_row()

    def _parts(self, number: int, piece: Piece) -> Iterator[Part]:
        self._model = model = self._model or self._packed.open()
        failures: list[Failure] = []
        place = 0
        chunks = self._encode([piece], model, self._wanted, lambda sha256: False, failures.append)
        with one_blas_thread(), closing(chunks):
            for chunk in chunks:
                entries, told = _bare(chunk), tuple(failures)
                failures.clear()
                yield Part(number, place, False, self._machine, entries, told)
                place += 1
        yield Part(number, place, True, self._machine, (), tuple(failures))


def _bare(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Entries without what only their machine can read."""
    return tuple(
        each
        if isinstance(each, Failure)
        else replace(each, source=replace(each.source, data=None, read=None))
        for each in entries
    )
