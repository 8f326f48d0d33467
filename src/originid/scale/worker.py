"""A worker of a cluster: it reads and encodes the images of one piece after the other."""

import os
import pickle
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from originid.collection.encoding import Wanted, encode_pieces
from originid.encoders import Encoder, open_encoder
from originid.errors import OriginidError
from originid.inputs.pieces import Piece
from originid.latents.cache_keys import Keys
from originid.latents.encode_files import Entry
from originid.model import Model, open_model
from originid.scale.cluster import TRIES, ray
from originid.system.parallel import one_blas_thread
from originid.types import Failure


@dataclass(frozen=True)
class PackedModel:
    """The encoder of a model as it is sent to another machine: the files of the model's folder.

    Weights that its folder does not hold, such as those of ``diffusers:``, must lie on every
    machine, under the same path or in the cache of the hub.

    Args:
        spec: the text that names the encoder.
        files: the bytes of each file, by its name.
        environment: what this account trusts, which the workers trust too.
        own_encoder: an encoder of the user's own; it must be picklable.
    """

    spec: str
    files: dict[str, bytes]
    environment: dict[str, str]
    own_encoder: Encoder | None

    @classmethod
    def of(cls, model: Model) -> "PackedModel":
        """Pack a model."""
        trusted = {k: text for k, text in os.environ.items() if k.startswith("ORIGINID_TRUSTED_")}
        files = {path.name: path.read_bytes() for path in model.files}
        return cls(model.spec, files, trusted, model.own_encoder)

    def open(self) -> Encoder:
        """Build the encoder, which must be the one that the model was fitted on.

        Raises:
            OriginidError: it cannot be used here.
        """
        os.environ.update(self.environment)
        folder = Path(tempfile.mkdtemp(prefix="originid-model-"))
        try:
            for name, data in self.files.items():
                (folder / name).write_bytes(data)
            return open_model(folder, self.own_encoder).encoder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class NamedEncoder:
    """An encoder by its name, which every machine can build.

    Args:
        spec: the text that names it; files in it must lie under the same path everywhere.
    """

    spec: str

    def open(self) -> Encoder:
        """Build the encoder.

        Raises:
            OriginidError: it cannot be used here.
        """
        return open_encoder(self.spec)


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


Packed: TypeAlias = PackedModel | NamedEncoder
"""An encoder that another machine can build."""


class EncodingWorker:
    """Encodes the images of pieces, with an encoder that is built once.

    Args:
        packed: the encoder.
        wanted: what is taken from each image beside its latent.
        known: finds the contents that need not be encoded.
        tries: the actor that counts how often each piece was begun, a `Tries`.
        threads: that decode and encode.
    """

    def __init__(
        self, packed: Packed, wanted: Wanted, known: Keys, tries: Any, threads: int
    ) -> None:
        self._packed, self._wanted, self._known = packed, wanted, known
        self._tries, self._threads = tries, threads
        self._encoder: Encoder | None = None
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
        self._encoder = encoder = self._encoder or self._packed.open()
        failures: list[Failure] = []
        place = 0
        report, threads = failures.append, self._threads
        chunks = encode_pieces([piece], encoder, self._wanted, self._is_known, report, threads)
        with one_blas_thread(), closing(chunks):
            for chunk in chunks:
                entries, told = _bare(chunk), tuple(failures)
                failures.clear()
                yield Part(number, place, False, self._machine, entries, told)
                place += 1
        yield Part(number, place, True, self._machine, (), tuple(failures))

    def _is_known(self, sha256: bytes) -> bool:
        return self._known.find(sha256) is not None


def _bare(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Entries without what only their machine can read."""
    return tuple(
        each
        if isinstance(each, Failure)
        else replace(each, source=replace(each.source, data=None, read=None))
        for each in entries
    )
