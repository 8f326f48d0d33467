"""A real Milvus server for tests and benchmarks, from the wheel `milvus` (Linux on x86-64)."""

import os
import signal
import socket
from pathlib import Path
from typing import Any


class MilvusServer:
    """A standalone server with its data in a folder of its own, on ports that are free.

    Args:
        folder: where it keeps its data, its programs (250 MB) and its logs.
        quick: whether it tells what was written within 20 ms instead of 200, for tests.

    Raises:
        ImportError: the wheel is not installed.
    """

    def __init__(self, folder: Path, quick: bool = False) -> None:
        import milvus  # type: ignore[import-not-found, unused-ignore]

        self.folder = folder
        self._module = milvus
        names = [n for n in milvus.MilvusServerConfig().configurable_items if n.endswith("_port")]
        self._ports = dict(zip(names, _free_ports(len(names)), strict=True))
        self._etcd = _free_ports(2)
        self._quick = quick
        self._server: Any = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._ports['proxy_port']}"

    @property
    def pid(self) -> int:
        """Of the process of the server."""
        return int(self._server.server_proc.pid)

    def start(self) -> None:
        """Start the server, and wait until it answers: 5 to 15 seconds."""
        config = self._module.MilvusServerConfig(data_dir=str(self.folder), **self._ports)
        config.template_text = self._template(config.template_text)
        config.try_bind_port = _bound  # its own finds ports taken that a killed server had
        self._server = self._module.MilvusServer(config)
        self._server.webservice_port = _free_ports(1)[0]
        self._server.start()

    def _template(self, text: str) -> str:
        """The settings of the server; ports of etcd that are not set would be taken by another one.

        With ``quick`` it does more often what it does twice a second or less.
        """
        client, peer = (f"http://127.0.0.1:{port}" for port in self._etcd)
        settings = self.folder / "etcd.yaml"
        self.folder.mkdir(parents=True, exist_ok=True)
        settings.write_text(
            f"name: default\ndata-dir: {self.folder / 'data' / 'etcd.data'}\n"
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
                "checkInterval: 1000": "checkInterval: 100",
                "distPullInterval: 500": "distPullInterval: 50",
            }
        for before, after in changes.items():
            assert before in text, before
            text = text.replace(before, after)
        return text

    def kill(self) -> None:
        """End the server as a power cut would: it has no time to write anything."""
        os.kill(self.pid, signal.SIGKILL)
        self._server.stop()

    def stop(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.stop()


def _bound(port: int) -> socket.socket:
    """A socket at a port."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", port))
    return found


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
