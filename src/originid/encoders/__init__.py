"""Encoders turn an image into a latent.

An encoder is named by a text, its spec, such as ``pixels``, ``pixels+edges`` or
``diffusers:FOLDER``. To add an encoder, write a file with a class that implements `base.Encoder`,
and add a line to `registry.ENCODERS`.
"""

from originid.encoders.base import Encoder, Shape, latent_dim
from originid.encoders.joined import JoinedEncoder
from originid.encoders.registry import (
    ENCODERS,
    hub_ids,
    is_complete,
    open_encoder,
    split_spec,
    with_files,
)

__all__ = [
    "ENCODERS",
    "Encoder",
    "JoinedEncoder",
    "Shape",
    "hub_ids",
    "is_complete",
    "latent_dim",
    "open_encoder",
    "split_spec",
    "with_files",
]
