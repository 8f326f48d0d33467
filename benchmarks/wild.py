"""What is found of edits that were mirrored, cut, turned or framed.

usage: python benchmarks/wild.py PAIRS.csv PHOTOS [--queries 100 | --every] [--moves mirror ...]
           [--effort normal] [--folds N] [--details] [--by COLUMN] [--only COLUMN=VALUE]
           [--half 0|1] [--keep FOLDER] [--misses SHEET.jpg]

One edit of each origin, or every edit, is changed as by `originid evaluate --attack`, and searched
by `Finder.find` among the photos and all origins, as it is and with the effort. All columns are
averages over the origins of percentages:

- whether an origin of the query is the first match, as it is (quick) and with the effort (Acc);
- Acc as it would be among a million references: the share of queries that one more stranger beats
  is read from the tail of the candidates' strengths (see `originid.evaluation.projection`). It
  takes for granted that the shortlist of a million still holds the origin;
- the verdict origin that is right, and that is wrong, at the stated rates 0.001 and 0.01;
- the verdict origin for the same queries among the photos alone, where each one is false, at 0.001
  and 0.01. If the photos hold a picture of an origin, a right answer counts as false.

With --folds the model is fitted anew for each fold of sources, to the pairs of the other folds, so
that no edit is judged by a map that saw it; the packaged model saw all pairs of RealPairs. --half
takes the sources of one half alone: settings are chosen on one half, and confirmed on the other.
--details stores local features with the references. It takes about an hour for every line of
RealPairs on two cores; --keep keeps the collections, so that a later run need not make them again.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np

from originid.answer import Answer
from originid.datasets.pairs import read_pairs
from originid.errors import ImageError
from originid.evaluation.projection import projected_acc, stranger_probability, tail_size
from originid.finder import Finder
from originid.images.contact_sheet import Tile, write_sheet
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import as_sources
from originid.types import Image, Pair, Verdict
from originid.views.looks import Effort
from reporting import machine
from wild_collections import NONE, collections, folds_of, half_of, moved, sample

MOVES = (
    NONE,
    "mirror",
    "letterbox:25",
    "pad:30",
    "screenshot",
    "side-by-side",
    "quarter:1",
    "crop:25",
    "crop:50",
    "story",
    "square",
    "turn:5",
    "caption",
    "social:60",
    "crop:25+mirror",
    "mirror+screenshot",
)
TIGHT, LOOSE = 0.001, 0.01  # stated rates
MILLION = 1_000_000
TOGETHER = 24  # queries asked at once: their images stay in memory
HEADER = (
    "| move | queries | quick, Acc | Acc | projected | right, 0.001 | wrong | right, 0.01 | wrong "
    "| strangers, 0.001 | 0.01 |"
)


@dataclass(frozen=True)
class Row:
    """One query after one move.

    Args:
        pair: the origin and the query.
        right: the paths of its origins.
        quick: the answer to the query as it is.
        answer: the answer with the effort, at the rate `TIGHT`.
        strange: the same among the photos alone.
        stranger: the probability that one more stranger beats the origin, in [0, 1].
    """

    pair: Pair
    right: frozenset[str]
    quick: Answer
    answer: Answer
    strange: Answer
    stranger: float

    @property
    def numbers(self) -> list[float]:
        """What the columns are averages of."""
        found = self._first(self.answer)
        rates = (TIGHT, LOOSE)
        claimed = [_rate(self.answer) <= rate for rate in rates]
        verdicts = [each for claim in claimed for each in (claim and found, claim and not found)]
        false = [_rate(self.strange) <= rate for rate in rates]
        projected = float(projected_acc(self.stranger, MILLION)) if found else 0.0
        return [float(each) for each in (self._first(self.quick), found, projected)] + [
            float(each) for each in (*verdicts, *false)
        ]

    @property
    def found(self) -> bool:
        """Whether the first match is an origin of the query."""
        return self._first(self.answer)

    def _first(self, answer: Answer) -> bool:
        best = answer.matches[:1]
        return any(not self.right.isdisjoint((each.reference, *each.copies)) for each in best)


def measure(
    pairs: Sequence[Pair],
    right: dict[str, frozenset[str]],
    move: str,
    effort: Effort,
    finders: tuple[Finder, Finder],
) -> list[Row]:
    """Search the queries of pairs after a move.

    Args:
        pairs: one for each query.
        right: the origins of each group.
        move: an attack or `NONE`.
        effort: of the search.
        finders: of the two collections that `collections` yields.
    """
    everything, alone = finders
    rows = []
    for start in range(0, len(pairs), TOGETHER):
        known, images = [], []
        for pair in pairs[start : start + TOGETHER]:
            try:
                images.append(moved(pair.query, move))
                known.append(pair)
            except ImageError:
                continue
        quick = everything.find(images, 1, TIGHT, "quick")
        answers = everything.find(images, 10, TIGHT, effort)
        strange = alone.find(images, 1, TIGHT, effort)
        for pair, image, first, best, other in zip(
            known, images, quick, answers, strange, strict=True
        ):
            row = Row(pair, right[pair.group], first, best, other, 1.0)
            rows.append(
                replace(row, stranger=beaten(everything, image, row, effort)) if row.found else row
            )
    return rows


def beaten(finder: Finder, image: Image, row: Row, effort: Effort) -> float:
    """The probability that one more stranger beats the origin that a query was found with."""
    (chunk,) = encode_sources(as_sources(image), finder.collection.model.encoder)
    query = next(entry for entry in chunk if isinstance(entry, Encoded))
    collection = finder.collection
    size = tail_size(len(collection.index()))
    first = row.answer.verdict is Verdict.ORIGIN and row.answer.matches[0].view == "full"
    if first and row.quick.verdict is Verdict.ORIGIN:
        vector = collection.model.vectors(query.latent[np.newaxis])
        scores, found = (each[0] for each in collection.index().search(vector, size + 20))
    else:
        candidates = finder.escalation.candidates(query, effort)
        if candidates is None:
            return 1.0
        scores, found = candidates.strength, candidates.ids
    rows = collection.database.rows(found.tolist())
    true = np.array([key in rows and rows[key].shown in row.right for key in found.tolist()])
    if not true.any():
        return 1.0
    if not size:  # too few references to have a tail
        return float((scores[~true] >= scores[true].max()).any())
    wrong = np.sort(scores[~true])[::-1]
    top = wrong[: size + 1]
    best = float(scores[true].max())
    worse = int((wrong >= best).sum())
    count = len(collection.index())
    return float(stranger_probability([best], top[np.newaxis], [worse], [count])[0])


def line(name: str, rows: Sequence[Row]) -> str:
    """A line of the table."""
    by_group: dict[str, list[list[float]]] = defaultdict(list)
    for row in rows:
        by_group[row.pair.group].append(row.numbers)
    averages = np.mean([np.mean(each, axis=0) for each in by_group.values()], axis=0)
    cells = [name, str(len(rows)), *(f"{100 * share:.1f}" for share in averages)]
    return f"| {' | '.join(cells)} |"


def write_misses(path: Path, rows: Sequence[Row]) -> None:
    """Draw the queries whose origin does not come first, beside their origin and what came."""
    tiles = []
    for row in rows:
        if not row.found:
            images = [(row.pair.query, "query"), (row.pair.origin, "origin")]
            images += [(Path(match.reference), "first") for match in row.answer.matches[:1]]
            tiles.append([Tile(moved(file, NONE), (word, file.name)) for file, word in images])
    if tiles:
        write_sheet(path, f"{len(tiles)} of {len(rows)} queries without their origin", tiles, 3)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Moved edits: what is found.")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--every", action="store_true", help="every edit, not one of each origin")
    parser.add_argument("--moves", nargs="+", default=MOVES)
    parser.add_argument("--effort", default="normal", choices=get_args(Effort))
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--by", help="a line for each value of this column of the manifest")
    parser.add_argument("--only", help="only pairs with COLUMN=VALUE are asked")
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--details", action="store_true", help="store local features")
    parser.add_argument("--keep", type=Path, help="keep the collections in this folder")
    parser.add_argument("--misses", type=Path, help="draw the queries that miss their origin")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options = arguments()
    pairs = read_pairs(options.pairs)
    right: dict[str, frozenset[str]] = {}
    for pair in pairs:
        right[pair.group] = right.get(pair.group, frozenset()) | {str(pair.origin)}
    asked = half_of(pairs, options.half)
    if options.only:
        column, _, value = options.only.partition("=")
        asked = [pair for pair in asked if pair.fields.get(column) == value]
    asked = asked if options.every else sample(asked, options.queries)
    queries = {(pair.origin, pair.query) for pair in asked}
    total: dict[str, list[Row]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        for place, model, inside in folds_of(pairs, options.folds, options.photos, folder):
            chosen = [pair for pair in inside if (pair.origin, pair.query) in queries]
            if not chosen:
                continue
            origins = {pair.origin for pair in pairs}
            with collections(origins, options.photos, place, model, options.details) as finders:
                for move in options.moves:
                    total[move] += measure(chosen, right, move, options.effort, finders)
    print(machine("originid", "numpy", "onnxruntime"))
    print(f"\n{HEADER}\n{'|---' * 11}|")
    for move, rows in total.items():
        values = sorted({row.pair.fields[options.by] for row in rows}) if options.by else []
        for value in values:
            own = [row for row in rows if row.pair.fields[options.by] == value]
            print(line(f"{move}, {value}", own))
        print(line(move, rows))
    if len(total) > 1:
        print(line("all", [row for rows in total.values() for row in rows]))
    if options.misses:
        write_misses(options.misses, [row for rows in total.values() for row in rows])


def _rate(answer: Answer) -> float:
    return answer.matches[0].false_match_rate if answer.matches else 1.0


if __name__ == "__main__":
    main()
