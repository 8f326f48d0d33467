"""originid demo: index and find, on photos that the package carries."""

import re
import time
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import JsonOption, print_json
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.demo import Demo, Trial

NAME = "originid-demo"


def demo(
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help=f"Write everything into this new folder. The default is {NAME}, with a number "
            "behind it if that folder exists.",
        ),
    ] = None,
    clean: Annotated[
        bool,
        typer.Option(
            "--clean",
            help=f"Remove the folders {NAME} and {NAME}-NUMBER in the working folder, or the one "
            "that -o names. A folder that holds anything else is left alone.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Index photos that come with originid, and find the origins of edits of these photos.

    The edits were made by the small diffusion models small-ddpm and small-flow, which also come
    with originid; `originid generate` makes more edits with them. Each edit is searched for as it
    is, and once more dressed up, as people do before they share a picture: in a post, as a meme, on
    a poster and so on.
    """
    from originid.demo import run_demo

    if clean:
        _clean(output, json)
        return
    start = time.monotonic()
    done = run_demo(output or _free_folder())
    seconds = time.monotonic() - start
    if json:
        print_json(_as_json(done, seconds))
    else:
        for line in _lines(done, seconds):
            print(printable(line))


def _clean(output: Path | None, json: bool) -> None:
    from originid.demo.cleaning import clean
    from originid.errors import InputError

    here = sorted(path for path in Path().iterdir() if re.fullmatch(rf"{NAME}(-\d+)?", path.name))
    folders = [output] if output else here
    if not folders:
        raise InputError(
            f"no folder {NAME} here",
            "expected a folder that originid demo made",
            "name it: originid demo --clean -o FOLDER",
        )
    for folder in folders:
        clean(folder)
        if not json:
            print(f"{printable(str(folder))} is removed")
    if json:
        print_json({"removed": [str(folder) for folder in folders]})


def _free_folder() -> Path:
    """Return originid-demo, or if that exists, the same with the first free number behind it."""
    names = chain([NAME], (f"{NAME}-{number}" for number in count(2)))
    return next(path for path in map(Path, names) if not path.exists())


def _lines(done: "Demo", seconds: float) -> list[str]:
    """What the demo says of itself: what was found, what was not, and where to look."""
    indexed = [trial for trial in done.trials if trial.indexed]
    plain = [trial for trial in indexed if not trial.dress]
    dressed = [trial for trial in indexed if trial.dress]
    strangers = [trial for trial in done.trials if not trial.indexed]
    lines = [
        f"origins found: {_right(plain)} of {len(plain)} AI edits, and {_right(dressed)} of "
        f"{len(dressed)} of the same edits dressed up (a post, a meme, a poster ...)",
        f"not among the {done.references} photos: {_right(strangers)} of {len(strangers)} edits of "
        "another photo get the verdict none, as they should",
    ]
    lines += [_missed(trial) for trial in indexed if not trial.right]
    wrong = sum(trial.wrong for trial in done.trials)
    lines.append(f"wrong photos named: {wrong} for {len(done.trials)} queries, in {seconds:.1f} s")
    folder = done.folder
    lines.append(f"look at {done.sheet}; photos, queries and the collection are in {folder}")
    return lines


def _missed(trial: "Trial") -> str:
    verdict = trial.answer.verdict.value if trial.answer.verdict else "error"
    if trial.why:
        return f"missed: {trial.query.name} ({verdict}), because {trial.why}"
    return f"missed: {trial.query.name} ({verdict}; {trial.answer.reason})"


def _found(trial: "Trial") -> str | None:
    if trial.answer.verdict in (None, "none"):
        return None
    return Path(trial.answer.matches[0].reference).name


def _right(trials: "list[Trial]") -> int:
    return sum(trial.right for trial in trials)


def _as_json(done: "Demo", seconds: float) -> dict[str, object]:
    return {
        "references": done.references,
        "queries": len(done.trials),
        "right": _right(list(done.trials)),
        "seconds": round(seconds, 3),
        "sheet": str(done.sheet),
        "trials": [
            {
                "query": str(trial.query),
                "origin": trial.photo.name if trial.indexed else None,
                "prompt": trial.edit.fields["prompt"],
                "generator": trial.edit.fields["generator"],
                "strength": float(trial.edit.fields["strength"]),
                "dress": trial.dress or None,
                "verdict": trial.answer.verdict.value if trial.answer.verdict else None,
                "found": _found(trial),
                "score": trial.answer.matches[0].score,
                "confidence": trial.answer.matches[0].confidence,
                "false_match_rate": trial.answer.matches[0].false_match_rate,
                "reason": trial.answer.reason,
                "right": trial.right,
            }
            for trial in done.trials
        ],
    }
