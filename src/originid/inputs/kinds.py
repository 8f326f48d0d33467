"""What a name on a command line may stand for, other than a file or a folder: a source of images.

There are two kinds. A `Listing` only names its images, and whoever needs one fetches it: a list of
addresses, a folder of an object store. An `Archive` holds its images one after the other, and is
best read by one process from its beginning to its end: a tar shard, a parquet file.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Protocol, TypeAlias, runtime_checkable

from originid.latents.sources import Source
from originid.system.file_status import FileStatus
from originid.types import Failure

OnFailure: TypeAlias = Callable[[Failure], None]
"""A function that is called with each row or member that cannot be an image to read."""


@runtime_checkable
class Listing(Protocol):
    """Images that lie elsewhere, each at its own address; it can be pickled."""

    def listed(self, on_failure: OnFailure) -> Iterator[Source]:
        """Name the images; none of them is read yet, and each `Source` can be pickled.

        Args:
            on_failure: called with each row that names no image.
        """
        ...


@runtime_checkable
class Archive(Protocol):
    """Images that lie in one file; it can be pickled."""

    @property
    def name(self) -> str:
        """The path or the address of the archive, as the user gave it."""
        ...

    def state(self) -> FileStatus:
        """What changes when the archive does; ``bytes`` says nothing.

        Raises:
            ImageError: it cannot be looked at.
        """
        ...

    def anywhere(self) -> "Archive":
        """The same archive, so that a process finds it which works in another folder."""
        ...

    def members(self, on_failure: OnFailure, skip: Collection[str] = ()) -> Iterator[Source]:
        """Name the images in it, in their order; the bytes of each are read when they are needed.

        Args:
            on_failure: called with each member that cannot be read, and with the archive if it is
                damaged from some place on.
            skip: the locations of members that are left out.
        """
        ...


Input: TypeAlias = Listing | Archive
