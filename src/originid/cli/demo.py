"""originid demo: index and find, on photos that the package carries."""

import time
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import JsonOption, print_json
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.demo import Demo, Trial


def demo(
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write the collection and the sheet into this new folder. The default is "
            "originid-demo, with a number behind it if that folder exists.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Index photos that come with originid, and find the origins of edits of these photos.

    The edits were made by the small diffusion models small-ddpm and small-flow, which also come
    with originid. `originid generate` makes more edits with them.
    """
    from originid.demo import run_demo

    start = time.monotonic()
    folder = output or _free_folder()
    done = run_demo(folder)
    seconds = time.monotonic() - start
    right = sum(trial.right for trial in done.trials)
    if json:
        print_json(_as_json(done, right, seconds))
        return
    for trial in done.trials:
        _print(trial)
    print(
        f"{right} of {len(done.trials)} right{_unsure(done)} among {done.references} photos in "
        f"{seconds:.1f} s. "
        "The queries are edits by small diffusion models that come with originid."
    )
    print(f"look at {printable(str(done.sheet))}; the collection is {folder / 'collection'}")


def _free_folder() -> Path:
    """Return originid-demo, or if that exists, the same with the first free number behind it."""
    names = chain(["originid-demo"], (f"originid-demo-{number}" for number in count(2)))
    return next(path for path in map(Path, names) if not path.exists())


def _print(trial: "Trial") -> None:
    made_from = trial.photo.name if trial.indexed else f"{trial.photo.name}, not indexed"
    best = trial.answer.matches[0]  # there is one, as the collection of the demo is not empty
    verdict = trial.answer.verdict.value if trial.answer.verdict else "error"
    name = Path(best.reference).name if verdict != "none" else "-"
    print(
        f"{_mark(trial)} {trial.query.name:20} {verdict:10} {name:20} "
        f"score {best.score:4.2f}  {_how(trial)} of {made_from}"
    )


def _unsure(done: "Demo") -> str:
    count = sum(trial.unsure for trial in done.trials)
    return f", {count} for a person to look at (??)," if count else ""


def _mark(trial: "Trial") -> str:
    if trial.right:
        return "ok "
    return "?? " if trial.unsure else "BAD"


def _how(trial: "Trial") -> str:
    fields = trial.edit.fields
    return f"'{fields['prompt']}' at {fields['strength']}"


def _as_json(done: "Demo", right: int, seconds: float) -> dict[str, object]:
    return {
        "references": done.references,
        "queries": len(done.trials),
        "right": right,
        "seconds": round(seconds, 3),
        "sheet": str(done.sheet),
        "trials": [
            {
                "query": str(trial.query),
                "origin": trial.photo.name if trial.indexed else None,
                "prompt": trial.edit.fields["prompt"],
                "generator": trial.edit.fields["generator"],
                "strength": float(trial.edit.fields["strength"]),
                "verdict": trial.answer.verdict.value if trial.answer.verdict else None,
                "found": Path(trial.answer.matches[0].reference).name,
                "score": trial.answer.matches[0].score,
                "confidence": trial.answer.matches[0].confidence,
                "false_match_rate": trial.answer.matches[0].false_match_rate,
                "reason": trial.answer.reason,
                "right": trial.right,
            }
            for trial in done.trials
        ],
    }
