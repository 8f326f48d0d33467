"""The key of an account: made once, by whoever comes first, and read by nobody else."""

import os
import stat
import threading
from pathlib import Path

import pytest

from originid.errors import StorageError
from originid.system.account_key import account_key, key_file, make_account_key, signature


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def test_reading_makes_none(home: Path) -> None:
    assert account_key() is None
    assert not home.exists()


def test_it_stays_the_same(home: Path) -> None:
    key = make_account_key()
    assert len(key) == 32
    assert make_account_key() == account_key() == key
    assert (home / "originid" / "account.key").read_bytes() == key


@pytest.mark.skipif(os.name == "nt", reason="modes of files")
def test_only_the_account_may_read_it(home: Path) -> None:
    make_account_key()
    assert stat.S_IMODE((home / "originid" / "account.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "originid").stat().st_mode) == 0o700


def test_all_that_make_it_at_once_get_the_same_one(home: Path) -> None:
    start, made = threading.Barrier(8), []

    def make() -> None:
        """Wait for the others, and make it."""
        start.wait()
        made.append(make_account_key())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert set(made) == {account_key()}
    assert os.listdir(home / "originid") == ["account.key"]


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_something_else_in_its_place_is_an_error(home: Path, content: bytes) -> None:
    file = home / "originid" / "account.key"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    assert account_key() is None
    with pytest.raises(StorageError, match="is not the key") as caught:
        make_account_key()
    assert caught.value.todo.startswith("remove it")
    assert file.read_bytes() == content


def test_a_home_that_cannot_be_written_is_an_error(home: Path) -> None:
    home.write_text("a file")
    assert account_key() is None
    with pytest.raises(StorageError, match=r"cannot write .*account\.key"):
        make_account_key()


def test_a_relative_folder_of_data_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert key_file().is_relative_to(tmp_path)


def test_a_signature_is_of_each_part() -> None:
    key = bytes(32)
    assert signature(key, b"ab", b"c") == signature(key, b"ab", b"c")
    others = [(key, b"a", b"bc"), (key, b"abc"), (key, b"ab", b"c", b""), (b"1" * 32, b"ab", b"c")]
    assert len({signature(*each) for each in [*others, (key, b"ab", b"c")]}) == 5
