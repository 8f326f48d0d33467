"""The words of a collection's local features: which references show the same things.

They are made from the stored local features (see `originid.details.words`), and kept in a file
that may be lost: 128 bytes a reference in memory and on disk, 4 milliseconds of a core to make.
"""

from pathlib import Path

import numpy as np

from originid.collection.kept_signs import KeptSigns
from originid.details.features import Features
from originid.details.words import packaged_words
from originid.index import Codec
from originid.types import Floats32, Ids

FILE = "words.bin"  # in the folder of a collection
BITS = 1024  # signs of a vector of words: with 512, a tenth fewer of the best 100 are right


class DetailWords(KeptSigns):
    """The signs of all references' words, which follow what is stored.

    Args:
        file: where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self._words = packaged_words()
        self._rotation = Codec(BITS)
        header = {"words": self._words.identity, "of": "words of local features"}
        super().__init__(BITS, file, header)

    def add(self, ids: Ids, features: list[Features]) -> None:
        """Add references by their local features."""
        positive = self._rotated(features) > 0
        self._scan.add(ids, np.packbits(positive, axis=1, bitorder="little"))

    def likely(self, features: Features, count: int) -> Ids:
        """The references that share most words with an image, the best first.

        Args:
            features: the local features of the image.
            count: how many at most.
        """
        count = min(count, len(self))
        if not count or not len(features):
            return np.empty(0, np.int64)
        estimates, ids = self._scan.search(self._rotated([features]), count)
        return np.asarray(ids[0][np.argsort(-estimates[0], kind="stable")], np.int64)

    def _rotated(self, features: list[Features]) -> Floats32:
        """The words of images in a basis whose components are alike, (n, `BITS`)."""
        padded = np.zeros((len(features), BITS), np.float32)
        for row, each in enumerate(features):
            padded[row, : self._words.dim] = self._words.vector(each)
        # An image without features has no direction; the first axis stands for none.
        padded[~padded.any(axis=1), 0] = 1
        return self._rotation.rotate(padded)
