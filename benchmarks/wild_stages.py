"""What places, parts and local features would add to what `find` does with moved edits.

usage: python benchmarks/wild_stages.py PAIRS.csv PHOTOS [--queries 60] [--moves crop:50 ...]
           [--keep FOLDER]

`Finder.find` compares views of a query with the references. The packages `originid.views` and
`originid.details` hold further stages, which `find` does not use yet: places in a larger picture,
moved parts, and local features with geometric verification. This ranks the references by them,
each column with all stages of the columns before it, and prints the share of queries whose origin
comes first. There is no verdict: these stages have no tail of strangers of a collection yet.

The whole view is compared with all references, and so are the signs of the low frequencies, which
choose the shortlist. The rest looks at the shortlist alone, and local features at its best. Like
benchmarks/wild.py it can --keep its collections, and use those. It takes about a second a query.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

import numpy as np

from originid.collection.collection import Collection, open_collection
from originid.datasets.pairs import read_pairs
from originid.details.features import Features, find_features
from originid.details.verification import verify
from originid.errors import ModelError
from originid.images.decode import decode, read_bytes
from originid.maps import DctMap
from originid.types import Floats32, Image, Ints, Vectors
from originid.views.looks import Lookout, Stage, View, best_views, query_views
from originid.views.normalise import Cohort
from originid.views.shortlist import Bits, Places, estimates, low_frequencies, shortlist, sign_bits
from reporting import machine
from wild import collections, moved, sample

STAGES = ("whole", "+ views at places", "+ dense places", "+ parts", "+ local features")
MOVES = ("none", "mirror", "letterbox:25", "screenshot", "crop:25", "crop:50", "story", "turn:5")
COHORT, SMALL_COHORT = 1000, 300  # strangers for the first stages, and for those of the shortlist
LISTED = 400  # references on the shortlist
ORDINARY = 100  # of them at least from the whole view
VERIFIED = 30  # of the shortlist, whose local features are compared


@dataclass
class References:
    """What a collection holds, decoded, and what is made from it once.

    Args:
        paths: of each reference, (n,).
        vectors: (n, dim).
        bits: the signs of the low frequencies, (n, bytes).
        components: which they are.
        strangers: rows of the references that stand for strangers, (m,).
        features: the local features of a reference by its row, once they were needed.
    """

    paths: list[str]
    vectors: Vectors
    bits: Bits
    components: Places
    strangers: Ints
    features: dict[int, Features] = field(default_factory=dict)

    @classmethod
    def of(cls, collection: Collection) -> "References":
        """Read a collection, whose model has a `DctMap`."""
        ids, codes = collection.database.codes(collection.database.ids())
        rows = collection.database.rows(ids.tolist())
        vectors = collection.codec.decode(codes)
        if not isinstance(collection.model.map, DctMap):
            raise ModelError("a map without frequencies", "expected a DctMap", "use `default`")
        components = low_frequencies(collection.model.map)
        chosen = np.random.default_rng(0).permutation(len(ids))[:COHORT]
        bits = sign_bits(vectors, components)
        return cls([rows[key].shown for key in ids.tolist()], vectors, bits, components, chosen)

    def cohort(self, count: int) -> Cohort:
        """The vectors of some strangers."""
        return Cohort(self.vectors[self.strangers[:count]])

    def features_of(self, row: int) -> Features:
        """The local features of a reference, from its file."""
        if row not in self.features:
            self.features[row] = find_features(decode(read_bytes(self.paths[row])).image)
        return self.features[row]


def ranked(image: Image, lookout: Lookout, references: References) -> list[Ints]:
    """The rows of the references after each of `STAGES`, the best first."""
    views = query_views(image)
    cohort, small = references.cohort(COHORT), references.cohort(SMALL_COHORT)
    whole = lookout.compare("whole", lookout.whole(views[0]), references.vectors, cohort)
    looks = lookout.coarse(views)
    estimated = estimates(looks.vectors, references.bits, references.components)
    usual = estimated[:, references.strangers]
    listed = shortlist(
        estimated, usual.mean(axis=1, keepdims=True), usual.std(axis=1, keepdims=True), LISTED
    )
    rows = np.union1d(listed, np.argsort(-whole.statistic)[:ORDINARY])
    vectors = references.vectors[rows]
    coarse = lookout.compare("coarse", looks, vectors, cohort)
    best = best_views(coarse, views)
    dense = lookout.compare("dense", lookout.dense(best), vectors, small)
    parts = lookout.compare_parts(best[0], vectors, small)
    by_whole = whole.nats[rows]
    by_places = np.maximum(by_whole, coarse.nats)
    by_dense = np.maximum(by_places, dense.nats)
    by_parts = by_dense + np.maximum(parts.nats, 0)
    by_details = by_parts + agreements(by_parts, rows, (coarse, dense), views, references)
    stages = (by_whole, by_places, by_dense, by_parts, by_details)
    return [rows[np.argsort(-scores, kind="stable")] for scores in stages]


def agreements(
    scores: Floats32,
    rows: Ints,
    stages: Sequence[Stage],
    views: Sequence[View],
    references: References,
) -> Floats32:
    """How well local features agree for the best of the shortlist; 0 for the others.

    Args:
        scores: what the candidates are chosen by, (r,).
        rows: of the references on the shortlist, (r,).
        stages: whose best views of the query are compared with a candidate.
        views: of the query.
        references: of the collection.
    """
    by_name = {view.name: view for view in views}
    of_views: dict[str, Features] = {}
    found = np.zeros(len(rows), np.float32)
    for place in np.argsort(-scores, kind="stable")[:VERIFIED].tolist():
        for name in {stage.looks[int(stage.look[place])].view for stage in stages}:
            if name not in of_views:
                of_views[name] = find_features(by_name[name].image)
            agreement = verify(of_views[name], references.features_of(int(rows[place])))
            found[place] = max(found[place], agreement.statistic)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What further stages add on moved edits.")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--moves", nargs="+", default=MOVES)
    parser.add_argument("--keep", type=Path, help="keep the collections in this folder")
    options = parser.parse_args()
    pairs = read_pairs(options.pairs)
    chosen = sample(pairs, options.queries)
    with (
        collections(pairs, options.photos, options.keep) as folders,
        open_collection(folders[0]) as collection,
    ):
        references = References.of(collection)
        lookout = Lookout(collection.model.encoder, collection.model.map)
        print(f"{machine('numpy', 'onnxruntime')}; {len(references.paths):,} references\n")
        print(f"| move | queries | {' | '.join(STAGES)} | ms |")
        print("|---" * (len(STAGES) + 3) + "|")
        for move in options.moves:
            firsts, seconds = [], []
            for pair in chosen:
                right = {str(each.origin) for each in pairs if each.group == pair.group}
                image = moved(pair.query, move)
                start = time.perf_counter()
                orders = ranked(image, lookout, references)
                seconds.append(time.perf_counter() - start)
                firsts.append([references.paths[int(order[0])] in right for order in orders])
            shares = (f"{100 * mean(each):.1f}" for each in zip(*firsts, strict=True))
            cells = [move, str(len(firsts)), *shares, f"{1e3 * median(seconds):.0f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
