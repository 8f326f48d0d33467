"""Draw the picture of README.md: some queries of the demo, each with the answer beside it.

usage: python tools/make_readme_picture.py [QUERY...]

It runs the demo in a temporary folder and writes docs/demo.jpg. QUERY is the name of one of the
demo's queries, such as dune-edit.jpg. Without names it takes the queries with the highest scores,
in which a reader can check the answer by eye: two whose origin is found, and one whose origin is
not in the collection.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from originid.demo import Trial, run_demo
from originid.images.contact_sheet import TILE, Tile, write_sheet
from originid.images.decode import decode, read_bytes
from originid.types import Image

TARGET = Path(__file__).parents[1] / "docs" / "demo.jpg"
TITLE = (
    "Each query is an AI edit of a photo. To its right is what originid answers "
    "from a collection of {} photos."
)


def main(names: list[str]) -> None:
    """Run the demo and draw the chosen queries."""
    with tempfile.TemporaryDirectory() as folder:
        demo = run_demo(Path(folder) / "demo")
        shown = [[_query(trial), _answer(trial)] for trial in _chosen(demo.trials, names)]
    write_sheet(TARGET, TITLE.format(demo.references), shown, columns=len(shown))
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


def _chosen(trials: tuple[Trial, ...], names: list[str]) -> list[Trial]:
    if names:
        by_name = {trial.query.name: trial for trial in trials}
        unknown = [name for name in names if name not in by_name]
        if unknown:
            raise SystemExit(f"no query {unknown[0]}: expected some of {', '.join(by_name)}")
        return [by_name[name] for name in names]
    right = [trial for trial in trials if trial.right and trial.answer.matches]
    right.sort(key=lambda trial: -trial.answer.matches[0].score)
    found = [trial for trial in right if trial.indexed]
    return found[:2] + [trial for trial in right if not trial.indexed][:1]


def _query(trial: Trial) -> Tile:
    prompt = trial.edit.fields["prompt"]
    return Tile(_enlarged(trial.edit.query), ("query, made with the prompt", prompt))


def _answer(trial: Trial) -> Tile:
    verdict = trial.answer.verdict.value if trial.answer.verdict else "error"
    if verdict == "none" or not trial.answer.matches:
        return Tile(None, (f"verdict: {verdict}", "its origin is not here"))
    best = trial.answer.matches[0]
    photo = trial.edit.origin.parent / Path(best.reference).name
    certainty = trial.answer.reason.partition(" strangers")[0] + " strangers"
    caption = (f"verdict: {verdict}, {photo.name}", certainty)
    return Tile(_enlarged(photo), caption)


def _enlarged(path: Path) -> Image:
    """An image that fills its tile: some of the demo's queries are smaller."""
    picture = Pillow.fromarray(decode(read_bytes(path)).image)
    factor = TILE / max(picture.size)
    width, height = (max(1, round(side * factor)) for side in picture.size)
    return np.asarray(picture.resize((width, height), Pillow.Resampling.BICUBIC))


if __name__ == "__main__":
    main(sys.argv[1:])
