"""Short forms of what adding and finding return."""

from pathlib import Path

from originid.collection.added import Added
from originid.collection.collection import Collection
from originid.finder import Finder


def counts(added: Added) -> tuple[int, int, int, int, int]:
    return added.added, added.updated, added.moved, added.unchanged, len(added.failures)


def best(collection: Collection, path: Path) -> str:
    answer = next(Finder(collection).find([path]))
    return answer.matches[0].reference
