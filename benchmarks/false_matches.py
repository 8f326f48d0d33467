"""How often a query without an origin is given one, asked of real collections.

usage: python benchmarks/false_matches.py FOLDER... [--halves] [--pairs MANIFEST.csv] [--framed]
           [--blank] [--sizes N,N...] [--effort E] [--queries N] [--model M] [--seed N] [--json]

Each part can be run alone; without one of the options, the part is --halves. All go the way of a
user: files are added to a collection, and the finder is asked.

--halves: half of the photos of each folder with at least 60 are asked among its other half, and the
other way round; then halves of all photos together.
--pairs: real edits among the photos of the folders, without their origins and with them.
--framed: photos in a frame among plain photos and other photos in such a frame, in nine kinds.
--blank: pictures with little in them, among photos and a few pages as blank.
--sizes: half of the photos, and crops of them, are the references; the other half is asked. Crops
have no files: their vectors are added.

--effort: what the finder does for a query that has no origin as it is. At the default, normal, a
query takes some 50 ms, and at quick 5 ms; --queries N asks fewer.

Every photo counts as a stranger of every other one. So two photos of one thing in a folder count as
a false match where they find each other, and there are some; with --json these are listed.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import numpy as np
from PIL import Image

from asking import Asker, Result, count, line
from originid.answer import Answer
from originid.collection.row import Row
from originid.datasets.pairs import read_pairs
from originid.errors import InputError
from originid.images.find_files import find_images
from originid.indexing import add_images
from originid.model import open_model
from originid.verdict.presets import PRESETS
from originid.views.looks import Effort
from picture_kinds import BLANKS, FRAMES, Frame, blanks

LEAST = 60  # photos of a folder that is halved
FRAMED = 150  # framed references among 850 plain ones; as many framed queries
PLAIN = 850
FEW = 299  # plain references beside a single framed one
ONES = 3  # collections with a single framed reference
FOUND = 40  # framed queries whose origin is indexed
BATCH = 500  # crops encoded and added at a time


def halves(asker: Asker, folders: dict[str, list[Path]], seed: int) -> Iterator[Result]:
    """Ask each half of a folder's photos among the other half, and halves of all together."""
    large = {name: photos for name, photos in folders.items() if len(photos) >= LEAST}
    everything = [photo for photos in folders.values() for photo in photos]
    for name, photos in [*large.items(), ("all together", everything)]:
        mixed = shuffled(photos, seed)
        first, second = mixed[::2], mixed[1::2]
        size, answers = asker.ask_among(first, second)
        yield count("halves", name, size, [*answers, *asker.ask_among(second, first)[1]])


def real_edits(asker: Asker, manifest: Path, photos: list[Path]) -> Iterator[Result]:
    """Ask real edits among photos: without their origins, and with all origins of the manifest."""
    pairs = read_pairs(manifest)
    groups, queries = [pair.group for pair in pairs], [pair.query for pair in pairs]
    origins: dict[str, set[str]] = {}
    for pair in pairs:
        origins.setdefault(pair.group, set()).add(str(pair.origin))
    size, answers = asker.ask_among(photos, queries)
    yield count("edits", "without their origins", size, answers, groups=groups)

    def is_right(number: int, reference: str) -> bool:
        """Whether a reference is an origin of the query's group."""
        return reference in origins[groups[number]]

    named = sorted({path for paths in origins.values() for path in paths})
    size, answers = asker.ask_among([*photos, *map(Path, named)], queries)
    first = [
        number
        for number, answer in enumerate(answers)
        if answer.matches and is_right(number, answer.matches[0].reference)
    ]
    about = ("edits", "with their origins", size, answers)
    yield count(*about, counted="wrong", groups=groups, is_right=is_right)
    yield count(*about, counted="true", groups=groups, is_right=is_right)
    yield count(
        "edits",
        "whose origin comes first",
        size,
        [answers[number] for number in first],
        counted="true",
        groups=[groups[number] for number in first],
        is_right=lambda *_: True,
    )


def framed(asker: Asker, photos: list[Path], seed: int) -> Iterator[Result]:
    """Ask framed photos among plain photos and photos in the same kind of frame."""
    needed = PLAIN + 2 * FRAMED
    if len(photos) < needed:
        raise InputError(f"{len(photos)} photos", f"expected {needed}", "name more folders")
    mixed = shuffled(photos, seed)[:needed]
    plain, held, asked = mixed[:PLAIN], mixed[PLAIN : PLAIN + FRAMED], mixed[PLAIN + FRAMED :]
    for name, frame in FRAMES.items():
        references = asker.save(_framed(frame, held, seed))
        queries = asker.save(_framed(frame, asked, seed + 1))
        answers: list[Answer] = []
        for one in references[:ONES]:
            answers += asker.ask_among([*plain[:FEW], one], queries)[1]
        yield count("one framed among many", name, FEW + 1, answers)
        # Framed references again, darker: they have an origin, and must still be found.
        darker = [image.point(lambda v: int(0.8 * v)) for image in map(Image.open, references)]
        again = asker.save(darker[:FOUND])
        inside = asker.save(_framed(frame, plain[:FOUND], seed + 2))
        with asker.collect([*plain, *references]) as collection:
            size = len(collection)
            answers = asker.ask(collection, queries)
            yield count("many framed", name, size, answers)
            answers = asker.ask(collection, again)
            right = _is_one_of(references)
            about = ("many framed", f"{name}, a darker copy", size, answers)
            yield count(*about, counted="true", is_right=right)
            answers = asker.ask(collection, inside)
            about = ("many framed", f"{name}, of an indexed photo", size, answers)
            yield count(*about, counted="wrong", is_right=_is_one_of(plain))


def blank(asker: Asker, photos: list[Path], seed: int) -> Iterator[Result]:
    """Ask pictures with little in them, among photos and some references as blank."""
    plain = shuffled(photos, seed)[:1000]
    few = asker.save([picture for kind in BLANKS for picture in blanks(kind, 2, seed)])
    contents = {path.read_bytes() for path in few}
    with asker.collect([*plain, *few]) as collection:
        for kind in BLANKS:
            made = asker.save(blanks(kind, 110, seed + 1))
            # The same file is a reference, and no stranger.
            queries = [path for path in made if path.read_bytes() not in contents][:100]
            answers = asker.ask(collection, queries)
            yield count("blank", kind, len(collection), answers)


def growth(asker: Asker, photos: list[Path], sizes: list[int], seed: int) -> Iterator[Result]:
    """Ask half of the photos among the other half and crops of it, as the collection grows."""
    mixed = shuffled(photos, seed)
    held, queries = mixed[::2], mixed[1::2]
    rng = np.random.default_rng(seed)
    with asker.made() as collection:
        for size in sorted(sizes):
            add_images(collection, held[: min(size, len(held))])
            while len(collection) < size:
                number = min(BATCH, size - len(collection))
                sources = [held[at] for at in rng.integers(len(held), size=number)]
                crops = np.stack([_crop(path, asker.model.size, rng) for path in sources])
                at = len(collection)
                rows = [_row(f"crop-{at + n}") for n in range(number)]
                collection.add_vectors(rows, asker.model.encode(crops))
            collection.calibrate()
            answers = asker.ask(collection, queries)
            yield count("growth", f"{size:,} references", len(collection), answers)


def _is_one_of(origins: Sequence[Path]) -> Callable[[int, str], bool]:
    """Return what tells whether a reference is the origin of the query with a number."""
    return lambda number, reference: reference == str(origins[number])


def shuffled(photos: Sequence[Path], seed: int) -> list[Path]:
    """Return the photos in an order that depends on the seed alone."""
    mixed = sorted(photos)
    random.Random(seed).shuffle(mixed)
    return mixed


def _framed(frame: Frame, photos: Iterable[Path], seed: int) -> Iterator[Image.Image]:
    rng = random.Random(seed)
    for photo in photos:
        with Image.open(photo) as image:
            yield frame(image.convert("RGB"), rng)


def _crop(path: Path, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random part of a photo, 40 to 70 % of each side, half of them flipped."""
    with Image.open(path) as image:
        part, shape = rng.uniform(0.4, 0.7), rng.uniform(0.9, 1.1)
        width, height = int(image.width * part * shape), int(image.height * part / shape)
        left = int(rng.integers(0, image.width - width + 1))
        top = int(rng.integers(0, image.height - height + 1))
        crop = image.convert("RGB").crop((left, top, left + width, top + height))
    pixels = np.asarray(crop.resize((size, size), Image.Resampling.BOX))
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


def _row(name: str) -> Row:
    return Row(name, name, name.encode().ljust(32, b"\0"), 0, 0, 0, 0)


def chosen_parts(
    asker: Asker, options: argparse.Namespace, folders: dict[str, list[Path]]
) -> Iterator[Result]:
    """Run the parts that the options name, or the halves if they name none."""
    photos = [photo for of_folder in folders.values() for photo in of_folder]
    if options.halves or not (options.pairs or options.framed or options.blank or options.sizes):
        yield from halves(asker, folders, options.seed)
    if options.pairs:
        yield from real_edits(asker, options.pairs, photos)
    if options.framed:
        yield from framed(asker, photos, options.seed)
    if options.blank:
        yield from blank(asker, photos, options.seed)
    if options.sizes:
        sizes = [int(size) for size in options.sizes.split(",")]
        yield from growth(asker, photos, sizes, options.seed)


def main() -> None:
    """Run the parts and print a row for each kind of query."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--halves", action="store_true")
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--framed", action="store_true")
    parser.add_argument("--blank", action="store_true")
    parser.add_argument("--sizes", help="numbers of references, such as 1000,6000,100000")
    parser.add_argument("--model", default="default")
    parser.add_argument("--compact", action="store_true", help="make compact collections")
    parser.add_argument("--effort", choices=get_args(Effort), default="normal")
    parser.add_argument("--queries", type=int, help="ask at most so many at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if files := [str(path) for path in options.folders if not path.is_dir()]:
        parser.error(f"{', '.join(files)}: expected folders, for example PHOTOS/*/")
    folders = {
        folder.name: [Path(path).resolve() for path in find_images([folder], lambda _: None)]
        for folder in options.folders
    }
    if not options.json:
        stated = " | ".join(f"{name}, {100 * rate:g} %" for name, rate in PRESETS.items())
        print(f"| part | kind | references | queries | counted | {stated} |")
        print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        asker = Asker(
            open_model(options.model),
            Path(folder),
            options.effort,
            options.queries,
            options.compact,
        )
        for result in chosen_parts(asker, options, folders):
            print(json.dumps(asdict(result)) if options.json else line(result), flush=True)


if __name__ == "__main__":
    main()
