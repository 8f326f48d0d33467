"""Columns that experiments add to pairs, by which their tables break results down."""

from dataclasses import replace

from originid.datasets import Dataset
from originid.types import Pair

FAMILIES = (
    "SD 1",
    "SD 2",
    "SD 3",
    "SDXL",
    "SSD-1B",
    "FLUX",
    "Imagen",
    "DALL-E",
    "single-image DDPM",
    "ADM",
)
"""The families of generators: how the names of their members begin."""
PARADIGMS = {
    "InstructPix2Pix": ("instructpix2pix", "instruct-pix2pix", "ip2p"),
    "IP-Adapter": ("ip-adapter",),
    "EDICT": ("edict",),
    "Plug-and-Play": ("pnp", "plug-and-play"),
}
"""The ways to edit an image in the paper's Table 11, and the words that name them in a manifest."""


def label_pair(pair: Pair, dataset: Dataset) -> Pair:
    """Return a pair with three more columns: ``family``, ``training`` and ``paradigm``.

    ``family`` is the family of the generator. ``training`` is ``seen`` if the tables about seen
    and unseen generators let a map learn from the pair, else ``unseen``. ``paradigm`` is a key of
    `PARADIGMS`, or empty if the manifest names none of them, or several.

    Args:
        pair: the pair as the manifest has it.
        dataset: the data set of the pair, which says what column names the generator and which
            generator training may see.
    """
    generator = pair.fields.get(dataset.generator, "") if dataset.generator else ""
    family = next((each for each in FAMILIES if generator.startswith(each)), "")
    # RealPairs has dozens of rare generators, which one row of a table holds together.
    other = "other" if dataset.name == "realpairs" else generator or "unknown"
    words = " ".join(pair.fields.get(name, "") for name in ("method", "kind", "generator")).lower()
    paradigm = [name for name, keys in PARADIGMS.items() if any(key in words for key in keys)]
    seen = generator.startswith(dataset.seen)
    return replace(
        pair,
        fields={
            **pair.fields,
            "family": family or other,
            "training": "seen" if seen else "unseen",
            "paradigm": paradigm[0] if len(paradigm) == 1 else "",
        },
    )
