"""The generator that an option names, with the changes that a file of settings makes to it."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from originid.errors import InputError
from originid.generation.diffusion.named import generator_named
from originid.generation.diffusion.presets import BATCH, GENERATORS, Generator
from originid.system.strict_json import read_json

_KEYS = {
    "generator": "a name of `originid generate --list`, or a folder or hub id of diffusers",
    "seed": "a whole number, at least 0",
    "batch": "a whole number, at least 1",
    "steps": "a whole number, at least 1",
    "guidance": "a number, at least 0",
    "size": "pixels, a multiple of 8",
    "options": "an object with further arguments of the pipeline's call",
}


@dataclass(frozen=True)
class ChosenGenerator:
    """A generator, and how its images are made.

    Args:
        generator: The generator.
        seed: The seed of all images.
        batch: The number of images made at a time.
    """

    generator: Generator
    seed: int = 0
    batch: int = BATCH


def choose(text: str) -> ChosenGenerator:
    """Return the generator that an option names.

    Args:
        text: A name that `generator_named` takes, or the path of a ``.json`` file. The file holds
            an object with the key ``generator``, which is such a name (a folder is relative to the
            file), and any of ``seed``, ``batch``, ``steps``, ``guidance``, ``size`` and
            ``options``. The images then carry the name of the file without its ending.

    Raises:
        UsageError: The name cannot be a preset, a folder or a hub id.
        InputError: The generator cannot be found, the file cannot be read, a key is unknown, or a
            value is out of its range.
        ExtraError: The name is a hub id, and the extra [generate] is not installed.
    """
    if not text.endswith(".json") or os.path.isdir(text):
        return ChosenGenerator(generator_named(text))
    file = Path(text)
    stated = _read(file)
    name = stated.pop("generator")
    if name not in GENERATORS and os.path.isdir(file.parent / name):
        name = str(file.parent / name)
    seed, batch = stated.pop("seed", 0), stated.pop("batch", BATCH)
    return ChosenGenerator(replace(generator_named(name), name=file.stem, **stated), seed, batch)


def _read(file: Path) -> dict[str, Any]:
    try:
        stated = read_json(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{file}: {reason}",
            "expected a JSON file that can be read",
            "check its path and its content",
        ) from error
    if "generator" not in stated or stated.keys() - _KEYS.keys():
        raise InputError(
            f"{file} states {', '.join(stated)[:300] or 'nothing'}",
            f"expected the key generator, and any of the keys {', '.join(list(_KEYS)[1:])}",
            "correct the keys of the file",
        )
    for key, value in stated.items():
        if not _fits(key, value):
            raise InputError(
                f"{file}: {key} = {value!r}", f"expected {_KEYS[key]}", f"choose another {key}"
            )
    return stated


def _fits(key: str, value: Any) -> bool:
    if key in ("generator", "options"):
        return isinstance(value, str if key == "generator" else Mapping)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if key == "guidance":
        return 0 <= value < math.inf
    least = {"seed": 0, "size": 8}.get(key, 1)
    return isinstance(value, int) and value >= least and (key != "size" or value % 8 == 0)
