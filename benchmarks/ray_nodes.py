"""Nodes of a Ray cluster on this machine, each with an address of its own, and their workers.

``ray stop`` would stop every Ray of the machine. So each node is a process that is kept, and only
what descends from it is ended.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

START_SECONDS = 180.0  # on a busy machine; else 5
STORE = 200_000_000  # bytes of the object store of a node


class RayNodes:
    """Some nodes on loopback addresses, as a context.

    Args:
        nodes: how many.
        cores: that each node offers, at least 2.
    """

    def __init__(self, nodes: int, cores: int = 2) -> None:
        self._count, self._cores = nodes, cores
        self._nodes: list[subprocess.Popen[bytes]] = []
        self._folder = Path(
            tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        )  # paths of sockets are short
        self._address = f"127.0.0.2:{_free_port()}"
        self.environment = {
            **os.environ,
            "RAY_ADDRESS": self._address,
            # With one token for all; otherwise the second node would not be let in.
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        """The environment of a process that is to use the nodes."""

    def __enter__(self) -> "RayNodes":
        try:
            for number in range(self._count):
                self._start(number)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def workers(self, name: str) -> list[int]:
        """The processes of the nodes that are workers of some kind.

        Args:
            name: a part of their title, such as ``EncodingWorker``.
        """
        ours = _descendants({node.pid for node in self._nodes})
        return [pid for pid in sorted(ours) if name in _title(pid)]

    def kill(self, number: int) -> None:
        """Kill a node with all of its processes (SIGKILL).

        Args:
            number: of the node, from 0; the others do not live without the first one.
        """
        for pid in _descendants({self._nodes[number].pid}):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _start(self, number: int) -> None:
        port = self._address.rpartition(":")[2]
        head = ["--head", f"--port={port}", f"--temp-dir={self._folder}",
                "--include-dashboard=false"]  # fmt: skip
        where = head if number == 0 else [f"--address={self._address}"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *where, "--block",
                   f"--node-ip-address=127.0.0.{2 + number}", f"--num-cpus={self._cores}",
                   f"--object-store-memory={STORE}"]  # fmt: skip
        log = self._folder / f"node-{number}.log"
        with log.open("wb") as file:
            node = subprocess.Popen(command, stdout=file, stderr=file, env=self.environment)
        self._nodes.append(node)
        until = time.monotonic() + START_SECONDS
        while b"Ray runtime started" not in log.read_bytes():
            if time.monotonic() > until or node.poll() is not None:
                raise RuntimeError(f"a node of Ray does not start:\n{log.read_text()}")
            time.sleep(0.1)

    def _end(self) -> None:
        pids = _descendants({node.pid for node in self._nodes})
        for node in reversed(self._nodes):
            node.terminate()
        for node in self._nodes:
            with suppress(subprocess.TimeoutExpired):
                node.wait(10)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for node in self._nodes:
            node.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _descendants(pids: set[int]) -> set[int]:
    """Some processes and all that they began, directly or not (Linux)."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _title(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        return int(probe.getsockname()[1])
