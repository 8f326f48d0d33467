"""A real Milvus server for tests and benchmarks, from the wheel `milvus` (Linux on x86-64)."""

import os
import signal
import socket
from pathlib import Path
from typing import Any

WHY_NOT = "needs the wheel `milvus`, a server of version 2.3.5 for Linux on x86-64"


class MilvusServer:
    """A standalone server with its data in a folder of its own, on ports that are free.

    Args:
        folder: where it keeps its data, its programs (250 MB) and its logs.

    Raises:
        ImportError: the wheel is not installed.
    """

    def __init__(self, folder: Path) -> None:
        import milvus  # type: ignore[import-not-found, unused-ignore]

        self.folder = folder
        self._module = milvus
        names = [n for n in milvus.MilvusServerConfig().configurable_items if n.endswith("_port")]
        self._ports = dict(zip(names, _free_ports(len(names)), strict=True))
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
        self._server = self._module.MilvusServer(config)
        self._server.webservice_port = _free_ports(1)[0]
        self._server.start()

    def kill(self) -> None:
        """End the server as a power cut would: it has no time to write anything."""
        os.kill(self.pid, signal.SIGKILL)
        self._server.stop()

    def stop(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.stop()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
