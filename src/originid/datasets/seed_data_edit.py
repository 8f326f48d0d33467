"""SEED-Data-Edit, part 2: edits that people made by hand for one another."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from originid.datasets.base import Dataset, make_pair, read_text, require
from originid.errors import InputError
from originid.types import Pair

_HUB = "https://huggingface.co/datasets/AILab-CVC/SEED-Data-Edit-Part2-3"
_KEYS = ("source_image", "target_image")


def read_seed_data_edit(folder: Path) -> Dataset:
    """Read part 2 of SEED-Data-Edit, with each pair of an origin and an edit once.

    Each line of ``real_editing/annotations/split_*.jsonl`` is a JSON object with the keys
    ``source_image``, ``target_image`` and ``instruction``, which are the names that public training
    code reads. The two images are paths relative to ``real_editing/images``, the folder in which
    ``images.tar.gz`` must be unpacked. An edit that equals its origin is left out, and so is a line
    whose two images have the same contents as those of an earlier line. For that every image is
    read, 2.5 GB in all. Origins of the same content form one group.

    Args:
        folder: the folder of the data set.

    Raises:
        InputError: if annotations or images are missing, or a line lacks a key.
    """
    base = folder / "real_editing"
    splits = sorted((base / "annotations").glob("*.jsonl"))
    parts = {} if splits else {"real_editing/annotations/split_0001.jsonl": f"{_HUB}, 6 files"}
    images = base / "images"
    if not images.is_dir() or not any(path.suffix != ".gz" for path in images.iterdir()):
        parts["real_editing/images/*"] = f"{_HUB}, real_editing/images/images.tar.gz unpacked there"
    if parts:
        require("seed-data-edit", folder, parts)
    return Dataset(
        "seed-data-edit",
        None,
        tuple(_pairs(images, splits)),
        (),
        "",
        "",
        "SEED-Data-Edit part 2, without distractors but the other origins unless photos are added; "
        "the paper adds 1,000,000 and keeps 10,274 pairs by a rule that it does not state.",
    )


def _pairs(images: Path, splits: list[Path]) -> Iterator[Pair]:
    keys: dict[Path, str] = {}  # what tells the content of each file
    seen: set[tuple[str, str]] = set()
    for split in splits:
        for source, target, instruction in _rows(split):
            origin, query = (_locate(images, name) for name in (source, target))
            for path in (origin, query):
                if path not in keys:  # an origin of many edits is read once
                    keys[path] = _content(path)
            pair = keys[origin], keys[query]
            if pair[0] != pair[1] and pair not in seen:
                seen.add(pair)
                yield make_pair(origin, query, pair[0], kind="manual", prompt=instruction)


def _rows(split: Path) -> Iterator[tuple[str, str, str]]:
    for number, line in enumerate(read_text(split).splitlines(), start=1):
        if not line.strip():
            continue
        cells = _cells(line)
        if cells is None:
            raise InputError(
                f"{split}: line {number}: {line[:80]!r}",
                f"expected a JSON object with {' and '.join(_KEYS)}, paths of images",
                "get the file again, or write a manifest and use pairs:FOLDER",
            )
        yield cells


def _cells(line: str) -> tuple[str, str, str] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    source, target = (row.get(key) if isinstance(row, dict) else None for key in _KEYS)
    if not (isinstance(source, str) and isinstance(target, str) and source and target):
        return None
    if "\0" in source + target:  # no file can have such a name
        return None
    return source, target, str(row.get("instruction", ""))


def _locate(images: Path, name: str) -> Path:
    """Find an image: inside the folder of images, or beside it, as archives differ."""
    places = (images / name, images.parent / name)
    return next((path for path in places if os.path.exists(path)), places[0])


def _content(path: Path) -> str:
    """Return the SHA-256 of a file, or its path if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return str(path)
