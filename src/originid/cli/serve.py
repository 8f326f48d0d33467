"""originid serve: the HTTP API and the page of a collection."""

import sys
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from originid.system.text import printable

LOOKED_AT = 100  # references whose folders are checked at the start


def serve(
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="Serve this collection.")],
    host: Annotated[str, typer.Option(help="Listen on this address.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Listen on this port; 0 takes one that is free.")
    ] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Let in only those who present a token of this file. Each line is a role "
            "(manifests, find, write or admin), a token of 20 characters or more, and, if wanted, "
            "a name and expires=2027-01-31. It is needed on every address but loopback.",
        ),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Let nobody add, remove or decide.")
    ] = False,
    allow_urls: Annotated[
        bool,
        typer.Option(
            "--allow-urls",
            help="Fetch pictures from addresses of the internet, when a request names one.",
        ),
    ] = False,
    limits: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Take limits from this JSON file, such as max_bytes, workers and rate; "
            "docs/service.md lists them.",
        ),
    ] = None,
) -> None:
    """Serve the page and the HTTP API of a collection.

    Open the address that is printed in a browser. Programs find the description of the API at
    /openapi.json. Pictures that are asked about are not stored. Stop it by Ctrl-C: requests that
    have begun are answered first.
    """
    from originid.errors import ExtraError

    try:
        from originid.service.app import create_app
        from originid.service.server import listen, refuse_open, run
        from originid.service.settings import read_settings
    except ModuleNotFoundError as error:
        raise ExtraError("originid serve", "serve") from error
    from originid.cli.output import note_missing_locks, note_untrusted
    from originid.cli.queries import note_empty
    from originid.finder import Finder

    given = {"token_file": token_file, "read_only": read_only, "allow_urls": allow_urls}
    settings = read_settings(limits, given)
    refuse_open(host, settings)
    with Finder.open(collection) as finder:
        note_missing_locks(finder.collection)
        for row in islice(finder.collection.references(), LOOKED_AT):
            finder.collection.database.trusts(row.location)
        note_untrusted(finder.collection)
        note_empty(finder)
        app = create_app(finder, settings)
        with listen(host, port) as listening:
            shown = f"[{host}]" if ":" in host else host
            address = f"http://{shown}:{listening.getsockname()[1]}/"
            print(f"{printable(str(finder.collection.place))} is at {address}", file=sys.stderr)
            run(app, listening)
