"""What turns pieces into entries for a collection: in this process, or elsewhere."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from originid.encoders.base import Encoder
from originid.images.credentials import can_read_credentials
from originid.inputs.kinds import OnFailure
from originid.inputs.pieces import Piece
from originid.latents.encode_files import READERS, Entry, encode_sources
from originid.model import Model
from originid.views.content import find_content


@dataclass(frozen=True)
class Wanted:
    """What is stored of each image beside its vectors.

    Args:
        details: whether local features are.
        thumbnails: whether a small picture is.
        contents: whether what a frame holds is, and content credentials, where they can be read.
    """

    details: bool = False
    thumbnails: bool = False
    contents: bool = True


class EncodePieces(Protocol):
    """A function that encodes images; `Here` is the plain one."""

    def __call__(
        self,
        pieces: Iterable[Piece],
        model: Model,
        wanted: Wanted,
        known: Callable[[bytes], bool],
        on_failure: OnFailure,
    ) -> Generator[list[Entry], None, None]:
        """Encode the images of some pieces.

        Args:
            pieces: the pieces, which are asked for as they are needed.
            model: whose encoder it is.
            wanted: what is taken from each image beside its latent.
            known: tells whether all of this is stored of a content, by its SHA-256. It need not be
                asked.
            on_failure: called, in this thread, with what is no image to read.

        Yields:
            Some entries, in any order: each image of the pieces becomes one entry in all.
        """
        ...


@dataclass(frozen=True)
class Here:
    """Encodes in threads of this process, in the order of the pieces.

    Args:
        workers: the number of threads; by default one for each core.
    """

    workers: int | None = None

    def __call__(
        self,
        pieces: Iterable[Piece],
        model: Model,
        wanted: Wanted,
        known: Callable[[bytes], bool],
        on_failure: OnFailure,
    ) -> Generator[list[Entry], None, None]:
        """Encode the images, as `EncodePieces` says."""
        return encode_pieces(pieces, model.encoder, wanted, known, on_failure, self.workers)


def encode_pieces(
    pieces: Iterable[Piece],
    encoder: Encoder,
    wanted: Wanted,
    known: Callable[[bytes], bool],
    on_failure: OnFailure,
    workers: int | None = None,
    readers: int = READERS,
) -> Generator[list[Entry], None, None]:
    """Encode the images of some pieces in threads, in the order of the pieces.

    Args:
        pieces: the pieces.
        encoder: the encoder.
        wanted: what is taken from each image beside its latent.
        known: tells whether a content, by its SHA-256, need not be encoded; several threads ask.
        on_failure: called, in this thread, with what is no image to read.
        workers: the number of threads; by default one for each core.
        readers: the number of threads that read.
    """
    sources = chain.from_iterable(piece.sources(on_failure) for piece in pieces)
    return encode_sources(
        sources,
        encoder,
        known,
        workers,
        find_content=find_content if wanted.contents else None,
        details=wanted.details,
        thumbnails=wanted.thumbnails,
        credentials=wanted.contents and can_read_credentials(),
        readers=readers,
    )
