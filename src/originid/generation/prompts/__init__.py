"""Prompts: from a chat model that sees the image, from a file, or from templates."""

from pathlib import Path

from originid.errors import InputError
from originid.generation.prompts.base import PromptError, PromptSource
from originid.generation.prompts.chat import ChatPrompts, ChatSettings
from originid.generation.prompts.file import FilePrompts, columns, read_column
from originid.generation.prompts.templates import TemplatePrompts

__all__ = [
    "ChatPrompts",
    "ChatSettings",
    "FilePrompts",
    "PromptError",
    "PromptSource",
    "TemplatePrompts",
    "open_prompts",
]

NAMES = "names"
CHAT = "chat:"


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
        InputError: anything else, or a file that cannot be used.
    """
    if count < 1:
        raise InputError(f"{count} prompts an origin", "expected 1 or more", "ask for more")
    if spec == NAMES:
        return TemplatePrompts(count)
    if spec.startswith(CHAT):
        return ChatPrompts(ChatSettings.from_environment(spec.removeprefix(CHAT), count), folder)
    file = Path(spec)
    if file.suffix.lower() != ".csv":
        raise InputError(
            f"prompts from {spec!r}",
            "expected names, chat:MODEL, or a .csv file with columns path and prompt, or caption",
            "name one of these",
        )
    if "prompt" in columns(file):
        return FilePrompts(file, count)
    return TemplatePrompts(count, read_column(file, "caption"))
