"""What `find` and `audit` share: which queries are meant, and how they are searched for."""

import os
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from originid.cli.lists import STDIN, read_list, refuse_empty
from originid.system.text import printable, shell_command

if TYPE_CHECKING:
    from originid.finder import Finder
    from originid.latents.sources import Source
    from originid.types import Failure

# As in `originid.views.looks`, which would load numpy only to print the help.
Effort = Literal["quick", "normal", "thorough"]
EffortOption = Annotated[
    Effort,
    typer.Option(
        help="Search so hard for a query that has no origin as it is. quick: do not look again. "
        "normal: look again at it mirrored, turned by quarters, without its frame and as a part of "
        "a reference, and compare local features with the best candidates. thorough: also turn it "
        "by 5 degrees, and compare local features with many more candidates."
    ),
]
QueriesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="QUERY",
        help="Find the origins of these images. Folders are searched with all folders in them. "
        "The name - reads one image from standard input. A text that begins with "
        "io.originid.signs.1: is a fingerprint, and stands for its image.",
    ),
]
ListOption = Annotated[
    str | None,
    typer.Option(
        "--list",
        metavar="FILE",
        help="Find the origins of the images on this list too, a file with a path a line. The "
        "name - reads the list from standard input.",
    ),
]
RateOption = Annotated[
    str,
    typer.Option(
        help="Allow this share of queries without an origin here to get the verdict origin: "
        "strict (1 in 10,000), balanced (1 in 1,000), wide (1 in 100), or a number up to 0.1."
    ),
]


def named_queries(
    queries: list[str] | None, listed: str | None, null: bool, yes: bool
) -> "Iterator[str | Source]":
    """Yield the images to search for: paths, or the bytes of standard input.

    Args:
        queries: the images and folders of the command line.
        listed: the name of a list of further ones, as for `read_list`, or None.
        null: as for `read_list`.
        yes: as for `read_list`.

    Raises:
        typer.BadParameter: no query is named, or options contradict each other.
        InputError: the list cannot be used.
    """
    if not queries and listed is None:
        raise typer.BadParameter("no query: expected images, folders, or --list FILE")
    if null and listed is None:
        raise typer.BadParameter("-0 says how a list is written: name one by --list FILE")
    refuse_empty(queries or [])
    paths = [] if listed is None else read_list(listed, null, yes)
    if listed is not None and not paths:
        print(f"{printable(listed)}: there are no paths on this list", file=sys.stderr)
    return chain(_sources(queries or []), files_of(paths))


def note_empty(finder: "Finder") -> None:
    """Say on standard error that a collection is empty, if it is."""
    if not len(finder.collection):
        place = finder.collection.place
        todo = shell_command("index", "PHOTOS", "--into", place)
        print(f"{printable(str(place))} is empty; add photos: {todo}", file=sys.stderr)


def show_in_browser(page: Path) -> None:
    """Say on standard error where a page lies, and open it in the web browser, if there is one."""
    import webbrowser

    opened = webbrowser.open(page.absolute().as_uri())
    todo = "opened in the web browser" if opened else "no web browser was found; open it in one"
    print(f"{printable(str(page))}: {todo}", file=sys.stderr)


def _sources(queries: list[str]) -> "Iterator[str | Source]":
    """Yield the images to search for: paths, or the bytes of standard input."""
    from originid.latents.sources import Source

    for query in queries:
        if query == STDIN:
            yield Source(STDIN, sys.stdin.buffer.read() if sys.stdin else b"")
        else:
            yield from files_of([query])


def files_of(paths: list[str]) -> Iterator[str]:
    """Yield files, and the images in folders."""
    from originid.cli.added_text import nothing_found
    from originid.images.find_files import find_images
    from originid.images.unread import Unread, summary

    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        unreadable: list[Failure] = []
        unread: list[Unread] = []
        empty = True
        for image in find_images([path], unreadable.append, on_unread=unread.append):
            empty = False
            yield image
        # These are passed on too: when they are read, the answer says why they cannot be.
        yield from (failure.path for failure in unreadable)
        if unread:
            print(f"{printable(path)}: {printable(summary(unread))}", file=sys.stderr)
        if empty and not unreadable:
            print(nothing_found([path]), file=sys.stderr)
