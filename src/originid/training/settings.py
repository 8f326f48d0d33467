"""What the settings of all trainings have in common: their checks, their files and their rates.

A class of settings is a frozen dataclass that inherits from `Checked`. Its values are checked when
it is made, so that a wrong value is refused before any work begins.
"""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

from originid.errors import InputError
from originid.system.strict_json import read_json
from originid.system.text import closest

Range = tuple[bool, str]
"""Whether a value is in its range, and the range in words, as they follow "expected"."""


def at_least(value: int, least: int) -> Range:
    """Return the range of a whole number with a smallest value.

    Args:
        value: The value to check.
        least: The smallest value allowed.
    """
    return value >= least, f"a whole number, at least {least}"


def positive(value: float) -> Range:
    """Return the range of a finite number above 0.

    Args:
        value: The value to check.
    """
    return 0 < value < math.inf, "a positive number"


def below_one(value: float) -> Range:
    """Return the range [0, 1) of a number, such as the decay of a moving average.

    Args:
        value: The value to check.
    """
    return 0 <= value < 1, "a number in [0, 1)"


def one_of(value: str, names: Iterable[str]) -> Range:
    """Return the range of a text that must be one of some names.

    Args:
        value: The value to check.
        names: The names that are allowed.
    """
    known = tuple(names)
    return value in known, f"one of {', '.join(known)}"


class Checked:
    """The base of frozen dataclasses whose values are checked when they are made.

    Raises:
        InputError: A value has another type than its field, or is out of its range.
    """

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type] # every subclass is a dataclass
            if not _fits(getattr(self, each.name), each.type):
                raise self._bad(each.name, f"a value of type {_type_name(each.type)}")
        for name, (good, expected) in self.ranges().items():
            if not good:
                raise self._bad(name, expected)

    def ranges(self) -> dict[str, Range]:
        """Return the range of each value that has one, by the name of the field."""
        raise NotImplementedError

    def _bad(self, name: str, expected: str) -> InputError:
        return InputError(
            f"{name} = {getattr(self, name)!r}", f"expected {expected}", f"choose another {name}"
        )


def _fits(value: object, kind: Any) -> bool:
    """Whether a value, which may come from a JSON file, has the type of its field."""
    if isinstance(value, bool):  # Python counts a bool as an int; we do not
        return kind is bool
    if kind is float:
        return isinstance(value, (int, float))
    if get_origin(kind) is UnionType:
        return any(_fits(value, each) for each in get_args(kind))
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_fits(each, get_args(kind)[0]) for each in value)
    return isinstance(value, kind)


def _type_name(kind: Any) -> str:
    return getattr(kind, "__name__", None) or str(kind)


CheckedSettings = TypeVar("CheckedSettings", bound=Checked)


def read_settings(
    path: str | os.PathLike[str], presets: Mapping[str, CheckedSettings]
) -> CheckedSettings:
    """Read settings from a JSON file such as ``{"preset": "paper", "epochs": 5}``.

    Args:
        path: The path of the JSON file, which holds one object.
        presets: The settings that the key ``preset`` may name. A file without this key changes
            the first of them.

    Raises:
        InputError: The file cannot be read, a key or the preset is unknown, or a value is out of
            its range.
    """
    values = _read_object(os.fspath(path))
    first = next(iter(presets))
    assumed = "" if "preset" in values else f"; the file names no preset, which means {first}"
    preset = values.pop("preset", first)
    if preset not in list(presets):  # a JSON value may be a list, which a dict cannot look up
        raise _unknown("preset", preset, presets)
    base = presets[preset]
    known = [each.name for each in fields(base)]  # type: ignore[arg-type] # a dataclass
    for key in values:
        if key not in known:
            raise _unknown("setting", key, known, assumed)
    given = {key: tuple(each) if isinstance(each, list) else each for key, each in values.items()}
    return replace(base, **given)  # type: ignore[type-var] # a dataclass


def warmed_cosine(rate: float, step: int, steps: int, warmup: int) -> float:
    """Return the rate of a step: it rises in a straight line, and falls along half a cosine to 0.

    Args:
        rate: The rate at its peak.
        step: The number of the step, counted from 0.
        steps: The number of steps in all.
        warmup: The number of steps in which the rate rises.
    """
    warm = min(1.0, (step + 1) / max(1, warmup))
    return rate * warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def _read_object(name: str) -> dict[str, Any]:
    """Read a file that holds one JSON object."""
    try:
        return read_json(name)
    except (OSError, ValueError) as error:
        raise InputError(
            f"the settings file {name} cannot be read: {error}",
            "expected a file with one JSON object",
            'check the path and the commas; write for example {"preset": "paper"}',
        ) from error


def _unknown(what: str, name: object, known: Iterable[str], more: str = "") -> InputError:
    names = list(known)
    todo = closest(str(name), names, "check its spelling")
    return InputError(f"{what} {name!r}", f"expected one of {', '.join(names)}", todo + more)
