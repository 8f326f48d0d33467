"""What each stage of a second look adds with moved edits.

usage: python benchmarks/wild_stages.py PAIRS.csv PHOTOS [--queries 60] [--moves crop:50 ...]
           [--details] [--keep FOLDER]

Each column ranks the references by all stages up to its own, and holds the share of queries whose
origin comes first: the query as it is; its looks; dense looks; parts; local features. `shortlist`
is the share whose origin reaches the stages after the first. Like benchmarks/wild.py it can --keep
its collections, and use those. It takes about a second a query.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from originid.datasets.pairs import read_pairs
from originid.finder import Finder
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import as_sources
from originid.model import open_model
from originid.types import Image
from reporting import machine
from wild_collections import collections, moved, sample

STAGES = ("shortlist", "as it is", "looks", "+ dense looks", "+ parts", "+ local features")
MOVES = ("none", "mirror", "letterbox:25", "screenshot", "crop:25", "crop:50", "story", "turn:5")


def firsts(finder: Finder, image: Image, right: frozenset[str]) -> list[bool]:
    """Whether an origin of a query comes first, after each of `STAGES`.

    Args:
        finder: of the collection.
        image: the query.
        right: the paths of its origins.
    """
    (chunk,) = encode_sources(as_sources(image), finder.collection.model.encoder)
    query = next(entry for entry in chunk if isinstance(entry, Encoded))
    candidates = finder.escalation.candidates(query, "normal")
    best = finder.find(image, 1, effort="quick").matches[0]
    as_it_is = not right.isdisjoint((best.reference, *best.copies))
    if candidates is None:
        return [False, as_it_is, False, False, False, False]
    rows = finder.collection.database.rows(candidates.ids.tolist())
    true = np.array([key in rows and rows[key].shown in right for key in candidates.ids.tolist()])
    z = np.maximum(candidates.coarse.z, candidates.dense.z)
    orders = (candidates.coarse.z, z, candidates.by_vectors, candidates.strength)
    found = [bool(true[int(np.argmax(each))]) for each in orders]
    return [bool(true.any()), as_it_is, *found]


def line(move: str, found: Sequence[Sequence[bool]]) -> str:
    """A line of the table."""
    shares = 100 * np.mean(np.array(found, np.float64), axis=0)
    return f"| {' | '.join([move, str(len(found)), *(f'{share:.1f}' for share in shares)])} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What the stages of a second look add.")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--moves", nargs="+", default=MOVES)
    parser.add_argument("--details", action="store_true", help="store local features")
    parser.add_argument("--keep", type=Path, help="keep the collections in this folder")
    options = parser.parse_args()
    pairs = read_pairs(options.pairs)
    right: dict[str, frozenset[str]] = {}
    for pair in pairs:
        right[pair.group] = right.get(pair.group, frozenset()) | {str(pair.origin)}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        origins = {pair.origin for pair in pairs}
        with collections(origins, options.photos, folder, open_model, options.details) as (
            finder,
            _,
        ):
            print(machine("numpy", "onnxruntime"))
            print(f"\n| move | queries | {' | '.join(STAGES)} |\n{'|---' * (2 + len(STAGES))}|")
            for move in options.moves:
                asked = sample(pairs, options.queries)
                found = [
                    firsts(finder, moved(pair.query, move), right[pair.group]) for pair in asked
                ]
                print(line(move, found), flush=True)


if __name__ == "__main__":
    main()
