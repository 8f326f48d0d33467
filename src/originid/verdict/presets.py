"""How often a query without an origin may be given one: a rate, or a word for a rate."""

import math

from originid.errors import UsageError
from originid.system.text import closest
from originid.types import Verdict

PRESETS = {"strict": 1e-4, "balanced": 1e-3, "wide": 1e-2}
"""The stated false-match rates by name. ``strict`` is for claims that nobody checks, ``wide`` for a
person who looks at every pair."""
DEFAULT = "balanced"
UNCERTAIN = 0.1  # false-match rate up to which a person should look


def read_rate(given: str | float) -> float:
    """Return the false-match rate that a text or a number states.

    Args:
        given: a key of `PRESETS`, or a number above 0 and at most `UNCERTAIN`.

    Raises:
        UsageError: it is neither.
    """
    text = str(given)
    if text in PRESETS:
        return PRESETS[text]
    try:
        rate = float(given)
    except (TypeError, ValueError):
        rate = math.nan
    if not 0 < rate <= UNCERTAIN:
        raise UsageError(
            f"a rate of false matches of {given!r}",
            f"expected {', '.join(PRESETS)}, or a number above 0 and at most {UNCERTAIN}",
            closest(
                text,
                PRESETS,
                "for example: 0.001, which allows 1 false origin in 1,000 queries without one",
            ),
        )
    return rate


def verdict_at(rate: float, stated: float) -> Verdict:
    """Return the verdict on a query.

    Args:
        rate: the false-match rate of its best match, in [0, 1].
        stated: the rate up to which the verdict is ``origin``, in (0, `UNCERTAIN`].
    """
    if rate <= stated:
        return Verdict.ORIGIN
    return Verdict.UNCERTAIN if rate <= UNCERTAIN else Verdict.NONE
