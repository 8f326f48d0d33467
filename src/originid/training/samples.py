"""Labelled latents: what a map is learned from, wherever the latents are stored.

Each latent has a class. A class is one origin together with all that was made from it. The latents
come from a store (`LabelledRows`) or from a folder in the layout of the paper's authors
(`OfficialSamples`).
"""

import io
import math
import os
import re
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.latents.stores import ArrayStore, Selection, Store
from originid.system.small_files import read_small_file
from originid.types import Latents

NAME = re.compile(rb"[A-Za-z]\d{6}_\d{1,18}\.npy")
BATCH = 65_536  # names held as Python objects at a time; the rest are rows of a compact array
MOST_BYTES = 16_000_000  # of a file; a latent of 262,144 numbers of 8 bytes has 2 million
SHOWN = 3  # wrong names that an error lists
USABLE = "finite float16, float32 or float64 of shape (d,), (c, h, w) or (1, c, h, w)"
MAGIC = b"\x93NUMPY"  # the first bytes of every .npy file
VERSION = (1, 0)  # of the .npy format; numpy writes it for all arrays that are usable here
# What numpy's reader of headers was seen to raise for 60,000 damaged ones.
DAMAGED = (
    *(ValueError, TypeError, SyntaxError, tokenize.TokenError),
    *(MemoryError, RecursionError),
)


class Samples(Store, Protocol):
    """Latents by row, each with the number of its class."""

    @property
    def classes(self) -> NDArray[np.int64]:
        """The class of each row: int64 of shape (n,), from 0 to the number of classes - 1."""
        ...


@dataclass(frozen=True, eq=False)
class LabelledRows(Selection):
    """Samples that are some rows of a store.

    Args:
        classes: The class of each row: int64 of shape (n,), from 0 to the number of classes - 1.

    Raises:
        InputError: There are more or fewer classes than rows, or a class is negative.
    """

    classes: NDArray[np.int64]

    def __post_init__(self) -> None:
        count = len(self.rows)
        if self.classes.shape != (count,) or (count and self.classes.min() < 0):
            raise InputError(
                f"classes of shape {self.classes.shape} for {count} latents",
                "expected one class for each latent, counted from 0 on",
                "number the origins",
            )

    @classmethod
    def of_array(cls, latents: NDArray[Any], classes: NDArray[np.int64]) -> "LabelledRows":
        """Make samples of all rows of an array in memory, or of a memory map.

        Args:
            latents: The latents: float32 or float16 of shape (n, latent_dim).
            classes: The class of each latent: int64 of shape (n,), counted from 0.

        Raises:
            InputError: There are more or fewer classes than latents, or a class is negative.
        """
        return cls(ArrayStore(latents), np.arange(len(latents)), classes)


@dataclass(frozen=True, eq=False)
class OfficialSamples:
    """Samples in the layout of the paper's authors, one ``.npy`` file for each latent.

    A file holds one float16, float32 or float64 array of shape (latent_dim,), (c, h, w) or
    (1, c, h, w), which is flattened in the order C, H, W. A file is read and checked only when its
    row is taken. `open` finds the files of a folder.

    Args:
        folder: The folder of the files.
        names: The names of the files, as bytes: shape (n,).
        classes: The class of each file: int64 of shape (n,), from 0 to the number of classes - 1.
        latent_dim: The number of components of a latent.
    """

    folder: Path
    names: NDArray[np.bytes_]
    classes: NDArray[np.int64]
    latent_dim: int

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "OfficialSamples":
        """Find the files ``<letter><6-digit origin id>_<k>.npy`` of a folder.

        Each origin id is a class, and the classes are in the order of the ids. The rows are in the
        order of id and k. Files that do not end in ``.npy`` are ignored.

        Args:
            folder: The folder in which the files lie; folders inside of it are not searched.

        Raises:
            InputError: The folder cannot be read or holds no such file, a ``.npy`` file has
                another name, or the first file is unusable.
        """
        names, origins, numbers = _scan(Path(folder))
        order = np.lexsort((names, numbers, origins))
        names = names[order]
        classes = np.unique(origins[order], return_inverse=True)[1].astype(np.int64)
        first = _read(os.fsencode(folder), names[0])
        return cls(Path(folder), names, classes, len(first))

    def take(self, rows: NDArray[np.int64]) -> Latents:
        """Read the latents of rows, in the order asked for.

        Args:
            rows: The numbers of the rows: int64 of shape (k,).

        Returns:
            float32 of shape (k, latent_dim).

        Raises:
            InputError: A file is missing, damaged, or holds another number of components.
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
    """Stream rows that stand for differences of pairs, where a class may have any number of rows.

    The closed form needs differences between a query and its origin. Here nobody says which row of
    a class is the origin. So a class c with n_c >= 2 members x_i and mean m_c gives the rows and
    weights::

        d_i = sqrt(2 n_c / (n_c - 1)) (x_i - m_c)        w_i = 1 / n_c

    Over the whole stream, of C such classes, this yields::

        sum_i w_i d_i d_i^T / sum_i w_i / 2
            = 1/C sum_c 1/(n_c - 1) sum_{i in c} (x_i - m_c)(x_i - m_c)^T

    which is the mean of the classes' unbiased covariances. For a class of one origin o and one
    query g it is (g - o)(g - o)^T / 2, the same as for a pair. A class of one member says nothing
    about edits, so it is left out; `lone_classes` counts such classes.

    Args:
        samples: The latents and their classes.
        chunk: The number of rows read at a time. A larger class is held in memory as a whole.

    Yields:
        Rows, float32 of shape (k, latent_dim); their weights, float64 of shape (k,); and their
        classes, int64 of shape (k,).
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
    """Count the classes that have only one member.

    Args:
        samples: The latents and their classes.
    """
    return int((np.bincount(samples.classes) == 1).sum())


def _blocks(bounds: NDArray[np.int64], chunk: int) -> Iterator[tuple[int, int]]:
    """Group whole classes, whose rows lie between these bounds, up to a chunk of rows together."""
    place = 0
    while place < len(bounds) - 1:
        fits = int(np.searchsorted(bounds, bounds[place] + chunk, side="right")) - 1
        end = max(place + 1, fits)
        yield int(bounds[place]), int(bounds[end])
        place = end


def _scan(folder: Path) -> tuple[NDArray[np.bytes_], NDArray[np.int64], NDArray[np.int64]]:
    """Return the names, origin ids and numbers k of the files, in no particular order."""
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
            f"{folder}: {error.strerror or error}",
            "expected a folder of .npy files that can be read",
            "check the path",
        ) from error


def _misnamed(folder: Path, others: list[bytes]) -> InputError:
    some = ", ".join(sorted(os.fsdecode(name) for name in others)[:SHOWN])
    more = f" and {len(others) - SHOWN:,} more" if len(others) > SHOWN else ""
    return InputError(
        f"{folder} holds {some or 'no .npy file'}{more}",
        "expected a letter, the 6 digits of the origin, _ and a number, as in a000017_3.npy",
        "name the folder in which the files lie, and move other .npy files out of it",
    )


def _read(folder: bytes, name: bytes) -> NDArray[np.float32]:
    """Read the latent of a file, flat: shape (latent_dim,)."""
    try:
        data = read_small_file(os.fsdecode(os.path.join(folder, name)), MOST_BYTES)
        # After the magic bytes and the version come two bytes with the length of the header.
        start = 10 + int.from_bytes(data[8:10], "little")
        shape, order, dtype = _parse(data[:start])
        value = np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape, order=order)
    except (OSError, ValueError, OverflowError) as error:
        raise _unusable(folder, name, f"cannot be used: {error}") from error
    with np.errstate(
        over="ignore"
    ):  # a float64 too large for float32 becomes infinite, refused here
        latent = value.reshape(-1).astype(np.float32)
    if not np.isfinite(latent).all():
        raise _unusable(folder, name, "holds numbers that are not finite")
    return latent


@lru_cache(maxsize=64)  # the same in every file; parsing it each time doubles the time of a read
def _parse(header: bytes) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype[Any]]:
    """Return the shape, the order and the dtype that the header of a usable file states."""
    file = io.BytesIO(header)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy warns of headers that it has to repair
            good = np.lib.format.read_magic(file) == VERSION
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    except (*DAMAGED, UserWarning):
        good, shape, fortran, dtype = False, (), False, np.dtype(object)
    known = len(shape) in (1, 3) or (len(shape) == 4 and shape[0] == 1)
    good = good and known and min(shape) >= 1
    if not (good and dtype.kind == "f" and dtype.itemsize in (2, 4, 8)):
        text = header[10:90].decode("latin-1").strip() if header[:6] == MAGIC else "no .npy"
        raise ValueError(f"it holds {text!r}")
    return shape, "F" if fortran else "C", dtype


def _unusable(folder: bytes, name: bytes, what: str, expected: str = USABLE) -> InputError:
    return InputError(
        f"{os.fsdecode(os.path.join(folder, name))} {what}",
        f"expected {expected}",
        "make the file again, or move it out of the folder",
    )
