"""What perceptual hashes reach on the pairs on which `originid evaluate` judges a model.

usage: python benchmarks/hashes.py PAIRS.csv --references FOLDER [--json]

pHash (64 bits, package imagehash) and PDQ (256 bits, package pdqhash) of the whole images, compared
by Hamming distance; the same references, queries, averages and projection as `evaluate`. Needs
`pip install 'originid[dev]'`.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
from PIL import Image as PILImage

from originid.errors import ImageError
from originid.evaluation.protocol import Protocol, find_truth, list_references, rank
from originid.evaluation.report import summarise
from originid.images import decode, read_bytes
from originid.pairs import image_paths, read_pairs, readable_pairs
from originid.parallel import available_cores, map_ordered
from originid.types import Failure, Image, Vectors
from originid.walk import find_images


def phash(image: Image) -> Vectors:
    """pHash as 64 values of 0 or 1."""
    return np.asarray(imagehash.phash(PILImage.fromarray(image)).hash.ravel(), np.float32)


def pdq(image: Image) -> Vectors:
    """PDQ as 256 values of 0 or 1."""
    return np.asarray(pdqhash.compute(image)[0], np.float32)


HASHES: dict[str, Callable[[Image], Vectors]] = {"pHash": phash, "PDQ": pdq}


def hash_file(path: Path) -> dict[str, Vectors] | Failure:
    """Every hash of one image, as unit vectors whose cosine falls with the Hamming distance."""
    try:
        image = decode(read_bytes(path)).image
    except ImageError as error:
        return Failure(os.fspath(path), error.reason)
    bits = {name: function(image) for name, function in HASHES.items()}
    return {name: (2 * b - 1) / np.float32(np.sqrt(len(b))) for name, b in bits.items()}


def main() -> None:
    """Run the comparison and print a row for each hash."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--references", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pairs = read_pairs(options.pairs)
    photos = [Path(path) for path in find_images([options.references], lambda failure: None)]
    paths = list(dict.fromkeys([*image_paths(pairs), *list_references(pairs, photos)]))
    hashes = dict(zip(paths, map_ordered(hash_file, paths, available_cores()), strict=True))
    failures = [value for value in hashes.values() if isinstance(value, Failure)]
    pairs = readable_pairs(pairs, failures)
    good = {path: value for path, value in hashes.items() if not isinstance(value, Failure)}
    references = [path for path in list_references(pairs, photos) if path in good]
    truth = find_truth(pairs, references)
    for name in HASHES:
        queries = np.stack([good[pair.query][name] for pair in pairs])
        ranking = rank(queries, np.stack([good[path][name] for path in references]), truth)
        report = summarise(ranking, pairs, references, Protocol(), failures).to_json()
        if options.json:
            print(json.dumps({"hash": name, **report}))
        else:
            projected = report["projected"]
            print(
                f"{name:6} mAP {report['mAP']:.1f}  Acc {report['acc']:.1f}  projected to "
                f"{projected['N']:,}: mAP {projected['mAP']:.1f}  Acc {projected['acc']:.1f}"
            )


if __name__ == "__main__":
    main()
