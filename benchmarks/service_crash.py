"""Whether what a service has acknowledged survives its being killed, again and again.

usage: python benchmarks/service_crash.py [--times 50] [--clients 4] [--json]

A service of a new collection is started, and clients add pictures to it, each one that nobody sent
before. In the middle of that the process is killed (SIGKILL), and started again. Then every picture
whose addition was answered must be there exactly once, and nothing may be there that nobody sent.
What was in flight when the process died may be there or not; in the end it is sent once more, and
must then be there once. Last, ``originid show --verify-content`` looks at every file.
"""

import argparse
import hashlib
import io
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image as Pillow

from originid.client import Client, ServiceError
from originid.collection.collection import create_collection
from originid.model import open_model
from originid.testing import textured_image
from reporting import machine

READY_SECONDS = 60.0
LIVES = (0.05, 3.0)  # seconds of load before the process is killed, at random between them
SIDE = 96  # pixels of the pictures


class Load:
    """Adds pictures to a service, and remembers what became of each.

    Args:
        clients: threads that add pictures one after the other.
    """

    def __init__(self, clients: int) -> None:
        self.acknowledged: set[str] = set()
        self.in_flight: dict[str, bytes] = {}
        self._clients, self._numbers = clients, itertools.count()
        self._lock = threading.Lock()

    def until_killed(self, address: str, process: "subprocess.Popen[bytes]", life: float) -> None:
        """Add pictures, kill the service after ``life`` seconds, and come to an end."""
        threads = [
            threading.Thread(target=self._add_on_and_on, args=(address,))
            for _ in range(self._clients)
        ]
        for thread in threads:
            thread.start()
        time.sleep(life)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for thread in threads:
            thread.join()

    def add_what_was_in_flight(self, address: str) -> None:
        """Send everything once more that got no answer."""
        with Client(address) as client:
            for content, data in list(self.in_flight.items()):
                client.add(data)
                self.acknowledged.add(content)
                del self.in_flight[content]

    def _add_on_and_on(self, address: str) -> None:
        with Client(address) as client, suppress(ServiceError):  # until nobody answers
            while True:
                with self._lock:
                    data = picture(next(self._numbers))
                    content = hashlib.sha256(data).hexdigest()
                    self.in_flight[content] = data
                client.add(data)
                with self._lock:
                    self.acknowledged.add(content)
                    del self.in_flight[content]


def picture(seed: int) -> bytes:
    """A PNG that is like no other."""
    file = io.BytesIO()
    Pillow.fromarray(textured_image(seed, SIDE, SIDE)).save(file, "PNG")
    return file.getvalue()


def start(folder: Path) -> "tuple[str, subprocess.Popen[bytes]]":
    """Start a service, and wait until it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    limits = folder.parent / "limits.json"
    limits.write_text('{"rate": 100000, "burst": 100000}')
    command = [sys.executable, "-m", "originid", "serve", str(folder), "--port", str(port)]
    log = open(folder.parent / "log", "ab")  # noqa: SIM115 - the process has it
    process = subprocess.Popen([*command, "--limits", str(limits)], stderr=log)
    log.close()
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + READY_SECONDS
    with Client(address) as client:
        while process.poll() is None and time.monotonic() < until:
            with suppress(ServiceError):
                client.stats()
                return address, process
            time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError((folder.parent / "log").read_text()[-2000:])


def held(address: str) -> Counter[str]:
    """How often each content is in the collection."""
    with Client(address) as client:
        return Counter(each.sha256 for each in client.references())


def run(times: int, clients: int, folder: Path) -> dict[str, int]:
    """Kill a service some times under load, and return what was found.

    Args:
        times: how often it is killed.
        clients: that add pictures meanwhile.
        folder: an empty one to work in.

    Returns:
        The numbers by name; ``lost``, ``doubled``, ``strange`` and ``problems`` should be 0.
    """
    collection = folder / "collection"
    create_collection(collection, open_model()).close()
    load, lives = Load(clients), random.Random(0)
    lost = doubled = strange = survived = in_flight = 0
    address, process = start(collection)
    for _ in range(times):
        before = set(load.in_flight)
        load.until_killed(address, process, lives.uniform(*LIVES))
        address, process = start(collection)
        there = held(address)
        lost += len(load.acknowledged - there.keys())
        doubled += sum(count > 1 for count in there.values())
        strange += len(there.keys() - load.acknowledged - load.in_flight.keys())
        new = load.in_flight.keys() - before
        in_flight += len(new)
        survived += len(new & there.keys())
    load.add_what_was_in_flight(address)
    there = held(address)
    lost += len(load.acknowledged - there.keys())
    doubled += sum(count > 1 for count in there.values())
    process.send_signal(signal.SIGTERM)
    process.wait()
    show = [sys.executable, "-m", "originid", "show", str(collection), "--verify-content", "--json"]
    shown = subprocess.run(show, capture_output=True, text=True, check=False)
    verified = json.loads(shown.stdout)
    files = [path.name for path in (collection / "added").rglob("*") if path.is_file()]
    half_written = sum(name.endswith(".tmp") for name in files)
    return {
        "times": times,
        "acknowledged": len(load.acknowledged),
        "in_flight": in_flight,
        "survived": survived,
        "lost": lost,
        "doubled": doubled,
        "strange": strange,
        "problems": len(verified["problems"]) + (shown.returncode != 0),
        "references": sum(there.values()),
        "files": len(files) - half_written,
        "half_written": half_written,
    }


def main() -> None:
    """Run the benchmark, and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=50, help="how often it is killed")
    parser.add_argument("--clients", type=int, default=4, help="clients that add meanwhile")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    begun = time.monotonic()
    with TemporaryDirectory() as folder:
        found = run(given.times, given.clients, Path(folder))
    seconds = time.monotonic() - begun
    if given.json:
        print(json.dumps({**found, "seconds": round(seconds), "machine": machine()}))
        return
    print(f"killed {found['times']} times in {seconds:.0f} s, {given.clients} clients adding")
    print(f"acknowledged additions  {found['acknowledged']}")
    print(f"  lost                  {found['lost']}")
    print(f"  there more than once  {found['doubled']}")
    print(f"in flight at a kill     {found['in_flight']}, {found['survived']} of them stored")
    print(f"references nobody sent  {found['strange']}")
    print(f"files, references       {found['files']}, {found['references']}")
    print(f"half-written files      {found['half_written']}, under names of their own")
    print(f"problems of show        {found['problems']}")


if __name__ == "__main__":
    main()
