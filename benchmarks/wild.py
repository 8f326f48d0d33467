"""What is found of edits that were mirrored, cut, turned or framed, and what that costs.

usage: python benchmarks/wild.py PAIRS.csv PHOTOS [--queries 100] [--moves mirror pad:30 ...]
           [--efforts quick normal thorough] [--by COLUMN] [--keep FOLDER]

One edit of each origin is changed as by `originid evaluate --attack`, and searched by `Finder.find`
among the photos and all origins. The columns are the share of queries whose origin is the first
match; the share with the verdict origin that is right, at the stated rate of 0.001; and the share
with a wrong one. Then the same queries are strangers: they are searched among the photos alone,
where each verdict origin is false. Its share should be near the stated rates, 0.01 and 0.001. The
last two columns are milliseconds for a query: the median over those that keep their first answer,
and over those that are looked at again.

If the photos hold a picture of an origin, a right answer counts as false. --keep keeps the two
collections, so that a later run need not make them again. It takes about 10 minutes for 100 queries
and 6,000 photos on two cores.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import get_args

from originid.collection.collection import create_collection
from originid.datasets.pairs import read_pairs
from originid.errors import ImageError
from originid.evaluation.attacks import parse_attack
from originid.finder import Finder
from originid.images.decode import decode, read_bytes
from originid.indexing import add_images
from originid.model import open_model
from originid.types import Answer, Image, Pair, Verdict
from originid.views.looks import Effort
from reporting import machine

NONE = "none"  # the edit as it is
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
STATED = 0.001  # the rate for the verdicts of the table
LOOSE = 0.01  # the other rate for the strangers


@dataclass(frozen=True)
class Row:
    """One query under one move and effort.

    Args:
        pair: the origin and the query.
        answer: among the photos and all origins, at the rate `STATED`.
        right: the paths of its origins.
        strange: among the photos alone, at the rate `STATED`.
        seconds: of the first answer.
    """

    pair: Pair
    answer: Answer
    right: frozenset[str]
    strange: Answer
    seconds: float

    @property
    def first(self) -> bool:
        """Whether the first match is an origin of the query."""
        best = self.answer.matches[0]
        return not self.right.isdisjoint((best.reference, *best.copies))

    @property
    def claimed(self) -> bool:
        """Whether the verdict is origin."""
        return self.answer.verdict is Verdict.ORIGIN


def sample(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """Draw one pair of each origin group, at most a number of them, always the same ones."""
    by_group: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_group[pair.group].append(pair)
    groups = [by_group[name] for name in sorted(by_group)]
    chosen = random.Random(0)
    chosen.shuffle(groups)
    return [chosen.choice(group) for group in groups[:count]]


def moved(path: Path, move: str) -> Image:
    """The image of a file after a move, which is an attack or `NONE`."""
    image = decode(read_bytes(path)).image
    return image if move == NONE else parse_attack(move).apply(image)


@contextmanager
def collections(pairs: Sequence[Pair], photos: Path, keep: Path | None) -> Iterator[list[Path]]:
    """The folders of two collections: the photos with all origins, and the photos alone."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if keep is None else keep
        everything, alone = folder / "everything", folder / "photos"
        if not everything.exists():
            print("indexing ...", file=sys.stderr)
            with create_collection(alone, open_model()) as collection:
                add_images(collection, [photos])
            shutil.copytree(alone, folder / "unfinished")
            (folder / "unfinished").rename(everything)
            with Finder.open(everything) as finder:
                add_images(finder.collection, sorted({pair.origin for pair in pairs}))
        yield [everything, alone]


def measure(
    pairs: Sequence[Pair],
    right: dict[str, frozenset[str]],
    move: str,
    effort: Effort,
    finders: Sequence[Finder],
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
    for pair in pairs:
        try:
            image = moved(pair.query, move)
        except ImageError:
            continue
        start = time.perf_counter()
        answer = everything.find(image, 10, STATED, effort)
        seconds = time.perf_counter() - start
        strange = alone.find(image, 1, STATED, effort)
        rows.append(Row(pair, answer, right[pair.group], strange, seconds))
    return rows


def line(name: str, effort: str, rows: Sequence[Row]) -> str:
    """A line of the table."""
    shares = (
        mean(row.first for row in rows),
        mean(row.claimed and row.first for row in rows),
        mean(row.claimed and not row.first for row in rows),
        *(
            # Whatever rate is stated, a query that reaches it in any view has an origin.
            mean(row.strange.matches[0].false_match_rate <= rate for row in rows)
            for rate in (LOOSE, STATED)
        ),
    )
    kept = [row.seconds for row in rows if row.claimed and row.answer.matches[0].view == "full"]
    again = [row.seconds for row in rows if not row.claimed or row.answer.matches[0].view != "full"]
    times = (f"{1e3 * median(each):.0f}" if each else "-" for each in (kept, again))
    cells = [name, effort, str(len(rows)), *(f"{100 * share:.1f}" for share in shares), *times]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Moved edits: what is found, and what it costs.")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--moves", nargs="+", default=MOVES)
    parser.add_argument(
        "--efforts", nargs="+", default=["quick", "normal"], choices=get_args(Effort)
    )
    parser.add_argument("--by", help="a line for each value of this column of the manifest")
    parser.add_argument("--keep", type=Path, help="keep the collections in this folder")
    options = parser.parse_args()
    pairs = read_pairs(options.pairs)
    chosen = sample(pairs, options.queries)
    right: dict[str, frozenset[str]] = {}
    for pair in pairs:
        right[pair.group] = right.get(pair.group, frozenset()) | {str(pair.origin)}
    with collections(pairs, options.photos, options.keep) as folders:
        finders = [Finder.open(folder) for folder in folders]
        print(machine("originid", "numpy", "onnxruntime"))
        print(f"{' and '.join(f'{len(f.collection.index()):,}' for f in finders)} references\n")
        print("| move | effort | queries | first | origin, right | origin, wrong "
              "| strangers at 0.01 | at 0.001 | ms, first answer | ms, again |")  # fmt: skip
        print("|---" * 10 + "|")
        total: dict[str, list[Row]] = defaultdict(list)
        for move in options.moves:
            for effort in options.efforts:
                rows = measure(chosen, right, move, effort, finders)
                total[effort] += rows
                if options.by is None:
                    print(line(move, effort, rows), flush=True)
                else:
                    for value in sorted({row.pair.fields[options.by] for row in rows}):
                        own = [row for row in rows if row.pair.fields[options.by] == value]
                        print(line(f"{move}, {value}", effort, own), flush=True)
        for effort, rows in total.items():
            print(line("all", effort, rows))


if __name__ == "__main__":
    main()
