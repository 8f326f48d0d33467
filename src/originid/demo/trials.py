"""What the demo asked, and what was answered."""

from dataclasses import dataclass
from pathlib import Path

from originid.answer import Answer
from originid.types import Pair


@dataclass(frozen=True)
class Trial:
    """One query of the demo, how it was made, and what was found.

    Args:
        edit: the edit, its origin, and how the edit was made.
        dress: how the edit was dressed up, such as ``post``; a text of none for the edit itself.
        why: if it is hard for originid to find, the reason in one sentence.
        indexed: whether the origin is in the collection.
        query: the file that was searched for.
        answer: what was found.
    """

    edit: Pair
    dress: str
    why: str
    indexed: bool
    query: Path
    answer: Answer

    @property
    def photo(self) -> Path:
        """What the query was made from."""
        return self.edit.origin

    @property
    def right(self) -> bool:
        """Whether the answer names the origin, or none where the origin was not indexed."""
        if not self.indexed:
            return self.answer.verdict == "none"
        return self.answer.verdict == "origin" and self.names_the_origin

    @property
    def wrong(self) -> bool:
        """Whether the verdict names a photo that is not the origin."""
        named = self.answer.verdict in ("origin", "uncertain")
        return named and not (self.indexed and self.names_the_origin)

    @property
    def names_the_origin(self) -> bool:
        """Whether the best match is the origin, whatever the verdict is."""
        return Path(self.answer.matches[0].reference).name == self.photo.name


@dataclass(frozen=True)
class Demo:
    """What the demo did: the photos that were indexed, the queries, and where the files are."""

    references: int
    trials: tuple[Trial, ...]
    folder: Path

    @property
    def sheet(self) -> Path:
        """The picture of all queries and answers."""
        return self.folder / "demo.png"
