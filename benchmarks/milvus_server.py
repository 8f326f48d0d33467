"""A Milvus server that tests and benchmarks start themselves, from the wheel ``milvus`` of PyPI.

It is version 2.3.5, for Linux on x86-64, and unpacks to 250 MB.
"""

import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

FOR_SERVERS = range(12_000, 32_000)  # ports


class MilvusServer:
    """A standalone server with its data in a folder of its own, on ports that are free.

    Args:
        quick: whether it tells what was written within 20 ms instead of 200, for tests.

    Raises:
        ImportError: the wheel is not installed.
    """

    def __init__(self, quick: bool = False) -> None:
        import milvus

        self._folder = Path(tempfile.mkdtemp(prefix="originid-milvus-"))
        self._module = milvus
        names = [n for n in milvus.MilvusServerConfig().configurable_items if n.endswith("_port")]
        self._ports = dict(zip(names, _free_ports(len(names)), strict=True))
        self._etcd = _free_ports(2)
        self._quick = quick
        self._server: Any = None

    def url(self, collection: str = "originid") -> str:
        """The URL of a collection on the server."""
        return f"milvus://127.0.0.1:{self._ports['proxy_port']}/{collection}"

    def start(self) -> None:
        """Start the server, and wait until it answers: 5 to 15 seconds."""
        config = self._module.MilvusServerConfig(data_dir=str(self._folder), **self._ports)
        config.template_text = self._template(config.template_text)
        config.try_bind_port = _bound  # its own finds ports taken that a killed server had
        self._server = self._module.MilvusServer(config)
        self._server.webservice_port = _free_ports(1)[0]
        ours = SimpleNamespace(
            Popen=partial(subprocess.Popen, preexec_fn=_stop_with_its_parent),
            TimeoutExpired=subprocess.TimeoutExpired,
        )
        with patch.object(self._module, "subprocess", ours):
            self._server.start()

    def _template(self, text: str) -> str:
        """The settings of the server; ports of etcd that are not set would be taken by another one.

        With ``quick`` it does more often what it does twice a second or less.
        """
        client, peer = (f"http://127.0.0.1:{port}" for port in self._etcd)
        settings = self._folder / "etcd.yaml"
        self._folder.mkdir(parents=True, exist_ok=True)
        settings.write_text(
            f"name: default\ndata-dir: {self._folder / 'data' / 'etcd.data'}\n"
            f"listen-client-urls: {client}\nadvertise-client-urls: {client}\n"
            f"listen-peer-urls: {peer}\ninitial-advertise-peer-urls: {peer}\n"
            f"initial-cluster: default={peer}\n"
        )
        changes = {
            "  use:\n    embed: true": f"  config:\n    path: {settings}\n  use:\n    embed: true"
        }
        if self._quick:
            changes |= {
                "timeTickInterval: 200": "timeTickInterval: 20",
                "ttl: 30 # ttl value": "ttl: 5 # ttl value",  # it waits for who had the data before
                "checkInterval: 1000": "checkInterval: 100",
                "distPullInterval: 500": "distPullInterval: 50",
            }
        for before, after in changes.items():
            assert before in text, before
            text = text.replace(before, after)
        return text

    def memory(self) -> float:
        """The megabytes that its process has for itself."""
        text = Path(f"/proc/{self._pid}/smaps_rollup").read_text()
        lines = dict(line.split(":") for line in text.splitlines() if ":" in line)
        kinds = ("Private_Clean", "Private_Dirty")
        return sum(float(lines[kind].split()[0]) for kind in kinds) / 1024

    def kill(self) -> None:
        """End the server as a power cut would: it has no time to write anything."""
        os.kill(self._pid, signal.SIGKILL)
        self._server.stop()

    def stop(self) -> None:
        """End the server, and remove its data."""
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _pid(self) -> int:
        return int(self._server.server_proc.pid)


def _stop_with_its_parent() -> None:
    """Let Linux stop the server when the process ends that started it, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _bound(port: int) -> socket.socket:
    """A socket at a port."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", port))
    return found


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has, and that no connection of another program takes meanwhile.

    A server that was killed needs its ports once more. Linux gives those from 32,768 on to clients.
    """
    found: list[int] = []
    for port in random.sample(FOR_SERVERS, len(FOR_SERVERS)):
        with suppress(OSError), socket.socket() as each:
            each.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            break
    return found
