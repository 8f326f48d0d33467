"""Images in a parquet file: their bytes in a column, or their addresses.

The column of bytes is called ``image``, ``jpg``, ``png`` and so on; a struct with ``bytes``, as
data sets of Hugging Face have it, will do. The column of addresses is called ``url``.
"""

import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from originid.errors import ExtraError, InputError
from originid.images.captions import clean
from originid.inputs.kinds import Input, OnFailure
from originid.inputs.manners import Manners
from originid.inputs.shard_file import ShardFile, Spool
from originid.inputs.stores import open_object
from originid.inputs.tar import opened, state_of_archive
from originid.inputs.url_list import checked
from originid.latents.sources import Source
from originid.system.addresses import is_url, location_of, member_of
from originid.system.file_status import FileStatus
from originid.types import Description, Failure

BYTES = ("image", "bytes", "image_bytes", "img", "jpg", "jpeg", "png", "webp")
URLS = ("url", "image_url")
TEXTS = {"caption": ("caption", "text"), "credit": ("credit",), "date": ("date",),
         "licence": ("licence", "license"), "link": ("url", "link")}  # fmt: skip
OF_PYARROW = (OSError, ValueError, MemoryError, NotImplementedError)  # what its errors are
ROWS = 16  # read together; they are held in memory
MOST_GROUP = 2_000_000_000  # bytes of a column in a row group, which may be held in memory


def open_parquet(name: str, manners: Manners) -> Input:
    """Open a parquet file: as an `Archive` if it holds images, else as a `Listing` of addresses.

    Args:
        name: its path, or its address in an object store.
        manners: how pictures are fetched from the web.

    Raises:
        ExtraError: pyarrow is not installed.
        InputError: it is none, or has no such column.
    """
    _need_pyarrow()
    columns = _Columns.of(_schema(name))
    if columns.image:
        return ParquetImages(name)
    if columns.url:
        return ParquetUrls(name, manners)
    raise InputError(
        f"a parquet file with the columns {', '.join(columns.all)[:200]}",
        f"expected one of {', '.join(BYTES)} with the bytes of images, or {' or '.join(URLS)}",
        "rename the column",
    )


@dataclass(frozen=True)
class ParquetImages:
    """A parquet file with the bytes of images, as an `Archive`; a member is called by its row.

    Args:
        name: its path, or its address in an object store.
        place: where it is, if that is not its name.
    """

    name: str
    place: str = ""

    def state(self) -> FileStatus:
        """What changes when the file does, as `Archive.state`."""
        return state_of_archive(self.place or self.name)

    def anywhere(self) -> "ParquetImages":
        """The same file for a process that works in another folder."""
        return ParquetImages(self.name, location_of(self.name))

    def members(self, on_failure: OnFailure, skip: Collection[str] = ()) -> Iterator[Source]:
        """Name the images in it, as `Archive.members`; their bytes wait in a temporary file."""
        spool, location = Spool(), location_of(self.place or self.name)
        try:
            state = self.state()
            for number, row, columns in _rows(location, images=True):
                if member_of(location, str(number)) in skip:
                    continue
                place = member_of(self.name, str(number))
                data = row[columns.image]
                data = data.get("bytes") if isinstance(data, dict) else data
                if not isinstance(data, bytes) or not data:
                    on_failure(Failure(place, "no bytes of an image in this row"))
                    continue
                file, start = spool.put(data)
                status = FileStatus(len(data), state.mtime_ns, state.ctime_ns, state.inode)
                read = partial(file.read, start, len(data))
                yield Source(place, status=status, description=columns.said(row), read=read)
        except InputError as error:
            on_failure(Failure(self.name, error.reason))


@dataclass(frozen=True)
class ParquetUrls:
    """A parquet file with addresses of images, as a `Listing`.

    Args:
        name: its path, or its address in an object store.
        manners: how the pictures are fetched.
    """

    name: str
    manners: Manners

    def listed(self, on_failure: OnFailure) -> Iterator[Source]:
        """Name the images, as `Listing.listed`."""
        try:
            for number, row, columns in _rows(self.name, images=False):
                where, url = f"{self.name}, row {number}", row[columns.url]
                text = url.strip() if isinstance(url, str) else ""
                said = columns.said(row)
                said = replace(said, link="") if said.link == text else said
                yield from checked(text, said, self.manners, where, on_failure)
        except InputError as error:
            on_failure(Failure(self.name, error.reason))


class _Held(io.FileIO):
    """An open file as Python has it, which keeps the file that it belongs to."""

    def __init__(self, file: ShardFile) -> None:
        super().__init__(file.number, "rb", closefd=False)
        self._file = file


@dataclass(frozen=True)
class _Columns:
    """Which columns a file has, by their names in lower case."""

    all: dict[str, str]

    @classmethod
    def of(cls, schema: Any) -> "_Columns":
        return cls({name.lower(): name for name in schema.names})

    @property
    def image(self) -> str:
        """The column with the bytes of images; empty if there is none."""
        return next((self.all[each] for each in BYTES if each in self.all), "")

    @property
    def url(self) -> str:
        """The column with addresses; empty if there is none."""
        return next((self.all[each] for each in URLS if each in self.all), "")

    @property
    def texts(self) -> dict[str, str]:
        """For each field of a description the column that says it."""
        found = {
            field: next((self.all[each] for each in names if each in self.all), "")
            for field, names in TEXTS.items()
        }
        return {field: column for field, column in found.items() if column}

    def said(self, row: dict[str, Any]) -> Description:
        """What a row says of its image."""
        texts = {field: row.get(column) for field, column in self.texts.items()}
        return clean(Description(**{k: text for k, text in texts.items() if isinstance(text, str)}))


def _rows(name: str, images: bool) -> Iterator[tuple[int, dict[str, Any], _Columns]]:
    """The rows of a file with their numbers from 0, a few at a time."""
    table = _open(opened(name))
    columns = _Columns.of(table.schema_arrow)
    wanted = {columns.image if images else columns.url, *columns.texts.values()}
    _refuse_large(table, wanted)
    number = 0
    try:
        for group in range(table.metadata.num_row_groups):
            for batch in table.iter_batches(ROWS, [group], sorted(wanted)):
                for row in batch.to_pylist():
                    yield number, row, columns
                    number += 1
    except OF_PYARROW as error:
        given = f"damaged from row {number:,} on, and not read from there"
        raise InputError(given, " ".join(str(error).split())[:200], "make it anew") from error


def _schema(name: str) -> Any:
    """The columns of a file; of one in an object store, only its end is read for that."""
    from pyarrow import parquet

    if is_url(name):
        with open_object(name) as file, _parquet_errors():
            return parquet.read_schema(file)
    with _parquet_errors():
        return parquet.read_schema(_Held(opened(name)))


def _open(file: ShardFile) -> Any:
    from pyarrow import parquet

    with _parquet_errors():
        return parquet.ParquetFile(_Held(file))


@contextmanager
def _parquet_errors() -> Iterator[None]:
    try:
        yield
    except OF_PYARROW as error:
        raise InputError(
            f"no parquet file: {' '.join(str(error).split())[:200]}",
            "expected one that pyarrow reads",
            "make it anew",
        ) from error


def _refuse_large(table: Any, wanted: set[str]) -> None:
    """Refuse a file that would fill the memory when a part of it is read."""
    for number in range(table.metadata.num_row_groups):
        group = table.metadata.row_group(number)
        for place in range(group.num_columns):
            column = group.column(place)
            if column.path_in_schema.partition(".")[0] in wanted and (
                column.total_uncompressed_size > MOST_GROUP
            ):
                raise InputError(
                    f"a row group of {column.total_uncompressed_size:,} bytes",
                    f"expected at most {MOST_GROUP:,}",
                    "write it anew with smaller row groups",
                )


def _need_pyarrow() -> None:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise ExtraError("a parquet file", "stores") from error
