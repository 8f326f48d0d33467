"""The files that a command is told to write: their endings, their folders, what they replace."""

from collections.abc import Sequence
from pathlib import Path

from originid.errors import InputError, UsageError
from originid.system.storage import storage_errors
from originid.system.text import quoted

HEAD = 1024  # bytes among which a file of ours has what it is known by


def refuse_other_output(path: Path, what: str, suffixes: Sequence[str], todo: str) -> None:
    """Refuse a file that has another ending, or whose folder does not exist.

    Args:
        path: the file; it need not exist.
        what: what it is called in the error, such as ``the report``.
        suffixes: the endings that it may have, in small letters, at least two.
        todo: what a person can do about another ending.

    Raises:
        UsageError: it ends otherwise, in small or capital letters, or has no folder.
    """
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            f"{what} {path}",
            f"expected a name that ends in {', '.join(suffixes[:-1])} or {suffixes[-1]}",
            todo,
        )
    if not path.parent.is_dir():
        raise UsageError(
            f"{what} {path}",
            f"expected a folder {path.parent} that exists",
            f"make it first: mkdir -p {quoted(path.parent)}",
        )


def refuse_to_replace(path: Path, mark: str, what: str) -> None:
    """Refuse to write a file in the place of one that originid did not write.

    A wrong name after ``-o`` would destroy a photo otherwise.

    Args:
        path: the file; it need not exist.
        mark: what a file of this kind has among its first `HEAD` bytes.
        what: what such a file is called in the error, such as ``report``.

    Raises:
        InputError: there is another file, or a folder.
        StorageError: it cannot be read.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder", "expected a file", "give the file another name")
    with storage_errors(path):
        if not path.exists():
            return
        with path.open("rb") as file:
            head = file.read(HEAD)
    if head and mark.encode() not in head:
        raise InputError(
            f"{path} exists, and is no {what} of originid",
            "expected a new name, or a file that originid wrote before",
            "choose another name, or move that file away",
        )
