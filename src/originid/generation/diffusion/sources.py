"""Where models come from: a folder that diffusers wrote, or a hub id."""

import json
from pathlib import Path
from typing import Any

from originid.errors import ExtraError, InputError
from originid.system.quiet import quiet

LOGGERS = ("diffusers", "huggingface_hub", "transformers")
"""The loggers of the libraries that load models."""
SILENT = 60  # a level above CRITICAL, the highest of Python's logging, so that nothing is shown


def read_json(source: str, file: str) -> dict[str, Any] | None:
    """A JSON file of a folder or hub id; None where there is none or it is no JSON object.

    Raises:
        InputError: the hub does not know the id, or cannot be reached.
        ExtraError: a hub id without the extra [generate].
    """
    path = Path(source, file) if Path(source).is_dir() else _from_hub(source, file)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _from_hub(source: str, file: str) -> Path:
    """Where a file of a hub id lies, downloaded; a path to nothing if there is no such file."""
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ImportError as error:
        raise ExtraError(f"the generator {source}", "generate") from error
    try:
        with quiet(*LOGGERS, level=SILENT):
            return Path(hf_hub_download(source, file))
    except LocalEntryNotFoundError as error:  # not in the cache, and no connection
        raise _unreachable(source) from error
    except EntryNotFoundError:
        return Path(source, file)
    except (OSError, ValueError) as error:
        raise _unreachable(source) from error


def _unreachable(source: str) -> InputError:
    return InputError(
        f"generator {source!r} is neither a preset nor a folder, and the hub did not give it",
        "expected a name of `originid generate --list`, or a folder or hub id of diffusers",
        "check the name and the connection, and log in with `hf auth login` if it is gated",
    )
