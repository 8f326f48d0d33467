"""Addresses of pictures, as a text with one a line or as a CSV file with a column ``url``."""

import codecs
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from originid.errors import InputError
from originid.images.captions import clean
from originid.inputs.kinds import OnFailure
from originid.inputs.manners import FromWeb, Manners
from originid.inputs.stores import read_object
from originid.latents.sources import Source
from originid.system.addresses import is_link, is_url
from originid.system.csv_rows import read_rows
from originid.types import NOT_DESCRIBED, Description, Failure

TEXT, TABLE = ".txt", ".csv"
URL = "url"
BEGINNING = 512  # bytes that tell a text from a picture
MOST_CHARACTERS = 2000  # of an address
SCHEMES = ("http", "https", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
"""What an address on a list may begin with. A list may be a stranger's: what else reaches into a
network of one's own, or into this machine, is left out."""


@dataclass(frozen=True)
class WebImage:
    """One picture of the web, as a `Listing`.

    Args:
        name: its address.
        manners: how it is fetched.
    """

    name: str
    manners: Manners

    def listed(self, on_failure: OnFailure) -> Iterator[Source]:
        """Name it, as `Listing.listed`."""
        yield from checked(self.name, NOT_DESCRIBED, self.manners, self.name, on_failure)


@dataclass(frozen=True)
class UrlList:
    """A file of addresses, as a `Listing`.

    Args:
        name: its path: ``.txt`` with an address a line, or ``.csv`` with a column ``url`` and
            perhaps ``caption``, ``credit``, ``licence``, ``date`` and ``link``.
        manners: how the pictures are fetched.
    """

    name: str
    manners: Manners

    def listed(self, on_failure: OnFailure) -> Iterator[Source]:
        """Name the pictures of the list, as `Listing.listed`."""
        rows = _lines if self.name.lower().endswith(TEXT) else _rows
        try:
            for line, url, said in rows(self.name):
                where = f"{self.name}, line {line}"
                yield from checked(url, said, self.manners, where, on_failure)
        except InputError as error:
            on_failure(Failure(self.name, error.reason))
        except OSError as error:
            on_failure(Failure(self.name, error.strerror or str(error)))


def is_url_list(name: str) -> bool:
    """Whether a file is a list of addresses, or a table, which can be nothing else.

    Args:
        name: its path.
    """
    if name.lower().endswith(TABLE):
        return os.path.isfile(name)
    try:
        return name.lower().endswith(TEXT) and is_url(next(_lines(name), (0, "", NOT_DESCRIBED))[1])
    except (InputError, OSError):
        return False


def is_other_text(name: str) -> bool:
    """Whether a file is a text that is no list of addresses, such as a list of paths.

    Args:
        name: its path.
    """
    if not name.lower().endswith(TEXT) or is_url_list(name):
        return False
    try:
        with open(name, "rb") as file:
            text = codecs.getincrementaldecoder("utf-8")().decode(file.read(BEGINNING))
    except (OSError, UnicodeDecodeError):  # a picture whose name ends so, or nothing
        return False
    return "\0" not in text


def checked(
    url: str, said: Description, manners: Manners, where: str, on_failure: OnFailure
) -> Iterator[Source]:
    """Name a picture by its address, or say why it cannot be one.

    Args:
        url: the address.
        said: what the list says of the picture.
        manners: how it is fetched.
        where: the place in the list, for the reason.
        on_failure: called with the reason.
    """
    scheme = url.partition("://")[0].lower()
    if not url.isprintable() or " " in url or len(url) > MOST_CHARACTERS:
        told = (
            f"an address with spaces, control characters, or more than {MOST_CHARACTERS:,} of them"
        )
        on_failure(Failure(where, told))
    elif not is_url(url) or scheme not in SCHEMES:
        shown = url[:100] or "an empty address"
        on_failure(Failure(where, f"{shown}; expected one that begins with https:// or s3://"))
    elif is_link(url):
        yield Source(url, description=said, read=FromWeb(url, manners))
    else:
        yield Source(url, description=said, read=partial(read_object, url))


def _lines(name: str) -> Iterator[tuple[int, str, Description]]:
    with open(name, "rb", opener=_open_at_once) as file:
        # A line of any length would fill the memory; the rest of a long one is passed over.
        parts = iter(partial(file.readline, 8 * MOST_CHARACTERS), b"")
        number, begins = 1, True
        for part in parts:
            text = part.decode("utf-8-sig" if number == 1 else "utf-8", "replace").strip()
            if begins and text:
                yield number, text, NOT_DESCRIBED
            begins = part.endswith(b"\n")
            number += begins


def _rows(name: str) -> Iterator[tuple[int, str, Description]]:
    names = _header(name)
    if URL not in names:
        raise InputError(
            f"a table without a column {URL}",
            "expected one with the addresses of pictures",
            "name the column so, or give another file",
        )
    for line, cells in itertools.islice(read_rows(Path(name)), 1, None):
        row = dict(zip(names, cells, strict=False))
        said = {field: row.get(field, "") for field in vars(NOT_DESCRIBED)}
        yield line, row.get(URL, "").strip(), clean(Description(**said))


def _header(name: str) -> list[str]:
    return [cell.strip().lower() for cell in next(read_rows(Path(name)), (0, []))[1]]


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting, even if it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
