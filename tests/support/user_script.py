"""A script as a user writes it, which mypy checks strictly with everything else.

The second function is never called. Each of its lines with a `type: ignore` is wrong: mypy
complains where it finds nothing to ignore, or another error than the one in brackets.
"""

from pathlib import Path

import numpy as np

import originid
from originid.collection.collection import Collection


def origins(photos: Path, queries: list[Path], collection: Path) -> dict[str, str]:
    """The origins of the queries that have one, among photos that are indexed first."""
    with originid.create_collection(collection, originid.open_model()) as stored:
        added: originid.Added = originid.add_images(stored, [photos])
        assert added.added > 0
        found: dict[str, str] = {}
        for answer in originid.Finder(stored).find(queries):
            if answer.verdict is originid.Verdict.ORIGIN:
                found[answer.query] = answer.matches[0].reference
        one: originid.Answer = originid.Finder(stored).find(np.zeros((9, 9, 3), np.uint8))
        assert one.error is None
    return found


def wrong_uses(stored: Collection, answer: originid.Answer) -> None:
    """What a user's type checker must find."""
    originid.add_images(stored, 3)  # type: ignore[arg-type]
    reference: str = answer.matches[0].score  # type: ignore[assignment]
    originid.Search(stored)  # type: ignore[attr-defined]
    del reference
