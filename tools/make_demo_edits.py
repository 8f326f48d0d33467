"""Make the queries of `originid demo`: edits of its photos by the small generators.

    python tools/make_demo_edits.py

It writes JPEG files and edits.csv, a manifest of pairs, into src/originid/data/demo_edits, which
must hold nothing else. It needs the extra [generate]. On the same machine it always makes the same
files. The demo itself dresses up the edits, in the way that the column `dress` names.
"""

import argparse
import csv
from pathlib import Path
from typing import NamedTuple

from PIL import Image as Pillow

from originid.generation.diffusion.making import open_maker
from originid.generation.diffusion.presets import GENERATORS
from originid.generation.diffusion.tasks import Task
from originid.images.decode import decode, read_bytes

PACKAGE = Path(__file__).parents[1] / "src" / "originid" / "data"
STRENGTH = 0.2  # at which the small generators restyle a photo and everybody knows it again


class Edit(NamedTuple):
    """A photo of the demo, and what is made of it.

    Args:
        photo: the name of the photo.
        query: the name of the edit.
        prompt: what the generator is asked for.
        generator: the name of the generator.
        dress: how the demo dresses up the edit.
        why: if the dressed edit is not found, the reason in one sentence.
    """

    photo: str
    query: str
    prompt: str
    generator: str
    dress: str
    why: str = ""


EDITS = (
    Edit("balloon", "balloon-sunset", "a balloon at sunset", "small-ddpm", "post"),
    Edit("cat-lying", "cat-drawing", "a pencil drawing of a cat", "small-flow", "meme"),
    Edit("moonwalk", "moonwalk-sunset", "a man at sunset", "small-flow", "collage"),
    Edit("parrot", "parrot-painting", "an oil painting of a bird", "small-flow", "cutting"),
    Edit("sunflower", "sunflower-snow", "a flower in the snow", "small-flow", "poster"),
    Edit("car", "car-snow", "a car in the snow", "small-flow", "story"),
    Edit("colosseum", "colosseum-night", "a building at night", "small-flow", "post"),
    Edit(
        "lake",
        "lake-sunset",
        "a lake at sunset",
        "small-flow",
        "story",
        "an upright story keeps a third of this wide picture, too little to tell it from others",
    ),
)


def main() -> None:
    """Make every edit and the manifest."""
    output = PACKAGE / "demo_edits"
    output.mkdir(exist_ok=True)
    rows = [("origin", "query", "prompt", "generator", "strength", "dress", "why")]
    makers = {name: open_maker(GENERATORS[name], "cpu") for name in ("small-ddpm", "small-flow")}
    for edit in EDITS:
        photo = PACKAGE / "demo_photos" / f"{edit.photo}.jpg"
        image = decode(read_bytes(photo)).image
        (made,) = makers[edit.generator].make([Task(image, edit.prompt, STRENGTH, 1)])
        if isinstance(made, str):
            raise SystemExit(f"{edit.photo}: {made}")
        query = f"{edit.query}.jpg"
        Pillow.fromarray(made).save(output / query, quality=90)
        origin = f"../demo_photos/{photo.name}"
        made_by = (edit.prompt, edit.generator, str(STRENGTH))
        rows.append((origin, query, *made_by, edit.dress, edit.why))
    with open(output / "edits.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
