"""The queries of the benchmarks of moved edits, and the collections that are asked."""

import random
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from originid.collection.collection import create_collection
from originid.encoders import open_encoder
from originid.evaluation.attacks import parse_attack
from originid.evaluation.folds import assign_folds
from originid.finder import Finder
from originid.images.decode import decode, read_bytes
from originid.indexing import add_images
from originid.model import Model, open_model
from originid.training.fitting import read_map_settings
from originid.training.train import train_model
from originid.types import Image, Pair

NONE = "none"  # the edit as it is
PACKAGED_MAP = Path(__file__).parent.parent / "tools" / "packaged_map.json"


def sample(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """Draw one pair of each origin group, at most a number of them, always the same ones."""
    by_group: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_group[pair.group].append(pair)
    groups = [by_group[name] for name in sorted(by_group)]
    chosen = random.Random(0)
    chosen.shuffle(groups)
    return [chosen.choice(group) for group in groups[:count]]


def moved(path: Path, move: str) -> Image:
    """The image of a file after a move, which is an attack or `NONE`."""
    image = decode(read_bytes(path)).image
    return image if move == NONE else parse_attack(move).apply(image)


@contextmanager
def collections(
    origins: Iterable[Path],
    photos: Path,
    folder: Path,
    model: Callable[[], Model],
    details: bool = False,
) -> Iterator[tuple[Finder, Finder]]:
    """Finders of two collections: the photos with all origins, and the photos alone.

    Args:
        origins: of all pairs.
        photos: a folder.
        folder: where the collections are, or are made.
        model: opens the model of new ones.
        details: whether new ones store local features.
    """
    everything, alone = folder / "everything", folder / "photos"
    if not everything.exists():
        print(f"indexing in {folder} ...", file=sys.stderr)
        shutil.rmtree(alone, ignore_errors=True)
        shutil.rmtree(folder / "unfinished", ignore_errors=True)
        with create_collection(alone, model()) as collection:
            add_images(collection, [photos], details=details)
        shutil.copytree(alone, folder / "unfinished")
        with Finder.open(folder / "unfinished") as finder:
            add_images(finder.collection, sorted(map(str, origins)))
        (folder / "unfinished").rename(everything)
    with Finder.open(everything) as first, Finder.open(alone) as second:
        yield first, second


def folds_of(
    pairs: Sequence[Pair], count: int, photos: Path, folder: Path
) -> Iterator[tuple[Path, Callable[[], Model], list[Pair]]]:
    """For each fold its folder, what opens its model, and its pairs; one fold of all without."""
    if not count:
        yield folder, open_model, list(pairs)
        return
    numbers = assign_folds(pairs, folds=count)
    encoder, settings = open_encoder("colours+edges"), read_map_settings(str(PACKAGED_MAP))
    for fold in range(count):
        place = folder / f"fold{fold}"
        others = [pair for pair, each in zip(pairs, numbers, strict=True) if each != fold]
        inside = [pair for pair, each in zip(pairs, numbers, strict=True) if each == fold]

        def fitted(place: Path = place, others: Sequence[Pair] = others) -> Model:
            """The model of a fold, fitted to the pairs of the others."""
            model = place / "model"
            if not model.exists():
                train_model(model, others, [photos], encoder, settings, folder / "latents")
            return open_model(model)

        place.mkdir(exist_ok=True, parents=True)
        yield place, fitted, inside


def half_of(pairs: Sequence[Pair], half: int | None) -> list[Pair]:
    """The pairs of one half of the sources, in the order of their names; all without."""
    sources = sorted({pair.fields.get("source", pair.group) for pair in pairs})
    return [
        pair
        for pair in pairs
        if half is None or sources.index(pair.fields.get("source", pair.group)) % 2 == half
    ]
