"""Tar shards: what is taken from them, and what hostile ones can do, which is nothing."""

import io
import os
import shutil
import tarfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.collection import image_writer
from originid.collection.adding import store_images
from originid.collection.collection import Collection
from originid.collection.encoding import Here
from originid.images.decode import no_limit
from originid.images.limits import LIMITS
from originid.inputs import tar
from originid.inputs.kinds import OnFailure
from originid.inputs.shard_file import ShardFile
from originid.inputs.tar import TarShard
from originid.latents.encode_files import Entry
from originid.latents.sources import Source
from originid.types import Description, Failure
from shards import put, write_shards

WritePhotos = Callable[..., list[Path]]


def read(path: Path) -> tuple[dict[str, bytes], list[Failure]]:
    """The images of a shard by their names in it, and what could not be taken."""
    failures: list[Failure] = []
    found: dict[str, bytes] = {}
    for source in TarShard(str(path)).members(failures.append):
        assert source.read is not None
        found[source.name.removeprefix(f"{path}!/")] = source.read(LIMITS, no_limit)
    return found, failures


def member(name: str, data: bytes = b"picture", **fields: object) -> bytes:
    """A member of a tar as it lies in the file, with any header."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    padding = -len(data) % tar.BLOCK
    return info.tobuf(tarfile.GNU_FORMAT) + data + b"\0" * padding


END = b"\0" * 2 * tar.BLOCK


def test_a_shard_is_indexed_with_what_is_said_beside_its_images(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photos = write_photos(5)
    shard, _ = shards = write_shards(photos, tmp_path / "shards", 3)
    added = store_images(collection, shards)
    assert (added.added, added.seen, added.total, added.failures) == (5, 5, 5, [])
    rows = list(collection.references())
    assert rows[1].location == rows[1].name == f"{shard}!/000000000001.png"
    assert rows[1].bytes == photos[1].stat().st_size
    said = collection.database.descriptions([rows[1].id])[rows[1].id]
    link = "https://example.org/000000000001"
    assert said == Description(caption="photo 000000000001", link=link)
    vector = collection.model.encode(photos[1])
    assert collection.search(vector, 1)[0][0][0].location == rows[1].location


def test_what_cannot_be_used_is_reported_however_much_was_stored_before(
    collection: Collection,
    write_photos: WritePhotos,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(image_writer, "BATCH", 1)
    late = Failure("late.tar", "no tar file")

    def encode(
        pieces: Any, model: Any, wanted: Any, known: Any, on_failure: OnFailure
    ) -> Generator[list[Entry], None, None]:
        """Encode as always, and report a failure when all has been stored."""
        yield from Here(1)(pieces, model, wanted, known, on_failure)
        on_failure(late)

    added = store_images(collection, write_shards(write_photos(3), tmp_path, 3), encode=encode)
    assert (added.added, added.failures) == (3, [late])


def test_members_that_are_stored_are_not_read_again(
    collection: Collection,
    write_photos: WritePhotos,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shards = write_shards(write_photos(6), tmp_path / "shards", 3)
    store_images(collection, shards[:1])
    read_bytes, images = ShardFile.read, list[int]()

    def counted(self: ShardFile, start: int, size: int, limits: object, reserve: object) -> bytes:
        images.append(size)
        return read_bytes(self, start, size, LIMITS, no_limit)

    monkeypatch.setattr(ShardFile, "read", counted)
    added = store_images(collection, shards)
    # Those of the second shard only: three images, their captions, and their JSON files.
    assert (added.added, added.unchanged, len(images)) == (3, 3, 9)
    # Details are missing, so that the first shard is read once more.
    assert store_images(collection, shards[:1], details=True).updated == 3


def test_a_shard_that_changed_is_read_again(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photos = write_photos(3)
    (shard,) = write_shards(photos[:2], tmp_path / "shards", 3)
    store_images(collection, [shard])
    (shard,) = write_shards([photos[0], photos[2]], tmp_path / "shards", 3)
    added = store_images(collection, [shard])
    assert (added.added, added.updated, added.unchanged) == (0, 1, 1)
    assert store_images(collection, [shard]).unchanged == 2


def test_members_that_a_shard_no_longer_has_are_counted_and_dropped_on_demand(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photos = write_photos(4)
    (shard,) = write_shards(photos, tmp_path / "shards", 4)
    store_images(collection, [shard])
    before = shard.stat()
    (shard,) = write_shards(photos[:2], tmp_path / "shards", 4)
    os.utime(shard, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    added = store_images(collection, [shard])
    assert (added.unchanged, added.gone, added.pruned, len(collection)) == (2, 2, 0, 4)
    added = store_images(collection, [shard], prune=True)
    assert (added.unchanged, added.gone, added.pruned, len(collection)) == (2, 0, 2, 2)
    assert store_images(collection, [shard], prune=True).pruned == 0


def test_nothing_of_a_damaged_shard_is_dropped(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    (shard,) = write_shards(write_photos(4), tmp_path / "shards", 4)
    store_images(collection, [shard])
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    added = store_images(collection, [shard], prune=True)
    assert (added.gone, added.pruned, len(collection)) == (0, 0, 4)
    assert added.failures
    assert collection.failures()
    shard.write_bytes(whole)
    os.utime(shard, ns=(0, shard.stat().st_mtime_ns + 1))
    assert not store_images(collection, [shard]).failures
    assert not collection.failures()


def test_a_member_that_failed_is_forgotten_when_the_shard_has_it_no_more(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photos = write_photos(3)
    broken, other = tmp_path / "broken.jpg", tmp_path / "other.jpg"
    broken.write_bytes(b"no image")
    other.write_bytes(b"no image")

    def pack(*members: Path) -> Path:
        with tarfile.open(tmp_path / "s.tar", "w") as archive:
            for member in members:
                archive.add(member, member.name)
        return tmp_path / "s.tar"

    store_images(collection, [pack(*photos, broken, other)])
    assert len(collection.failures()) == 2
    store_images(collection, [pack(*photos, other)])
    assert [Path(each.path).name for each in collection.failures()] == ["other.jpg"]


def test_the_same_picture_at_several_places_is_a_copy(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photos = write_photos(2)
    shards = write_shards([*photos, photos[0]], tmp_path / "shards", 2)
    store_images(collection, [*shards, *photos])
    assert [row.sha256 for row in collection.references()].count(
        next(collection.references()).sha256
    ) == 3
    for _ in range(2):
        again = store_images(collection, [*photos, *shards])
        assert (again.added, again.moved, again.unchanged) == (0, 0, 5)


def test_removing_a_shard_removes_its_members(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    shards = write_shards(write_photos(4), tmp_path / "shards", 2)
    beside = shutil.copy(shards[0], tmp_path / "shards" / "000000.tarred.tar")
    store_images(collection, [*shards, beside])
    assert collection.remove([str(shards[0])]) == []
    assert {row.location.partition("!")[0] for row in collection.references()} == {
        str(shards[1]),
        str(beside),
    }
    assert collection.remove([f"{shards[1]}!/000001000000.png"]) == []
    assert len(collection) == 3


HOSTILE: dict[str, tuple[bytes, list[str], list[str]]] = {
    # what is in the file; the images that are taken; words of the reasons
    "names that lead out": (
        member("../../etc/a.png") + member("/etc/b.png") + member("c/../../d.png")
        + member("..\\..\\e.png") + member("ok.png") + END,
        ["ok.png"], ["leads out"] * 4,
    ),
    "a second member of a name": (
        member("a.png", b"first") + member("./a.png", b"second") + member("b.png") + END,
        ["a.png", "b.png"], ["second member"],
    ),
    "links and devices": (
        b"".join(
            member(f"{kind}.png", b"", type=tarfile_type, linkname="/etc/passwd")
            for kind, tarfile_type in (("soft", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE),
                                       ("device", tarfile.CHRTYPE), ("pipe", tarfile.FIFOTYPE),
                                       ("folder", tarfile.DIRTYPE))
        ) + member("ok.png") + END,
        ["ok.png"], [],
    ),
    "a name without end": (
        member("n" * 2000 + ".png") + member("ok.png") + END, ["ok.png"], ["1,000 characters"],
    ),
    "a header of 4 MB": (
        member("ok.png") + member("././@LongLink", b"n" * 4_000_000, type=tarfile.GNUTYPE_LONGNAME)
        + member("b.png") + END,
        ["ok.png"], ["from byte 1,024 on"],
    ),
    "headers of headers": (
        member("ok.png")
        + b"".join(member("x", b"11 path=aa\n", type=tarfile.XHDTYPE) for _ in range(900)) + END,
        ["ok.png"], ["from byte 1,024 on"],
    ),
    "a damaged header": (
        member("ok.png") + b"\x01" * 2048 + member("b.png") + END,
        ["ok.png"], ["from byte 1,024 on"],
    ),
    "a size below 0": (
        member("ok.png") + member("a.png", b"", size=-1024) + member("b.png") + END,
        ["ok.png"], ["from byte 1,024 on"],
    ),
    "no tar": (b"no tar at all" * 100, [], ["no tar file"]),
    "an empty file": (b"", [], ["no tar file"]),
    "another suffix": (member("a.txt") + member("b.exe") + member("c") + END, [], []),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_what_hostile_shards_hold(case: str, tmp_path: Path) -> None:
    data, names, reasons = HOSTILE[case]
    shard = tmp_path / "hostile.tar"
    shard.write_bytes(data)
    found, failures = read(shard)
    assert list(found) == names
    assert len(failures) == len(reasons)
    for failure, words in zip(failures, reasons, strict=True):
        assert words in failure.reason
    if case == "a second member of a name":
        assert found["a.png"] == b"first"


def test_members_that_cannot_be_whole_are_failures_and_the_rest_is_taken(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photo, other = (path.read_bytes() for path in write_photos(2))
    shard = tmp_path / "hostile.tar"
    huge = tarfile.TarInfo("huge.png")
    huge.size = 2**40
    shard.write_bytes(
        member("a.png", photo)
        + member("empty.png", b"")
        + member("text.png", b"no picture")
        + member("b.png", other)
        + huge.tobuf(tarfile.GNU_FORMAT)
        + b"x" * 5000
    )
    added = store_images(collection, [shard])
    told = {each.path.removeprefix(f"{shard}"): each.reason for each in added.failures}
    assert added.added == 2
    assert set(told) == {"!/empty.png", "!/text.png", "!/huge.png", ""}
    assert "1,099,511,627,776 bytes" in told["!/huge.png"]
    assert "0 bytes" in told["!/empty.png"]
    again = store_images(collection, [shard])
    assert (again.unchanged, len(again.failures)) == (2, 4)


def test_a_shard_that_is_cut_short(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    (shard,) = write_shards(write_photos(3), tmp_path / "shards", 3)
    with tarfile.open(shard) as whole:
        last = whole.getmembers()[-3]  # the third image
    shard.write_bytes(shard.read_bytes()[: last.offset_data + 100])
    added = store_images(collection, [shard])
    assert added.added == 2
    assert {each.path for each in added.failures} == {str(shard), f"{shard}!/000000000002.png"}
    reasons = " ".join(each.reason for each in added.failures)
    assert f"ends after 100 of its {last.size:,} bytes" in reasons


def test_captions_may_be_anything(tmp_path: Path) -> None:
    shard = tmp_path / "captions.tar"
    with tarfile.open(shard, "w") as made:
        for key, name, data in (
            ("large", ".txt", b"x" * (tar.MOST_TEXT + 1)),
            ("bytes", ".txt", b"\xff\xfe a\x00b \x1b[31m"),
            ("deep", ".json", b'{"caption":' + b"[" * 5000 + b"]" * 5000 + b"}"),
            ("list", ".json", b"[1, 2]"),
            ("wrong", ".json", b'{"caption": 3, "url": ["a"], "licence": null}'),
            ("link", ".json", b'{"caption": "c", "url": "javascript:alert(1)"}'),
            ("both", ".json", b'{"caption": "json", "license": "CC0"}'),
            ("both", ".txt", b"text\n"),
        ):
            put(made, f"{key}{name}", data)
            put(made, f"{key}.png", b"picture")
    failures: list[Failure] = []
    said = {
        source.name.removeprefix(f"{shard}!/"): source.description
        for source in TarShard(str(shard)).members(failures.append)
    }
    assert said["bytes.png"].caption.endswith("[31m")
    assert "\x1b" not in said["bytes.png"].caption
    assert said["link.png"] == Description(caption="c")
    assert said["both.png"] == Description(caption="text", licence="CC0")
    others = ("large", "deep", "list", "wrong")
    assert {said[f"{key}.png"] for key in others} == {Description()}
    lost = ("large.txt", "deep.json", "list.json", "both.png")  # the last one is there twice
    assert [failure.path for failure in failures] == [f"{shard}!/{name}" for name in lost]
    assert "passed over: no JSON object" in failures[2].reason


def test_very_many_members_of_one_key_are_cut_into_groups(tmp_path: Path) -> None:
    shard = tmp_path / "many.tar"
    count = 2 * tar.MOST_OF_A_KEY + 1
    with tarfile.open(shard, "w") as made:
        for number in range(count):
            put(made, f"key.{number}.png", b"picture")
    found, failures = read(shard)
    assert (len(found), failures) == (count, [])


def whole_shard() -> bytes:
    """A small shard."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name in ("a.png", "a.txt", "ü" * 60 + ".jpg"):
            put(made, name, b"data of " + name.encode())
    return file.getvalue()[:8192]


@given(
    st.lists(st.tuples(st.integers(0, 8191), st.integers(0, 255)), max_size=8),
    st.integers(0, 8192),
)
def test_no_damage_raises(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], length: int
) -> None:
    data = np.frombuffer(whole_shard(), np.uint8).copy()
    for place, value in changes:
        data[place % len(data)] = value
    path = tmp_path_factory.mktemp("damaged") / "a.tar"
    path.write_bytes(data[:length].tobytes())
    sources: list[Source] = list(TarShard(str(path)).members(lambda failure: None))
    assert len(sources) <= 3


def test_no_file_of_a_shard_stays_open(write_photos: WritePhotos, tmp_path: Path) -> None:
    (shard,) = write_shards(write_photos(2), tmp_path / "shards", 3)
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("needs /proc")
    before = len(list(descriptors.iterdir()))
    for _ in range(5):
        read(shard)
    assert len(list(descriptors.iterdir())) == before
