"""The service under load, beside the library called directly.

usage: python benchmarks/service.py [--references 100000] [--seconds 20] [--soak 20000] [--json]

A collection of random vectors and 64 photos is made in a temporary folder, and served in a process
of its own on the loopback address. A third process holds 1, 8 and 64 connections open, and asks
again as soon as it has an answer. Queries are those photos, brighter and saved again as JPEG: their
origin is found at the first look. Before and after each, this process asks the library itself for
the same queries in two ways, and prints the ratios of the finds a second: by as many threads as
there are connections, each with one query at a call, as a program that answers requests would do;
and given all at once, which is the library's quickest way.

With --soak so many requests follow, by 8 connections, and the memory of the service after the first
thousand is compared with that at the end.

The processor is shared by all three processes, so that on a machine with few cores the service is
measured together with its clients.
"""

import argparse
import http.client
import io
import itertools
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image as Pillow

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

from originid.collection.collection import Collection, create_collection
from originid.collection.row import Row
from originid.finder import Finder
from originid.indexing import add_images
from originid.latents.sources import Source
from originid.model import open_model
from originid.types import Image
from reporting import figure, machine
from served_process import free_port, start

PHOTOS = 64
CLIENTS = (1, 8, 64)
BATCH = 10_000
WARM = 200  # requests before anything is measured
LIMITS = {"rate": 1e9, "burst": 10**9, "waiting": 1000}
BOUNDARY = "x" * 30


def photo(seed: int) -> Image:
    """An image (480, 640, 3) with structure of every size, like no other."""
    rng = np.random.default_rng(seed)
    image = np.full((480, 640, 3), 128.0)
    for cells, strength in ((4, 70), (9, 45), (24, 30), (80, 15)):
        grid = rng.normal(size=(cells, cells, 3))
        layers = [
            np.asarray(Pillow.fromarray(grid[..., c].astype(np.float32)).resize((640, 480), 3))
            for c in range(3)
        ]
        image += strength * np.stack(layers, axis=2)
    return np.asarray(np.clip(image, 0, 255).astype(np.uint8))


def edited(image: Image) -> bytes:
    """A query made from an image: brighter, and saved with loss."""
    file = io.BytesIO()
    brighter = np.clip(image.astype(float) * 1.1 + 10, 0, 255).astype(np.uint8)
    Pillow.fromarray(brighter).save(file, "JPEG", quality=70)
    return file.getvalue()


def fill(collection: Collection, references: int, folder: Path) -> list[bytes]:
    """Add the photos and random vectors; return the queries."""
    rng = np.random.default_rng(0)
    photos = [photo(seed) for seed in range(PHOTOS)]
    folder.mkdir()
    for seed, image in enumerate(photos):
        Pillow.fromarray(image).save(folder / f"{seed}.png")
    for first in range(0, references - PHOTOS, BATCH):
        count = min(BATCH, references - PHOTOS - first)
        vectors = rng.normal(size=(count, collection.model.dim)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        names = [f"/none/{first + number}.jpg" for number in range(count)]
        rows = [Row(name, name, os.urandom(32), 1, 1, 640, 480) for name in names]
        collection.add_vectors(rows, vectors)
    add_images(collection, [folder])
    return [edited(image) for image in photos]


def request_of(query: bytes) -> bytes:
    """The body of a request that asks for one match."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="top"\r\n\r\n1\r\n--{BOUNDARY}\r\n'
        'Content-Disposition: form-data; name="image"; filename="q.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + query + f"\r\n--{BOUNDARY}--\r\n".encode()


def ask(
    port: int, bodies: list[bytes], clients: int, seconds: float, most: int, results: Any
) -> None:
    """Ask by several connections, and put the seconds of each request into a queue."""
    times: list[float] = []
    wrong: list[str] = []
    numbers = itertools.count()
    until = time.perf_counter() + seconds

    def one() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        while time.perf_counter() < until and (number := next(numbers)) < most:
            begun = time.perf_counter()
            connection.request("POST", "/v1/find", bodies[number % len(bodies)], headers)
            answer = connection.getresponse()
            body = answer.read()
            times.append(time.perf_counter() - begun)
            if answer.status != 200 or b'"verdict": "origin"' not in body:
                wrong.append(f"{answer.status} {body[:200]!r}")
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((times, time.perf_counter() - begun, wrong))


def load(
    port: int, bodies: list[bytes], clients: int, seconds: float, most: int = sys.maxsize
) -> dict[str, float]:
    """The finds a second of the service, and the milliseconds of its answers."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    asker = context.Process(target=ask, args=(port, bodies, clients, seconds, most, results))
    asker.start()
    times, took, wrong = results.get()
    asker.join()
    if wrong:
        raise SystemExit(f"{len(wrong)} answers are wrong: {wrong[0]}")
    times = sorted(1000 * each for each in times)
    return {
        "requests": len(times),
        "per_s": len(times) / took,
        "median_ms": median(times),
        "p99_ms": times[min(len(times) - 1, int(0.99 * len(times)))],
        "most_ms": times[-1],
    }


def direct(finder: Finder, queries: list[bytes], seconds: float) -> float:
    """Finds a second of the library, which is given many queries at once."""
    sources = (Source("q.jpg", each) for each in itertools.cycle(queries))
    found, begun = 0, time.perf_counter()
    for answer in finder.find(sources, top=1):
        assert answer.verdict == "origin", answer
        found += 1
        if time.perf_counter() - begun > seconds:
            break
    return found / (time.perf_counter() - begun)


def direct_singly(finder: Finder, queries: list[bytes], seconds: float, threads: int) -> float:
    """Finds a second of the library, which several threads ask for one query at a call."""
    numbers = itertools.count()
    until = time.perf_counter() + seconds

    def one(_: int) -> int:
        found = 0
        while time.perf_counter() < until:
            source = Source("q.jpg", queries[next(numbers) % len(queries)])
            assert finder.find(source, top=1).verdict == "origin"
            found += 1
        return found

    begun = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        found = sum(pool.map(one, range(threads)))
    return found / (time.perf_counter() - begun)


def library(finder: Finder, queries: list[bytes], seconds: float, threads: int) -> dict[str, float]:
    """Finds a second of the library, by each of the two ways of asking it."""
    return {
        "singly": direct_singly(finder, queries, seconds, threads),
        "at_once": direct(finder, queries, seconds),
    }


def memory(process: int) -> float:
    """The megabytes that a process occupies now."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--soak", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result: dict[str, Any] = {"machine": machine("fastapi", "uvicorn"), **vars(given)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with create_collection(path / "c", open_model()) as collection:
            queries = fill(collection, given.references, path / "photos")
            bodies = [request_of(query) for query in queries]
            limits = path / "limits.json"
            limits.write_text(json.dumps(LIMITS))
            port = free_port()
            service = start(path / "c", "--limits", str(limits), port=port)
            try:
                finder = Finder(collection)
                direct(finder, queries, 2)
                load(port, bodies, 8, 60, WARM)
                rows = result["clients"] = []
                for clients in CLIENTS:
                    before = library(finder, queries, given.seconds / 2, clients)
                    row = load(port, bodies, clients, given.seconds)
                    after = library(finder, queries, given.seconds / 2, clients)
                    per_s = {way: (before[way] + after[way]) / 2 for way in before}
                    rows.append(
                        {"clients": clients, **row, "library_per_s": per_s}
                        | {f"ratio_{way}": row["per_s"] / each for way, each in per_s.items()}
                    )
                if given.soak:
                    load(port, bodies, 8, 3600, 1000)
                    first = memory(service.pid)
                    row = load(port, bodies, 8, 3600, given.soak)
                    result["soak"] = {**row, "first_mb": first, "last_mb": memory(service.pid)}
            finally:
                service.terminate()
                service.wait()
    if given.json:
        print(json.dumps(result))
        return
    print(result["machine"])
    print(f"{given.references:,} references")
    for row in rows:
        print(
            f"{row['clients']:3} clients: {figure(row['per_s'])} finds a second, "
            f"{row['ratio_singly']:.2f} of the library's {figure(row['library_per_s']['singly'])} "
            f"by as many threads, {row['ratio_at_once']:.2f} of its "
            f"{figure(row['library_per_s']['at_once'])} given all at once; "
            f"median {figure(row['median_ms'])} ms, p99 {figure(row['p99_ms'])} ms"
        )
    if given.soak:
        soak = result["soak"]
        print(
            f"{soak['requests']:,} requests: {soak['first_mb']:.0f} MB after the first thousand, "
            f"{soak['last_mb']:.0f} MB at the end; p99 {figure(soak['p99_ms'])} ms"
        )


if __name__ == "__main__":
    main()
