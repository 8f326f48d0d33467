"""Accuracy and verdicts among 10^4 to 10^9 references: what is expected, and a plot of it.

usage: python benchmarks/projection.py PAIRS.csv --references FOLDER --about TEXT
           [--strangers FOLDER] [--crops 16] [--folds PAIRS.csv] [--latents FOLDER]
           [--plot FILE.png] [-o src/originid/data/plan/expected.json]

The packaged model is asked for the queries of PAIRS.csv, which it must not have been fitted to. The
share whose origin comes first is counted among the origins and the photos of the folder, and
projected beyond as docs/evaluation.md says. Pairs are divided by the column band into tight, moved
and redrawn. The same is done for verdicts at the preset balanced: see `right_verdicts`. How often
queries without an origin get one is counted at each size that there is; beyond, the stated rate
holds at every size, as its definition says, and the last count is shown with its interval.

Two checks are printed. With --crops N, random parts of all photos are references as well, N of each
photo: a count among more references. And the verdicts among all references are projected from a
part of them. With --folds, other pairs are judged too, by maps that are cross-validated by source.
"""

import argparse
import datetime
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from originid import __version__
from originid.datasets.pairs import read_pairs
from originid.evaluation.best_matches import best_matches, calibrate_references, no_truth
from originid.evaluation.encoded_pairs import EncodedPairs, encode_all
from originid.evaluation.fold_split import FoldSplit, rank_by_map
from originid.evaluation.folds import assign_folds
from originid.evaluation.protocol import Protocol, Truth, find_truth, rank, rank_streaming
from originid.evaluation.trials import try_model
from originid.evaluation.trust import summarise_trust
from originid.images.decode import decode, read_bytes
from originid.latents import LatentCache
from originid.model import DEFAULT, Model, open_model
from originid.scale.expected import BANDS, VERDICTS, read_expected
from originid.training.fitting import FULL
from originid.types import Image, Json, Vectors
from originid.verdict.presets import DEFAULT as PRESET
from originid.verdict.presets import PRESETS
from projection_shares import accuracy, known_share, right_verdicts, share

SIZES = (100, 1000, *(round(10 ** (half / 2)) for half in range(8, 19)))  # 10^4 to 10^9 by halves
PART = 1 / 6  # of the references, all origins among them, from which the check projects
LEAST = 400  # references of that part; fewer do not give a tail
COUNTED = {"right": "true_origin", "wrong": "wrong_origin", "false": "false_origin"}
SIDES = (0.4, 0.8)  # of a photo, those of its parts


def verdicts(encoded: EncodedPairs, model: Model) -> tuple[dict[str, Json], list[str]]:
    """Count verdicts among a part of the references and all of them, and project them.

    Returns:
        The curves of `VERDICTS`, and what the checks say.
    """
    rng, origins = np.random.default_rng(0), {pair.origin for pair in encoded.pairs}
    photos = [path for path in encoded.references if path not in origins]
    part = max(LEAST, round(PART * len(encoded.references)))
    some = [*origins, *(photos[i] for i in rng.permutation(len(photos))[: part - len(origins)])]
    curves: dict[str, Json] = {name: {"points": []} for name in VERDICTS}
    last = len(encoded.references)
    later = [size for size in SIZES if size > last]
    checked: Json = {}
    for references in (sorted(some), encoded.references):
        mine, truth = replace(encoded, references=references), find_truth(encoded.pairs, references)
        trust = summarise_trust(try_model(mine, truth, model.calibration.tail), Protocol())
        for name, measure in COUNTED.items():
            estimate = trust.presets[PRESET][measure]
            if name == "false" and encoded.strangers:
                estimate = trust.presets[PRESET]["false_origin_of_strangers"]
            curves[name]["points"].append(known_share(len(references), estimate))
        if len(references) < last:
            (checked,) = _projected(mine, truth, model, [last])
        else:
            curves["right"]["points"] += _projected(mine, truth, model, later)
    for name in ("wrong", "false"):
        stays = curves[name]["points"][-1]
        curves[name]["points"] += [{**stays, "references": size} for size in later]
    for curve in curves.values():
        curve["counted"] = last
    said = f"right verdicts among {last}, projected from {part}: {checked}"
    return curves, [said, f"and counted: {curves['right']['points'][1]}"]


def _projected(
    encoded: EncodedPairs, truth: Truth, model: Model, sizes: Sequence[int]
) -> list[Json]:
    """Project right verdicts from the references of the pairs to sizes beyond."""
    queries = encoded.queries(range(len(encoded.pairs)))
    references = encoded.take(encoded.references)
    strangers = calibrate_references(model.calibration.tail, references).strangers
    assert strangers is not None
    needed = strangers.lead(PRESETS[PRESET])
    p = rank(queries, references, truth).p
    return [
        share(
            size,
            right_verdicts(queries, references, truth, p, needed, size),
            _groups(encoded),
        )
        for size in sizes
    ]


def parts(photos: Sequence[Path], model: Model, seed: int) -> Vectors:
    """Return the vectors of a random part of each photo, float32 (n, dim)."""
    rng = np.random.default_rng(seed)

    def cut(path: Path) -> Image:
        image = decode(read_bytes(path)).image
        sides = [max(8, int(side * rng.uniform(*SIDES))) for side in image.shape[:2]]
        top, left = (int(rng.integers(image.shape[i] - sides[i] + 1)) for i in (0, 1))
        return image[top : top + sides[0], left : left + sides[1]]

    return model.encode(map(cut, photos))


def counted_among_parts(encoded: EncodedPairs, model: Model, crops: int) -> Iterator[Json]:
    """Count among parts of all photos besides.

    Yields:
        ``acc``, ``right`` and ``false``: points as in the curves of those names. The references
        calibrate themselves, as a collection of so many would.
    """
    origins = {pair.origin for pair in encoded.pairs}
    photos = [path for path in encoded.references if path not in origins]
    queries = encoded.queries(range(len(encoded.pairs)))
    strangers = encoded.take(encoded.strangers) if encoded.strangers else queries[:0]
    blocks = [encoded.take(encoded.references)]
    truth, groups = find_truth(encoded.pairs, encoded.references), _groups(encoded)
    for turn in range(1, crops + 1):
        blocks.append(parts(photos, model, turn))
        if turn == crops or turn & (turn - 1) == 0:  # 1, 2, 4, 8 ...
            blocks = [np.concatenate(blocks)]
            size, tail = len(blocks[0]), model.calibration.tail
            calibration = calibrate_references(tail, blocks[0])
            first = rank_streaming(queries, blocks, truth).ranks == 1
            found = best_matches(queries, blocks[0], calibration, truth)
            right = found.right & (found.rates <= PRESETS[PRESET])
            point = {
                "acc": share(size, first * 1.0, groups),
                "right": share(size, right * 1.0, groups),
            }
            if len(strangers):
                none = no_truth(len(strangers))
                given = best_matches(strangers, blocks[0], calibration, none).rates
                each = [str(number) for number in range(len(strangers))]
                point["false"] = share(size, (given <= PRESETS[PRESET]) * 1.0, each)
            yield point


def _groups(encoded: EncodedPairs) -> list[str]:
    return [pair.group for pair in encoded.pairs]


def by_folds(pairs: Path, options: argparse.Namespace, model: Model) -> Json:
    """Return the curve of other pairs, by maps that saw nothing of a query's source."""
    encoder = model.encoder
    cache = None if options.latents is None else LatentCache.open(options.latents, encoder)
    encoded = encode_all(read_pairs(pairs), [options.references], encoder, cache=cache)
    protocol = Protocol()
    folds = assign_folds(encoded.pairs, protocol.fold_by, protocol.folds)
    ranking, _ = rank_by_map(FoldSplit(encoded, folds, encoded.references), encoder, FULL)
    counted = len(encoded.references)
    points = accuracy(ranking.ranks == 1, ranking.p, _groups(encoded), counted, SIZES)
    return {"counted": counted, "points": points}


def judge(options: argparse.Namespace, model: Model) -> tuple[Json, list[Json], list[str]]:
    """Return the table of `originid.scale.expected`, counts among parts, and what checks say."""
    cache = None if options.latents is None else LatentCache.open(options.latents, model.encoder)
    others = [] if options.strangers is None else [options.strangers]
    encoded = encode_all(
        read_pairs(options.pairs),
        [options.references],
        model.encoder,
        cache=cache,
        to_vectors=model.vectors,
        strangers=others,
    )
    counted = len(encoded.references)
    truth = find_truth(encoded.pairs, encoded.references)
    queries = encoded.queries(range(len(encoded.pairs)))
    ranking = rank(queries, encoded.take(encoded.references), truth)
    acc = {}
    for band in BANDS:
        bands = [pair.fields.get("band", "") for pair in encoded.pairs]
        rows = np.flatnonzero([band in ("all", each) for each in bands])
        groups = [encoded.pairs[row].group for row in rows]
        points = accuracy(ranking.ranks[rows] == 1, ranking.p[rows], groups, counted, SIZES)
        acc[band] = {"counted": counted, "queries": len(rows), "points": points}
    shares, checks = verdicts(encoded, model)
    table = {
        "format": 1,
        "date": datetime.date.today().isoformat(),
        "version": __version__,
        "model": DEFAULT,
        "pairs": options.about,
        "stated": PRESETS[PRESET],
        "strangers": len(encoded.strangers),
        "acc": acc,
        "verdicts": shares,
    }
    return table, list(counted_among_parts(encoded, model, options.crops)), checks


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--references", type=Path, required=True)
    parser.add_argument("--about", required=True, help="the pairs in words")
    parser.add_argument("--strangers", type=Path)
    parser.add_argument("--crops", type=int, default=0)
    parser.add_argument("--folds", type=Path)
    parser.add_argument("--latents", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    model = open_model()
    table, among_parts, checks = judge(options, model)
    folded = None if options.folds is None else by_folds(options.folds, options, model)
    print(json.dumps({**table, "parts": among_parts, "folds": folded, "checks": checks}, indent=1))
    if options.output is not None:
        options.output.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        read_expected(options.output)  # so that the package can read what was written
    if options.plot is not None:
        from projection_plot import draw

        draw(table, among_parts, folded, options.plot)


if __name__ == "__main__":
    main()
