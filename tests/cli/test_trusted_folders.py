"""What the commands say of a collection of another account, and that the advice works."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from fixture_types import Run
from originid.collection.trusted_folders import FOLDERS

Account = Callable[[str], None]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Account:
    """Act as an account of some name."""
    return lambda name: monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "homes" / name))


def test_one_line_says_that_files_are_not_opened(
    indexed: Path, tmp_path: Path, run: Run, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "photos" / "0003.png"
    account("another")
    for command in (("find", photo, "--in", indexed), ("show", indexed, "--verify")):
        status, out, err = run(*command)
        assert status == 0
        assert out
        (line,) = err.splitlines()
        assert line.startswith(f"note: {tmp_path / 'photos'}")
        assert "are not opened" in line
        advice = line.partition(f"set {FOLDERS}=")[2].partition(" and run")[0]
        with monkeypatch.context() as patch:
            patch.setenv(FOLDERS, *shlex.split(advice))
            assert run(*command)[::2] == (0, "")
    added = line.partition("into the collection: originid ")[2]
    assert run(*shlex.split(added))[::2] == (0, "")
    assert run("find", photo, "--in", indexed)[::2] == (0, "")
    account("a third")
    assert "are not opened" in run("find", photo, "--in", indexed)[2]


def test_the_advice_of_explain_works(
    indexed: Path, tmp_path: Path, run: Run, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account("another")
    photo, output = tmp_path / "photos" / "0003.png", tmp_path / "seen.json"
    command = ("explain", photo, photo, "--in", indexed, "-o", output)
    status, out, err = run(*command)
    assert (status, out) == (1, "")
    assert len(err.splitlines()) == 3
    advice = err.partition(f"set {FOLDERS}=")[2].partition(" and run")[0]
    monkeypatch.setenv(FOLDERS, *shlex.split(advice))
    assert run(*command)[0] == 0
    assert output.exists()


def test_a_home_that_cannot_be_written_is_told_once(
    tmp_path: Path, indexed: Path, run: Run, account: Account
) -> None:
    (tmp_path / "homes").write_text("a file")
    account("nobody")
    status, out, err = run("index", tmp_path / "photos", "--into", indexed)
    assert status == 0
    assert "30 unchanged" in out
    (line,) = err.splitlines()
    assert line.startswith("note: cannot write")
    assert FOLDERS in line
