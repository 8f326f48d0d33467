"""Attacks: what happens to a query after it was made, before somebody searches for its origin.

An attack is a step, or several one after the other. A step degrades the pixels (the paper's
Figure 7) or moves the picture: it is cut, mirrored, turned or framed. It is applied to the image at
its own size, before the image is squashed for the encoder.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from originid.errors import InputError
from originid.evaluation import degradations, moves
from originid.system.text import closest
from originid.types import Image

_LARGEST = 4.0  # the largest scale of `resize`; nobody enlarges a query more than that


@dataclass(frozen=True)
class Kind:
    """A way to change an image at different levels.

    Args:
        apply: the function from an image and a level to the changed image.
        most: the highest level; the lowest is anything above 0. 0 means that there are no levels.
        level: the levels in words, for an error.
        whole: whether only whole numbers from 1 on are levels.
    """

    apply: Callable[[Image, float], Image]
    most: float = 0
    level: str = ""
    whole: bool = False

    def admits(self, level: float) -> bool:
        """Return whether a number is a level of this kind; without levels it is 0.

        Args:
            level: any finite number.
        """
        if self.whole:
            return level == round(level) and 1 <= level <= self.most
        return 0 < level <= self.most or level == self.most == 0


@dataclass(frozen=True)
class Step:
    """One change at a level. As a text it is ``NAME:LEVEL``, or ``NAME`` where there are no levels.

    Args:
        name: a key of `ATTACKS`.
        level: the level, in the range of that kind; 0 if it has no levels.

    Raises:
        InputError: if the name is unknown, or the level is out of its range.
    """

    name: str
    level: float = 0

    def __post_init__(self) -> None:
        kind = ATTACKS.get(self.name)
        if kind is None or not math.isfinite(self.level) or not kind.admits(self.level):
            raise _refusal(str(self))

    def __str__(self) -> str:
        # All digits and never an exponent, so that `parse_attack` reads the same level.
        level = np.format_float_positional(self.level, trim="-")
        return f"{self.name}:{level}" if self.level else self.name


@dataclass(frozen=True)
class Attack:
    """Steps that are done one after the other. As a text they are joined by ``+``.

    Args:
        steps: at least one step, the first one first.
    """

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "+".join(map(str, self.steps))

    def apply(self, image: Image) -> Image:
        """Change an image. The same image always gives the same result.

        Args:
            image: uint8 RGB of shape (h, w, 3).

        Returns:
            uint8 RGB of shape (h, w, 3), of another size where a step changes the size.

        Raises:
            ImageError: if the image is too large for a step.
        """
        for step in self.steps:
            image = ATTACKS[step.name].apply(image, step.level)
        return image


def parse_attack(text: str) -> Attack:
    """Read an attack from a text.

    Args:
        text: steps joined by ``+``, each ``NAME:LEVEL``, or ``NAME`` where there are no levels,
            such as ``jpeg:30`` and ``crop:25+mirror+jpeg:40``.

    Raises:
        InputError: if a name is unknown, or a level is not a number in its range.
    """
    return Attack(tuple(_parse_step(step) for step in text.split("+")))


def _parse_step(text: str) -> Step:
    name, colon, level = text.partition(":")
    # `float` would also accept texts such as "1_0", " 3" and "1e2".
    if colon and not (re.fullmatch(r"[0-9]*\.?[0-9]+", level) and float(level)):
        raise _refusal(text)
    try:
        return Step(name, float(level) if colon else 0)
    except InputError:
        raise _refusal(text) from None


def _refusal(text: str) -> InputError:
    known = "; ".join(
        f"{name}:{kind.level}" if kind.most else name for name, kind in ATTACKS.items()
    )
    name = text.partition(":")[0]
    todo = "choose a name and a level; join several by +"
    todo = todo if name in ATTACKS else closest(name, ATTACKS, todo)
    return InputError(f"attack {text!r}", f"expected {known}", todo)


ATTACKS: Mapping[str, Kind] = {
    "jpeg": Kind(degradations.jpeg, 100, "QUALITY, a whole number from 1 to 100", whole=True),
    "blur": Kind(degradations.blur, 100, "SIGMA in pixels, above 0, at most 100"),
    "resize": Kind(
        degradations.resize, _LARGEST, f"SCALE of both sides, above 0, at most {_LARGEST:g}"
    ),
    "watermark": Kind(degradations.watermark, 1, "OPACITY, above 0, at most 1"),
    "social": Kind(moves.social, 100, "QUALITY, a whole number from 1 to 100", whole=True),
    "mirror": Kind(moves.mirror),
    "crop": Kind(moves.crop, 90, "PERCENT of the area that is cut away, above 0, at most 90"),
    "square": Kind(moves.square),
    "story": Kind(moves.story),
    "quarter": Kind(moves.quarter, 3, "TURNS, 1, 2 or 3", whole=True),
    "turn": Kind(moves.turn, 45, "DEGREES, above 0, at most 45"),
    "letterbox": Kind(moves.letterbox, 90, "PERCENT that is bars, above 0, at most 90"),
    "pad": Kind(moves.pad, 90, "PERCENT of each side that is margin, above 0, at most 90"),
    "screenshot": Kind(moves.screenshot),
    "side-by-side": Kind(moves.side_by_side),
    "caption": Kind(moves.caption),
}
"""The steps of attacks by name: the four of the paper's Figure 7, then those of `moves`."""
