"""originid fingerprint: what may be exchanged instead of pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.lists import refuse_empty
from originid.cli.output import print_failures, print_json, progress_bar
from originid.cli.queries import files_of
from originid.errors import UsageError
from originid.system.text import counted, printable

if TYPE_CHECKING:
    from originid.fingerprinting import Fingerprinted
    from originid.types import Failure


def fingerprint(
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE",
            help="Make fingerprints of these images. Folders are searched with all folders in "
            "them. Without images, those of all references of the collection --in are made.",
        ),
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option(
            "--in", metavar="COLLECTION", help="Make them by the model of this collection."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Make them by this model, the name of a packaged model or a model folder. The "
            "default is the model default."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE.csv",
            help="Write them to this CSV file, which originid index takes, instead of printing "
            "them.",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line, for each image.")
    ] = False,
) -> None:
    """Print fingerprints of images, which may be exchanged instead of the images.

    A fingerprint is a text of 392 characters for the default model. originid find takes it in the
    place of an image, and originid index takes lists of them. A picture can be searched for and
    recognised by it. It gives away a blurred likeness of the picture: docs/fingerprints.md shows
    how much, and says what may be shared with whom.

    Each line has a fingerprint, two spaces and the name of its image.

    The exit status is 1 if an image could not be read. The others are printed.
    """
    from originid.types import Failure

    _check_usage(images, collection, model, output, json)
    failures: list[Failure] = []
    count = 0

    def made() -> "Iterator[Fingerprinted]":
        """The fingerprints; what could not be read is noted."""
        nonlocal count
        with progress_bar("fingerprinting") as progress:
            for each in _made(images, collection, model):
                if isinstance(each, Failure):
                    failures.append(each)
                    if json:
                        print_json({"image": each.path, "fingerprint": None,
                                    "sha256": None, "error": each.reason})  # fmt: skip
                    continue
                count += 1
                progress(count, count)
                yield each

    if output is not None:
        _write(output, made())
        print(f"{printable(str(output))}: {counted(count, 'fingerprint')}")
    for each in made() if output is None else ():
        if json:
            print_json({"image": each.name, "fingerprint": each.fingerprint.text,
                        "sha256": each.sha256, "error": None})  # fmt: skip
        else:
            print(f"{each.fingerprint.text}  {printable(each.name)}", flush=True)
    if not json:
        print_failures(failures, "--json lists them")
    if failures:
        raise typer.Exit(1)


def _check_usage(
    images: list[str] | None,
    collection: str | None,
    model: str | None,
    output: Path | None,
    json: bool,
) -> None:
    refuse_empty(images or [])
    if not images and collection is None:
        raise typer.BadParameter("no image: expected images, folders, or --in COLLECTION")
    if collection is not None and model is not None:
        expected = "expected one of them: a collection has a model of its own"
        raise UsageError("--in with --model", expected, "leave one of them out")
    if output is not None and json:
        expected = "expected one of them: -o writes a CSV file"
        raise UsageError("-o with --json", expected, "leave one of them out")
    if output is not None and output.suffix.lower() != ".csv":
        todo = f"for example -o {output.with_suffix('.csv') if output.name else 'partner.csv'}"
        raise UsageError(f"-o {output}", "expected a name that ends in .csv", todo)


def _made(
    images: list[str] | None, collection: str | None, model: str | None
) -> "Iterator[Fingerprinted | Failure]":
    from originid.collection.collection import open_collection
    from originid.fingerprinting import of_images, of_references
    from originid.latents.sources import as_sources
    from originid.model import DEFAULT, open_model

    if collection is None:
        yield from of_images(open_model(model or DEFAULT), as_sources(files_of(images or [])))
        return
    with open_collection(collection) as opened:
        if images:
            yield from of_images(opened.model, as_sources(files_of(images)))
        else:
            yield from of_references(opened)


def _write(output: Path, made: "Iterator[Fingerprinted]") -> None:
    from originid.collection.fingerprint_list import COLUMNS
    from originid.system.csv_rows import write_rows
    from originid.system.outputs import refuse_to_replace

    refuse_to_replace(output, ",".join(COLUMNS), "list of fingerprints")

    def rows() -> Iterator[tuple[str, ...]]:
        """The header, and a row for each picture."""
        yield COLUMNS
        for each in made:
            known = {
                "fingerprint": each.fingerprint.text,
                "name": each.name,
                "sha256": each.sha256,
                **vars(each.description),
            }
            yield tuple(known[column] for column in COLUMNS)

    write_rows(output, rows())
