"""What turns pieces into entries for a collection: in this process, or elsewhere."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from originid.images.credentials import can_read_credentials
from originid.inputs.kinds import OnFailure
from originid.inputs.pieces import Piece
from originid.latents.encode_files import Entry, encode_sources
from originid.model import Model
from originid.views.content import find_content


@dataclass(frozen=True)
class Wanted:
    """What is stored of each image beside its vectors.

    Args:
        details: whether local features are.
        thumbnails: whether a small picture is.
    """

    details: bool = False
    thumbnails: bool = False


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
        sources = chain.from_iterable(piece.sources(on_failure) for piece in pieces)
        return encode_sources(
            sources,
            model.encoder,
            known,
            self.workers,
            find_content=find_content,
            details=wanted.details,
            thumbnails=wanted.thumbnails,
            credentials=can_read_credentials(),
        )
