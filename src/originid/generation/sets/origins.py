"""The origins of a set: the images in the folders, each content once, for training or for tests."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.errors import ImageError
from originid.images.decode import read_bytes
from originid.images.find_files import find_images, refuse_missing
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.model import Model
from originid.system.parallel import available_cores, map_ordered
from originid.system.paths import Paths, as_paths
from originid.system.progress import Progress, silent
from originid.types import Failure, Vectors
from originid.verdict.calibration import Calibration

TRAIN, TEST = "train", "test"
SHARDS = 64  # each holds a file open, and a process may hold all; some systems allow 256 files


@dataclass(frozen=True)
class Origin:
    """An image file that queries are made from.

    Args:
        path: The path of the file.
        sha256: The SHA-256 of its content, in hexadecimal.
    """

    path: str
    sha256: str

    @property
    def shard(self) -> str:
        """The name of the shard that holds its queries: two digits, ``00`` to ``63``."""
        return f"{int(self.sha256[:2], 16) % SHARDS:02}"


def find_origins(folders: Paths, progress: Progress = silent) -> tuple[list[Origin], list[Failure]]:
    """Read image files and those in folders. Of files with the same content the first is taken.

    Args:
        folders: Folders, which are searched with all folders in them, and image files.
        progress: Called with the number of files that were read, and of all.

    Returns:
        The origins in the order of their SHA-256, and the files that cannot be origins.

    Raises:
        InputError: A folder does not exist.
    """
    given = as_paths(folders)
    refuse_missing(folder for folder in given if not os.path.isfile(folder))
    failures: list[Failure] = []
    paths = list(find_images(given, failures.append))
    found: dict[str, Origin] = {}
    for done, result in enumerate(map_ordered(_read, paths, available_cores()), 1):
        if isinstance(result, Failure):
            failures.append(result)
        else:
            found.setdefault(result.sha256, result)
        progress(done, len(paths))
    return sorted(found.values(), key=lambda origin: origin.sha256), failures


def split_origins(
    origins: Sequence[Origin], test: float, model: Model | None = None, progress: Progress = silent
) -> tuple[dict[str, str], int]:
    """Decide which side each origin is on: ``train`` or ``test``.

    The side follows from the content of the file alone, so that the sides of a set that grows do
    not change. Then, with a model, test origins that look like a training origin move to the
    training side, and with them all test origins that look like those. Two images look alike where
    the model's verdict is ``origin``: another save of the same photo, but also much the same thing
    before the same background.

    Args:
        origins: The origins, each content once.
        test: The share of the origins that is for tests, in [0, 1).
        model: The model that finds near-duplicates; None looks for none.
        progress: Called with the number of origins that were compared, and of all.

    Returns:
        The side of each origin by SHA-256, and how many origins moved to the training side.
    """
    sides = {origin.sha256: _side(origin.sha256, test) for origin in origins}
    on = {side: [o for o in origins if sides[o.sha256] == side] for side in (TRAIN, TEST)}
    if model is None or not on[TEST]:
        return sides, 0
    # The test vectors are held in memory, and the training vectors are compared in chunks.
    cut = _least_score(model.calibration, len(origins))
    chunks = list(_encode(on[TEST], model))
    names = [name for chunk, _ in chunks for name in chunk]
    vectors = np.concatenate([vectors for _, vectors in chunks])
    leaks, done = np.zeros(len(names), bool), len(names)
    for chunk, others in _encode(on[TRAIN], model):
        leaks |= (others @ vectors.T >= cut).any(axis=0)
        done += len(chunk)
        progress(done, len(origins))
    for place in _linked(leaks, vectors, cut):
        sides[names[place]] = TRAIN
    return sides, sum(sides[name] == TRAIN for name in names)


def _read(path: str) -> Origin | Failure:
    try:
        path.encode("utf-8")
        return Origin(path, hashlib.sha256(read_bytes(path)).hexdigest())
    except UnicodeEncodeError:
        return Failure(path, "its name is not UTF-8, so that no manifest can hold it")
    except ImageError as error:
        return Failure(path, error.reason)


def _side(sha256: str, test: float) -> str:
    # These are other digits than those that name the shard, so that every shard has both sides.
    return TEST if int(sha256[32:48], 16) < test * 16.0**16 else TRAIN


def _encode(origins: Sequence[Origin], model: Model) -> Iterator[tuple[list[str], Vectors]]:
    """Yield SHA-256 and vectors of the origins that can be decoded, some at a time."""
    sha256_of = {origin.path: origin.sha256 for origin in origins}
    for entries in encode_sources((Source(o.path) for o in origins), model.encoder):
        found = [entry for entry in entries if isinstance(entry, Encoded)]
        if found:
            latents = np.stack([entry.latent for entry in found])
            yield [sha256_of[entry.source.name] for entry in found], model.vectors(latents)


def _least_score(calibration: Calibration, references: int) -> float:
    """Return the lowest cosine that is an origin among so many references, by bisection."""
    low, high = -1.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        score = np.array([middle], np.float32)
        found = calibration.confidence(score, references)[0] >= calibration.origin
        low, high = (low, middle) if found else (middle, high)
    return high


def _linked(leaks: NDArray[np.bool_], vectors: Vectors, cut: float) -> list[int]:
    """Return the places of the leaks, and of what looks like one of them, step by step."""
    reached, edge = leaks.copy(), np.flatnonzero(leaks)
    while len(edge):
        near = (vectors[edge] @ vectors.T >= cut).any(axis=0)
        edge = np.flatnonzero(near & ~reached)
        reached |= near
    return np.flatnonzero(reached).tolist()
