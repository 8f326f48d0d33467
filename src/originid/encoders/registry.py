"""Encoders by name: the text that names one, or several joined, to what encodes."""

import re
from collections.abc import Callable

from originid.encoders.base import Encoder
from originid.encoders.colours import ColoursEncoder
from originid.encoders.edges import EdgesEncoder
from originid.encoders.joined import JoinedEncoder
from originid.encoders.pixels import PixelsEncoder
from originid.encoders.public.presets import BASELINES
from originid.encoders.python import import_encoder
from originid.encoders.tones import TonesEncoder
from originid.encoders.trust import is_hub_id, refuse_untrusted
from originid.errors import InputError
from originid.system.text import closest

MOST_JOINED = 16  # encoders in one text


def _diffusers(source: str, stored: bool) -> Encoder:
    from originid.encoders.diffusers import DiffusersEncoder  # imports torch: seconds

    return DiffusersEncoder(source, local=stored)


def _onnx(source: str, stored: bool) -> Encoder:
    if not source:
        raise InputError("encoder onnx", "expected onnx:FILE", "name the file")
    from originid.encoders.onnx import OnnxEncoder  # imports onnxruntime: a tenth of a second

    return OnnxEncoder(source, links=not stored)


def _distilled() -> Encoder:
    from originid.encoders.onnx import OnnxEncoder

    return OnnxEncoder()


def _python(source: str, stored: bool) -> Encoder:
    return import_encoder(source)


def _baseline(source: str, stored: bool) -> Encoder:
    from originid.encoders.public import open_baseline

    return open_baseline(source, local=stored)


def _plain(name: str, encoder: Callable[[], Encoder]) -> Callable[[str, bool], Encoder]:
    def build_plain(source: str, stored: bool) -> Encoder:
        """Build the encoder, and refuse a source, which it does not take."""
        if source:
            raise InputError(
                f"encoder {name}:{source}",
                f"expected {name} without a source",
                f"write just {name}",
            )
        return encoder()

    return build_plain


ENCODERS: dict[str, Callable[[str, bool], Encoder]] = {
    "pixels": _plain("pixels", PixelsEncoder),
    "colours": _plain("colours", ColoursEncoder),
    "tones": _plain("tones", TonesEncoder),
    "edges": _plain("edges", EdgesEncoder),
    "distilled": _plain("distilled", _distilled),
    "onnx": _onnx,
    "python": _python,
    "diffusers": _diffusers,
    "baseline": _baseline,
}
"""What builds each encoder, from the text after the colon, and whether a stored model names it."""
OLD_NAMES = {"default": "distilled"}
"""Names that stored models and collections may hold, and what they are called now."""


def split_spec(spec: str) -> list[str]:
    """The parts of a text that names encoders joined by ``+``, each ``NAME`` or ``NAME:SOURCE``.

    A source may contain ``+``: only one before the whole name of an encoder, up to ``:``, ``+`` or
    the end, joins.
    """
    return re.split(rf"\+(?=(?:{'|'.join([*ENCODERS, *OLD_NAMES])})(?:[:+]|\Z))", spec)


def is_complete(spec: str) -> bool:
    """Whether originid and a model's folder hold all that the encoders need that a text names.

    Args:
        spec: as `split_spec` takes it.
    """
    names = {part.partition(":")[0] for part in split_spec(spec)}
    return names <= {*ENCODERS, *OLD_NAMES} - {"python", "diffusers", "baseline"}


def hub_ids(spec: str) -> list[str]:
    """The names of models of the Hugging Face hub in a text that names encoders.

    Args:
        spec: as `split_spec` takes it.
    """
    found = []
    for part in split_spec(spec):
        name, _, source = part.partition(":")
        if name == "baseline":
            model, _, source = source.partition(":")
            if not source and model in BASELINES and BASELINES[model].loader == "hub":
                source = BASELINES[model].source
        if name in ("diffusers", "baseline") and is_hub_id(source):
            found.append(source)
    return found


def with_files(spec: str, place: Callable[[int, str], str]) -> str:
    """Name the same encoders with their ONNX files at other places.

    Args:
        spec: as `split_spec` takes it.
        place: a function that is called with the number of a part and its file, and returns the
            place of the file.
    """
    return "+".join(
        f"onnx:{place(number, part.removeprefix('onnx:'))}" if part.startswith("onnx:") else part
        for number, part in enumerate(split_spec(spec))
    )


def open_encoder(spec: str, stored: bool = False) -> Encoder:
    """Build the encoder that a text names.

    Args:
        spec: as `split_spec` takes it.
        stored: whether the text comes from a stored model, which may be a stranger's. Then nothing
            is downloaded, and only what `trust.refuse_untrusted` lets pass is run or read.

    Raises:
        InputError: a name is unknown or a source cannot be used.
        ExtraError: the encoder's optional packages are not installed.

    Example:
        >>> import originid
        >>> originid.open_encoder("pixels+edges").shapes
        ((3, 32, 32), (5, 32, 32))
    """
    parts, named = [], split_spec(spec)
    if len(named) > MOST_JOINED:
        raise InputError(
            f"{len(named)} encoders joined by +",
            f"expected at most {MOST_JOINED}",
            "join fewer of them",
        )
    for part in named:
        name, _, source = part.partition(":")
        name = OLD_NAMES.get(name, name)
        if name not in ENCODERS:
            raise InputError(
                f"encoder {part[:200]!r}",
                f"expected one of {', '.join(ENCODERS)}, or several joined by +",
                closest(
                    name,
                    ENCODERS,
                    "for example: colours+edges, distilled (the packaged network), "
                    "diffusers:FOLDER_OR_HUB_ID, or python:MODULE:CLASS for one of your own",
                ),
            )
        if stored:
            refuse_untrusted(name, source)
        parts.append(ENCODERS[name](source, stored))
    return parts[0] if len(parts) == 1 else JoinedEncoder(tuple(parts))
