"""Prompts: from a chat model that sees the image, from a file, or from templates."""

import re
from pathlib import Path

from originid.errors import UsageError
from originid.generation.prompts.base import PromptError, PromptSource
from originid.generation.prompts.chat import ChatPrompts
from originid.generation.prompts.chat_settings import ChatSettings
from originid.generation.prompts.file import COLUMNS, FilePrompts, columns, read_column
from originid.generation.prompts.templates import STYLES, TemplatePrompts

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
LEARNED = "styles"
CHAT = "chat:"
COUNT = 20  # prompts for each origin, as in the paper


def read_count(spec: str) -> tuple[str, int]:
    """Split ``SOURCE:COUNT`` into the source of prompts and the number of prompts an origin gets.

    Args:
        spec: The text of the option. Without ``:COUNT`` the number is 20.
    """
    found = re.fullmatch(r"(.+):([0-9]{1,9})", spec, re.DOTALL)
    return (found[1], int(found[2])) if found else (spec, COUNT)


def open_prompts(spec: str, count: int, folder: Path) -> PromptSource:
    """Open the source of prompts that an option names.

    Args:
        spec: One of: ``names``, for templates that are filled with the names of the files;
            ``styles``, for those that the two packaged generators have learned; a CSV file with the
            columns ``path`` and ``prompt``; a CSV file with ``path`` and ``caption``, for templates
            that are filled with captions; or ``chat:MODEL``, for a model behind the chat API of
            OpenAI at ``OPENAI_BASE_URL``, with the key ``OPENAI_API_KEY``.
        count: The number of prompts for each origin. A file of prompts may have fewer, and there
            are 18 styles.
        folder: The folder in which the answers of a chat model are kept.

    Raises:
        UsageError: The option names no source of prompts, or the count is below 1.
        InputError: The file cannot be used, or there is no key.
        ExtraError: A chat model is named, and the extra [generate] is not installed.
    """
    if count < 1:
        raise UsageError(
            f"{count} prompts for each origin", "expected 1 or more", "ask for more prompts"
        )
    if spec == NAMES:
        return TemplatePrompts(count)
    if spec == LEARNED:
        return TemplatePrompts(min(count, len(STYLES)), templates=STYLES)
    if spec.startswith(CHAT):
        return ChatPrompts(ChatSettings.from_environment(spec.removeprefix(CHAT), count), folder)
    file = Path(spec)
    if file.suffix.lower() != ".csv":
        raise UsageError(
            f"prompts from {spec!r}",
            f"expected names, styles, chat:MODEL, or a .csv file with {COLUMNS}",
            "name one of these sources",
        )
    if "prompt" in columns(file):
        return FilePrompts(file, count)
    return TemplatePrompts(count, read_column(file, "caption"))
