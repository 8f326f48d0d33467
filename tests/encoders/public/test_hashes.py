"""Perceptual hashes as encoders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extras import needs_hashes
from originid.encoders import open_encoder
from originid.encoders.public import BASELINES
from originid.errors import InputError
from originid.testing import textured_image


def bits(function: Callable[[np.ndarray], Any], image: np.ndarray) -> np.ndarray:
    return np.asarray(function(image)).ravel().astype(int)


@needs_hashes
@pytest.mark.parametrize("name", ["phash", "pdq"])
def test_the_cosine_of_hashes_falls_with_their_hamming_distance(name: str) -> None:
    import imagehash
    import pdqhash
    from PIL import Image

    encoder = open_encoder(f"baseline:{name}")
    images = np.stack([textured_image(seed, encoder.size, encoder.size) for seed in range(6)])
    latents = encoder.encode(images)
    if name == "phash":
        hashes = [bits(lambda i: imagehash.phash(Image.fromarray(i)).hash, i) for i in images]
    else:
        hashes = [bits(lambda i: pdqhash.compute(i)[0], i) for i in images]
    dim = BASELINES[name].dim
    assert encoder.shapes == ((dim, 1, 1),)
    for i in range(6):
        for j in range(6):
            distance = int((hashes[i] != hashes[j]).sum())
            assert latents[i] @ latents[j] / dim == pytest.approx(1 - 2 * distance / dim)


@needs_hashes
def test_a_hash_takes_no_source() -> None:
    with pytest.raises(InputError, match="write just baseline:phash"):
        open_encoder("baseline:phash:file")


@needs_hashes
def test_the_raw_map_ranks_by_hamming_distance(material: Path) -> None:
    from originid.datasets.pairs import read_pairs
    from originid.evaluation.encoded_pairs import encode_all
    from originid.evaluation.protocol import Protocol
    from originid.evaluation.run import judge_folds
    from originid.training.fitting import read_map_settings

    encoder, pairs = open_encoder("baseline:phash"), read_pairs(material / "pairs.csv")
    found = encode_all(pairs, [material / "photos"], encoder)
    report = judge_folds(found, encoder, read_map_settings("raw"), Protocol()).report
    references = found.take(found.references) > 0
    ranks = []
    for pair in pairs:
        query = found.take([pair.query])[0] > 0
        distances = (references != query).sum(axis=1)
        own = distances[found.references.index(pair.origin)]
        ranks.append((distances <= own).sum())
    assert report.averages.values["mAP"] == pytest.approx(np.mean(1 / np.array(ranks)))
