"""Whether there are pairs enough to train on, asked before anything is encoded."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from originid.errors import InputError
from originid.system.text import counted
from originid.types import Pair
from originid.verdict.pareto_tail import LEAST_SCORES

ENOUGH_PHOTOS = 200  # with fewer, origins of other pairs stand for strangers too


def refuse_few(pairs: Sequence[Pair], photos: Sequence[Path]) -> None:
    """Refuse pairs that are too few to calibrate a model on.

    A calibration compares the query of each pair with strangers: the photos, and if these are few
    the origins of other groups. It needs `LEAST_SCORES` comparisons.

    Args:
        pairs: the pairs of the manifest.
        photos: the files of further natural images.

    Raises:
        InputError: they are too few, even if every file can be read.
    """
    strangers = len(set(photos) - {path for pair in pairs for path in (pair.origin, pair.query)})
    comparisons = len(pairs) * strangers
    if strangers < ENOUGH_PHOTOS:
        groups = dict.fromkeys((pair.origin, pair.group) for pair in pairs)
        origins = Counter(group for _, group in groups)
        comparisons += sum(len(groups) - origins[pair.group] for pair in pairs)
    if comparisons < LEAST_SCORES:
        raise InputError(
            f"{counted(len(pairs), 'pair')} and {counted(strangers, 'other photo')}, which allow "
            f"{comparisons} comparisons of a query with a stranger",
            f"expected at least {LEAST_SCORES} comparisons, to tell chance from a match: 21 pairs "
            "of different origins have them, and so have 10 pairs with 40 photos",
            "give more pairs, or photos: --origins FOLDER",
        )
