"""originid upgrade: give a collection the vectors of another model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import (
    JsonOption,
    as_rows,
    note_untrusted,
    print_first,
    print_json,
    progress_bar,
)
from originid.system.text import counted, printable, shell_command

if TYPE_CHECKING:
    from originid.collection.collection import Collection
    from originid.model import Model
    from originid.system.server_url import ServerUrl
    from originid.upgrading import Upgraded


def upgrade(
    collection: Annotated[
        str, typer.Argument(metavar="COLLECTION", help="Upgrade this collection.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="Make vectors by this model, the name of a packaged model or a model folder. The "
            "default is that of an upgrade that was begun, or else the newest edition of the "
            "collection's packaged model, or else the model default."
        ),
    ] = None,
    leave_out: Annotated[
        bool,
        typer.Option(
            "--leave-out",
            help="Drop the references whose picture cannot be read. Without it the collection "
            "keeps its model as long as there are any.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Decode and encode in this many processes, or threads where there are few "
            "images; at least 1. The default is one a core.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Give a collection the vectors of another model, made again from the files of its references.

    Meanwhile the collection can be searched and added to as before, with its old model. At the end
    it goes over to the new one all at once. A run that was interrupted goes on when the same
    command is given again. What is said of references, their small pictures, and decisions stay.

    If the picture of a reference cannot be read, because its file is gone or it was added as a
    fingerprint, the collection stays as it is, and the exit status is 1.
    """
    from originid.collection.collection import open_collection
    from originid.upgrading import upgrade_collection

    with open_collection(collection) as opened:
        target, before = _target(opened, model), opened.model
    with progress_bar("upgrading") as progress, progress_bar("calibrating") as calibrating:
        done = upgrade_collection(collection, target, leave_out, workers, progress, calibrating)
    if json:
        print_json(
            {
                "collection": collection,
                "references": done.references,
                "from": {"model": before.name, "fingerprint": before.fingerprint},
                "to": {"model": target.name, "fingerprint": target.fingerprint},
                "finished": done.finished,
                "already": done.already,
                "given_up": done.given_up,
                "left_out": as_rows(done.left),
            }
        )
    else:
        _print(collection, done, target)
    if not done.finished:
        with open_collection(collection) as opened:
            opened.database.refused = done.refused
            note_untrusted(opened)
        raise _unfinished(collection, done, model)


def newer_model_text(place: "Path | ServerUrl", name: str) -> str:
    """Say that the package has a newer edition of a collection's model, and what can be done."""
    if isinstance(place, Path):
        return f"model {name} has a newer edition; to use it: {shell_command('upgrade', place)}"
    return f"model {name} has a newer edition: index the images into a new collection to use it"


def begun_text(place: "Path | ServerUrl") -> str:
    """Say how an upgrade that did not come to its end goes on."""
    return f"begun, or going on; to go on with it: {shell_command('upgrade', place)}"


def _target(collection: "Collection", name: str | None) -> "Model":
    """The model that a collection is to get."""
    from originid.collection.newer_model import newer_model
    from originid.model import DEFAULT, open_model
    from originid.model_description import packaged_models
    from originid.upgrading import begun_model

    place = collection.place
    begun = begun_model(place) if name is None and isinstance(place, Path) else None
    if begun is not None:
        return begun
    own = collection.model.name
    known = own if own in packaged_models() else DEFAULT
    return open_model(name or newer_model(collection.model.fingerprint) or known)


def _print(collection: str, done: "Upgraded", target: "Model") -> None:
    if done.given_up:
        print("the upgrade to another model, which was begun before, is given up")
    whole = f"{printable(collection)}: {counted(done.references, 'reference')}"
    model = f"model {printable(target.name)} ({target.fingerprint[:8]})"
    if done.already:
        print(f"{whole}; they have the vectors of {model} already")
        return
    print_first(done.left, "cannot be read")
    if done.finished:
        dropped = f"; {counted(len(done.left), 'reference')} left out" if done.left else ""
        print(f"{whole} with the vectors of {model}{dropped}")


def _unfinished(collection: str, done: "Upgraded", model: str | None) -> Exception:
    from originid.collection.stores import place_of
    from originid.errors import InputError

    kinds = ", ".join(f"{count} {kind}" for kind, count in done.kinds.most_common())
    words = [] if model is None else ["--model", model]
    again = shell_command("upgrade", place_of(collection), *words, "--leave-out")
    drop = f"; or drop these references: {again}" if len(done.left) < done.references else ""
    return InputError(
        f"{counted(len(done.left), 'reference')} of {done.references:,} cannot be read: {kinds}",
        "expected the files of all references: vectors are made from them",
        f"nothing has changed. Put the files in their place and give the command again{drop}",
    )
