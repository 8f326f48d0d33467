"""Public models as encoders: those that the paper compares with (Tables 2 and 9), and others.

The spec of such an encoder is ``baseline:NAME`` or ``baseline:NAME:SOURCE``. To add a model, add a
line to `presets.BASELINES`.
"""

from originid.encoders.base import Encoder
from originid.encoders.public.presets import BASELINES, Baseline
from originid.errors import InputError
from originid.system.text import closest

__all__ = ["BASELINES", "Baseline", "open_baseline", "refuse_unknown"]


def open_baseline(text: str, local: bool = False) -> Encoder:
    """Open a public model as an encoder.

    Args:
        text: ``NAME`` or ``NAME:SOURCE``. NAME is a key of `BASELINES`. SOURCE is a file, a folder
            or a hub id to load in place of the usual weights.
        local: whether nothing may be downloaded: a hub id is then looked up in the hub's cache.

    Raises:
        InputError: if there is no such model, or its weights cannot be loaded.
        ExtraError: if the packages that it needs are not installed.
    """
    name, _, source = text.partition(":")
    refuse_unknown(name)
    baseline = BASELINES[name]
    if baseline.loader == "hash":
        from originid.encoders.public.hashes import HashEncoder  # does not import torch

        return HashEncoder.open(baseline, source)
    from originid.encoders.public.encoder import BaselineEncoder  # imports torch, takes seconds

    return BaselineEncoder(baseline, source, local=local)


def refuse_unknown(name: str) -> None:
    """Refuse a name that no public model has.

    Raises:
        InputError: there is none.
    """
    if name not in BASELINES:
        raise InputError(
            f"baseline {name!r}",
            f"expected one of {', '.join(BASELINES)}",
            closest(
                name,
                BASELINES,
                "for example: baseline:phash, baseline:clip or baseline:sscd:FILE",
            ),
        )
