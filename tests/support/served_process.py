"""A service in a process of its own, on a free port of the loopback address."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY_SECONDS = 60.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(collection: Path, *options: str, port: int) -> "subprocess.Popen[bytes]":
    """Start ``originid serve`` and wait until it is ready."""
    command = [sys.executable, "-m", "originid", "serve", str(collection), "--port", str(port)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # Into a file: a pipe that nobody reads would fill, and the service would wait for its log.
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*command, *options], stderr=log, env=environment)
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
                    return process
            except OSError:
                time.sleep(0.05)
        process.kill()
        process.wait()
        log.seek(0)
        raise AssertionError(f"the service did not start: {log.read().decode()}")


@contextmanager
def served(collection: Path, *options: str) -> Iterator[int]:
    """The port of a service that runs inside of the ``with`` block."""
    port = free_port()
    process = start(collection, *options, port=port)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(timeout=60)
