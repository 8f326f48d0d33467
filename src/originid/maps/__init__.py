"""Maps: what turns a latent into a vector.

The paper's map is one matrix W. `DenseMap` is W as it stands; `DctMap` is such a matrix as a
product of sparse and small ones. To add a form, write a file with a class that implements
`base.Map`, and a line in `MAPS`.
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
from originid.maps.base import Map, Tensors, unit_length
from originid.maps.convolution import ConvolutionMap
from originid.maps.dct import DctBasis, DctMap, dct_matrix
from originid.maps.dense import DenseMap
from originid.maps.mlp import MlpMap
from originid.types import Json

__all__ = [
    "AttentionMap",
    "ConvolutionMap",
    "DctBasis",
    "DctMap",
    "DenseMap",
    "Map",
    "MlpMap",
    "dct_matrix",
    "load_map",
    "save_map",
    "unit_length",
]

FORMAT = 1
MAPS: dict[str, type[Map]] = {
    each.kind: each for each in (DenseMap, DctMap, MlpMap, ConvolutionMap, AttentionMap)
}
"""Every form of map by its kind."""


def save_map(map: Map, path: Path) -> str:
    """Write a map as safetensors whose header describes it; return the file's sha256."""
    tensors, special = map.pack()
    header = {
        "format": FORMAT,
        "kind": map.kind,
        "dim": map.dim,
        "latent_dim": map.latent_dim,
        **special,
    }
    # safetensors writes the memory as it lies, whatever the strides say.
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    data = save(tensors, metadata={"originid": json.dumps(header)})
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def load_map(path: Path) -> Map:
    """Read a map and check it against its header.

    Raises:
        ModelError: the file is absent, damaged, or of another format.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("originid", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise _bad(path, f"cannot be read: {error}") from error
    if header.get("format") != FORMAT:
        raise _bad(path, f"has format {header.get('format')}, this version reads {FORMAT}")
    try:
        map = _unpack(header, tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(path, f"lacks or misstates {error}") from error
    if (map.dim, map.latent_dim) != (header["dim"], header["latent_dim"]):
        raise _bad(
            path,
            f"maps {map.latent_dim} -> {map.dim}, its header says "
            f"{header['latent_dim']} -> {header['dim']}",
        )
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise _bad(path, "holds values that are not finite")
    return map


def _unpack(header: Json, tensors: Tensors) -> Map:
    if header["kind"] not in MAPS:
        raise ValueError(f"kind {header['kind']!r}")
    floats = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    return MAPS[header["kind"]].unpack(floats, header)


def _bad(path: Path, what: str) -> ModelError:
    return ModelError(
        f"map {os.fspath(path)} {what}",
        f"expected a safetensors file that originid wrote, format {FORMAT}",
        "train the model again, or copy it again from where it came",
    )
