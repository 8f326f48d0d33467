"""Words: what kinds of local features an image has, in a vector by which many images are searched.

Local features are compared pair by pair, which nobody can do with a million references. So the
features of an image are summed up (VLAD: Jegou, Douze, Schmid and Perez 2010, "Aggregating local
descriptors into a compact image representation"): each belongs to the nearest of some words, and
for each word the differences of its features from it are added. The square roots of these sums,
projected to fewer dimensions, are the vector. The words and the projection were learned from
features of photos (tools/make_detail_words.py).

It finds references that show the same things elsewhere, in another size and in other company, of
which views and places know nothing.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from safetensors.numpy import load

from originid.details.features import Features
from originid.types import Floats32


@dataclass(frozen=True)
class Words:
    """Words, and the projection of their sums.

    Args:
        words: float32 (words, 64), means of features' signs.
        mean: of photos' sums, float32 (words * 64,).
        projection: float32 (words * 64, dim).
        identity: of the file that they come from, which changes whenever vectors would.
    """

    words: Floats32
    mean: Floats32
    projection: Floats32
    identity: str = ""

    @property
    def dim(self) -> int:
        """Components of a vector."""
        return int(self.projection.shape[1])

    def vector(self, features: Features) -> Floats32:
        """The vector (dim,) of an image, of unit length; zeros where it has no features."""
        if not len(features):
            return np.zeros(self.dim, np.float32)
        projected = (sums(features.signs, self.words) - self.mean) @ self.projection
        return np.asarray(projected / max(float(np.linalg.norm(projected)), 1e-9), np.float32)


def sums(signs: Floats32, words: Floats32) -> Floats32:
    """Signed square roots of the summed differences from each word, of unit length, (words * 64,).

    Args:
        signs: of the descriptors of an image, (n, 64).
        words: (words, 64).
    """
    nearest = np.argmin((words**2).sum(axis=1) - 2 * signs @ words.T, axis=1)
    member = (nearest[:, None] == np.arange(len(words))).astype(np.float32)
    added = member.T @ signs - member.sum(axis=0)[:, None] * words
    rooted = (np.sign(added) * np.sqrt(np.abs(added))).ravel()
    return np.asarray(rooted / max(float(np.linalg.norm(rooted)), 1e-9), np.float32)


@cache
def packaged_words() -> Words:
    """The words inside the package."""
    data = (files("originid") / "data" / "details" / "words.safetensors").read_bytes()
    arrays = {name: array.astype(np.float32) for name, array in load(data).items()}
    identity = hashlib.sha256(data).hexdigest()
    return Words(arrays["words"], arrays["mean"], arrays["projection"], identity)
