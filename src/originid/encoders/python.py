"""Encoders that a user brings: ``python:MODULE:NAME`` names a class or an object to import."""

import importlib
import os
import sys

from originid.encoders.base import Encoder, latent_dim
from originid.errors import InputError
from originid.system.text import quoted

NEEDED = ("spec", "size", "shapes", "cutoffs", "identity", "encode")


def import_encoder(source: str) -> Encoder:
    """Import an encoder of the user's own.

    The module is imported, so its code runs: name only modules that you trust. It is looked for as
    Python does, and in the current folder too.

    Args:
        source: ``MODULE:NAME``, for example ``mypackage.encoders:MyEncoder``. The name is of an
            object that has what `Encoder` asks for, or of a class or function that makes one when
            it is called without arguments.

    Raises:
        InputError: there is no such module or name, or it is no encoder.
    """
    module_name, _, name = source.partition(":")
    if not module_name or not name:
        raise InputError(
            f"encoder python:{source}",
            "expected python:MODULE:NAME",
            "for example: python:mypackage.encoders:MyEncoder",
        )
    try:
        found = getattr(_import(module_name), name)
        encoder = found() if callable(found) and not hasattr(found, "identity") else found
        encoder = encoder() if isinstance(encoder, type) else encoder
    except Exception as error:  # the user's code may raise anything
        raise InputError(
            f"encoder python:{source} cannot be made: {type(error).__name__}: {error}",
            "expected a class or an object of a module that Python can import",
            f"try: python -c {quoted(f'import {module_name}')}",
        ) from error
    return checked(encoder, f"python:{source}")


def checked(encoder: object, spec: str) -> Encoder:
    """Return an encoder of the user's own, if it has all that `Encoder` asks for.

    Args:
        encoder: any object.
        spec: the text that named it, for the error.

    Raises:
        InputError: something is missing, or does not fit together.
    """
    missing = [name for name in NEEDED if not hasattr(encoder, name)]
    if missing:
        raise InputError(
            f"encoder {spec} has no {', '.join(missing)}",
            f"expected an object with {', '.join(NEEDED)}",
            "see originid.Encoder, and the page on the Python interface",
        )
    own: Encoder = encoder  # type: ignore[assignment]
    if not _fits_together(own):
        raise InputError(
            f"encoder {spec} has shapes {own.shapes}, cutoffs {own.cutoffs} and size {own.size}",
            "expected (C, H, W) and a cutoff for each block, and a size of at least 1 pixel",
            "correct the encoder",
        )
    return own


def _fits_together(encoder: Encoder) -> bool:
    """Whether each block has three numbers and a cutoff, and there are blocks and pixels."""
    try:
        blocks = len(encoder.cutoffs) == len(encoder.shapes) and latent_dim(encoder.shapes) > 0
        return blocks and encoder.size > 0
    except (TypeError, ValueError):
        return False


def _import(name: str) -> object:
    # An installed console script does not look for modules in the current folder; python -m does.
    folder = os.getcwd()
    sys.path.append(folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)
