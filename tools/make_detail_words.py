"""Learn the words by which local features are summed up (`originid.details.words`).

usage: python tools/make_detail_words.py PHOTOS... -o words.safetensors [--words 64] [--dim 256]
           [--count 3000] [--seed 0]

The words are the centres of k-means over the signs of photos' features. The projection keeps the
principal components of photos' sums, each divided by the fourth root of its variance, so that the
few largest ones decide less. It takes about 2 minutes on two cores.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np
from safetensors.numpy import save_file

from originid.details.features import DEFAULTS, Features, find_features
from originid.details.words import sums
from originid.errors import ImageError
from originid.images.decode import decode, read_bytes
from originid.images.find_files import find_images
from originid.images.reduced import decode_reduced
from originid.system.parallel import available_cores

OF_EACH = 100  # features of a photo that the words are learned from
WHITENING = 0.5  # exponent of a component's deviation by which it is divided


def features_of(path: str) -> Features | None:
    """The features of a file; None where it cannot be read."""
    try:
        data = read_bytes(path)
        whole = decode(data, DEFAULTS.side)
        return find_features(decode_reduced(data, whole.width, whole.height, DEFAULTS.side))
    except ImageError:
        return None


def main() -> None:
    """Learn the words and the projection, and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--words", type=int, default=64)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--count", type=int, default=3000, help="photos that are learned from")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    paths = sorted(find_images(options.photos, lambda failure: None))
    chosen = [paths[at] for at in random.permutation(len(paths))[: options.count]]
    with ThreadPoolExecutor(available_cores()) as pool:
        known = [each for each in pool.map(features_of, chosen) if each and len(each)]
    some = [each.signs[random.permutation(len(each))[:OF_EACH]] for each in known]
    means = faiss.Kmeans(some[0].shape[1], options.words, niter=20, seed=options.seed + 1)
    means.train(np.concatenate(some))
    words = np.asarray(means.centroids, np.float32)
    all_sums = np.stack([sums(each.signs, words) for each in known])
    mean = all_sums.mean(axis=0)
    _, deviations, axes = np.linalg.svd(all_sums - mean, full_matrices=False)
    scale = (deviations[: options.dim] / np.sqrt(len(known))) ** -WHITENING
    arrays = {
        "words": words,
        "mean": mean,
        "projection": np.ascontiguousarray((axes[: options.dim] * scale[:, None]).T),
    }
    # Half precision turns a vector by less than a tenth of a degree.
    save_file({name: array.astype(np.float16) for name, array in arrays.items()}, options.output)
    print(f"{options.output}: {options.words} words, {options.dim} dims, of {len(known)} photos")


if __name__ == "__main__":
    main()
