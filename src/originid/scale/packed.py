"""Encoding in another process: the encoder, pieces that it can read, and what it gives back."""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from originid.collection.encoding import Wanted, encode_pieces
from originid.encoders import Encoder, open_encoder
from originid.encoders.registry import split_spec
from originid.images.decode import read_bytes
from originid.inputs.manners import FromWeb
from originid.inputs.pieces import Piece
from originid.latents.encode_files import READERS, Entry
from originid.latents.sources import Source
from originid.model import Model, open_model
from originid.types import Failure

WITH_TORCH = ("diffusers", "baseline")  # encoders that use all cores by themselves, or a GPU


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


Packed: TypeAlias = PackedModel | NamedEncoder
"""An encoder that another machine can build."""


def needs_torch(spec: str) -> bool:
    """Whether an encoder, by the text that names it, runs networks of torch."""
    return any(part.partition(":")[0] in WITH_TORCH for part in split_spec(spec))


def shared(piece: Piece, workers: int) -> Piece:
    """A piece for one of several processes, which together keep the manners of the web.

    Args:
        piece: the piece.
        workers: how many processes fetch from the web at the same time.
    """

    def less(source: Source) -> Source:
        """The same image, fetched as seldom as each of the processes may."""
        if not isinstance(source.read, FromWeb):
            return source
        return replace(
            source, read=replace(source.read, manners=source.read.manners.shared_by(workers))
        )

    return replace(piece, listed=tuple(map(less, piece.listed)))


def for_others(piece: Piece, workers: int) -> Piece:
    """A piece that processes on other machines can read: no path in it depends on the folder.

    Args:
        piece: the piece.
        workers: as for `shared`.
    """
    if piece.archive is not None:
        return replace(piece, archive=piece.archive.anywhere())

    def anywhere(source: Source) -> Source:
        """The same image for a process in another folder."""
        return replace(
            source, read=source.read or partial(read_bytes, os.path.abspath(source.name))
        )

    piece = shared(piece, workers)
    return replace(piece, listed=tuple(map(anywhere, piece.listed)))


@dataclass(frozen=True)
class Made:
    """What some images of a piece became, in their order, for the process that stores them.

    Args:
        entries: what the images became.
        failures: what was no image to read.
        last: whether the piece ends with it.
    """

    entries: tuple[Entry, ...] = ()
    failures: tuple[Failure, ...] = ()
    last: bool = False


def encode_for_others(
    piece: Piece,
    encoder: Encoder,
    wanted: Wanted,
    known: Callable[[bytes], bool],
    workers: int,
    readers: int = READERS,
) -> Generator[Made, None, None]:
    """Encode the images of one piece, for the process that stores them.

    Args:
        piece: the piece.
        encoder: the encoder.
        wanted: what is taken from each image beside its latent.
        known: tells whether a content, by its SHA-256, need not be encoded.
        workers: the number of threads that decode and encode.
        readers: the number of threads that read.
    """
    failures: list[Failure] = []
    chunks = encode_pieces([piece], encoder, wanted, known, failures.append, workers, readers)
    with closing(chunks):
        for chunk in chunks:
            yield Made(bare(chunk), tuple(failures))
            failures.clear()
    yield Made(failures=tuple(failures), last=True)


def bare(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Entries without what only their machine can read."""
    return tuple(
        each
        if isinstance(each, Failure)
        else replace(each, source=replace(each.source, data=None, read=None))
        for each in entries
    )
