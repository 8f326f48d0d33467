"""Prompts: from a chat model that sees the image, from a file, or from templates."""

import re
from pathlib import Path

from originid.errors import UsageError
from originid.generation.prompts.base import PromptError, PromptSource
from originid.generation.prompts.chat import ChatPrompts, ChatSettings
from originid.generation.prompts.file import COLUMNS, FilePrompts, columns, read_column
from originid.generation.prompts.templates import TemplatePrompts

__all__ = [
    "ChatPrompts",
    "ChatSettings",
    "FilePrompts",
    "PromptError",
    "PromptSource",
    "TemplatePrompts",
    "open_prompts",
    "read_count",
]

NAMES = "names"
CHAT = "chat:"
COUNT = 20  # prompts an origin, as in the paper


def read_count(spec: str) -> tuple[str, int]:
    """The source of prompts in ``SOURCE:COUNT``, and how many an origin gets, by default 20."""
    found = re.fullmatch(r"(.+):([0-9]{1,9})", spec, re.DOTALL)
    return (found[1], int(found[2])) if found else (spec, COUNT)


def open_prompts(spec: str, count: int, folder: Path) -> PromptSource:
    """Open the prompts that an option names.

    Args:
        spec: ``names`` for templates over the names of the files; a CSV file with the columns
            ``path`` and ``prompt``; one with ``path`` and ``caption``, for templates over
            captions; or ``chat:MODEL`` for a model behind the chat API of OpenAI, at
            ``OPENAI_BASE_URL`` and with the key ``OPENAI_API_KEY``.
        count: prompts an origin; a file of prompts may have fewer.
        folder: where answers of a chat model are kept.

    Raises:
        UsageError: anything else.
        InputError: a file that cannot be used.
    """
    if count < 1:
        raise UsageError(f"{count} prompts an origin", "expected 1 or more", "ask for more")
    if spec == NAMES:
        return TemplatePrompts(count)
    if spec.startswith(CHAT):
        return ChatPrompts(ChatSettings.from_environment(spec.removeprefix(CHAT), count), folder)
    file = Path(spec)
    if file.suffix.lower() != ".csv":
        raise UsageError(
            f"prompts from {spec!r}",
            f"expected names, chat:MODEL, or a .csv file with {COLUMNS}",
            "name one of these",
        )
    if "prompt" in columns(file):
        return FilePrompts(file, count)
    return TemplatePrompts(count, read_column(file, "caption"))
