"""Memory, time and size of a report, as the number of its queries grows.

usage: python benchmarks/reports.py [--queries 1000] [--every 10]

The queries are made-up pictures that have no origin among the demo's photos, but for every tenth
one, which is a photo saved again and gets evidence. They are searched with the effort quick. The
table has the memory of the process while it works, and the size of the page.
"""

import argparse
import tempfile
import time
from pathlib import Path

from PIL import Image as Pillow

from originid.demo import run_demo
from originid.finder import Finder
from originid.report.audit import audit
from originid.report.recording import Asked
from originid.testing import textured_image
from reporting import machine

PARTS = 5  # lines of the table


def make_queries(folder: Path, photos: Path, count: int, every: int) -> list[str]:
    """Write the queries, and return their paths."""
    originals = sorted(photos.iterdir())
    paths = []
    for number in range(count):
        path = folder / f"{number:06}.jpg"
        if number % every:
            Pillow.fromarray(textured_image(number, 240, 320)).save(path, quality=80)
        else:
            with Pillow.open(originals[number // every % len(originals)]) as photo:
                photo.convert("RGB").save(path, quality=60)
        paths.append(str(path))
    return paths


def resident() -> float:
    """The memory of this process in MB; Linux only."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def main(count: int, every: int) -> None:
    """Measure an audit and print the table."""
    print(machine())
    print("\n| queries | memory, MB | seconds |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_demo(folder / "demo")
        (folder / "queries").mkdir()
        queries = make_queries(folder / "queries", folder / "demo" / "photos", count, every)
        start = time.monotonic()

        def progress(done: int, total: int) -> None:
            if done % max(1, total // PARTS) == 0:
                print(f"| {done:,} | {resident():.0f} | {time.monotonic() - start:.0f} |")

        with Finder.open(folder / "demo" / "collection") as finder:
            asked = Asked(effort="quick")
            done = audit(finder, queries, folder / "r.html", asked, progress=progress)
        size = (folder / "r.html").stat().st_size / 1e6
        print(f"\npage: {size:.1f} MB; memory after writing it: {resident():.0f} MB; {done.counts}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--every", type=int, default=10)
    options = parser.parse_args()
    main(options.queries, options.every)
