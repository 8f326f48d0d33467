"""Asks real collections, and counts how often the verdict is ``origin``."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from originid.answer import Answer
from originid.collection.collection import Collection, create_collection
from originid.evaluation.protocol import Protocol
from originid.evaluation.trust import Estimate, share_with_interval
from originid.finder import Finder
from originid.indexing import add_images
from originid.model import Model
from originid.verdict.presets import DEFAULT, PRESETS
from originid.views.looks import Effort


@dataclass(frozen=True)
class Result:
    """What came out for one kind of query in one kind of collection.

    Args:
        part: the part of the benchmark.
        kind: the folder, or the kind of picture.
        references: the number of references.
        queries: the number of queries.
        counted: ``false`` if they have no origin there, so that none should get one; ``wrong`` if
            they have, and another one is counted; ``true`` if the right one is counted.
        origins: for each preset the share with the verdict ``origin`` that is counted, and the ends
            of its 95 % interval.
        examples: query, reference and rate of those that are counted at `DEFAULT` as ``false`` or
            ``wrong``.
    """

    part: str
    kind: str
    references: int
    queries: int
    counted: str
    origins: dict[str, Estimate]
    examples: list[tuple[str, str, float]]


def count(
    part: str,
    kind: str,
    references: int,
    answers: Iterable[Answer],
    counted: str = "false",
    groups: Sequence[str] | None = None,
    is_right: Callable[[int, str], bool] | None = None,
) -> Result:
    """Count the verdicts ``origin`` at each preset.

    Args:
        part: the part of the benchmark.
        kind: what the queries are.
        references: the number of references.
        answers: the answers to the queries, in order.
        counted: what is counted, as `Result` says.
        groups: the group of each query, if several may belong together.
        is_right: tells of the number of a query and of a reference whether it is the origin.
    """
    rates, examples, of_query = [], [], []
    for number, answer in enumerate(answers):
        if not answer.matches:  # it cannot be read, or the collection has nothing to show
            continue
        of_query.append(str(number) if groups is None else groups[number])
        best = answer.matches[0]
        right = is_right is not None and is_right(number, best.reference)
        rates.append(best.false_match_rate if right == (counted == "true") else 1.0)
        if counted != "true" and rates[-1] <= PRESETS[DEFAULT]:
            examples.append((answer.query, best.reference, best.false_match_rate))
    values = np.array(rates)
    origins = {
        name: share_with_interval((values <= stated).astype(np.float64), of_query, Protocol())
        for name, stated in PRESETS.items()
    }
    return Result(part, kind, references, len(rates), counted, origins, examples)


class Asker:
    """Makes collections in a folder that is removed, and asks them.

    Args:
        model: the model of the collections.
        folder: an empty folder.
        effort: what the finder does for a query without an origin, as `Finder.find` says.
        most: the number of queries that a collection is asked at most at a time; None asks all.
        compact: whether the collections are compact.
    """

    def __init__(
        self, model: Model, folder: Path, effort: Effort, most: int | None, compact: bool = False
    ) -> None:
        self.model = model
        self.folder = folder
        self.effort = effort
        self.most = most
        self.compact = compact
        self._made = 0

    def new(self) -> Path:
        """Return the path of a folder that does not exist yet."""
        self._made += 1
        return self.folder / str(self._made)

    def collect(self, references: Sequence[Path]) -> Collection:
        """Return a new collection of files; the caller closes it."""
        collection = self.made()
        add_images(collection, references)
        return collection

    def made(self) -> Collection:
        """Return a new collection without references; the caller closes it."""
        return create_collection(self.new(), self.model, compact=self.compact)

    def ask(self, collection: Collection, queries: Sequence[Path]) -> list[Answer]:
        """Ask a collection the first queries, and return the answer to each, in order.

        What is no origin at the strictest rate is looked at again. So the smallest rate of all
        views is known, and with it the verdict at every preset.
        """
        strictest = min(PRESETS.values())
        names = map(str, queries[: self.most])
        return list(Finder(collection).find(names, 1, strictest, effort=self.effort))

    def ask_among(
        self, references: Sequence[Path], queries: Sequence[Path]
    ) -> tuple[int, list[Answer]]:
        """Ask a new collection of references; return their number and the answers, in order."""
        with self.collect(references) as collection:
            return len(collection), self.ask(collection, queries)

    def save(self, pictures: Iterable[Image.Image]) -> list[Path]:
        """Write pictures as PNG files, and return their paths."""
        folder = self.new()
        folder.mkdir()
        paths = []
        for number, picture in enumerate(pictures):
            paths.append(folder / f"{number:04}.png")
            picture.save(paths[-1])
        return paths


def line(result: Result) -> str:
    """Return a result as a line of a Markdown table."""
    cells = [
        f"{100 * share:.2f} [{100 * low:.2f}, {100 * high:.2f}]"
        for share, low, high in result.origins.values()
    ]
    about = (result.part, result.kind, f"{result.references:,}", f"{result.queries:,}")
    return "| " + " | ".join((*about, result.counted, *cells)) + " |"
