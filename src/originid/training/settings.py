"""What settings of training have in common: they are checked as they are made."""

from dataclasses import fields
from typing import Any, get_args, get_origin

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
