"""Maps turn a latent into a vector.

The paper's map is one matrix W. `DenseMap` holds W as it is. `DctMap` is such a matrix too, written
as a product of sparse and small matrices. To add a form of map, write a file with a class that
implements `base.Map`, and add the class to `MAPS`.
"""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from originid.errors import ModelError
from originid.maps.attention import AttentionMap
from originid.maps.base import LatentsLike, Map, Tensors, as_latents, unit_length
from originid.maps.convolution import ConvolutionMap
from originid.maps.dct import DctBasis, DctMap, dct_matrix
from originid.maps.dense import DenseMap
from originid.maps.limits import check_file, check_map, check_tensors
from originid.maps.mlp import MlpMap
from originid.system.strict_json import parse_json
from originid.types import Json

__all__ = [
    "AttentionMap",
    "ConvolutionMap",
    "DctBasis",
    "DctMap",
    "DenseMap",
    "LatentsLike",
    "Map",
    "MlpMap",
    "as_latents",
    "dct_matrix",
    "load_map",
    "save_map",
    "unit_length",
]

FORMAT = 1
MAPS: dict[str, type[Map]] = {
    each.kind: each for each in (DenseMap, DctMap, MlpMap, ConvolutionMap, AttentionMap)
}
"""Every form of map by its kind, which is its name in files."""


def save_map(map: Map, path: Path) -> str:
    """Write a map to a safetensors file, whose header describes the map.

    Args:
        map: the map to write.
        path: the path of the file; a file that is there is overwritten.

    Returns:
        The SHA-256 of the file, 64 hex digits.

    Raises:
        OSError: if the file cannot be written.
    """
    tensors, special = map.pack()
    header = {
        "format": FORMAT,
        "kind": map.kind,
        "dim": map.dim,
        "latent_dim": map.latent_dim,
        **special,
    }
    # safetensors writes the memory as it is and ignores strides, so a transposed array would be
    # stored wrongly.
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    data = save(tensors, metadata={"originid": json.dumps(header)})
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def load_map(path: Path, links: bool = True) -> Map:
    """Read a map from a file, and check it against the header of the file.

    Args:
        path: the path of a file that `save_map` wrote.
        links: whether the path may be a symbolic link.

    Raises:
        ModelError: if the file is missing or damaged, has another format, or exceeds one of the
            sizes of `limits`.
    """
    try:
        check_file(path, links)
        with safe_open(path, framework="numpy") as file:
            header = parse_json((file.metadata() or {}).get("originid", "{}"))
            # The file is no dict: it has keys(), but iterating over it is an error.
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    # safetensors raises a TypeError for numbers that numpy does not have.
    except (OSError, SafetensorError, ValueError, TypeError, MemoryError) as error:
        raise _bad(path, f"cannot be read: {error}") from error
    if header.get("format") != FORMAT:
        raise _bad(path, f"has format {header.get('format')}, this version reads {FORMAT}")
    try:
        stated = (header["dim"], header["latent_dim"])
        check_tensors(tensors)
        map = _unpack(header, tensors)
        check_map(map)
    # A header may state infinity, or sizes that no memory holds.
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise _bad(path, f"lacks or misstates {error}") from error
    except ModelError as error:
        raise _bad(path, f"has {error.given}") from error
    if (map.dim, map.latent_dim) != stated:
        raise _bad(
            path,
            f"maps {map.latent_dim} -> {map.dim}, its header says {stated[1]} -> {stated[0]}",
        )
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise _bad(path, "holds values that are not finite")
    return map


def _unpack(header: Json, tensors: Tensors) -> Map:
    if header["kind"] not in MAPS:
        raise ValueError(f"kind {str(header['kind'])[:40]!r}")
    # Files may store half precision; maps compute in float32.
    floats = {name: tensor.astype(np.float32, copy=False) for name, tensor in tensors.items()}
    return MAPS[header["kind"]].unpack(floats, header)


def _bad(path: Path, what: str) -> ModelError:
    return ModelError(
        f"map {os.fspath(path)} {what}",
        f"expected a safetensors file that originid wrote, format {FORMAT}",
        "train the model again, or copy it again from where it came",
    )
