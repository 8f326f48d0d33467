"""What is found of references in a frame by edits without it, and how often strangers are.

usage: python benchmarks/framed_references.py PAIRS.csv PHOTOS [--frames letterbox:25 pad:30 scan]
           [--queries N] [--by COLUMN] [--half 0|1] [--strangers KIND...]

The origins of the pairs are framed and indexed among the photos. One edit of each origin is asked
as it is and mirrored, at effort normal and the stated rate of 0.001. Each line is made with the
second forms of references, and without: then a reference has the vector of the whole picture only.
`scan` is a margin of uneven width and paper, with noise; the others are attacks, as for `originid
evaluate`. --half takes every other folder of the photos and every other source of the pairs.

--strangers measures false matches instead, for kinds of `picture_kinds.FRAMES`: 150 framed photos,
and 150 plain ones, are asked among 1,000 others that are all framed; and 150 framed ones among 299
plain photos and a single framed one, three times. The shares should be near the stated 0.001, 0.01.
"""

import argparse
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from unittest.mock import patch

import numpy as np
from PIL import Image as Pillow

from originid.answer import Answer
from originid.collection import encoding
from originid.collection.collection import create_collection
from originid.datasets.pairs import read_pairs
from originid.evaluation.attacks import parse_attack
from originid.finder import Finder
from originid.images.decode import decode, read_bytes
from originid.images.find_files import find_images
from originid.indexing import add_images
from originid.model import open_model
from originid.types import Image, Pair, Verdict
from originid.views.moves import mirrored
from picture_kinds import FRAMES
from reporting import machine
from wild_collections import sample

STATED, LOOSE = 0.001, 0.01
HELD, ASKED = 1000, 150  # framed references, and strangers of each kind
FEW, ONES = 299, 3  # plain references beside a single framed one, and such collections


@dataclass(frozen=True)
class Row:
    """One edit that was asked.

    Args:
        pair: the origin and the query.
        answer: what was found.
        first: whether the first match is an origin of the query.
    """

    pair: Pair
    answer: Answer
    first: bool

    @property
    def claimed(self) -> bool:
        """Whether the verdict is origin."""
        return self.answer.verdict is Verdict.ORIGIN


def scan(image: Image) -> Image:
    """Lay an image on paper: margins of uneven widths, not quite of one level, with noise."""
    rng = np.random.default_rng(int(image.sum()) % 2**32)
    height, width = image.shape[:2]
    top, bottom = (round(height * share) for share in rng.uniform(0.04, 0.2, 2))
    left, right = (round(width * share) for share in rng.uniform(0.04, 0.2, 2))
    paper = float(rng.choice([255, 250, 235, 200, 170]))
    page = np.full((height + top + bottom, width + left + right, 3), paper)
    page[top : top + height, left : left + width] = image
    page += np.linspace(-3, 3, page.shape[1])[None, :, None] + rng.normal(0, 2.5, page.shape)
    return np.clip(page, 0, 255).astype(np.uint8)


def frame_of(name: str) -> Callable[[Image], Image]:
    """The function that frames an image: `scan`, or an attack."""
    return scan if name == "scan" else parse_attack(name).apply


def image_of(path: Path) -> Image:
    """The image of a file."""
    return decode(read_bytes(path)).image


def index(folder: Path, paths: Sequence[Path], forms: bool) -> None:
    """Add files to a collection, which is made if it does not exist, with second forms or not."""
    if not folder.exists():
        create_collection(folder, open_model()).close()
    with Finder.open(folder) as finder, without_forms(not forms):
        add_images(finder.collection, paths)


@contextmanager
def without_forms(without: bool) -> Iterator[None]:
    """Let `add_images` find no content within any frame."""
    if without:
        with patch.object(encoding, "find_content", lambda image: None):
            yield
    else:
        yield


def ask(finder: Finder, pairs: Sequence[Pair], right: dict[str, set[str]], turn: bool) -> list[Row]:
    """Ask the edits of some pairs, mirrored or as they are.

    Args:
        finder: of the collection.
        pairs: one for each query.
        right: for each group the paths of its framed origins.
        turn: whether the edits are mirrored.
    """
    images = (image_of(pair.query) for pair in pairs)
    queries = (mirrored(image) if turn else image for image in images)
    rows = []
    for pair, answer in zip(pairs, finder.find(queries, 10, STATED), strict=True):
        best = answer.matches[0]
        first = not right[pair.group].isdisjoint((best.reference, *best.copies))
        rows.append(Row(pair, answer, first))
    return rows


def found(options: argparse.Namespace, pairs: list[Pair], photos: list[Path], work: Path) -> None:
    """Print what is found of framed origins."""
    for forms in (False, True):
        index(work / f"photos-{forms}", photos, forms)
    with Finder.open(work / "photos-True") as finder:
        count, of = finder.collection.database.count_forms(), len(finder.collection)
    print(f"{count} of {of:,} photos have a second form: {100 * count / of:.2f} %\n")
    print("| frame | edits | forms | queries | first | origin, right | origin, wrong |")
    print("|---" * 7 + "|")
    for name in options.frames:
        framed: dict[Path, Path] = {}
        (work / name).mkdir()
        for number, origin in enumerate(sorted({pair.origin for pair in pairs})):
            framed[origin] = work / name / f"{number:04}.png"
            Pillow.fromarray(frame_of(name)(image_of(origin))).save(framed[origin])
        right: dict[str, set[str]] = defaultdict(set)
        for pair in pairs:
            right[pair.group].add(str(framed[pair.origin]))
        for forms in (False, True):
            folder = work / f"{name}-{forms}"
            shutil.copytree(work / f"photos-{forms}", folder)
            index(folder, list(framed.values()), forms)
            with Finder.open(folder) as finder:
                for turn in (False, True):
                    rows = ask(finder, sample(pairs, options.queries), right, turn)
                    print_rows(name, turn, finder.collection.forms, rows, options.by)
            shutil.rmtree(folder)


def print_rows(name: str, turn: bool, forms: int, rows: list[Row], by: str | None) -> None:
    """Print a line of the table, or one for each value of a column of the manifest."""
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        parts["" if by is None else f", {row.pair.fields[by]}"].append(row)
    for value, some in sorted(parts.items()):
        shares = (
            mean(row.first for row in some),
            mean(row.claimed and row.first for row in some),
            mean(row.claimed and not row.first for row in some),
        )
        cells = [name, ("mirrored" if turn else "plain") + value, str(forms), str(len(some))]
        print(
            f"| {' | '.join([*cells, *(f'{100 * share:.1f}' for share in shares)])} |", flush=True
        )


def strangers(kinds: Sequence[str], photos: list[Path], work: Path) -> None:
    """Print how often strangers get the verdict origin, among framed references."""
    mixed = sorted(photos)
    random.Random(0).shuffle(mixed)
    plain, held = mixed[-FEW:], mixed[:HELD]
    asked = {"plain": mixed[HELD : HELD + ASKED]}
    print("| references | kind | forms | strangers | queries | at 0.001 | at 0.01 |")
    print("|---" * 7 + "|")
    for kind in kinds:
        shown = save(kind, held, work / kind)
        asked["framed"] = save(kind, mixed[HELD + ASKED : HELD + 2 * ASKED], work / f"{kind}-asked")
        for forms in (False, True):
            for number, references in enumerate([shown, *([*plain, one] for one in shown[:ONES])]):
                folder = work / f"{kind}-{forms}-{number}"
                index(folder, references, forms)
                with Finder.open(folder) as finder:
                    for name, queries in (
                        asked.items() if number == 0 else [("framed", asked["framed"])]
                    ):
                        answers = finder.find(map(str, queries), 1, 0.0001)
                        rates = [answer.matches[0].false_match_rate for answer in answers]
                        at = (mean(rate <= stated for rate in rates) for stated in (STATED, LOOSE))
                        about = "all framed" if number == 0 else f"one framed ({number})"
                        cells = [about, kind, str(finder.collection.forms), name, str(len(rates))]
                        cells += [f"{100 * share:.1f}" for share in at]
                        print(f"| {' | '.join(cells)} |", flush=True)


def save(kind: str, photos: Sequence[Path], folder: Path) -> list[Path]:
    """Frame photos, and write them as PNG files into a new folder."""
    folder.mkdir()
    rng = random.Random(kind)
    paths = []
    for number, photo in enumerate(photos):
        paths.append(folder / f"{number:04}.png")
        FRAMES[kind](Pillow.fromarray(image_of(photo)), rng).save(paths[-1])
    return paths


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--frames", nargs="+", default=["letterbox:25", "pad:30", "scan"])
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--by", help="a line for each value of this column of the manifest")
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--strangers", nargs="+", choices=FRAMES, metavar="KIND")
    options = parser.parse_args()
    photos = [Path(path).resolve() for path in find_images([options.photos], lambda _: None)]
    pairs = read_pairs(options.pairs)
    if options.half is not None:
        folders = sorted({photo.parent for photo in photos})[options.half :: 2]
        photos = [photo for photo in photos if photo.parent in folders]
        sources = sorted({pair.fields["source"] for pair in pairs})[options.half :: 2]
        pairs = [pair for pair in pairs if pair.fields["source"] in sources]
    print(machine("originid", "numpy"))
    with tempfile.TemporaryDirectory() as work:
        if options.strangers:
            strangers(options.strangers, photos, Path(work))
        else:
            found(options, pairs, photos, Path(work))


if __name__ == "__main__":
    main()
