"""originid show: what a collection holds, and whether it is sound."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from originid.cli.output import (
    JsonOption,
    as_rows,
    note_missing_locks,
    note_untrusted,
    print_failures,
    print_json,
)
from originid.cli.upgrade import begun_text, newer_model_text
from originid.system.csv_rows import write_rows
from originid.system.outputs import refuse_to_replace
from originid.system.text import counted, printable, shell_command

if TYPE_CHECKING:
    from originid.collection.collection import Collection
    from originid.collection.recall import Recall

GONE = "(not in the collection)"


# What is shown, from what everybody asks to what only experts need; by its name in --json.
FIRST = {
    "collection": "collection",
    "references": "pictures",
    "size": "size",
    "since": "since",
    "model": "model",
}
LAST = {
    "blank": "too little to tell",
    "margins_cut": "margins cut",
    "with_details": "with details",
    "further_names": "further names",
    "described": "described",
    "thumbnails": "with thumbnails",
    "by_fingerprint": "by fingerprint",
    "with_credentials": "with credentials",
    "vectors": "vectors",
    "encoder": "encoder",
    "dim": "dim",
    "fingerprint": "fingerprint",
}
VerifyOption = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Check the database, every vector and every image file too: its size, times and "
        "inode are compared, without reading it.",
    ),
]
VerifyContentOption = Annotated[
    bool,
    typer.Option(
        "--verify-content",
        help="Check the same, but read every image file and compare its SHA-256; "
        "--verify=content says the same.",
    ),
]
DecisionsOption = Annotated[
    bool, typer.Option("--decisions", help="List what was decided about queries too.")
]
CsvOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write what was decided about queries to this CSV file."),
]


def show(
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="Show this collection.")],
    verify: VerifyOption = False,
    verify_content: VerifyContentOption = False,
    decisions: DecisionsOption = False,
    decisions_csv: CsvOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a collection holds.

    The exit status is 1 if --verify or --verify-content finds a problem.
    """
    from originid.collection.collection import open_collection
    from originid.collection.decision_list import COLUMNS
    from originid.collection.decision_rows import decision_row

    if decisions_csv is not None:
        refuse_to_replace(decisions_csv, ",".join(COLUMNS), "list of decisions")
    with open_collection(collection) as opened:
        note_missing_locks(opened)
        facts = _facts(opened)
        checked = verify or verify_content
        problems = list(opened.verify(verify_content)) if checked else None
        compared = _compared(opened, verify_content)
        recall = _recall(opened) if checked else None
        note_untrusted(opened)
        failures = opened.failures()
        wanted = opened.database.decisions() if decisions or decisions_csv else []
        decided = [decision_row(opened, decision) for decision in wanted]
    if decisions_csv is not None:
        table = [[row[column] or "" for column in COLUMNS] for row in decided]
        write_rows(decisions_csv, [COLUMNS, *table])
    if json:
        facts["skipped"] = as_rows(failures)
        if problems is not None:
            facts["problems"], facts["compared"] = as_rows(problems), compared
        if recall is not None:
            facts["recall"] = vars(recall)
        if decisions:
            facts["decisions"] = decided
        print_json(facts)
    else:
        told = {
            **{label: _told(facts, name) for name, label in FIRST.items()},
            "origin from": _sentence(facts),
            "second looks": _second_looks(facts),
            "growth": _growth(facts),
            **{label: _told(facts, name) for name, label in LAST.items()},
        }
        if facts["newer_model"]:
            told["newer model"] = newer_model_text(opened.place, facts["newer_model"])
        if facts["upgrade_begun"]:
            told["upgrade"] = begun_text(opened.place)
        if facts["copy_begun"]:
            told["copy"] = "begun, or going on; to go on with it, give originid copy again"
        if facts["searched_by"]:
            told["searched by"] = facts["searched_by"]
        for label, text in told.items():
            print(f"{label:18} {printable(text)}")
        print_failures(failures, shell_command("show", opened.place, "--json"))
        for problem in problems or []:
            print(f"problem: {printable(problem.path)}: {printable(problem.reason)}")
        if problems is not None:
            found = {0: "no problems", 1: "1 problem"}.get(
                len(problems), f"{len(problems)} problems"
            )
            print(f"{'verified':18} {found}; compared: {compared}")
        if recall is not None:
            print(f"{'found first':18} {_nearest(recall)}")
        if decisions:
            _print_decisions(decided)
        if decisions_csv is not None:
            text = f"{counted(len(decided), 'decision')} to {decisions_csv}"
            print(f"{'written':18} {printable(text)}")
    if problems:
        raise typer.Exit(1)


def _print_decisions(decided: list[dict[str, str | None]]) -> None:
    """Print a table of decisions, the oldest first."""
    from originid.collection.decision_list import COLUMNS

    print(f"{'decisions':18} {len(decided)}")
    if not decided:
        return
    lines = [("date", "decision", "query", "reference", "note")]
    for row in decided:
        cells = {column: printable(row[column] or "") for column in COLUMNS}
        where = cells["reference"] or GONE
        date = cells["decided_at"][:10]
        lines.append((date, cells["decision"], cells["query"], where, cells["note"]))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print("  ".join(padded).rstrip())


def _facts(collection: "Collection") -> dict[str, Any]:
    """Return what is shown, by its names; the size is that of all files of the collection."""
    from originid.collection.copies import is_incomplete_copy
    from originid.collection.newer_model import newer_model
    from originid.collection.stores import is_upgrade_begun
    from originid.escalation.looking import is_followed
    from originid.scale.choice import growth_of
    from originid.verdict.collection_calibration import scores_needed
    from originid.verdict.presets import DEFAULT, PRESETS

    model, calibration = collection.model, collection.calibration()
    own = calibration.strangers
    lists = collection.database.cohort().cohort.scores
    few, middle, many = scores_needed(calibration, lists, PRESETS[DEFAULT])
    first = next(collection.database.all_rows(batch=1), None)
    return {
        "collection": str(collection.place),
        "references": len(collection),
        "since": first.added_at if first else None,
        "blank": collection.database.count_blank(),
        "margins_cut": collection.database.count_forms(),
        "with_details": collection.database.count_details(),
        "further_names": collection.database.count_names(),
        "described": collection.database.count_described(),
        "thumbnails": collection.database.count_thumbnails(),
        "by_fingerprint": collection.database.count_fingerprints(),
        "with_credentials": collection.database.count_manifests(),
        "compact": collection.compact,
        "megabytes": round(collection.database.size() / 1e6, 3),
        "calibration": {
            "by": "model" if own is None else "collection",
            "sampled": 0 if own is None else own.sampled,
            "followed": is_followed(collection),
            "second_looks": 0 if calibration.again is None else calibration.again.sampled,
            "false_match_rate": PRESETS[DEFAULT],
            "score_needed": {"few": few, "middle": middle, "many": many},
        },
        "growth": growth_of(len(collection)) if isinstance(collection.place, Path) else None,
        "searched_by": str(collection.index()) if collection.is_searched_elsewhere else None,
        "model": model.name,
        "newer_model": newer_model(model.fingerprint),
        "upgrade_begun": is_upgrade_begun(collection.place),
        "copy_begun": is_incomplete_copy(collection.database),
        "encoder": model.spec,
        "dim": model.dim,
        "fingerprint": model.fingerprint,
    }


def _growth(facts: dict[str, Any]) -> str:
    """Say how long a query takes, and from how many references on to move elsewhere."""
    from originid.cli.plan import duration

    growth = facts["growth"]
    if growth is None:
        size = str(10 * max(1, facts["references"]))
        return f"on a server; ten times as many need: {shell_command('plan', '--references', size)}"
    until = growth["folder_until"]
    return (
        f"a query takes about {duration(growth['query_seconds'])} of one core at this size; from "
        f"about {until:,} references on consider {growth['then']}: "
        f"{shell_command('plan', '--references', str(2 * until))}"
    )


def _compared(collection: "Collection", content: bool) -> str:
    """Say what is compared of the files."""
    from originid.collection.verifying import compared

    return compared(collection.database, content)


def _recall(collection: "Collection") -> "Recall | None":
    """Measure how often a server's search finds the best."""
    from originid.collection.recall import measured_recall

    return measured_recall(collection)


def _nearest(recall: "Recall") -> str:
    """Say how often a server's search finds the best."""
    of = f"of {recall.queries} references" if recall.queries else "there are too few references"
    return f"the nearest other one for {recall.found} {of}" if recall.queries else of


def _told(facts: dict[str, Any], name: str) -> str:
    """A fact in words."""
    if name == "size":
        return f"{facts['megabytes']:.1f} MB"
    if name == "vectors":
        return (
            "of most of them the signs only: the collection is compact"
            if facts["compact"]
            else "with all their numbers"
        )
    if name == "since":
        return str(facts["since"] or "")[:10] or "nothing was added yet"
    return str(facts[name])


def _sentence(facts: dict[str, Any]) -> str:
    """Say from which score a verdict comes, and by which photos that is known."""
    from originid.verdict.lead import LEAST

    calibration, references = facts["calibration"], facts["references"]
    needed = calibration["score_needed"]
    least, most = min(needed.values()), max(needed.values())
    low, middle, high = (f"{score:.2f}" for score in (least, needed["middle"], most))
    scores = f"score {middle}" if low == high else f"score {middle} ({low} to {high})"
    if calibration["by"] == "collection":
        return f"{scores}, by {calibration['sampled']} references of its own"
    if references < LEAST:
        return f"{scores}, by the photos of the model, as there are few references"
    return f"{scores}, by the photos of the model; to learn it: {_again(facts)}"


def _second_looks(facts: dict[str, Any]) -> str:
    """Say by what second looks are judged."""
    from originid.verdict.second_look import LEAST_REFERENCES

    if not facts["calibration"]["followed"]:
        return "of the nearest only: no views and places of so many references on a server"
    sampled = facts["calibration"]["second_looks"]
    if sampled:
        return f"judged by {sampled} references of its own"
    if facts["references"] < LEAST_REFERENCES:
        return "judged by what is usual among photos of one kind, as there are few references"
    return f"judged by what is usual among photos of one kind; to learn more: {_again(facts)}"


def _again(facts: dict[str, Any]) -> str:
    from originid.collection.stores import place_of

    return shell_command("index", "PHOTOS", "--into", place_of(facts["collection"]))
