"""What every source of prompts offers."""

from pathlib import Path
from typing import Protocol

from originid.errors import InputError
from originid.types import Image


class PromptError(InputError):
    """There are no prompts for one image, but there may be some for others."""


def one_line(text: str) -> str:
    """Return a text with single spaces, and without characters that cannot be printed.

    Args:
        text: Any text.
    """
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


class PromptSource(Protocol):
    """Gives each origin its prompts. Several threads may call it at once."""

    def count(self, path: Path) -> int:
        """Return the largest number of prompts that an image gets. This costs nothing.

        Args:
            path: The path of the image file.
        """
        ...

    def prompts(self, path: Path, image: Image) -> list[str]:
        """Return the prompts of an origin, which are all different and not empty.

        Asked again about the same image, it returns the same prompts.

        Args:
            path: The path of the image file.
            image: The image in the file: uint8 of shape (h, w, 3).

        Raises:
            PromptError: There are no prompts for this image.
            InputError: There are no prompts for any other image either.
        """
        ...
