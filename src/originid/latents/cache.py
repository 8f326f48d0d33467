"""The cache of latents: a folder of shards.

::

    FOLDER/
      <32 hex digits of the encoder, its size and the preprocessing>/
        cache.json             what the latents are
        <random name>.rows     latents one after the other, little-endian
        <random name>.keys     for each the SHA-256 of its file, 32 bytes

A writer appends to files of its own, so that several may write at once, and the rows reach the disk
before their keys: after a crash or a power cut, the whole rows that have a whole key are there.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from originid.encoders import Encoder, latent_dim
from originid.errors import InputError, StorageError, cause
from originid.images.decode import PREPROCESSING
from originid.latents.cache_keys import KEY, Keys
from originid.system.storage import flush, new_directory, storage_errors
from originid.types import Json, Latents

FORMAT = 1
DTYPES: dict[str, np.dtype[Any]] = {"float16": np.dtype("<f2"), "float32": np.dtype("<f4")}
SHARD_ROWS = 65_536  # 1 GB of 4,096 float32
MAPPED = 128  # shards mapped at a time: each holds a file open


@dataclass
class _Shard:
    """Two files of one writer: rows, and their keys."""

    rows_file: Path
    rows: int

    @property
    def keys_file(self) -> Path:
        return self.rows_file.with_suffix(".keys")


@dataclass(eq=False)
class LatentCache:
    """Latents of one encoder by the SHA-256 of the file; see `open`.

    A row's number holds as long as this object: it says nothing to another one. ``len`` counts
    rows; content that two writers added at once has two, of which `index` finds one. One thread may
    add while others read.
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
        """Open the cache of an encoder in a folder, which may hold those of others; or begin it.

        Args:
            folder: of caches; made if it is absent.
            encoder: whose latents they are.
            dtype: precision of the stored latents, ``float32`` or ``float16``.

        Raises:
            InputError: it stores another precision, or is damaged or of another version.
            StorageError: the folder cannot be made.
        """
        if dtype not in DTYPES:
            raise InputError(f"dtype {dtype!r}", f"expected {' or '.join(DTYPES)}", "choose one")
        parts = "\n".join([PREPROCESSING, str(encoder.size), encoder.identity])
        path = Path(folder) / hashlib.sha256(parts.encode()).hexdigest()[:32]
        description = _describe(encoder, dtype)
        _begin(path, description)
        _check(path, description)
        cache = cls(path, description["latent_dim"], DTYPES[dtype])
        cache._read_keys()
        return cache

    def __len__(self) -> int:
        return sum(shard.rows for shard in self._shards)

    def __contains__(self, sha256: bytes) -> bool:
        return self._keys.find(sha256) is not None

    def index(self, sha256: bytes) -> int:
        """The number of the row of a file with this SHA-256.

        Raises:
            KeyError: there is none.
        """
        row = self._keys.find(sha256)
        if row is None:
            raise KeyError(sha256.hex())
        return row

    def take(self, rows: NDArray[np.int64]) -> Latents:
        """Latents (k, latent_dim) of rows (k,), in the order asked; only they are read.

        Raises:
            IndexError: a number is not that of a row.
        """
        starts = np.cumsum([0, *(shard.rows for shard in self._shards)])
        if len(rows) and (rows.min() < 0 or rows.max() >= starts[-1]):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {starts[-1]}")
        taken = np.empty((len(rows), self.latent_dim), np.float32)
        order = np.argsort(rows)  # a disk reads forward faster
        bounds = np.searchsorted(rows[order], starts)
        for number in np.flatnonzero(np.diff(bounds)).tolist():
            places = order[bounds[number] : bounds[number + 1]]
            taken[places] = self._values(number)[rows[places] - starts[number]]
        return taken

    def add(self, keys: Sequence[bytes], latents: Latents) -> None:
        """Add latents (k, latent_dim) of files with these k SHA-256s, but for those that are there.

        They are on the disk when this returns.

        Raises:
            InputError: a latent is not finite, or overflows the half precision of the cache.
            StorageError: the disk refuses; what was added before is kept.
        """
        fresh: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            if key not in self:
                fresh.setdefault(key, place)
        values = self._as_stored(latents[list(fresh.values())])
        added = np.array(list(fresh), f"S{KEY}")
        while len(values):
            room = self._append(added, values)
            added, values = added[room:], values[room:]

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
        """Write as many as the shard has room for; return how many."""
        if not self._writing or self._shards[-1].rows >= SHARD_ROWS:
            self._shards.append(_Shard(self.folder / f"{uuid.uuid4().hex}.rows", 0))
        shard = self._shards[-1]
        self._writing = False  # nothing follows what a failed write leaves
        keys, values = keys[: SHARD_ROWS - shard.rows], values[: SHARD_ROWS - shard.rows]
        with storage_errors(shard.rows_file):
            _write(shard.rows_file, values.tobytes())
            _write(shard.keys_file, keys.tobytes())
            if shard.rows == 0:
                flush(self.folder)
        self._writing = True
        first = len(self)
        shard.rows += len(keys)
        self._keys.add(keys, first)
        return len(keys)

    def _read_keys(self) -> None:
        parts = []
        try:
            for rows_file in sorted(self.folder.glob("*.rows")):
                shard = _Shard(rows_file, 0)
                if not shard.keys_file.exists():
                    continue
                whole = rows_file.stat().st_size // (self.latent_dim * self.dtype.itemsize)
                data = shard.keys_file.read_bytes()
                shard.rows = min(whole, len(data) // KEY)
                parts.append(np.frombuffer(data, f"S{KEY}", shard.rows))
                self._shards.append(shard)
        except OSError as error:
            raise _unusable(self.folder, error) from error
        if parts:
            self._keys.merge(np.concatenate(parts), 0)

    def _values(self, number: int) -> NDArray[Any]:
        """All rows of a shard, not read yet."""
        shard, mapped = self._shards[number], self._mapped.get(number)
        if mapped is None or len(mapped) < shard.rows:
            while len(self._mapped) >= MAPPED:
                self._mapped.pop(next(iter(self._mapped)))
            shape = shard.rows, self.latent_dim
            try:
                mapped = np.asarray(np.memmap(shard.rows_file, self.dtype, "r", shape=shape))
            except (OSError, ValueError) as error:
                raise _unusable(self.folder, error) from error
            self._mapped[number] = mapped
        return mapped


def _describe(encoder: Encoder, dtype: str) -> Json:
    return {
        "format": FORMAT,
        "encoder": {"spec": encoder.spec, "identity": encoder.identity, "size": encoder.size},
        "preprocessing": PREPROCESSING,
        "latent_dim": latent_dim(encoder.shapes),
        "dtype": dtype,
    }


def _begin(path: Path, description: Json) -> None:
    """Make an empty cache, unless there is one."""
    file = path / "cache.json"
    if file.exists():
        return
    try:
        with new_directory(path) as folder:
            text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
            (folder / "cache.json").write_text(text, encoding="utf-8")
    except (InputError, StorageError):
        if not file.exists():  # where it does, another process was faster
            raise


def _check(path: Path, expected: Json) -> None:
    """Compare what is there with what is asked for; the same encoder may have another spec."""
    try:
        found = json.loads((path / "cache.json").read_text(encoding="utf-8"))
        for name in ("format", "preprocessing", "latent_dim"):
            if found[name] != expected[name]:
                raise ValueError(f"its {name} is {found[name]}, expected {expected[name]}")
        for name in ("identity", "size"):
            here, asked = found["encoder"][name], expected["encoder"][name]
            if here != asked:
                raise ValueError(f"its encoder's {name} is {here}, expected {asked}")
        if found["dtype"] not in DTYPES:
            raise ValueError(f"its dtype is {found['dtype']}")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise _unusable(path, error) from error
    if found["dtype"] != expected["dtype"]:
        raise InputError(
            f"latent cache {path} stores {found['dtype']}",
            f"expected {expected['dtype']}, as asked for",
            f"ask for {found['dtype']}, or name another folder",
        )


def _unusable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"latent cache {path} cannot be used: {cause(error)}",
        f"expected a folder that originid wrote, format {FORMAT}",
        "delete it; its latents will be computed again",
    )


def _write(path: Path, data: bytes) -> None:
    """Append to a file; return when it is on the disk."""
    with open(path, "ab", buffering=0) as file:
        rest = memoryview(data)
        while len(rest):
            rest = rest[file.write(rest) :]
    flush(path)
