"""A worker of a cluster: it reads and encodes the images of one piece after the other."""

import pickle
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from originid.collection.encoding import Wanted
from originid.encoders import Encoder
from originid.errors import OriginidError
from originid.inputs.pieces import Piece
from originid.latents.cache_keys import Keys
from originid.latents.encode_files import Entry
from originid.scale.cluster import TRIES, ray
from originid.scale.packed import Packed, encode_for_others
from originid.system.parallel import one_blas_thread
from originid.types import Failure


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
        made = encode_for_others(piece, encoder, self._wanted, self._is_known, self._threads)
        with one_blas_thread(), closing(made):
            for place, some in enumerate(made):
                yield Part(number, place, some.last, self._machine, some.entries, some.failures)

    def _is_known(self, sha256: bytes) -> bool:
        return self._known.find(sha256) is not None
