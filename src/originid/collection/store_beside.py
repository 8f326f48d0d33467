"""The parts of `originid.collection.store.Store` for what is stored beside references."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from originid.collection.cohort_table import StoredCohort
from originid.collection.decisions import Decision
from originid.collection.name_table import Name
from originid.details.features import Features
from originid.system.paths import Paths
from originid.types import Description, Failure, Ids, Manifest


class Names(Protocol):
    """The further names of references."""

    def count_names(self) -> int:
        """How many further names there are."""
        ...

    def names(self, ids: Sequence[int]) -> dict[int, list[Name]]:
        """The further names of some references, by id, in alphabetical order."""
        ...

    def names_under(self, location: str) -> list[str]:
        """Locations of further names that are this path, or lie in this folder."""
        ...

    def named(self, location: str) -> int | None:
        """The id of the reference that has a location as a further name."""
        ...

    def add_name(self, reference: int, name: Name) -> None:
        """Give a reference a further name, within a transaction."""
        ...

    def forget_name(self, location: str) -> None:
        """Drop a further name, within a transaction; its reference stays."""
        ...


class Descriptions(Protocol):
    """What is said of references, and small pictures of them."""

    def count_described(self) -> int:
        """How many references have a description."""
        ...

    def count_thumbnails(self) -> int:
        """How many references have a small picture."""
        ...

    def descriptions(self, ids: Sequence[int]) -> dict[int, Description]:
        """The descriptions of those references that have one."""
        ...

    def describe(self, reference: int, description: Description) -> None:
        """Say of a reference what a description says, within a transaction."""
        ...

    def thumbnail(self, reference: int) -> bytes | None:
        """The small picture of a reference, the bytes of a JPEG file, if it is stored."""
        ...

    def has_thumbnail(self, sha256: bytes) -> bool:
        """Whether a reference with this content has a small picture stored."""
        ...


class Details(Protocol):
    """The local features of references."""

    def count_details(self) -> int:
        """How many references have their local features stored."""
        ...

    def has_details(self, sha256: bytes) -> bool:
        """Whether a reference with this content has its local features stored."""
        ...

    def has_details_of(self, reference: int) -> bool:
        """Whether the reference with this id has its local features stored."""
        ...

    def details(self, ids: Sequence[int]) -> dict[int, Features]:
        """The local features of those references that have them stored, undamaged."""
        ...

    def details_after(self, last: int, batch: int) -> tuple[Ids, list[Features]]:
        """The next ids above ``last`` of undamaged local features, at most ``batch``, and these."""
        ...


class Manifests(Protocol):
    """The content credentials of references."""

    def count_manifests(self) -> int:
        """How many references have content credentials."""
        ...

    def labels_at(self, locations: Iterable[str]) -> dict[str, str]:
        """The labels of the active manifests of references, by those of some locations."""
        ...

    def store_of(self, label: str) -> bytes | None:
        """The manifest store whose active manifest has a label."""
        ...

    def manifest_of(self, reference: int) -> Manifest | None:
        """The content credentials of a reference, if it has some."""
        ...


class Cohorts(Protocol):
    """That by which a collection calibrates itself."""

    def cohort(self) -> StoredCohort:
        """The cohort, and up to which changes it is right; an empty one where none is stored."""
        ...

    def cohort_seen(self) -> tuple[int, int]:
        """What `version` was when the cohort was brought up to date; (0, 0) before that."""
        ...

    def second_looks(self) -> dict[int, tuple[float, int]]:
        """The second lead of each reference that was looked at again, and among how many."""
        ...

    def put_second_looks(self, leads: dict[int, float], among: int) -> None:
        """Store second leads in place of those before."""
        ...

    def put_cohort(self, stored: StoredCohort) -> None:
        """Store a cohort in place of the one before."""
        ...


class Decisions(Protocol):
    """What people decided about queries."""

    def record_decision(self, decision: Decision) -> None:
        """Store a decision in place of an earlier one on the same two files."""
        ...

    def forget_decision(self, query: bytes, reference: bytes) -> bool:
        """Remove a decision, and return whether there was one."""
        ...

    def decisions(self) -> list[Decision]:
        """Every decision, the oldest first."""
        ...

    def decisions_on(self, query: bytes) -> list[Decision]:
        """The decisions on one query, the oldest first."""
        ...


class Failures(Protocol):
    """The files that could not be used."""

    def fail(self, location: str, failure: Failure) -> None:
        """Note a file that could not be used."""
        ...

    def forget_failures(self, location: str) -> int:
        """Drop the notes on files that are this path or lie in this folder; return how many."""
        ...

    def forget_vanished(self) -> None:
        """Drop the notes on files that no longer exist."""
        ...

    def failures(self) -> list[Failure]:
        """The files that could not be used, by location."""
        ...


class Folders(Protocol):
    """Which files may be looked at."""

    refused: str | None
    """The first path that was to be looked at, and is not trusted."""

    def sign_folders(self, paths: Paths, key: bytes | None = None) -> None:
        """Let the files of some folders be looked at."""
        ...

    def trusts(self, location: str) -> bool:
        """Whether a file may be looked at and opened: this account named it, or its folder."""
        ...

    def is_there(self, location: str) -> bool | None:
        """Whether there is a file at a stored path; None where it may not be looked at."""
        ...

    def is_same_file(self, location: str, path: str) -> bool:
        """Whether a stored path leads to the same file as another one; False where not trusted."""
        ...
