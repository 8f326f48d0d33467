"""What the evidence says of right references, and of the best wrong ones.

usage: python benchmarks/explain.py PAIRS.csv PHOTOS [--queries 50] [--moves none mirror ...]
           [--keep FOLDER]

One edit of each origin is moved and searched as in benchmarks/wild.py. The right reference, where
it is among the first ten, and the best two wrong ones are explained. For both the table has how
many percent the sentence says to agree, to resemble, and neither; the median and the largest share
of cells that look alike, in percent; and the largest statistic of local features. Wrong references
should never agree. --keep is as in benchmarks/wild.py. It takes about a second a query.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, median

from originid.datasets.pairs import read_pairs
from originid.explain.evidence import Evidence
from originid.explain.words import AGREES, strength
from originid.finder import Finder
from originid.model import open_model
from originid.types import Pair
from reporting import machine
from wild_collections import collections, moved, sample

MOVES = ("none", "mirror", "crop:25", "crop:50", "screenshot", "letterbox:25", "side-by-side")
WRONG = 2  # references of a query
Explained = tuple[list[Evidence], list[Evidence]]
"""Evidence for right references, and for wrong ones."""


def explain_all(
    finder: Finder, pairs: Sequence[Pair], all_pairs: Sequence[Pair], move: str
) -> Explained:
    """Explain the matches of the moved queries of some pairs."""
    right: list[Evidence] = []
    wrong: list[Evidence] = []
    for pair in pairs:
        origins = {str(each.origin) for each in all_pairs if each.group == pair.group}
        image = moved(pair.query, move)
        answer = finder.find(image)
        matches = [(not origins.isdisjoint((m.reference, *m.copies)), m) for m in answer.matches]
        chosen = [m for ok, m in matches if ok][:1] + [m for ok, m in matches if not ok][:WRONG]
        for match in chosen:
            evidence = finder.explain(image, replace(answer, matches=(match,)))
            ok = not origins.isdisjoint((match.reference, *match.copies))
            (right if ok else wrong).append(evidence)
    return right, wrong


def line(name: str, found: Sequence[Evidence]) -> str:
    """One line of the table."""
    if not found:
        return f"| {name} | 0 | | | | | | |"
    levels = [strength(each.alignment, each.cells) for each in found]
    said = [100 * mean(level == of for level in levels) for of in (AGREES, 1, 0)]
    shares = [each.cells.share if each.cells else 0.0 for each in found]
    statistic = max(each.alignment.statistic for each in found)
    cells = " | ".join(f"{value:.1f}" for value in said)
    middle, most = 100 * median(shares), 100 * max(shares)
    return f"| {name} | {len(found)} | {cells} | {middle:.1f} | {most:.1f} | {statistic:.1f} |"


def main() -> None:
    """Read the arguments, explain, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pairs", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--moves", nargs="+", default=MOVES)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    pairs = read_pairs(options.pairs)
    print(machine("numpy", "onnxruntime"))
    print(
        "| move, reference | explained | agrees | resembles | neither | median | most | statistic |"
    )
    print("|" + "---|" * 8)
    origins = {pair.origin for pair in pairs}
    with (
        tempfile.TemporaryDirectory() as temporary,
        collections(origins, options.photos, options.keep or Path(temporary), open_model) as (
            finder,
            _,
        ),
    ):
        for move in options.moves:
            right, wrong = explain_all(finder, sample(pairs, options.queries), pairs, move)
            print(line(f"{move}, right", right))
            print(line(f"{move}, wrong", wrong), flush=True)


if __name__ == "__main__":
    main()
