"""Make the queries of `originid demo`: edits of its photos by the small generators.

    python tools/make_demo_edits.py

It writes JPEG files and edits.csv, a manifest of pairs, into src/originid/data/demo_edits. It needs
the extra [generate]. On the same machine it always makes the same files.
"""

import csv
from pathlib import Path

from PIL import Image as Pillow

from originid.generation.diffusion.making import open_maker
from originid.generation.diffusion.presets import GENERATORS
from originid.generation.diffusion.tasks import Task
from originid.images.decode import decode, read_bytes

PACKAGE = Path(__file__).parents[1] / "src" / "originid" / "data"
STRENGTHS = {"small-ddpm": 0.45, "small-flow": 0.6}
PROMPTS = {
    "moonwalk": "a pencil drawing of something",
    "pencils": "an oil painting of something",
    "sushi": "a cartoon of something",
    "shuttle": "something at night",
    "goldfish": "something in the fog",
    "astronaut": "a black and white photo of a woman",
    "cat-lying": "a pencil drawing of a cat",
    "bulb": "an oil painting of something",
    "brushes": "a cartoon of something",
    "dandelion": "a yellow flower at sunset",
    "dune": "a beach at night",
    "blossoms": "a black and white photo of a flower",
    "colosseum": "a building at night",
    "galaxies": "a negative of something",
    "parrot": "a cartoon of a bird",
    "dog": "a pencil drawing of a cat",
}
"""The photos that are edited, and the prompt for each. The generators take turns."""


def main() -> None:
    """Make every edit and the manifest."""
    output = PACKAGE / "demo_edits"
    output.mkdir(exist_ok=True)
    rows = [("origin", "query", "prompt", "generator", "strength")]
    for place, (name, prompt) in enumerate(PROMPTS.items()):
        generator = list(STRENGTHS)[place % 2]
        strength = STRENGTHS[generator]
        photo = PACKAGE / "demo_photos" / f"{name}.jpg"
        maker = open_maker(GENERATORS[generator], "cpu")
        (made,) = maker.make([Task(decode(read_bytes(photo)).image, prompt, strength, place)])
        if isinstance(made, str):
            raise SystemExit(f"{name}: {made}")
        query = f"{name}-edit.jpg"
        Pillow.fromarray(made).save(output / query, quality=90)
        rows.append((f"../demo_photos/{photo.name}", query, prompt, generator, str(strength)))
    with open(output / "edits.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
