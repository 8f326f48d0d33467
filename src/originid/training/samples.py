"""What maps are learned from: latents in classes, an origin and what was made from it."""

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.latents.stores import ArrayStore, Selection, Store
from originid.types import Latents

NAME = re.compile(rb"[A-Za-z]\d{6}_\d{1,18}\.npy")
BATCH = 65_536  # names that are Python objects at a time
SHOWN = 3  # names of an error
USABLE = "finite float16, float32 or float64 of shape (d,), (c, h, w) or (1, c, h, w)"
MAGIC = b"\x93NUMPY\x01\x00"  # version 1.0, which numpy writes for all that is usable
HEADER = re.compile(
    MAGIC + rb"..\{\s*'descr':\s*'([<>]f[248])',\s*'fortran_order':\s*(True|False),"
    rb"\s*'shape':\s*\(([\d,\s]*)\),?\s*\}\s*",
    re.DOTALL,
)


class Samples(Store, Protocol):
    """Latents, each of a class: an origin and what was made from it."""

    @property
    def classes(self) -> NDArray[np.int64]:
        """The class of each row, (n,), from 0 to C - 1."""
        ...


@dataclass(frozen=True, eq=False)
class ArraySamples(ArrayStore):
    """Samples in an array or a memory map.

    Args:
        classes: (n,), from 0 to C - 1.

    Raises:
        InputError: the lengths differ.
    """

    classes: NDArray[np.int64]

    def __post_init__(self) -> None:
        _check_classes(self.classes, len(self.values))


@dataclass(frozen=True, eq=False)
class LabelledRows(Selection):
    """Samples that are some rows of a store.

    Args:
        classes: (n,), from 0 to C - 1.

    Raises:
        InputError: the lengths differ.
    """

    classes: NDArray[np.int64]

    def __post_init__(self) -> None:
        _check_classes(self.classes, len(self.rows))


@dataclass(frozen=True, eq=False)
class OfficialSamples:
    """Latents as the paper's code lays them out, a file each: `open` finds them.

    A file holds one float16, float32 or float64 array of shape (latent_dim,), (c, h, w) or
    (1, c, h, w), flattened C, H, W. Files are read, and found wanting, when they are taken.

    Args:
        folder: where the files are.
        names: of the files, (n,).
        classes: (n,), from 0 to C - 1.
        latent_dim: components of a latent.
    """

    folder: Path
    names: NDArray[np.bytes_]
    classes: NDArray[np.int64]
    latent_dim: int

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "OfficialSamples":
        """Find the files ``<letter><6-digit origin id>_<k>.npy`` of a folder.

        The origins are the classes, in order of id; rows are in order of id and k. Files that are
        not ``.npy`` are passed over.

        Raises:
            InputError: there are none, the folder cannot be read, a ``.npy`` has another name, or
                the first is unusable.
        """
        names, origins, numbers = _scan(Path(folder))
        order = np.lexsort((names, numbers, origins))
        names = names[order]
        classes = np.unique(origins[order], return_inverse=True)[1].astype(np.int64)
        first = _read(os.fsencode(folder), names[0])
        return cls(Path(folder), names, classes, len(first))

    def take(self, rows: NDArray[np.int64]) -> Latents:
        """As of `Samples`.

        Raises:
            InputError: a file is not what it should be.
        """
        folder = os.fsencode(self.folder)
        taken = np.empty((len(rows), self.latent_dim), np.float32)
        for place, name in enumerate(self.names[rows]):
            latent = _read(folder, name)
            if len(latent) != self.latent_dim:
                expected = f"{self.latent_dim}, as the first file of the folder"
                raise _unusable(folder, name, f"holds {len(latent)} numbers", expected)
            taken[place] = latent
        return taken


def within_class_rows(
    samples: Samples, chunk: int = 4096
) -> Iterator[tuple[Latents, NDArray[np.float64], NDArray[np.int64]]]:
    """Stream what the closed form takes for differences of pairs, where classes have any size.

    Of a class c of n_c >= 2 members x_i with mean m_c come the rows and weights::

        d_i = sqrt(2 n_c / (n_c - 1)) (x_i - m_c)        w_i = 1 / n_c

    so that over the whole stream, of C such classes::

        sum_i w_i d_i d_i^T / sum_i w_i / 2
            = 1/C sum_c 1/(n_c - 1) sum_{i in c} (x_i - m_c)(x_i - m_c)^T

    which is the mean over the classes of the unbiased covariance within. Of an origin o and one
    image g made from it that is (g - o)(g - o)^T / 2, as of a pair. Classes of one member say
    nothing of it and are left out: `lone_classes` counts them.

    Args:
        samples: whose rows.
        chunk: rows at a time; a larger class is held whole.

    Yields:
        Rows (k, latent_dim), their weights (k,) and their classes (k,).
    """
    classes = np.asarray(samples.classes)
    sizes = np.bincount(classes)
    order = np.argsort(classes, kind="stable")
    order = order[sizes[classes[order]] >= 2]
    starts = np.flatnonzero(np.diff(classes[order], prepend=-1))
    for first, last in _blocks(np.append(starts, len(order)), chunk):
        rows = order[first:last]
        latents = samples.take(rows)
        n = sizes[classes[rows]]
        place = 0
        while place < len(rows):
            members = latents[place : place + n[place]]
            members -= members.mean(axis=0)
            members *= math.sqrt(2 * len(members) / (len(members) - 1))
            place += len(members)
        yield latents, 1 / n, classes[rows]


def lone_classes(samples: Samples) -> int:
    """How many classes have one member."""
    return int((np.bincount(samples.classes) == 1).sum())


def _blocks(bounds: NDArray[np.int64], chunk: int) -> Iterator[tuple[int, int]]:
    """Whole classes, whose rows lie between these bounds, up to a chunk of rows together."""
    place = 0
    while place < len(bounds) - 1:
        fits = int(np.searchsorted(bounds, bounds[place] + chunk, side="right")) - 1
        end = max(place + 1, fits)
        yield int(bounds[place]), int(bounds[end])
        place = end


def _check_classes(classes: NDArray[np.int64], rows: int) -> None:
    if classes.shape != (rows,) or (rows and classes.min() < 0):
        raise InputError(
            f"classes of shape {classes.shape} for {rows} latents",
            "expected one class for each, from 0 on",
            "number the origins",
        )


def _scan(folder: Path) -> tuple[NDArray[np.bytes_], NDArray[np.int64], NDArray[np.int64]]:
    """Names, origin ids and numbers of the files, in no order."""
    found = _npy_names(folder)
    names, ids, numbers = [], [], []
    others: list[bytes] = []
    while batch := list(islice(found, BATCH)):
        good = [name for name in batch if NAME.fullmatch(name)]
        others += set(batch) - set(good)
        names.append(np.array(good, bytes))
        ids.append(np.array([int(name[1:7]) for name in good], np.int64))
        numbers.append(np.array([int(name[8:-4]) for name in good], np.int64))
    if others or not names:
        raise _misnamed(folder, others)
    return np.concatenate(names), np.concatenate(ids), np.concatenate(numbers)


def _npy_names(folder: Path) -> Iterator[bytes]:
    try:
        with os.scandir(os.fsencode(folder)) as entries:
            yield from (entry.name for entry in entries if entry.name.endswith(b".npy"))
    except OSError as error:
        raise InputError(
            f"{folder}: {error.strerror or error}", "expected a folder of .npy files", "check it"
        ) from error


def _misnamed(folder: Path, others: list[bytes]) -> InputError:
    some = ", ".join(sorted(os.fsdecode(name) for name in others)[:SHOWN])
    more = f" and {len(others) - SHOWN:,} more" if len(others) > SHOWN else ""
    return InputError(
        f"{folder} holds {some or 'no .npy file'}{more}",
        "expected a letter, the 6 digits of the origin, _ and a number, as in a000017_3.npy",
        "name the folder in which the files lie, and move others out of it",
    )


def _read(folder: bytes, name: bytes) -> NDArray[np.float32]:
    """The latent of a file, flat."""
    try:
        with open(os.path.join(folder, name), "rb", buffering=0) as file:
            data = file.read()
        start = 10 + int.from_bytes(data[8:10], "little")
        shape, order, dtype = _parse(data[:start])
        value = np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape, order=order)
    except (OSError, ValueError, OverflowError) as error:
        raise _unusable(folder, name, f"cannot be used: {error}") from error
    with np.errstate(over="ignore"):
        latent = value.reshape(-1).astype(np.float32)
    if not np.isfinite(latent).all():
        raise _unusable(folder, name, "holds numbers that are not finite")
    return latent


@lru_cache(maxsize=64)  # the same in every file: numpy would parse it for longer than it reads
def _parse(header: bytes) -> tuple[tuple[int, ...], Literal["C", "F"], str]:
    """Shape, order and dtype of a file of one float array."""
    match = HEADER.fullmatch(header)
    shape = tuple(int(n) for n in match[3].split(b",") if n.strip()) if match else ()
    known = len(shape) in (1, 3) or (len(shape) == 4 and shape[0] == 1)
    if match is None or not known or min(shape) < 1:
        text = header[10:90].decode("latin-1").strip() if header[:6] == MAGIC[:6] else "no .npy"
        raise ValueError(f"it holds {text!r}")
    return shape, "F" if match[2] == b"True" else "C", match[1].decode()


def _unusable(folder: bytes, name: bytes, what: str, expected: str = USABLE) -> InputError:
    return InputError(
        f"{os.fsdecode(os.path.join(folder, name))} {what}",
        f"expected {expected}",
        "make the file anew, or move it out of the folder",
    )
