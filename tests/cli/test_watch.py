"""`index --watch`: adds what comes, and ends well."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("watchfiles", reason="needs the extra [watch]")

from fixture_types import Run
from originid.cli import watching
from originid.collection.added import Added
from originid.collection.collection import open_collection
from originid.errors import StorageError
from originid.system.server_url import ServerUrl
from originid.testing import write_photos

SECONDS = 60.0


class Watching:
    """A process that watches, with what it prints."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "originid", "index", "photos", "--into", "c", "--watch"]
        with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
            self.process = subprocess.Popen(
                [*command, "--json", *options],
                cwd=folder,
                stdout=out,
                stderr=err,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def lines(self, count: int) -> list[dict[str, Any]]:
        """The lines that were printed, as soon as there are so many."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            found = (self.folder / "out").read_text().splitlines()
            if len(found) >= count:
                return [json.loads(line) for line in found]
            time.sleep(0.05)
        raise AssertionError((self.folder / "out").read_text() + self.said())

    def wait_until_said(self, text: str) -> None:
        until = time.monotonic() + SECONDS
        while text not in self.said():
            assert time.monotonic() < until
            time.sleep(0.05)

    def said(self) -> str:
        return (self.folder / "err").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent by a signal")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_comes_is_added_until_ctrl_c(tmp_path: Path, how: signal.Signals) -> None:
    photos = tmp_path / "photos"
    first = write_photos(photos, 3)
    later = write_photos(tmp_path / "later", 3, 50)
    watching = Watching(tmp_path, "--prune")
    try:
        (begun,) = watching.lines(1)
        assert (begun["added"], begun["references"]) == (3, 3)
        watching.wait_until_said("watching 1 folder; Ctrl-C ends it")
        (photos / "half.png").write_bytes(later[0].read_bytes()[:500])
        shutil.copy(later[1], photos / "new.png")
        told = watching.lines(2)[1]
        assert (told["added"], [Path(row["path"]).name for row in told["skipped"]]) == (
            1,
            ["half.png"],
        )
        shutil.copy(later[0], photos / "half.png")  # the rest of it comes
        told = watching.lines(3)[2]
        assert (told["added"], told["skipped"], told["references"]) == (1, [], 5)
        (photos / "sub").mkdir()
        first[0].rename(photos / "sub" / "moved.png")
        first[1].unlink()
        count, last = 4, watching.lines(4)[3:]
        while not (sum(row["pruned"] for row in last) and sum(row["moved"] for row in last)):
            count += 1
            last = watching.lines(count)[3:]
        assert last[-1]["references"] == 4
    finally:
        watching.process.send_signal(how)
        status = watching.process.wait(SECONDS)
    assert status == 0
    assert "finishing what has begun" in watching.said()
    assert "Traceback" not in watching.said()
    with open_collection(tmp_path / "c") as collection:
        names = sorted(os.path.basename(row.location) for row in collection.references())
        assert names == sorted(["half.png", "moved.png", "new.png", first[2].name])
        assert list(collection.verify()) == []


def test_files_and_tables_are_refused_before_anything_is_done(tmp_path: Path, run: Run) -> None:
    photo = write_photos(tmp_path / "photos", 1)[0]
    status, _, err = run("index", photo, "--into", tmp_path / "c", "--watch")
    assert status == 2
    assert f"--watch with the file {photo}" in err
    table = tmp_path / "t.csv"
    table.write_text("file,caption\n")
    folder = tmp_path / "photos"
    status, _, err = run("index", folder, "--into", tmp_path / "c", "--watch", "--metadata", table)
    assert status == 2
    assert "--watch with --metadata" in err
    assert not (tmp_path / "c").exists()


def test_a_server_that_is_away_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watching, "ASKED_AGAIN", 0.0)
    answers: list[StorageError | Added] = []

    def adding(*_: object, **__: object) -> Added:
        answer = answers.pop(0)
        if isinstance(answer, StorageError):
            raise answer
        return answer

    class Stored:
        """A collection of five references, somewhere."""

        place: Path | ServerUrl = ServerUrl("postgresql://host/db")

        def __len__(self) -> int:
            return 5

    def added(stop: threading.Event | None) -> tuple[Added, int]:
        done = Added(added=1)
        answers[:] = [StorageError("it does not answer", "expected it to", "start it")] * 2 + [done]
        return watching._added(Stored(), [], adding, stop)  # type: ignore[arg-type]

    assert added(threading.Event()) == (Added(added=1), 5)
    assert capsys.readouterr().err.splitlines() == [
        "it does not answer; it is asked again until it answers",
        "postgresql://host/db answers again",
    ]
    with pytest.raises(StorageError):  # the first run does not wait
        added(None)
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(StorageError):
        added(stopped)
    monkeypatch.setattr(Stored, "place", Path("c"))
    with pytest.raises(StorageError):
        added(threading.Event())


def test_a_missing_package_is_named(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("originid.watching.find_spec", lambda name: None)
    status, _, err = run("index", tmp_path, "--into", tmp_path / "c", "--watch")
    assert status == 1
    assert "pip install 'originid[watch]'" in err
