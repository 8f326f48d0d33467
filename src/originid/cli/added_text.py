"""What ``originid index`` prints of what a run did: as text and as JSON."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from originid.cli.lists import STDIN
from originid.cli.output import SHOWN, as_rows, note_unsigned, print_failures, print_json
from originid.system.text import counted, printable, shell_command

if TYPE_CHECKING:
    from collections import Counter

    from originid.collection.added import Added
    from originid.collection.describing import Described
    from originid.system.server_url import ServerUrl

NAMED = 3  # of the files and folders in which nothing was found


@dataclass(frozen=True)
class Told:
    """What is said beside what a run did.

    Args:
        into: the folder or the URL of the collection.
        references: how many the collection has now.
        seconds: that the run took.
        described: what a table of descriptions did; None where there was none.
        table: that table.
        machines: how many images each machine of a cluster read; None where there was no cluster.
    """

    into: "Path | ServerUrl"
    references: int
    seconds: float
    described: "Described | None" = None
    table: Path | None = None
    machines: "Counter[str] | None" = None


def tell_added(added: "Added", told: Told, json: bool) -> None:
    """Print what a run did.

    Args:
        added: what it did.
        told: what is said beside it.
        json: whether as one JSON object instead of text.
    """
    if json:
        machines = {} if told.machines is None else {"machines": dict(told.machines)}
        print_json({**_as_json(added, told), **_described(told.described), **machines})
    else:
        print_failures(added.failures, shell_command("show", told.into, "--json"))
        _print(added, told)
        _print_described(told)
    note_unsigned(added.unsigned)


def _as_json(added: "Added", told: Told) -> dict[str, object]:
    return {
        "collection": str(told.into),
        "references": told.references,
        "added": added.added,
        "updated": added.updated,
        "moved": added.moved,
        "unchanged": added.unchanged,
        "further_names": added.names,
        "gone": added.gone,
        "pruned": added.pruned,
        "kept": [{"folder": folder, "references": count} for folder, count in added.kept.items()],
        "passed_over": added.passed_over,
        "skipped": [
            *as_rows(added.failures),
            *({"path": each.path, "reason": each.reason} for each in added.unread),
        ],
        "notes": [{"path": path, "note": note} for path, note in added.notes],
        "seconds": round(told.seconds, 3),
    }


def _print(added: "Added", told: Told) -> None:
    from originid.images.unread import summary

    parts = [f"{added.added} added"]
    for count, word in (
        (added.updated, "updated"),
        (added.moved, "moved"),
        (added.unchanged, "unchanged"),
        (added.names, "further name" if added.names == 1 else "further names"),
        (added.pruned, "pruned"),
        (len(added.failures), "skipped"),
    ):
        parts += [f"{count} {word}"] if count else []
    whole = counted(told.references, "reference")
    print(f"{printable(str(told.into))}: {', '.join(parts)} in {told.seconds:.1f} s; {whole}")
    for machine, count in sorted((told.machines or {}).items()):
        print(f"{machine}: {counted(count, 'image')} read")
    if added.passed_over:
        folders = "1 folder" if added.passed_over == 1 else f"{added.passed_over} folders"
        print(f"{folders} passed over (recycle bins and thumbnails): --all-folders takes them")
    if added.unread:
        print(printable(summary(added.unread)))
    for path, note in added.notes[:SHOWN]:
        print(f"{printable(path)}: {note}")
    if len(added.notes) > SHOWN:
        print(f"... and {len(added.notes) - SHOWN} more files like these: --json lists them")
    _print_gone(added, told.into)


def _print_gone(added: "Added", into: "Path | ServerUrl") -> None:
    """Say how many references have no file any more, and what can be done about it."""
    gone = added.gone - sum(added.kept.values())
    if gone:
        print(f"{_references(gone)} gone: --prune drops {'it' if gone == 1 else 'them'}")
    for folder, count in list(added.kept.items())[:SHOWN]:
        command = shell_command("remove", Path(folder), "--from", into)
        print(
            f"{_references(count)} gone and kept: there is no file in {printable(folder)}, as if "
            f"its disk were not mounted. To drop {'it' if count == 1 else 'them'}: "
            f"{printable(command)}"
        )
    if len(added.kept) > SHOWN:
        print(f"... and so in {len(added.kept) - SHOWN} more folders: --json lists them")


def _references(count: int) -> str:
    return "1 reference is" if count == 1 else f"{count} references are"


def _described(described: "Described | None") -> dict[str, object]:
    """What a table of descriptions did, as ``--json`` shows it; nothing where there was none."""
    if described is None:
        return {}
    return {
        "described": described.described,
        "not_described": described.unknown,
        "links_not_kept": described.links,
        "columns_not_known": list(described.columns),
    }


def _print_described(told: Told) -> None:
    """Say how many references a table described, and which of its rows name none."""
    described = told.described
    if described is None:
        return
    print(f"{printable(str(told.table))}: {counted(described.described, 'reference')} described")
    if described.columns:
        names = printable(", ".join(described.columns))
        print(f"note: columns that say nothing known: {names}", file=sys.stderr)
    _print_some("not in the collection", described.unknown)
    _print_some("no address of the web, and not kept", described.links)


def _print_some(what: str, names: list[str]) -> None:
    """Name the first few of what could not be used."""
    for name in names[:SHOWN]:
        print(f"{what}: {printable(name)}", file=sys.stderr)
    if len(names) > SHOWN:
        print(f"... and {len(names) - SHOWN} more: --json lists them", file=sys.stderr)


def note_nothing(added: "Added", images: list[str]) -> None:
    """Say on standard error that there was nothing to add, if so."""
    if added.seen:
        return
    from originid.inputs.opening import is_input

    inputs = [image for image in images if is_input(image)]
    if inputs:
        print(f"no images found in {_first(inputs)}: none is listed there", file=sys.stderr)
    if STDIN in images:
        print("no images found on the list of standard input", file=sys.stderr)
    others = [image for image in images if image not in (*inputs, STDIN)]
    if others:
        print(nothing_found(others), file=sys.stderr)


def nothing_found(where: list[str]) -> str:
    """Say that there is no image in some folders, and what was looked for.

    Args:
        where: the files and folders of the command line.
    """
    from originid.images.find_files import IMAGE_SUFFIXES

    return (
        f"no images found in {_first(where)}; looked for files whose names end in "
        f"{', '.join(sorted(IMAGE_SUFFIXES))}, and for others that begin like an image"
    )


def _first(names: list[str]) -> str:
    """The first few of some names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if names[NAMED:] else ""
    return printable(", ".join(names[:NAMED]) + more)
