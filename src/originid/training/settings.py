"""What settings have in common: they are checked as they are made, and read from files."""

import json
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from originid.errors import InputError

WHOLE = "a whole number, at least 1"
POSITIVE = "a positive number"
SEED = "a whole number, at least 0"


class Checked:
    """Base of frozen dataclasses: a value of another type or out of range raises InputError."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type] # every subclass is a dataclass
            if not _fits(getattr(self, each.name), each.type):
                raise self._bad(each.name, f"a value of type {_type_name(each.type)}")
        for name, (good, expected) in self.ranges().items():
            if not good:
                raise self._bad(name, expected)

    def ranges(self) -> dict[str, tuple[bool, str]]:
        """By the name of a value, whether it is in its range, and what is expected."""
        raise NotImplementedError

    def _bad(self, name: str, expected: str) -> InputError:
        return InputError(
            f"{name} = {getattr(self, name)!r}", f"expected {expected}", f"choose another {name}"
        )


def _fits(value: object, kind: Any) -> bool:
    if isinstance(value, bool):  # which Python takes for an int
        return kind is bool
    if kind is float:
        return isinstance(value, (int, float))
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_fits(each, get_args(kind)[0]) for each in value)
    return isinstance(value, kind)


def _type_name(kind: Any) -> str:
    return getattr(kind, "__name__", None) or str(kind)


CheckedSettings = TypeVar("CheckedSettings", bound=Checked)


def read_settings(
    path: str | os.PathLike[str], presets: Mapping[str, CheckedSettings]
) -> CheckedSettings:
    """Read settings from a JSON object: ``{"preset": "paper", "epochs": 5}``.

    Args:
        path: of the file.
        presets: by name; without ``preset`` the keys change the first.

    Raises:
        InputError: not such a file, an unknown key or preset, or a value out of range.
    """
    values = _read_object(os.fspath(path))
    preset = values.pop("preset", next(iter(presets)))
    if preset not in list(presets):  # a list has no hash
        raise _unknown("preset", preset, presets)
    base = presets[preset]
    known = [each.name for each in fields(base)]  # type: ignore[arg-type] # a dataclass
    for key in values:
        if key not in known:
            raise _unknown("setting", key, known)
    return replace(base, **values)  # type: ignore[type-var] # a dataclass


def _read_object(name: str) -> dict[str, Any]:
    try:
        given = json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"settings {name} cannot be read: {error}",
            "expected a file with one JSON object",
            "check the path and the commas",
        ) from error
    if not isinstance(given, dict):
        raise InputError(
            f"settings {name} hold a {type(given).__name__}",
            "expected one JSON object",
            'write for example {"preset": "paper"}',
        )
    return given


def _unknown(what: str, name: object, known: Any) -> InputError:
    return InputError(
        f"{what} {name!r}", f"expected one of {', '.join(known)}", "check its spelling"
    )
