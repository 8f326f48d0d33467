"""Make the photos of `originid demo` from the packages that carry the originals.

    python tools/make_demo_photos.py FOLDER...

The folders hold the unpacked packages that src/originid/data/demo_photos/SOURCES.md names.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

SHORT_SIDE = 256  # pixels: the size at which an encoder sees an image
QUALITY = 88
OUTPUT = Path(__file__).parents[1] / "src" / "originid" / "data" / "demo_photos"

PHOTOS = {
    "astronaut": "skimage/data/astronaut.png",
    "balloon": "avatars/photos/Air Balloon.png",
    "beach": "avatars/photos/Cocktail.png",
    "blossoms": "wesaturate/500px/u76c0g_bliznaca_srgb8.png",
    "books": "avatars/photos/Books.png",
    "boston": "backgrounds/budgie/beacon-street-sunset.jpg",
    "brushes": "avatars/photos/Brushes.png",
    "bulb": "avatars/photos/Bulb.png",
    "car": "avatars/photos/Car.png",
    "cat": "skimage/data/chelsea.png",
    "cat-lying": "avatars/photos/Cat.png",
    "chameleon": "avatars/photos/Chameleon.png",
    "coffee": "skimage/data/coffee.png",
    "colosseum": "backgrounds/budgie/roman-colosseum.jpg",
    "courtyard": "backgrounds/budgie/casa-mila.jpg",
    "dandelion": "backgrounds/seeding_by_Clements_Engelhardt.jpg",
    "dog": "avatars/photos/Dog.png",
    "dune": "backgrounds/budgie/extreme-desert-hike.jpg",
    "forget-me-nots": "backgrounds/budgie/blue-periwinkle.jpg",
    "galaxies": "skimage/data/hubble_deep_field.jpg",
    "goldfish": "avatars/photos/Fish.png",
    "hopper": "sample_data/grace_hopper.jpg",
    "lake": "backgrounds/budgie/lake-sherburne.jpg",
    "lake-rock": "wesaturate/500px/cvo9xd_keong_macan_srgb8.png",
    "moonwalk": "avatars/photos/Astronaut.png",
    "osprey": "backgrounds/budgie/perched-osprey.jpg",
    "otters": "backgrounds/budgie/oakland-zoo-otters.jpg",
    "owl": "avatars/photos/Owl.png",
    "pancakes": "avatars/photos/Pancakes.png",
    "parrot": "avatars/photos/Parrot.png",
    "pencils": "avatars/photos/Pencils.png",
    "retina": "skimage/data/retina.jpg",
    "saturn": "backgrounds/budgie/saturnian-profile.jpg",
    "shuttle": "avatars/photos/Shuttle.png",
    "singapore": "backgrounds/budgie/singaporean-cityscape.jpg",
    "spiral": "backgrounds/budgie/abstract-spiral.jpg",
    "sunflower": "avatars/photos/Sunflower.png",
    "sushi": "avatars/photos/Sushi.png",
    "tea-hills": "backgrounds/budgie/tea-gardens.jpg",
    "tulips": "wesaturate/500px/tmshre_riaphotographs_srgb8.png",
    "wren": "backgrounds/budgie/canyon-wren.jpg",
}
"""For the name of each photo, the end of its path in the package that carries it."""


def find_source(folders: Iterable[Path], end: str) -> Path:
    """Return the one file in the folders whose path ends in a certain way.

    Args:
        folders: the folders, which are searched with all folders in them.
        end: the end of the path, with / between its parts.

    Raises:
        SystemExit: no file or several files have such a path.
    """
    name = end.rpartition("/")[2]
    found = [p for f in folders for p in f.rglob(name) if p.as_posix().endswith(f"/{end}")]
    if len(found) != 1:
        raise SystemExit(
            f"{len(found)} files end in {end}\n"
            "expected exactly one under the folders given\n"
            f"unpack each package that {OUTPUT.name}/SOURCES.md names, once, into a folder given"
        )
    return found[0]


def shrink(image: Image.Image) -> Image.Image:
    """Return an image in RGB whose short side has `SHORT_SIDE` pixels, without metadata.

    The ratio of width to height stays the same.
    """
    scale = SHORT_SIDE / min(image.size)
    width, height = (round(side * scale) for side in image.size)
    small = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    small.info = {}  # Pillow would copy a JPEG comment
    return small


def main() -> None:
    """Make every photo."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, help="folders with unpacked packages")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT, help="where the photos go")
    options = parser.parse_args()
    # Every source is found before the first photo is written.
    sources = {name: find_source(options.folders, end) for name, end in PHOTOS.items()}
    options.output.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, source in sources.items():
        target = options.output / f"{name}.jpg"
        with Image.open(source) as image:
            shrink(image).save(target, quality=QUALITY, optimize=True)
        total += target.stat().st_size
    print(f"{len(sources)} photos, {total / 1000:.0f} kB, in {options.output}")


if __name__ == "__main__":
    main()
