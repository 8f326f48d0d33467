"""What one run that adds images did."""

from dataclasses import dataclass, field

from originid.images.unread import Unread
from originid.types import Failure


@dataclass
class Added:
    """What one run did, in numbers of files; ``total`` are to be seen, committed ones count.

    Args:
        total: image files that were found.
        added: files that became references.
        updated: references whose file had changed.
        moved: references whose file was found at another place.
        unchanged: files that were stored before, and are as they were.
        names: files that are those of references, by another path: further names of them.
        passed_over: folders that were not walked: recycle bins, and folders of thumbnails.
        gone: references under the given folders that have no file any more, and of members that the
            given archives no longer have; they were kept.
        pruned: references that were dropped because of that.
        kept: for each folder that is missing, or that has no file in it, as if its disk were not
            mounted, how many of the ``gone`` references lie under it. They are never pruned.
        failures: files that could not be used.
        notes: what a person should know of files that were used, such as that one is cut short: the
            path and the note of each.
        unread: images in folders that originid does not read.
        unsigned: why this account has no key by which its later commands know that it named the
            files (see `originid.collection.trusted_folders`); empty where it has one.
    """

    total: int = 0
    added: int = 0
    updated: int = 0
    moved: int = 0
    unchanged: int = 0
    names: int = 0
    passed_over: int = 0
    gone: int = 0
    pruned: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    unsigned: str = ""

    @property
    def seen(self) -> int:
        """Files dealt with."""
        stored = self.added + self.updated + self.moved + self.unchanged + self.names
        return stored + len(self.failures)

    def include(self, other: "Added") -> None:
        """Count what another part of the run did with files."""
        self.added += other.added
        self.updated += other.updated
        self.moved += other.moved
        self.unchanged += other.unchanged
        self.names += other.names
        # In place: what reports failures meanwhile holds the list itself.
        self.failures += other.failures
        self.notes += other.notes
