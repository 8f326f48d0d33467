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
EASY, HARD = 0.35, 0.5  # strengths
EDITS = {
    "moonwalk": ("a pencil drawing of a man", EASY),
    "pencils": ("an oil painting of pencils", HARD),
    "sushi": ("a comic of food", EASY),
    "shuttle": ("a plane at sunset", HARD),
    "goldfish": ("a watercolour of a fish", EASY),
    "astronaut": ("a cartoon of a woman", HARD),
    "cat-lying": ("a pencil drawing of a cat", EASY),
    "bulb": ("neon lights of a lamp", HARD),
    "brushes": ("pixel art of brushes", EASY),
    "dandelion": ("a watercolour of a flower", HARD),
    "dune": ("a beach at night", EASY),
    "blossoms": ("an old photo of a flower", HARD),
    "colosseum": ("a blueprint of a building", EASY),
    "lake": ("a lake in autumn", HARD),
    "parrot": ("a thermal image of a bird", EASY),
    "dog": ("an oil painting of a dog", HARD),
}
"""Photos of the demo, and what is made of each at which strength; the generators take turns."""


def main() -> None:
    """Make every edit and the manifest."""
    output = PACKAGE / "demo_edits"
    output.mkdir(exist_ok=True)
    rows = [("origin", "query", "prompt", "generator", "strength")]
    makers = {name: open_maker(GENERATORS[name], "cpu") for name in ("small-ddpm", "small-flow")}
    for place, (name, (prompt, strength)) in enumerate(EDITS.items()):
        generator = list(makers)[(place + place // 2) % 2]  # each gets easy and hard ones
        photo = PACKAGE / "demo_photos" / f"{name}.jpg"
        (made,) = makers[generator].make(
            [Task(decode(read_bytes(photo)).image, prompt, strength, place)]
        )
        if isinstance(made, str):
            raise SystemExit(f"{name}: {made}")
        query = f"{name}-edit.jpg"
        Pillow.fromarray(made).save(output / query, quality=90)
        rows.append((f"../demo_photos/{photo.name}", query, prompt, generator, str(strength)))
    with open(output / "edits.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
