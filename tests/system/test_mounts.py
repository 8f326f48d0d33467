"""What the system tells of its file systems."""

import os
from pathlib import Path

import pytest

from originid.system import mounts
from originid.system.mounts import FileSystem, file_system, kinds_by_device

TABLE = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 / /mnt/share rw,relatime shared:2 master:1 - nfs4 server:/export rw
31 22 0:26 / /mnt/my\\040disk rw - vfat /dev/sdb1 rw
32 30 0:27 /sub /mnt/share/inner rw - fuse.sshfs host:/ rw
33 22 0:28 / /mnt/share/inner rw - cifs //host/over rw
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of mounted file systems as Linux has it."""
    (tmp_path / "mountinfo").write_text(TABLE, encoding="utf-8")
    monkeypatch.setattr(mounts, "TABLE", tmp_path / "mountinfo")


@pytest.mark.usefixtures("table")
@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX")
@pytest.mark.parametrize(
    ("path", "kind", "mount_point"),
    [
        ("/", "ext4", "/"),
        ("/mnt", "ext4", "/"),
        ("/mnt/share", "nfs4", "/mnt/share"),
        ("/mnt/share/c/collection.sqlite", "nfs4", "/mnt/share"),
        ("/mnt/share2", "ext4", "/"),
        ("/mnt/my disk/photos", "vfat", "/mnt/my disk"),
        ("/mnt/share/inner/a", "cifs", "/mnt/share/inner"),  # the one that lies over the other
    ],
)
def test_the_nearest_mount_point_counts(path: str, kind: str, mount_point: str) -> None:
    assert file_system(path) == FileSystem(kind, mount_point)


@pytest.mark.usefixtures("table")
@pytest.mark.skipif(os.name == "nt", reason="devices of POSIX")
def test_kinds_by_device() -> None:
    kinds = kinds_by_device()
    assert kinds[os.makedev(8, 1)] == "ext4"
    assert kinds[os.makedev(0, 26)] == "vfat"
    assert len(kinds) == 5


def test_without_a_table_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "TABLE", tmp_path / "none")
    assert (file_system(tmp_path), kinds_by_device()) == (None, {})
