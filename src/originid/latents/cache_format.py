"""The description of a cache of latents: which encoder made them, and how they are stored."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from originid.encoders import Encoder, latent_dim
from originid.errors import InputError, StorageError, cause
from originid.images.decode import PREPROCESSING
from originid.system.storage import new_directory
from originid.system.strict_json import read_json
from originid.types import Json

FORMAT = 1
DTYPES: dict[str, np.dtype[Any]] = {"float16": np.dtype("<f2"), "float32": np.dtype("<f4")}
"""The precisions in which latents can be stored, both little-endian."""


def open_folder(folder: Path, encoder: Encoder, dtype: str) -> Path:
    """Find the folder of an encoder's latents, and make it if there is none.

    Args:
        folder: a folder that holds the caches of any number of encoders.
        encoder: the encoder that makes the latents.
        dtype: the precision in which latents are stored, a key of `DTYPES`.

    Returns:
        The path of the folder of this encoder.

    Raises:
        InputError: if ``dtype`` is unknown, or the folder stores another precision, is damaged, or
            has another format.
        StorageError: if the folder cannot be made.
    """
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r}", f"expected {' or '.join(DTYPES)}", "choose one")
    # Any change of the encoder or of the preprocessing gives the folder another name.
    facts = "\n".join([PREPROCESSING, str(encoder.size), encoder.identity])
    path = folder / hashlib.sha256(facts.encode()).hexdigest()[:32]
    description = _describe(encoder, dtype)
    _begin(path, description)
    _check(path, description)
    return path


def unusable(path: Path, error: Exception) -> InputError:
    """Make the error for a cache that cannot be used.

    Args:
        path: the folder of the encoder's latents.
        error: what reading it raised.
    """
    return InputError(
        f"latent cache {path} cannot be used: {cause(error)}",
        f"expected a folder that originid wrote, format {FORMAT}",
        "delete that folder of latents; they will be computed again",
    )


def _describe(encoder: Encoder, dtype: str) -> Json:
    return {
        "format": FORMAT,
        "encoder": {"spec": encoder.spec, "identity": encoder.identity, "size": encoder.size},
        "preprocessing": PREPROCESSING,
        "latent_dim": latent_dim(encoder.shapes),
        "dtype": dtype,
    }


def _begin(path: Path, description: Json) -> None:
    """Make an empty cache, unless there is one already."""
    file = path / "cache.json"
    if file.exists():
        return
    try:
        with new_directory(path) as folder:
            text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
            (folder / "cache.json").write_text(text, encoding="utf-8")
    except (InputError, StorageError):
        if not file.exists():  # if it exists, another process has just made the same cache
            raise


def _check(path: Path, expected: Json) -> None:
    """Compare the description of a cache with what is expected of it.

    The spec of the encoder is not compared: the same encoder may be in another folder by now.
    """
    try:
        found = read_json(path / "cache.json")
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
        raise unusable(path, error) from error
    if found["dtype"] != expected["dtype"]:
        raise InputError(
            f"latent cache {path} stores {found['dtype']}",
            f"expected {expected['dtype']}, as asked for",
            f"ask for {found['dtype']}, or name another folder",
        )
