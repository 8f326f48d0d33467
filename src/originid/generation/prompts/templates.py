"""Prompts without a model: what an image shows, in another style, place or time."""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from originid.errors import UsageError
from originid.types import Image

TEMPLATES: tuple[str, ...] = (
    "an oil painting of {caption}, thick brush strokes",
    "a watercolour of {caption} on rough paper",
    "a pencil drawing of {caption}",
    "{caption} in heavy snow, pale winter light",
    "{caption} at night under a sky full of stars",
    "{caption} at sunset, long warm shadows",
    "{caption} in autumn, red and golden leaves",
    "{caption} in a thunderstorm, dramatic clouds",
    "{caption} covered by morning fog",
    "{caption} as a stained glass window",
    "{caption} as a paper collage",
    "{caption} made of clay, stop-motion film still",
    "{caption} built from toy bricks",
    "a Japanese woodblock print of {caption}",
    "a medieval tapestry that shows {caption}",
    "a mosaic of {caption} in small stones",
    "{caption} as pixel art of an old video game",
    "{caption} in the style of a comic book, bold outlines",
    "{caption} in a neon city of the future",
    "{caption} in a steam-driven world of brass and gears",
    "{caption} under water, among corals and fish",
    "{caption} on another planet with two moons",
    "{caption} overgrown by an enchanted forest",
    "{caption} in a desert of red sand",
    "{caption} as a photograph from 1900, sepia and worn",
    "{caption} as a blueprint, white lines on blue",
    "an origami sculpture of {caption}",
    "{caption} carved in ice",
    "{caption} in soft pastel colours, a children's book",
    "a surreal dream of {caption}, floating islands",
    "{caption} in the manner of the Impressionists, dabs of light",
    "a cubist painting of {caption}",
    "a graffiti mural of {caption} on a brick wall",
    "{caption} as an embroidered patch",
    "{caption} after a great flood, mirrored in still water",
    "{caption} lit by hundreds of lanterns, a summer festival",
    "a charcoal sketch of {caption} with strong contrasts",
    "{caption} as a low-poly 3D model",
    "{caption} in gold leaf and deep blue, an illuminated manuscript",
    "{caption} in spring, cherry blossoms everywhere",
)
"""The templates. Each holds ``{caption}`` once."""
STYLES: tuple[str, ...] = (
    "a black and white photo of {caption}",
    "a pencil drawing of {caption}",
    "an oil painting of {caption}",
    "a watercolour of {caption}",
    "a cartoon of {caption}",
    "a comic of {caption}",
    "an engraving of {caption}",
    "a blueprint of {caption}",
    "neon lights of {caption}",
    "a thermal image of {caption}",
    "pixel art of {caption}",
    "an old photo of {caption}",
    "a negative of {caption}",
    "{caption} at night",
    "{caption} at sunset",
    "{caption} in the fog",
    "{caption} in the snow",
    "{caption} in autumn",
)
"""The templates that the two packaged generators have learned; they make a blur of others."""


class TemplatePrompts:
    """Templates that are filled with captions.

    Which templates an image gets depends only on its name and its caption.

    Args:
        count: The number of prompts for each origin, at most one for each template.
        captions: The captions of images, by absolute path with links followed. For an image that
            has none, the caption is made of the name of its file, or of its folder where that name
            has no words.
        templates: Texts that hold ``{caption}`` once.

    Raises:
        UsageError: More prompts are asked for than there are templates, or fewer than 1.
    """

    def __init__(
        self,
        count: int,
        captions: Mapping[str, Sequence[str]] | None = None,
        templates: Sequence[str] = TEMPLATES,
    ) -> None:
        if not 1 <= count <= len(templates):
            raise UsageError(
                f"{count} prompts for each origin from {len(templates)} templates",
                f"expected 1 to {len(templates)}",
                "ask for fewer, or use a file of prompts or a chat model",
            )
        self._count, self._captions, self._templates = count, captions or {}, templates

    def count(self, path: Path) -> int:
        """Return the number of prompts, which is the same for every image.

        Args:
            path: The path of the image file, which does not matter.
        """
        return self._count

    def prompts(self, path: Path, image: Image) -> list[str]:
        """Return some templates, filled with the captions of an image in turn.

        Args:
            path: The path of the image file.
            image: The image, which does not matter.
        """
        captions = self._captions.get(os.path.realpath(path)) or [caption_of_name(path)]
        # An order that looks random, but is the same on every machine and in every Python.
        order = sorted(self._templates, key=lambda text: _digest(path.name, captions[0], text))
        return [
            template.replace("{caption}", captions[place % len(captions)].rstrip(". "))
            for place, template in enumerate(order[: self._count])
        ]


def caption_of_name(path: Path) -> str:
    """Return the words in the name of a file, else in that of its folder, else ``a scene``.

    Args:
        path: The path of the image file.
    """
    for name in (path.stem, path.absolute().parent.name):
        words = re.findall(r"[^\W\d_]{2,}", name)
        if words:
            return " ".join(words)
    return "a scene"


def _digest(*texts: str) -> bytes:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).digest()
