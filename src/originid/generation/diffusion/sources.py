"""Where models come from: a folder that diffusers wrote, or a hub id."""

from pathlib import Path
from typing import Any

from originid.errors import ExtraError, InputError
from originid.system import strict_json
from originid.system.quiet import quiet

LOGGERS = ("diffusers", "huggingface_hub", "transformers")
"""The loggers of the libraries that load models."""
SILENT = 60  # a level above CRITICAL, the highest of Python's logging, so that nothing is shown


def read_json(source: str, file: str) -> dict[str, Any] | None:
    """Read a JSON file of a folder or of a hub id.

    Args:
        source: The folder or the hub id.
        file: The path of the file in it.

    Returns:
        The JSON object; None where there is no such file, or where it holds no JSON object.

    Raises:
        InputError: The hub does not know the id, or cannot be reached.
        ExtraError: The source is a hub id, and the extra [generate] is not installed.
    """
    path = Path(source, file) if Path(source).is_dir() else _from_hub(source, file)
    try:
        return strict_json.read_json(path)
    except (OSError, ValueError):
        return None


def _from_hub(source: str, file: str) -> Path:
    """Download a file of a hub id and return its path, which leads to nothing if there is none."""
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ImportError as error:
        raise ExtraError(f"the generator {source}", "generate") from error
    try:
        with quiet(*LOGGERS, level=SILENT):
            return Path(hf_hub_download(source, file))
    except LocalEntryNotFoundError as error:  # there is no connection, and no copy in the cache
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
