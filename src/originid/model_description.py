"""Reads ``model.json``, which may be a stranger's: what a model folder says of itself.

What a model folder may hold, and how large that may be, is checked here and in `maps.limits`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from originid.encoders import split_spec
from originid.errors import ModelError
from originid.images.decode import PREPROCESSING
from originid.system.small_files import copy_small_file
from originid.system.strict_json import read_json
from originid.types import Json
from originid.verdict.calibration import Calibration

FORMAT = 1
PACKAGED = Path(str(files("originid") / "data" / "models"))
FILE = "model.json"
MAP = "map.safetensors"
MOST_BYTES = 256_000_000  # of each file of a model folder
MOST_SIZE = 4096  # pixels; the side of the images that an encoder takes
MOST_TEXT = 4096  # characters of the text that names the encoder, and of its identity
_ENCODER_FILE = re.compile(r"encoder(-[1-9][0-9]?)?\.onnx")
# Of scores, which are cosines, and of the shape and the scale of their tail. What lies outside
# of these cannot come from a calibration, and would overflow.
_SCORES, _SHAPES, _LEAST_SCALE = 2.0, 10.0, 1e-12


@dataclass(frozen=True)
class Description:
    """What a model folder says of itself.

    Args:
        spec: the text that names the encoder; ONNX files are named without a folder.
        identity: the identity that the encoder had when the map was fitted.
        size: side in pixels of the images that the model takes.
        map_sha256: hash of the map's file.
        calibration: from scores to confidence.
        training: how the model was made.
    """

    spec: str
    identity: str
    size: int
    map_sha256: str
    calibration: Calibration
    training: Json

    @property
    def encoder_files(self) -> list[str]:
        """The names of the encoder's files in the folder."""
        return [
            part.removeprefix("onnx:") for part in split_spec(self.spec) if part.startswith("onnx:")
        ]


def packaged_models() -> tuple[str, ...]:
    """Names of the models inside the package."""
    return tuple(sorted(path.parent.name for path in PACKAGED.glob(f"*/{FILE}")))


def is_packaged(folder: Path) -> bool:
    """Whether a folder is that of a model inside the package.

    Only there files may be links: some installers link the files of packages.
    """
    return folder.parent == PACKAGED


def copy_files(sources: Iterable[Path], folder: Path) -> None:
    """Copy the files of a model into a folder. Links of a model that is not packaged are refused.

    Args:
        sources: the files.
        folder: an empty folder.

    Raises:
        OSError: if a file is gone, or the disk refuses.
        ModelError: if a file is no regular file, or too large.
    """
    for source in sources:
        try:
            copy_small_file(source, folder / source.name, MOST_BYTES, is_packaged(source.parent))
        except ValueError as error:
            raise ModelError(
                f"{source}: {error}",
                "expected the regular files of a model folder",
                "copy the model again from where it came",
            ) from error


def read_description(folder: Path) -> Description:
    """Read the ``model.json`` of a model folder.

    Args:
        folder: the folder.

    Raises:
        OSError: if there is no such file, or it cannot be read.
        KeyError: if an entry is missing.
        TypeError: if an entry of the calibration has another type, or is unknown.
        ValueError: if the file is not one of this version, or an entry is out of its range.
        InputError: if the calibration contradicts itself.
    """
    stated = read_json(folder / FILE, links=is_packaged(folder))
    if stated["format"] != FORMAT or stated["preprocessing"] != PREPROCESSING:
        raise ValueError(
            f"format {_short(stated['format'])} with {_short(stated['preprocessing'])}, "
            f"this version reads {FORMAT} with {PREPROCESSING}"
        )
    encoder = _entry(stated, "encoder", dict)
    size = _entry(encoder, "size", int)
    if not 1 <= size <= MOST_SIZE:
        raise ValueError(f"images of {size} pixels, expected 1 to {MOST_SIZE}")
    description = Description(
        _text(encoder, "spec"),
        _text(encoder, "identity"),
        size,
        _text(_entry(stated, "map", dict), "sha256"),
        _calibration(_entry(stated, "calibration", dict)),
        _entry(stated, "training", dict),
    )
    for name in description.encoder_files:
        if not _ENCODER_FILE.fullmatch(name):
            raise ValueError(
                f"its encoder's file is {_short(name)}, expected encoder.onnx in its own folder"
            )
    return description


def _calibration(stated: Json) -> Calibration:
    calibration = Calibration.from_json(stated)
    tail = calibration.tail
    scores = max(map(abs, tail.body))
    if scores > _SCORES or abs(tail.shape) > _SHAPES or not _LEAST_SCALE <= tail.scale <= _SCORES:
        raise ValueError(f"a calibration that no scores have: {_short(tail)}")
    return calibration


def _entry(stated: Json, name: str, kind: type) -> Any:
    value = stated[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"its {name} is {_short(value)}, expected {_KINDS[kind]}")
    return value


_KINDS = {dict: "an object", int: "a whole number", str: "a text"}


def _text(stated: Json, name: str) -> str:
    text: str = _entry(stated, name, str)
    if not text or len(text) > MOST_TEXT or not text.isprintable():
        raise ValueError(f"its {name} is {_short(text)}, expected a text of one line")
    return text


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]} ..."
