"""Collections that somebody else made: opening one changes no file outside of its folder."""

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from originid.collection.adding import store_images
from originid.collection.collection import create_collection, open_collection
from originid.errors import CollectionError
from originid.model import Model

Run = Callable[..., tuple[int, str, str]]
JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


@pytest.fixture
def foreign(tmp_path: Path, model: Model, write_photos: Callable[..., list[Path]]) -> Path:
    """The folder of a closed collection of three references."""
    folder = tmp_path / "foreign"
    with create_collection(folder, model) as collection:
        store_images(collection, write_photos(3))
    return folder


def journal_naming(victim: Path) -> bytes:
    """A rollback journal of no pages that names a file as its super-journal."""
    name = str(victim).encode()
    header = JOURNAL_MAGIC + struct.pack(">5I", 0, 0, 0, 512, 16384)
    checksum = sum(name) & 0xFFFFFFFF
    end = struct.pack(">I", 0x40000000 // 16384 + 1) + name
    return header.ljust(512, b"\0") + end + struct.pack(">2I", len(name), checksum) + JOURNAL_MAGIC


@pytest.mark.parametrize("command", ["show", "find", "index", "remove"])
def test_a_forged_journal_deletes_nothing(
    foreign: Path, tmp_path: Path, run: Run, command: str
) -> None:
    victim = tmp_path / "precious.txt"
    victim.write_text("keep me")
    (foreign / "collection.sqlite-journal").write_bytes(journal_naming(victim))
    photo = tmp_path / "photos" / "0000.png"
    arguments = {
        "show": ("show", foreign),
        "find": ("find", photo, "--in", foreign),
        "index": ("index", photo, "--into", foreign),
        "remove": ("remove", photo, "--from", foreign),
    }[command]
    status, _, errors = run(*arguments)
    assert (status, victim.read_text()) == (1, "keep me")
    assert "holds collection.sqlite-journal" in errors
    assert "Traceback" not in errors


def test_a_journal_that_is_a_dangling_link_is_refused(foreign: Path, tmp_path: Path) -> None:
    (foreign / "collection.sqlite-journal").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CollectionError, match="no collection of originid has"):
        open_collection(foreign)


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_a_database_that_is_a_link_is_refused(foreign: Path, tmp_path: Path, suffix: str) -> None:
    file, elsewhere = foreign / f"collection.sqlite{suffix}", tmp_path / "elsewhere"
    if file.exists():
        shutil.move(file, elsewhere)
    else:
        elsewhere.write_bytes(b"")
    content = elsewhere.read_bytes()
    file.symlink_to(elsewhere)
    with pytest.raises(CollectionError, match="is a link to another file"):
        open_collection(foreign)
    assert elsewhere.read_bytes() == content


@pytest.mark.parametrize("name", ["model", "index.bin", "shortlist.bin", "words.bin"])
def test_what_else_is_read_of_it_is_no_link(foreign: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    if (foreign / name).exists():
        shutil.move(foreign / name, elsewhere)
    (foreign / name).symlink_to(elsewhere)
    with pytest.raises(CollectionError, match=f"{name} in .* is a link to another file"):
        open_collection(foreign)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("name", ["index.bin", "shortlist.bin", "words.bin"])
def test_a_pipe_in_its_place_is_refused_at_once(foreign: Path, name: str) -> None:
    (foreign / name).unlink(missing_ok=True)
    os.mkfifo(foreign / name)
    with pytest.raises(CollectionError, match=f"{name} in .* is a pipe or a device"):
        open_collection(foreign)


def test_a_sound_collection_still_opens(foreign: Path) -> None:
    with open_collection(foreign) as collection:
        assert len(collection) == 3
