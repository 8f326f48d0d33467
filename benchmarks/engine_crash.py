"""Whether what a server has acknowledged survives its being killed while pictures are added.

usage: python benchmarks/engine_crash.py --engine postgres [--kills 10] [--json]

A server is started here, with a new collection. Pictures are added a few at a time, and the server
is killed (SIGKILL) at random moments and started again. After each of these times every picture
whose addition was answered must be there exactly once. What was refused is added again, and in the
end everything must be there once, and ``show --verify`` must find no problem.
"""

import argparse
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from milvus_server import MilvusServer
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection, open_collection
from originid.errors import StorageError
from originid.model import open_model
from originid.testing import write_photos
from postgres_server import PostgresServer
from reporting import machine

BATCH = 5  # pictures added at a time
LIVES = (0.1, 1.5)  # seconds of adding before the server is killed, at random between them


class Server(Protocol):
    """A server that is started here."""

    def start(self) -> None:
        """Start it, and wait until it answers."""

    def kill(self) -> None:
        """Kill it as kill -9 does."""

    def stop(self) -> None:
        """Stop it, and remove its data."""

    def url(self, collection: str = ...) -> str:
        """The URL of a collection on it."""


SERVERS: dict[str, Callable[[], Server]] = {"postgres": PostgresServer, "milvus": MilvusServer}


def crash(server: Server, place: str, kills: int, seed: int, folder: Path) -> dict[str, int]:
    """Add pictures while the server is killed, and count what became of them.

    Args:
        server: that runs.
        place: where a collection is made on it.
        kills: how often it is killed.
        seed: of the moments.
        folder: for the pictures.

    Returns:
        ``acknowledged``, ``refused`` (additions that were), ``lost``, ``doubled``, ``problems``.
    """
    rng = random.Random(seed)
    create_collection(place, open_model()).close()
    counts = Counter(acknowledged=0, refused=0, lost=0, doubled=0, problems=0)
    known: list[str] = []
    number = 0
    for _ in range(kills):
        killed = threading.Timer(rng.uniform(*LIVES), server.kill)
        with open_collection(place) as collection:
            killed.start()
            while not killed.finished.is_set():
                photos = write_photos(folder, BATCH, first=number)
                if _is_added(collection, photos):
                    known += map(str, photos)
                    number += BATCH
                else:
                    counts["refused"] += 1
        killed.join()
        server.start()
        _count(place, known, counts)
    with open_collection(place) as collection:
        photos = write_photos(folder, BATCH, first=number)
        assert _is_added(collection, photos)
        known += map(str, photos)
        counts["problems"] = len(list(collection.verify()))
    _count(place, known, counts)
    counts["acknowledged"] = len(known)
    return dict(counts)


def _is_added(collection: Collection, photos: list[Path]) -> bool:
    try:
        store_images(collection, photos, workers=1)
    except StorageError:
        return False
    return True


def _count(place: str, known: list[str], counts: Counter[str]) -> None:
    """Count what is missing of what was acknowledged, and what is there more than once."""
    with open_collection(place) as collection:
        stored = Counter(row.location for row in collection.references())
        found = Counter(collection.database.ids().tolist())
        counts["lost"] += len(set(known) - set(stored))
        counts["doubled"] += sum(stored.values()) - len(stored)
        counts["doubled"] += abs(sum(found.values()) - sum(stored.values()))
        counts["doubled"] += abs(len(collection.index()) - sum(stored.values()))


def main() -> None:
    """Run it, and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--engine", choices=SERVERS, required=True)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    start, server = time.monotonic(), SERVERS[given.engine]()
    with TemporaryDirectory() as folder:
        os.environ["ORIGINID_CACHE"] = f"{folder}/cache"
        try:
            server.start()
            photos = Path(folder) / "photos"
            counts = crash(server, server.url("crash"), given.kills, given.seed, photos)
        finally:
            server.stop()
    seconds = round(time.monotonic() - start, 1)
    told = {"engine": given.engine, "kills": given.kills, **counts, "seconds": seconds}
    if given.json:
        print(json.dumps({**told, "machine": machine()}))
    else:
        print("\n".join(f"{name:14} {value}" for name, value in told.items()))


if __name__ == "__main__":
    main()
