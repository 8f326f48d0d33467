"""What every source of prompts offers."""

from pathlib import Path
from typing import Protocol

from originid.errors import InputError
from originid.types import Image


class PromptError(InputError):
    """No prompts for one image; others may have some."""


def one_line(text: str) -> str:
    """A text with single spaces and without what cannot be printed."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


class PromptSource(Protocol):
    """Gives each origin its prompts; may be called from several threads at once."""

    def count(self, path: Path) -> int:
        """How many prompts the image at ``path`` gets at most, without any cost."""
        ...

    def prompts(self, path: Path, image: Image) -> list[str]:
        """The prompts of an origin, different and not empty; the same when asked again.

        Args:
            path: of the file.
            image: what it shows, uint8 (h, w, 3).

        Raises:
            PromptError: there are none for this image.
            InputError: there will be none for any other image either.
        """
        ...
