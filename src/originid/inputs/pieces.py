"""Images that are read together by one worker, as a piece of all that is to be read."""

from collections.abc import Iterator
from dataclasses import dataclass

from originid.inputs.kinds import Archive, OnFailure
from originid.latents.sources import Source

PIECE = 64  # images that are named in a piece: some seconds of work


@dataclass(frozen=True)
class Piece:
    """Some images that are named, or those of an archive.

    Args:
        listed: the images that are named.
        archive: the archive; then none is named.
        skip: the locations of members of the archive that are left out.
    """

    listed: tuple[Source, ...] = ()
    archive: Archive | None = None
    skip: frozenset[str] = frozenset()

    def sources(self, on_failure: OnFailure) -> Iterator[Source]:
        """The images, in their order.

        Args:
            on_failure: called with what cannot be an image to read.
        """
        yield from self.listed
        if self.archive is not None:
            yield from self.archive.members(on_failure, self.skip)

    @property
    def named(self) -> tuple[str, ...]:
        """What a person calls the piece: the names of its images, or that of its archive."""
        if self.archive is not None:
            return (self.archive.name,)
        return tuple(source.name for source in self.listed)
