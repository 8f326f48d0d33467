"""What each hostile image costs: seconds, and the peak of memory above that of the bytes.

    python benchmarks/hostile_images.py [--sources OTHER/src] [--seconds 120]

Each file is decoded in a process of its own. With ``--sources`` another version of originid decodes
the same files, so that two versions can be compared in one run.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE / "tests" / "support"))

from hostile_image_files import corpus  # noqa: E402

SCALE = 10
SIDE = 64  # pixels to which an image is squashed, as by the packaged model
CHILD = """
import re, sys, time
sys.path.insert(0, {source!r})
from originid.images.decode import decode
def peak():
    import resource
    below = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    status = open("/proc/self/status").read()
    return int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) * 1024, below
data = open({path!r}, "rb").read()
open("/proc/self/clear_refs", "w").write("5")
before = peak()[0]
start = time.monotonic()
try:
    decode(data, {side})
    outcome = "an image"
except Exception as error:
    outcome = str(error).splitlines()[0]
seconds = time.monotonic() - start
own, below = peak()
print(seconds, max(own - before, below), outcome, sep="|")
"""


def measure(source: Path, path: Path, seconds: float) -> str:
    """Decode a file by one version of originid; return the cells of a row."""
    code = CHILD.format(source=str(source), path=str(path), side=SIDE)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    start = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=seconds,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return f"over {seconds:.0f} | | stopped"
    if not re.match(r"[\d.e-]+\|", done.stdout):
        return f"{time.monotonic() - start:.1f} | | died ({done.returncode})"
    took, memory, outcome = done.stdout.strip().split("|", 2)
    return f"{float(took):.1f} | {int(memory) / 1e6:,.0f} | {outcome[:60]}"


def main() -> None:
    """Print a row for each file and each version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, nargs="*", default=[])
    parser.add_argument("--seconds", type=float, default=120)
    arguments = parser.parse_args()
    sources = [*arguments.sources, HERE / "src"]
    heads = ["s | MB | outcome"] * len(sources)
    print(f"| file | MB | {' | '.join(heads)} |")
    print("|" + "---|" * (2 + 3 * len(sources)))
    with tempfile.TemporaryDirectory() as folder:
        for name, hostile in corpus(SCALE).items():
            path = Path(folder) / "hostile"
            path.write_bytes(hostile.make())
            cells = [measure(source, path, arguments.seconds) for source in sources]
            print(f"| {name} | {path.stat().st_size / 1e6:.1f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
