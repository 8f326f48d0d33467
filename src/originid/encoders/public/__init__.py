"""Public models as encoders: those that the paper compares with (Tables 2 and 9), and others.

``baseline:NAME`` or ``baseline:NAME:SOURCE`` names one. To add one, write a line in
`presets.BASELINES`.
"""

from originid.encoders.base import Encoder
from originid.encoders.public.presets import BASELINES, Baseline
from originid.errors import InputError

__all__ = ["BASELINES", "Baseline", "open_baseline"]


def open_baseline(text: str) -> Encoder:
    """Build the encoder of a public model.

    Args:
        text: its name, and after a colon what to load in place of its usual weights: a file, a
            folder, or a hub id.

    Raises:
        InputError: no such model, or its weights cannot be had.
        ExtraError: its packages are not installed.
    """
    name, _, source = text.partition(":")
    if name not in BASELINES:
        raise InputError(
            f"baseline {name!r}",
            f"expected one of {', '.join(BASELINES)}",
            "for example: baseline:phash, baseline:clip or baseline:sscd:FILE",
        )
    baseline = BASELINES[name]
    if baseline.loader == "hash":
        from originid.encoders.public.hashes import HashEncoder  # needs no torch

        return HashEncoder.open(baseline, source)
    from originid.encoders.public.encoder import BaselineEncoder  # imports torch: seconds

    return BaselineEncoder(baseline, source)
