"""How well are origins found by fingerprints, of the queries, of the references, or of both?

usage: python benchmarks/fingerprints.py PAIRS.csv --references FOLDER [--model default]

The references are the origins of the pairs and five of six photos of the folder. A part of them is
stored by their fingerprints only. The queries of the pairs are searched as they are, by their
pictures and by their fingerprints. The table shows the share of them with a right reference on
rank 1 (macro average over the origins), and the share with the verdict origin on a right one. The
last columns show of how many of the remaining photos, which have no origin, the verdict is origin
at a stated rate of 1 in 100 and of 1 in 1,000. It takes 3 minutes for 1,202 pairs among 5,800
photos.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from originid.answer import Answer
from originid.answering import answers, answers_by_fingerprints
from originid.collection.collection import Collection, create_collection
from originid.collection.row import Row
from originid.datasets.pairs import read_pairs
from originid.images.find_files import find_images
from originid.index import Codec
from originid.index.fingerprint import fingerprints
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.model import Model, open_model
from originid.types import Failure, Pair, Verdict
from originid.verdict.information import information

STRANGERS = 6  # one photo of so many is a query without an origin
SHARES = {"none": 0, "half": 2, "all": 1}  # every how many-th reference is by fingerprint
RATES = (0.01, 0.001)
TOGETHER = 128  # queries answered together


def encoded(model: Model, paths: Sequence[str]) -> list[Encoded]:
    """The images at some paths; those that cannot be read are left out."""
    chunks = encode_sources([Source(path) for path in paths], model.encoder)
    return [entry for chunk in chunks for entry in chunk if isinstance(entry, Encoded)]


def store(collection: Collection, references: Sequence[Encoded], every: int) -> None:
    """Store references, every few of them (0: none) by their signs."""
    codec, model = collection.codec, collection.model
    codes = codec.encode(model.vectors(np.stack([each.latent for each in references])))
    if every:
        codes[::every] = codec.of_bits(codec.bits(codes[::every], codec.dim))
    shares = information(np.stack([each.thumbnail for each in references])).tolist()
    with collection.database.writing():
        for each, code, share in zip(references, codes, shares, strict=True):
            name, size = each.source.name, (each.width, each.height)
            row = Row(name, name, each.sha256, each.bytes, 0, *size, information=share)
            collection.database.insert(row, code.tobytes())
    collection.calibrate()


def answered(
    collection: Collection, queries: Sequence[Encoded], by_fingerprint: bool, rate: float
) -> Iterator[Answer]:
    """The answers for some queries, by their pictures or by their fingerprints."""
    codec, model = Codec(collection.model.dim), collection.model
    for start in range(0, len(queries), TOGETHER):
        some = queries[start : start + TOGETHER]
        if not by_fingerprint:
            yield from answers(collection, some, 1, rate)
            continue
        codes = codec.encode(model.vectors(np.stack([each.latent for each in some])))
        shares = information(np.stack([each.thumbnail for each in some])).tolist()
        made = fingerprints(codes, codec, model.fingerprint, shares)
        yield from answers_by_fingerprints(collection, made, 1, rate)


def macro(right: Sequence[bool], groups: Sequence[str]) -> float:
    """The percentage that is right, first over the queries of a group, then over the groups."""
    by_group = defaultdict(list)
    for each, group in zip(right, groups, strict=True):
        by_group[group].append(each)
    return 100 * float(np.mean([np.mean(values) for values in by_group.values()]))


def line(
    collection: Collection,
    queries: Sequence[Encoded],
    right: Sequence[set[str]],
    groups: Sequence[str],
    strangers: Sequence[Encoded],
    by_fingerprint: bool,
) -> str:
    """The numbers of one collection and one kind of query."""
    found = list(answered(collection, queries, by_fingerprint, RATES[1]))
    first = [
        bool(answer.matches) and bool({answer.matches[0].reference, *answer.matches[0].copies} & ok)
        for answer, ok in zip(found, right, strict=True)
    ]
    certain = [
        hit and answer.verdict is Verdict.ORIGIN for hit, answer in zip(first, found, strict=True)
    ]
    cells = [f"{macro(first, groups):6.1f}", f"{macro(certain, groups):6.1f}"]
    for rate in RATES:
        wrong = answered(collection, strangers, by_fingerprint, rate)
        cells.append(f"{sum(answer.verdict is Verdict.ORIGIN for answer in wrong):6}")
    return "  ".join(cells)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Accuracy by fingerprints.")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--references", type=Path, required=True)
    parser.add_argument("--model", default="default")
    options = parser.parse_args()
    model = open_model(options.model)
    failures: list[Failure] = []
    photos = sorted(find_images([options.references], failures.append))
    pairs: dict[str, Pair] = {str(pair.query): pair for pair in read_pairs(options.pairs)}
    groups: dict[str, set[str]] = defaultdict(set)
    for pair in pairs.values():
        groups[pair.group].add(str(pair.origin))
    origins = sorted(set().union(*groups.values()))
    kept = [photo for number, photo in enumerate(photos) if number % STRANGERS]
    references = encoded(model, [*origins, *kept])
    strangers = encoded(model, photos[::STRANGERS])
    queries = encoded(model, list(pairs))
    names = [pairs[query.source.name].group for query in queries]
    right = [groups[name] for name in names]
    print(f"{len(references)} references, {len(queries)} queries, {len(strangers)} strangers")
    print("by fingerprint: references  queries     Acc  origin  false 1:100  false 1:1000")
    with tempfile.TemporaryDirectory() as folder:
        for share, every in SHARES.items():
            with create_collection(Path(folder) / share, model) as collection:
                store(collection, references, every)
                for asked in ("no", "yes"):
                    cells = line(collection, queries, right, names, strangers, asked == "yes")
                    print(f"{share:>26}  {asked:>7}  {cells}", flush=True)


if __name__ == "__main__":
    main()
