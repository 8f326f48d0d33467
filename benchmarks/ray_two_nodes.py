"""Whether two nodes of a Ray cluster encode what one process does, also if a worker is killed.

usage: python benchmarks/ray_two_nodes.py [--photos FOLDER] [--count 5800] [--shard 500]
           [--model M] [--json]

Photos are written into tar shards. One process indexes them, then two nodes of Ray on 127.0.0.2 and
127.0.0.3 do. They do it twice more: once while one of their workers is killed (SIGKILL) after a
quarter, and once while the second node is. Each time the collection must hold the same as that of
the one process: the same references, each once, with the same content and the same vectors. Printed
are the images that each node read, and the images a second (``rate``), with the start of the
command. All of it runs on the cores of one machine, so two nodes cannot be quicker than one process
is here: the ratio is what sharing the work costs.

Without --photos the photos are made up (PNG, 64 x 64 pixels). It runs on Linux.
"""

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from originid.images.find_files import find_images
from originid.model import DEFAULT
from originid.testing import write_photos
from ray_nodes import RayNodes
from reporting import machine
from shards import write_shards


def stored(collection: Path) -> list[tuple[Any, ...]]:
    """What a collection holds of each reference: its place, content, size and vector."""
    with sqlite3.connect(collection / "collection.sqlite") as database:
        return database.execute(
            "SELECT location, sha256, bytes, width, height, information, code"
            " FROM reference JOIN vector USING (id) ORDER BY location"
        ).fetchall()


def index(paths: Sequence[Path], into: Path, model: str, nodes: RayNodes | None) -> dict[str, Any]:
    """Index some files into a new collection, and say how long it took and what came of them."""
    ray = [] if nodes is None else ["--ray"]
    command = [sys.executable, "-m", "originid", "index", *map(str, paths), "--into", str(into)]
    begun = time.monotonic()
    done = subprocess.run(
        [*command, "--model", model, "--json", *ray],
        env=None if nodes is None else nodes.environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    seconds = time.monotonic() - begun
    told = json.loads(done.stdout)
    found = {
        key: told[key] for key in ("added", "unchanged", "references", "machines") if key in told
    }
    rate = round(told["references"] / seconds, 1)
    return {**found, "skipped": len(told["skipped"]), "seconds": round(seconds, 1), "rate": rate}


def kill_worker(nodes: RayNodes) -> None:
    """Kill a worker of the nodes."""
    os.kill(nodes.workers("EncodingWorker")[0], signal.SIGKILL)


def kill_node(nodes: RayNodes) -> None:
    """Kill the second node."""
    nodes.kill(1)


def index_and_kill(
    paths: Sequence[Path],
    into: Path,
    model: str,
    nodes: RayNodes,
    after: int,
    kill: Callable[[RayNodes], None],
) -> dict[str, Any]:
    """Index some files as `index` does, and kill something when there are so many references."""
    killed: list[int] = []

    def wait_and_kill() -> None:
        while not (into / "collection.sqlite").exists() or len(stored(into)) < after:
            time.sleep(0.2)
        kill(nodes)
        killed.append(len(stored(into)))

    threading.Thread(target=wait_and_kill, daemon=True).start()
    return {**index(paths, into, model, nodes), "killed_at": killed}


def measure(photos: list[Path], folder: Path, each: int, model: str) -> dict[str, Any]:
    """Index shards of photos by one process, and by two nodes, also while some of that is killed.

    Args:
        photos: paths of image files.
        folder: an empty one.
        each: the photos in a shard.
        model: the name or folder of a model.
    """
    shards = write_shards(photos, folder / "shards", each)
    found: dict[str, Any] = {"photos": len(photos), "shards": len(shards)}
    found["one process"] = index(shards, folder / "one", model, None)
    expected = stored(folder / "one")
    with RayNodes(2) as nodes:
        found["two nodes"] = index(shards, folder / "two", model, nodes)
        found["two nodes"]["exact"] = stored(folder / "two") == expected
        for name, kill in (("worker killed", kill_worker), ("node killed", kill_node)):
            into, after = folder / name.replace(" ", "-"), len(photos) // 4
            found[name] = index_and_kill(shards, into, model, nodes, after, kill)
            found[name]["exact"] = stored(into) == expected
    ratio = found["two nodes"]["rate"] / found["one process"]["rate"]
    found["two_nodes_vs_one_process"] = round(ratio, 2)
    return found


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, help="a folder of photos; made up without it")
    parser.add_argument("--count", type=int, default=5800)
    parser.add_argument("--shard", type=int, default=500)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="originid-ray-"))
    try:
        if options.photos:
            paths = sorted(find_images([options.photos], print))[: options.count]
            photos = list(map(Path, paths))
        else:
            photos = write_photos(folder / "photos", options.count)
        found = measure(photos, folder, options.shard, options.model)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found["machine"] = machine("ray", "pyarrow", "numpy")
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
