"""The cache of latents on disk: a folder of shards for each encoder.

::

    FOLDER/
      <32 hex digits of the encoder, its size and the preprocessing>/
        cache.json             describes the latents
        <random name>.rows     the latents one after the other, little-endian
        <random name>.sums     for each latent the CRC-32 of its row, little-endian
        <random name>.keys     for each latent the SHA-256 of its file, 32 bytes

Each writer appends to files of its own, so several processes may write at once. The rows and their
sums reach the disk before their keys do. So after a crash or a power cut, every whole key has its
row, and what is left of an unfinished row or key is ignored. Shards of earlier versions have no
sums; of their rows only that they are finite is known.
"""

import os
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from originid.encoders import Encoder, latent_dim
from originid.errors import InputError
from originid.latents.cache_format import DTYPES, open_folder, unusable
from originid.latents.cache_keys import KEY, Keys
from originid.system.storage import flush, storage_errors
from originid.types import Latents, Rows

SHARD_ROWS = 65_536  # latents in a shard: 1 GB if a latent has 4,096 components of float32
MAPPED = 128  # shards mapped at the same time; each keeps a file open, and systems limit those


@dataclass
class _Shard:
    """The files of one writer: the rows, their sums, and their keys.

    Args:
        rows_file: the path of the file with the rows.
        rows: how many there are.
        sums: the CRC-32 of each row, (rows,); None where they are not known.
    """

    rows_file: Path
    rows: int
    sums: NDArray[np.uint32] | None = None

    @property
    def keys_file(self) -> Path:
        """The path of the file with the keys of the rows."""
        return self.rows_file.with_suffix(".keys")

    @property
    def sums_file(self) -> Path:
        """The path of the file with the sums of the rows."""
        return self.rows_file.with_suffix(".sums")


@dataclass(eq=False)
class LatentCache:
    """The latents of one encoder, found by the SHA-256 of the image file. Make one with `open`.

    Row numbers are valid only for this object: another object may number the same rows
    differently. ``len`` is the number of rows. Two writers can add the same content at the same
    time; it then has two rows, and `index` finds one of them. One thread may add latents while
    other threads read.

    Args:
        folder: the folder of this encoder's shards.
        latent_dim: the number of components of a latent.
        dtype: the dtype in which the latents are stored, one of `DTYPES`.
    """

    folder: Path
    latent_dim: int
    dtype: np.dtype[Any]
    _shards: list[_Shard] = field(init=False, repr=False, default_factory=list)
    _keys: Keys = field(init=False, repr=False, default_factory=Keys)
    _mapped: dict[int, NDArray[Any]] = field(init=False, repr=False, default_factory=dict)
    _writing: bool = field(init=False, repr=False, default=False)

    @classmethod
    def open(
        cls, folder: str | os.PathLike[str], encoder: Encoder, dtype: str = "float32"
    ) -> "LatentCache":
        """Open the cache of an encoder, or make an empty one if there is none.

        Args:
            folder: a folder that holds the caches of any number of encoders; it is made if it is
                missing.
            encoder: the encoder that makes the latents.
            dtype: the precision in which latents are stored, ``float32`` or ``float16``.

        Raises:
            InputError: if the cache stores another precision, is damaged, or has another format.
            StorageError: if the folder cannot be made.
        """
        path = open_folder(Path(folder), encoder, dtype)
        cache = cls(path, latent_dim(encoder.shapes), DTYPES[dtype])
        cache._read_keys()
        return cache

    @property
    def keys(self) -> Keys:
        """What finds a row by the SHA-256 of its file."""
        return self._keys

    def __len__(self) -> int:
        return sum(shard.rows for shard in self._shards)

    def __contains__(self, sha256: bytes) -> bool:
        return self._keys.find(sha256) is not None

    def index(self, sha256: bytes) -> int:
        """Return the number of the row that holds the latent of a file.

        Args:
            sha256: the SHA-256 of the file, 32 bytes.

        Raises:
            KeyError: if the cache has no latent of this file.
        """
        row = self._keys.find(sha256)
        if row is None:
            raise KeyError(sha256.hex())
        return row

    def take(self, rows: Rows) -> Latents:
        """Read some latents from the disk.

        Args:
            rows: the numbers of the rows, int64 of shape (k,), in any order; they may repeat.

        Returns:
            The latents of these rows, in the same order, float32 of shape (k, latent_dim).

        Raises:
            IndexError: if there is no row of such a number.
            InputError: if a shard cannot be read, or a row is damaged.
        """
        starts = np.cumsum([0, *(shard.rows for shard in self._shards)])
        if len(rows) and (rows.min() < 0 or rows.max() >= starts[-1]):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {starts[-1]}")
        taken = np.empty((len(rows), self.latent_dim), np.float32)
        order = np.argsort(rows)  # a disk is faster when it reads forward
        bounds = np.searchsorted(rows[order], starts)
        for number in np.flatnonzero(np.diff(bounds)).tolist():
            places = order[bounds[number] : bounds[number + 1]]
            some = rows[places] - starts[number]
            values = self._values(number)[some]
            self._refuse_damaged(self._shards[number], some, values)
            taken[places] = values
        return taken

    def _refuse_damaged(self, shard: _Shard, rows: Rows, values: NDArray[Any]) -> None:
        """Refuse values (k, latent_dim) that are not what was written as these rows of a shard."""
        if shard.sums is None:
            sound = np.isfinite(values).all(axis=1)
        else:
            sound = _sums(values) == shard.sums[rows]
        if not sound.all():
            row = int(rows[np.argmin(sound)])
            raise unusable(self.folder, ValueError(f"row {row} of {shard.rows_file} is damaged"))

    def add(self, keys: Sequence[bytes], latents: Latents) -> None:
        """Add the latents of some files, and return when they are on the disk.

        A file whose latent is in the cache already is left out.

        Args:
            keys: the k SHA-256s of the files, 32 bytes each.
            latents: their latents, float32 of shape (k, latent_dim).

        Raises:
            InputError: if a latent is not finite, or too large for the half precision of the
                cache.
            StorageError: if the disk is full or cannot be written; earlier latents are kept.
        """
        fresh: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            if key not in self:
                fresh.setdefault(key, place)
        values = self._as_stored(latents[list(fresh.values())])
        added = np.array(list(fresh), f"S{KEY}")
        while len(values):
            written = self._append(added, values)
            added, values = added[written:], values[written:]

    def _as_stored(self, latents: Latents) -> NDArray[Any]:
        with np.errstate(over="ignore"):
            values = latents.astype(self.dtype)
        if not np.isfinite(values).all():
            finite = np.isfinite(latents).all()
            raise InputError(
                f"a latent with the value {np.abs(latents).max():g}",
                f"expected {'at most 65,504, as float16 holds' if finite else 'finite numbers'}",
                f"cache in float32, in another folder than {self.folder.parent}"
                if finite
                else "look for a broken encoder",
            )
        return values

    def _append(self, keys: NDArray[np.bytes_], values: NDArray[Any]) -> int:
        """Write as many rows as the current shard can take, and return their number."""
        if not self._writing or self._shards[-1].rows >= SHARD_ROWS:
            name = f"{uuid.uuid4().hex}.rows"
            self._shards.append(_Shard(self.folder / name, 0, np.empty(0, np.uint32)))
        shard = self._shards[-1]
        # A write that fails may leave half a row, so nothing more may be appended to that shard.
        self._writing = False
        keys, values = keys[: SHARD_ROWS - shard.rows], values[: SHARD_ROWS - shard.rows]
        sums = _sums(values)
        with storage_errors(shard.rows_file):
            _write(shard.rows_file, values.tobytes())
            _write(shard.sums_file, sums.astype("<u4").tobytes())
            _write(shard.keys_file, keys.tobytes())
            if shard.rows == 0:
                flush(self.folder)
        self._writing = True
        first = len(self)
        assert shard.sums is not None  # a shard that is written is one of this process
        shard.sums = np.concatenate([shard.sums, sums])
        shard.rows += len(keys)
        self._keys.add(keys, first)
        return len(keys)

    def _read_keys(self) -> None:
        """Read the keys of every shard in the folder, and count its rows."""
        shards = []
        try:
            for rows_file in sorted(self.folder.glob("*.rows")):
                shard = _Shard(rows_file, 0)
                if not shard.keys_file.exists():
                    continue
                # A writer that was interrupted leaves rows without keys, or half a row.
                whole = rows_file.stat().st_size // (self.latent_dim * self.dtype.itemsize)
                data = shard.keys_file.read_bytes()
                shard.rows = min(whole, len(data) // KEY)
                if shard.sums_file.exists():
                    known = shard.sums_file.read_bytes()
                    shard.rows = min(shard.rows, len(known) // 4)
                    shard.sums = np.frombuffer(known, "<u4", shard.rows).astype(np.uint32)
                shards.append(np.frombuffer(data, f"S{KEY}", shard.rows))
                self._shards.append(shard)
        except OSError as error:
            raise unusable(self.folder, error) from error
        if shards:
            self._keys.merge(np.concatenate(shards), 0)

    def _values(self, number: int) -> NDArray[Any]:
        """Map all rows of a shard into memory, which reads none of them yet."""
        shard, mapped = self._shards[number], self._mapped.get(number)
        if mapped is None or len(mapped) < shard.rows:
            # The shard that was mapped first goes first; a dict keeps that order.
            while len(self._mapped) >= MAPPED:
                self._mapped.pop(next(iter(self._mapped)))
            shape = shard.rows, self.latent_dim
            try:
                mapped = np.asarray(np.memmap(shard.rows_file, self.dtype, "r", shape=shape))
            except (OSError, ValueError) as error:
                raise unusable(self.folder, error) from error
            self._mapped[number] = mapped
        return mapped


def _sums(values: NDArray[Any]) -> NDArray[np.uint32]:
    """The CRC-32 of each row (k, latent_dim), as it is stored, (k,)."""
    return np.array([zlib.crc32(row.tobytes()) for row in values], np.uint32)


def _write(path: Path, data: bytes) -> None:
    """Append bytes to a file, and return when they are on the disk."""
    with open(path, "ab", buffering=0) as file:
        rest = memoryview(data)
        while len(rest):
            rest = rest[file.write(rest) :]
    flush(path)
