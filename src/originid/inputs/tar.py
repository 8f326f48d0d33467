"""Images in a tar shard, as img2dataset and WebDataset write them.

A shard has for each image the members ``KEY.jpg`` (or another suffix of images), and perhaps
``KEY.txt`` (its caption) and ``KEY.json`` (with ``caption`` and ``url``), one behind the other. Any
other tar file of images will do as well. Nothing is unpacked: the names of members are only texts.
"""

import os
import re
import stat
import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import IO

from originid.errors import ImageError, OriginidError
from originid.images.captions import clean
from originid.images.decode import no_limit, os_reason
from originid.images.find_files import IMAGE_SUFFIXES
from originid.images.limits import Limits
from originid.inputs.kinds import OnFailure
from originid.inputs.shard_file import ShardFile
from originid.inputs.stores import copied, state_of
from originid.latents.sources import Source
from originid.system.addresses import is_url, location_of, member_of
from originid.system.file_status import FileStatus
from originid.system.strict_json import parse_json
from originid.types import NOT_DESCRIBED, Description, Failure

MOST_HEADER = 1_000_000  # bytes in front of one member; a long name takes 3 kB
MOST_NAME = 1000  # characters
MOST_TEXT = 1_000_000  # bytes of a caption or of a JSON file
MOST_OF_A_KEY = 64  # members with one key; img2dataset writes three
BLOCK = 512  # bytes
COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
"""How files begin that gzip, bzip2, xz and zstd write."""


@dataclass(frozen=True)
class Member:
    """A regular file in a tar: its name, where its bytes begin, and how many there are."""

    name: str
    start: int
    size: int

    @property
    def key(self) -> str:
        """What the files of one image have in common: the name up to its first full stop."""
        folder, name = os.path.split(self.name)
        return f"{folder}/{name.partition('.')[0]}"

    @property
    def suffix(self) -> str:
        """The last suffix of its name, in lower case."""
        return os.path.splitext(self.name)[1].lower()


@dataclass(frozen=True)
class TarShard:
    """A tar file as an `Archive`.

    Args:
        name: its path, or its address in an object store. From there it is copied into a temporary
            file, as long as it is worked on.
        place: where it is, if that is not its name.
    """

    name: str
    place: str = ""

    def state(self) -> FileStatus:
        """What changes when the file does, as `Archive.state`."""
        return state_of_archive(self.place or self.name)

    def anywhere(self) -> "TarShard":
        """The same shard for a process that works in another folder."""
        return TarShard(self.name, location_of(self.name))

    def members(self, on_failure: OnFailure, skip: Collection[str] = ()) -> Iterator[Source]:
        """Name the images in it, as `Archive.members`."""
        try:
            state, file = self.state(), opened(self.place or self.name)
        except ImageError as error:
            on_failure(Failure(self.name, error.reason))
            return
        # Groups with very many members are cut, so that none fills the memory.
        for _, run in groupby(_cut(_members(self.name, file, on_failure)), lambda each: each[0]):
            group = [member for _, member in run]
            images = [each for each in group if each.suffix in IMAGE_SUFFIXES]
            location = location_of(self.place or self.name)
            images = [each for each in images if member_of(location, each.name) not in skip]
            said = self._description(group, file, on_failure) if images else NOT_DESCRIBED
            for member in images:
                status = FileStatus(member.size, state.mtime_ns, state.ctime_ns, state.inode)
                read = partial(file.read, member.start, member.size)
                name = member_of(self.name, member.name)
                yield Source(name, status=status, description=said, read=read)

    def _description(
        self, group: list[Member], file: ShardFile, on_failure: OnFailure
    ) -> Description:
        """What the texts beside an image say of it."""
        said = NOT_DESCRIBED
        for member in group:
            if member.suffix not in (".txt", ".json"):
                continue
            try:
                data = file.read(member.start, member.size, Limits(max_bytes=MOST_TEXT), no_limit)
                if member.suffix == ".txt":
                    said = Description(caption=data.decode("utf-8", "replace")).over(said)
                else:
                    said = said.over(_of_json(data))
            except (OriginidError, ValueError) as error:
                reason = error.given if isinstance(error, OriginidError) else "no JSON object"
                told = f"what it says of its image is passed over: {reason}"
                on_failure(Failure(member_of(self.name, member.name), told))
        return clean(said)


def state_of_archive(name: str) -> FileStatus:
    """What changes when a file, or an object of a store, does.

    Raises:
        ImageError: it cannot be looked at.
    """
    if is_url(name):
        return state_of(name)
    try:
        return FileStatus.of(os.stat(name))
    except (OSError, ValueError) as error:
        raise ImageError(os_reason(error), "expected a file", "check the path") from error


def opened(name: str) -> ShardFile:
    """Open an archive; one of an object store is copied into a temporary file.

    Raises:
        ImageError: it cannot be read.
        StorageError: the disk is full.
    """
    if is_url(name):
        return ShardFile(copied(name), temporary=True)
    try:
        if not stat.S_ISREG(os.stat(name).st_mode):
            raise ImageError("no regular file", "expected a file", "check the path")
        return ShardFile(name)
    except (OSError, ValueError) as error:
        raise ImageError(os_reason(error), "expected a readable file", "check the path") from error


def _cut(members: Iterator[Member]) -> Iterator[tuple[tuple[str, int], Member]]:
    """Each member with the group that it belongs to."""
    key, count = "", 0
    for member in members:
        count = count + 1 if member.key == key else 0
        key = member.key
        yield (key, count // MOST_OF_A_KEY), member


def _members(name: str, file: ShardFile, on_failure: OnFailure) -> Iterator[Member]:
    """The regular files in a tar, in their order, each name once."""
    seen: set[int] = set()  # hashes, which are smaller than names
    with open(file.number, "rb", closefd=False) as data:
        for info in _infos(name, _Headers(data), on_failure):
            inside = info.name.removeprefix("./")
            problem = _problem(info, inside)
            if not problem and hash(inside) in seen:
                problem = "a second member of this name; only the first one is taken"
            if problem:
                on_failure(Failure(member_of(name, inside[:MOST_NAME]), problem))
                continue
            seen.add(hash(inside))
            yield Member(inside, info.offset_data, info.size)


def _problem(info: tarfile.TarInfo, inside: str) -> str:
    """Why a member cannot be taken by its name or its kind; empty if it can."""
    parts = re.split(r"[/\\]", inside)
    if len(inside) > MOST_NAME:
        return f"a name of more than {MOST_NAME:,} characters"
    if os.pardir in parts or inside.startswith(("/", "\\")) or not inside or "\0" in inside:
        return "a name that leads out of the archive"
    if info.issparse():
        return "a sparse file; expected one with all of its bytes"
    return ""


def _infos(name: str, headers: "_Headers", on_failure: OnFailure) -> Iterator[tarfile.TarInfo]:
    """What the headers of a tar say of its files, until it ends or is damaged."""
    end = 0
    try:
        headers.left = MOST_HEADER
        tar = tarfile.TarFile(fileobj=headers, errors="surrogateescape")  # type: ignore[arg-type]
        while (info := tar.next()) is not None:
            if info.size < 0 or tar.offset <= end:
                raise tarfile.ReadError("a member with a size that cannot be")
            end, headers.left = tar.offset, MOST_HEADER
            tar.members.clear()  # type: ignore[attr-defined]  # they would fill the memory
            if info.isreg():
                yield info
        headers.seek(tar.offset)
        if headers.read(BLOCK).strip(b"\0"):  # tarfile takes a damaged header for the end
            raise tarfile.ReadError("a damaged header")
    except (tarfile.TarError, OSError, ValueError, RecursionError, OverflowError) as error:
        if not end and _is_compressed(headers):
            on_failure(Failure(name, "a compressed tar file; decompress it first"))
            return
        text = " ".join(str(error).split())[:200]
        told = f"damaged from byte {end:,} on, and not read from there" if end else "no tar file"
        on_failure(Failure(name, f"{told}: {text}"))


def _is_compressed(headers: "_Headers") -> bool:
    headers.left = BLOCK
    headers.seek(0)
    return headers.read(BLOCK).startswith(COMPRESSED)


class _Headers:
    """The bytes of a tar for its reader, which may read only so many of them for each member.

    Args:
        data: the open file.
    """

    def __init__(self, data: IO[bytes]) -> None:
        self._data = data
        self.left = MOST_HEADER
        self.seek, self.tell = data.seek, data.tell

    def read(self, size: int = -1) -> bytes:
        """Read as any file does."""
        self.left -= size
        if size < 0 or self.left < 0:
            raise tarfile.ReadError(f"more than {MOST_HEADER:,} bytes in front of a member")
        return self._data.read(size)


def _of_json(data: bytes) -> Description:
    found = parse_json(data, MOST_TEXT)
    texts = {key: found.get(key) for key in ("caption", "credit", "licence", "date")}
    texts["licence"] = texts["licence"] or found.get("license")
    texts["link"] = found.get("url")
    return Description(**{k: text for k, text in texts.items() if isinstance(text, str)})
