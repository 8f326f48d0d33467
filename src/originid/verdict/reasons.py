"""Why a verdict is what it is, in one plain sentence made of the numbers behind it."""

import math

from originid.types import Verdict

CERTAIN = 1e-4  # false-match rate from which a verdict is called certain
SAME_FILE = "the same file"
SAME_PICTURE = "the same picture, saved again"
TOO_LITTLE = "too little in this picture to tell"


def reason(verdict: Verdict, rate: float, references: int, calibrated: bool = True) -> str:
    """The sentence for a verdict that follows from a false-match rate.

    Args:
        verdict: the verdict.
        rate: the probability in [0, 1] that the best stranger in the collection scores as high.
        references: the number of references in the collection, at least 1.
        calibrated: whether the rate is of this collection, or of the model's photos alone.
    """
    where = "in this collection" if calibrated else "among the photos of the model"
    if verdict is Verdict.ORIGIN:
        word = "certain" if rate <= CERTAIN else "likely"
        return f"{word}: {one_in(rate)} strangers {where} scores as high"
    best = "the only reference" if references == 1 else f"the best of {references:,} strangers"
    if verdict is Verdict.UNCERTAIN:
        return f"look at it: {best} would score as high 1 time in {rounded(1 / max(rate, 1e-12))}"
    return f"none: {best} would score as high {often(rate)}"


def crowd(count: int) -> str:
    """The sentence for a query that many references resemble alike.

    Args:
        count: how many references score nearly as high as the best, at least 2.
    """
    return f"looks like {count:,} references here alike: what they share is no evidence"


def often(rate: float) -> str:
    """A probability in [0, 1] in words: half of the time, 3 times in 10, and so on."""
    if rate >= 0.95:
        return "nearly always"
    if rate >= 0.45:
        return "half of the time" if rate <= 0.55 else f"{round(10 * rate)} times in 10"
    tenths = round(10 * rate)
    return f"{tenths} times in 10" if tenths >= 2 else f"1 time in {rounded(1 / max(rate, 1e-12))}"


RAREST = 1e-5  # rate below which a sample of some hundred strangers tells nothing more


def one_in(rate: float) -> str:
    """How many strangers score as high, of a false-match rate in [0, 1]: "1 in 2,000"."""
    if rate < RAREST:
        return f"fewer than 1 in {round(1 / RAREST):,}"
    return f"1 in {rounded(1 / rate)}"


MOST = 1_000_000_000_000  # above it, a number of strangers says nothing more to a person


def rounded(number: float) -> str:
    """A number of at least 1 with one significant digit, below it: 2,718 is 2,000.

    Rounding down never claims more certainty than there is.
    """
    number = min(number, MOST)
    if number < 10:
        return f"{max(1, math.floor(number))}"
    power = 10 ** math.floor(math.log10(number) + 1e-12)
    return f"{math.floor(number / power + 1e-9) * power:,}"
