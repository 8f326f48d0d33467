"""Tar shards as img2dataset writes them, for benchmarks and tests."""

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path


def write_shards(photos: Sequence[Path], folder: Path, each: int) -> list[Path]:
    """Write photos into tar shards, with a caption and a JSON file beside each.

    Args:
        photos: paths of image files.
        folder: where the shards go; it is made if it is missing.
        each: the number of photos in a shard; the last one may have fewer.

    Returns:
        The paths of the shards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards = []
    for number, first in enumerate(range(0, len(photos), each)):
        shards.append(folder / f"{number:06}.tar")
        with tarfile.open(shards[-1], "w") as tar:
            for place, photo in enumerate(photos[first : first + each]):
                key = f"{number:06}{place:06}"
                said = {"caption": f"photo {key}", "url": f"https://example.org/{key}"}
                put(tar, f"{key}{photo.suffix.lower()}", photo.read_bytes())
                put(tar, f"{key}.txt", said["caption"].encode())
                put(tar, f"{key}.json", json.dumps(said).encode())
    return shards


def put(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Write a file into a tar.

    Args:
        tar: what is written.
        name: of the file.
        data: its bytes.
    """
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
