"""How a measured quantity grows with the number of references: between and beyond the sizes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum


class Basis(str, Enum):
    """Where a figure of a plan comes from."""

    MEASURED = "measured"
    EXTRAPOLATED = "extrapolated"
    ASSUMED = "assumed"
    STATED = "stated"
    UNKNOWN = "not measured"


@dataclass(frozen=True)
class Growth:
    """A quantity that was measured at some sizes, and never falls with the size.

    Between two sizes it lies on the line between them. Beyond them it goes on along the line
    through the two that are last, or first. A value below that of a smaller size counts as noise,
    and is raised to it.

    Args:
        sizes: the numbers of references, ascending, at least one.
        values: what was measured at each of them, at least 0.
    """

    sizes: tuple[int, ...]
    values: tuple[float, ...]

    def at(self, references: float) -> float:
        """Return the quantity at a number of references, which is at least 0."""
        sizes, values = self.sizes, self._risen()
        if references > sizes[-1]:
            return values[-1] + self.slope * (references - sizes[-1])
        if references < sizes[0]:
            slope = (values[1] - values[0]) / (sizes[1] - sizes[0]) if len(sizes) > 1 else 0.0
            return max(0.0, values[0] - slope * (sizes[0] - references))
        return interpolated(sizes, values, references)

    @property
    def slope(self) -> float:
        """What one more reference adds at the largest sizes; of a single size, its share."""
        sizes, values = self.sizes, self._risen()
        if len(sizes) == 1:
            return values[0] / sizes[0]
        return (values[-1] - values[-2]) / (sizes[-1] - sizes[-2])

    def most(self, value: float, limit: int) -> int:
        """Return the largest number of references up to which the quantity is at most a value.

        Args:
            value: the value.
            limit: the largest number that is looked at.
        """
        return largest(lambda references: self.at(references) <= value, limit)

    def _risen(self) -> tuple[float, ...]:
        return tuple(max(self.values[: i + 1]) for i in range(len(self.values)))


def largest(holds: Callable[[int], bool], limit: int) -> int:
    """Return the largest whole number for which a condition holds that, once broken, stays so.

    Args:
        holds: the condition.
        limit: the largest number that is looked at; 0 is returned if the condition never holds.
    """
    low, high = 0, limit + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def interpolated(sizes: Sequence[float], values: Sequence[float], size: float) -> float:
    """Return the value at a size on the line between its neighbours; the ends stay as they are.

    Args:
        sizes: at least one, ascending.
        values: one for each size.
        size: where it is read.
    """
    if size <= sizes[0]:
        return values[0]
    for i in range(1, len(sizes)):
        if size <= sizes[i]:
            share = (size - sizes[i - 1]) / (sizes[i] - sizes[i - 1])
            return values[i - 1] + share * (values[i] - values[i - 1])
    return values[-1]


def times(whole: float, part: float) -> int:
    """Return how many parts a whole needs, at least 1."""
    return max(1, math.ceil(whole / part))
