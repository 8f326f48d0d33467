"""What was done to a query, in words: its view, and the place at which it lies in a reference."""

from originid.types import Box

FULL = "full"
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
NEARLY_ALL = 0.9  # of a side, from which on it counts as whole
MIDDLE = (0.42, 0.58)  # of a side: between them lies the middle of what is in the middle
_AS, _PART = "as the ", " part of the reference"


def described(view: str, box: Box) -> str:
    """The view of a query at a place, such as "mirrored, as the upper left part of the reference".

    Args:
        view: what was done to the query, `FULL` where nothing was.
        box: where in the reference it lies: x0, y0, x1, y1 in [0, 1].
    """
    place = part_in_words(box)
    if not place:
        return view
    return place if view == FULL else f"{view}, {place}"


def is_place(words: str) -> bool:
    """Whether words of a view say where in the reference the query lies, and not what was done."""
    return words.startswith(_AS) and words.endswith(_PART)


def part_in_words(box: Box) -> str:
    """A part of a reference, such as "as the left part of the reference"; "" for all of it."""
    across = _along(box[0], box[2], "left", "right")
    down = _along(box[1], box[3], "upper", "lower")
    if not across and not down:
        return ""
    names = [name for name in (down, across) if name not in ("", "middle")]
    return f"{_AS}{' '.join(names) or 'middle'}{_PART}"


def _along(start: float, stop: float, first: str, last: str) -> str:
    """Where between the borders of a side a part lies; "" if it fills the side."""
    if stop - start >= NEARLY_ALL:
        return ""
    middle = (start + stop) / 2
    if middle < MIDDLE[0]:
        return first
    return last if middle > MIDDLE[1] else "middle"
