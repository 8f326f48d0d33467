"""Removes the folder of a demo again, and nothing that the demo did not write."""

import hashlib
import re
from pathlib import Path

from originid.collection.collection import open_collection
from originid.errors import CollectionError, InputError
from originid.system.storage import storage_errors

SIGN = ".gitignore"  # what makes git pass over the folder also tells that the demo made it
HEAD = "# This folder was made by `originid demo`; `originid demo --clean` removes it.\n*\n"
LINE = re.compile(r"# ([0-9a-f]{64}) (.+)")
COLLECTION = {f"collection/collection.sqlite{end}" for end in ("", "-wal", "-shm")} | {
    f"collection/{name}"
    for name in ("index.bin", "shortlist.bin", "model/model.json", "model/map.safetensors")
}
"""The files of the demo's collection, which change when it is used."""


def sign(folder: Path) -> None:
    """Write into a demo's folder what it holds, so that `clean` knows it.

    Args:
        folder: the folder of a demo, with photos and queries in it at least.

    Raises:
        StorageError: the disk refuses.
    """
    with storage_errors(folder):
        lines = [
            f"# {_digest(folder / name)} {name}\n"
            for name in sorted(_files(folder))
            if name != SIGN and name not in COLLECTION
        ]
        (folder / SIGN).write_text(HEAD + "".join(lines), encoding="utf-8")


def clean(folder: Path) -> None:
    """Remove the folder of a demo.

    Args:
        folder: the folder.

    Raises:
        InputError: the demo did not make it, or it holds something else by now.
        StorageError: the disk refuses.
    """
    known = _known(folder)
    with storage_errors(folder):
        others = sorted(name for name in _files(folder) if not _is_ours(folder, name, known))
    others = others or _strangers(folder / "collection", set(known.values()))
    if others:
        raise InputError(
            f"{folder} holds something that the demo did not make: {others[0]}",
            "expected only what originid demo wrote",
            "keep what you need at another place, and remove the folder yourself",
        )
    with storage_errors(folder):
        for name in _files(folder):
            (folder / name).unlink()
        for inner in sorted(filter(Path.is_dir, folder.rglob("*")), reverse=True):
            inner.rmdir()  # which refuses a folder that is not empty
        folder.rmdir()


def _known(folder: Path) -> dict[str, str]:
    """The digests of the files of a demo by their names."""
    try:
        text = "" if folder.is_symlink() else (folder / SIGN).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text.startswith(HEAD):
        raise InputError(
            f"{folder} is no folder of a demo",
            "expected a folder that originid demo made",
            "name such a folder behind -o",
        )
    found = filter(None, map(LINE.fullmatch, text.splitlines()))
    return {match[2]: match[1] for match in found}


def _files(folder: Path) -> list[str]:
    """The names of all files below a folder; a link is a file."""
    return [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    ]


def _is_ours(folder: Path, name: str, known: dict[str, str]) -> bool:
    if (folder / name).is_symlink():
        return False
    if name == SIGN or name in COLLECTION:
        return True
    return name in known and _digest(folder / name) == known[name]


def _strangers(path: Path, photos: set[str]) -> list[str]:
    """What a person added to the demo's collection: references that are none of its photos."""
    try:
        with open_collection(path) as collection:
            if collection.database.decisions():
                return ["what was decided in its collection"]
            rows = collection.references()
            return [row.shown for row in rows if row.sha256.hex() not in photos]
    except CollectionError:
        return []  # it is gone or damaged


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
