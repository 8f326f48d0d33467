"""The origins of a set: what is in the folders, each content once, for training or for tests."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.errors import ImageError
from originid.images.decode import read_bytes
from originid.images.find_files import find_images, refuse_missing
from originid.latents.encode_files import Encoded, Source, encode_sources
from originid.model import Model
from originid.system.parallel import available_cores, map_ordered
from originid.system.progress import Progress, silent
from originid.types import Failure, Vectors
from originid.verdict.calibration import Calibration

TRAIN, TEST = "train", "test"
SHARDS = 64  # a process may hold them all: some systems allow it 256 open files


@dataclass(frozen=True)
class Origin:
    """A file and the SHA-256 of what is in it, in hexadecimal."""

    path: str
    sha256: str

    @property
    def shard(self) -> str:
        """The shard that its queries are in."""
        return f"{int(self.sha256[:2], 16) % SHARDS:02}"


def find_origins(
    folders: Sequence[str | os.PathLike[str]], progress: Progress = silent
) -> tuple[list[Origin], list[Failure]]:
    """Read image files and those in folders; of files with the same content the first is taken.

    Returns:
        Origins in the order of their shards, and files that cannot be origins.

    Raises:
        InputError: no such folder.
    """
    refuse_missing(folder for folder in folders if not os.path.isfile(folder))
    failures: list[Failure] = []
    paths = list(find_images(folders, failures.append))
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
    """Say which side each origin is on: ``train`` or ``test``.

    The side follows from the content alone, so that a set that grows keeps its sides. Then, with
    a model, what looks like a training origin (another save of the same photo, but also much the
    same thing before the same background: the model's verdict on the two is ``origin``) goes to
    the training side too, with all test origins that look like it.

    Args:
        origins: each content once.
        test: share that is for tests.
        model: what finds near-duplicates; None to look for none.
        progress: called with origins compared and all.

    Returns:
        SHA-256 to side, and how many origins near-duplicates took from the test side.
    """
    sides = {origin.sha256: _side(origin.sha256, test) for origin in origins}
    on = {side: [o for o in origins if sides[o.sha256] == side] for side in (TRAIN, TEST)}
    if model is None or not on[TEST]:
        return sides, 0
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
        return Failure(path, "a name that is not UTF-8, which no manifest can hold")
    except ImageError as error:
        return Failure(path, error.reason)


def _side(sha256: str, test: float) -> str:
    # Other digits than those that name the shard: every shard has both sides.
    return TEST if int(sha256[32:48], 16) < test * 16.0**16 else TRAIN


def _encode(origins: Sequence[Origin], model: Model) -> Iterator[tuple[list[str], Vectors]]:
    """SHA-256 and vectors of those that can be decoded, some at a time."""
    sha256_of = {origin.path: origin.sha256 for origin in origins}
    for entries in encode_sources((Source(o.path) for o in origins), model.encoder):
        found = [entry for entry in entries if isinstance(entry, Encoded)]
        if found:
            latents = np.stack([entry.latent for entry in found])
            yield [sha256_of[entry.source.name] for entry in found], model.vectors(latents)


def _least_score(calibration: Calibration, references: int) -> float:
    """The lowest cosine that is an origin among so many references."""
    low, high = -1.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        score = np.array([middle], np.float32)
        found = calibration.confidence(score, references)[0] >= calibration.origin
        low, high = (low, middle) if found else (middle, high)
    return high


def _linked(leaks: NDArray[np.bool_], vectors: Vectors, cut: float) -> list[int]:
    """Places of the leaks and of what looks like one of them, step by step."""
    reached, edge = leaks.copy(), np.flatnonzero(leaks)
    while len(edge):
        near = (vectors[edge] @ vectors.T >= cut).any(axis=0)
        edge = np.flatnonzero(near & ~reached)
        reached |= near
    return np.flatnonzero(reached).tolist()
