"""What fewer dimensions and fewer bits cost: Figure 8 of the paper, and bytes a reference.

usage: python benchmarks/sizes.py PAIRS.csv --references FOLDER [--encoder E] [--latents FOLDER]
           [--dims N...] [--plot FILE.png] [--json]

Maps are cross-validated, as by `originid evaluate --encoder E`. A map of fewer dimensions keeps the
directions with the largest ratio of total to within-pair scatter. With fewer bits, the components
of the rotated vector (see `originid.index.codec`) are rounded to steps, whose size loses least of a
Gaussian. References are stored in this way; queries are floats. One bit is the sign. Fewer signs
than dimensions are the signs of the first dimensions.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from originid.datasets.pairs import read_pairs
from originid.encoders import Encoder, open_encoder
from originid.evaluation.encoded_pairs import EncodedPairs, encode_all
from originid.evaluation.fold_split import FoldSplit
from originid.evaluation.folds import assign_folds
from originid.evaluation.protocol import Protocol, Ranking, join_folds, rank
from originid.evaluation.report import Report, summarise
from originid.index import Codec
from originid.latents import LatentCache
from originid.maps import unit_length
from originid.training.fitting import FULL, basis_for, fit_closed_form
from originid.types import Vectors

# Steps of least squared error for a Gaussian, in standard deviations (Max 1960); 1 bit has none.
STEPS = {8: 0.0308, 4: 0.3352, 2: 0.9957}
SIGNS = (1024, 512)  # prefixes of the signs of all dimensions: 128 and 64 bytes


def stored(vectors: Vectors, bits: int) -> Vectors:
    """Return vectors as they are after they were stored with a number of bits a dimension.

    Args:
        vectors: rotated vectors of unit length, float32 (n, dim).
        bits: 32, 8, 4, 2 or 1.

    Returns:
        Vectors of unit length, float32 (n, dim).
    """
    if bits == 32:
        return vectors
    if bits == 1:
        return unit_length(np.where(vectors > 0, 1, -1).astype(np.float32))
    step = np.float32(STEPS[bits]) * vectors.std(axis=1, keepdims=True)
    half = 2 ** (bits - 1)
    return unit_length((np.floor(vectors / step).clip(-half, half - 1) + 0.5) * step)


def forms(
    queries: Vectors, references: Vectors, dims: list[int]
) -> Iterator[tuple[str, int, Vectors, Vectors]]:
    """Yield the name, the bytes of a reference, the queries and the references of each form.

    Args:
        queries: mapped latents that are not scaled, float32 (q, k). The directions that separate
            best come first.
        references: the same of the references, float32 (n, k).
        dims: the numbers of directions that are kept, each at most k.
    """
    for dim in dims:
        q, r = (Codec(dim).rotate(each[:, :dim]) for each in (queries, references))
        for bits in (32, 8, 4, 2, 1):
            yield f"{dim} x {bits} bit", -(-dim * bits // 8), q, stored(r, bits)
        if dim == queries.shape[1]:
            for count in (count for count in SIGNS if count < dim):
                prefix = unit_length(q[:, :count]), stored(r[:, :count], 1)
                yield f"{dim}, {count} signs", count // 8, *prefix


def evaluate(
    material: EncodedPairs, encoder: Encoder, dims: list[int] | None
) -> Iterator[tuple[str, int, Report]]:
    """Judge every form on every fold.

    Args:
        material: the pairs, the references and their latents.
        encoder: the encoder that made the latents.
        dims: the numbers of dimensions to compare; with None all of them and powers of two.

    Yields:
        The name of a form, the bytes of a reference, and the report.
    """
    protocol = Protocol()
    folds = assign_folds(material.pairs, protocol.fold_by, protocol.folds)
    trial = FoldSplit(material, folds, material.references)
    total = basis_for(encoder, FULL).dim
    wanted = [dim for dim in dims or (total, 1024, 512, 256, 128, 64) if dim <= total]
    rankings: dict[tuple[str, int], list[Ranking]] = {}
    for fold in range(protocol.folds):
        inside = np.flatnonzero(folds == fold)
        examples = trial.examples(folds != fold)
        map = fit_closed_form(examples, encoder, replace(FULL, dim=total))
        queries = map.apply(material.take(material.pairs[row].query for row in inside))
        references = map.apply(material.take(material.references))
        for name, size, q, r in forms(queries, references, wanted):
            ranking = rank(q, r, trial.truth.take(inside))
            rankings.setdefault((name, size), []).append(ranking)
    for (name, size), parts in rankings.items():
        ranking = join_folds(parts, folds)
        yield name, size, summarise(ranking, material.pairs, material.references, protocol)


def draw(rows: list[tuple[str, int, Report]], path: Path) -> None:
    """Draw accuracy against bytes, with a line for each precision, into a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    lines: dict[str, list[tuple[int, float]]] = {}
    for name, size, report in rows:
        label = name.split(" x ")[1] if " x " in name else "signs of all, a prefix"
        lines.setdefault(label, []).append((size, 100 * report.averages.values["projected_acc"]))
    for label, points in lines.items():
        axes.plot(*zip(*sorted(points), strict=True), marker="o", label=label)
    axes.set_xscale("log", base=2)
    axes.set_xlabel("bytes a reference")
    axes.set_ylabel("Acc projected to 1,000,000 references, %")
    axes.grid(alpha=0.3)
    axes.legend(title="bits a dimension")
    figure.savefig(path, dpi=150)


def main() -> None:
    """Run the comparison and print a row for each form."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--references", type=Path, required=True)
    parser.add_argument("--encoder", default="tones+edges")
    parser.add_argument("--latents", type=Path)
    parser.add_argument("--dims", type=int, action="append")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    encoder = open_encoder(options.encoder)
    cache = None if options.latents is None else LatentCache.open(options.latents, encoder)
    material = encode_all(read_pairs(options.pairs), [options.references], encoder, cache=cache)
    rows = []
    if not options.json:
        print("| form | bytes | mAP | Acc | projected Acc |\n|---|---|---|---|---|")
    for name, size, report in evaluate(material, encoder, options.dims):
        rows.append((name, size, report))
        if options.json:
            print(json.dumps({"form": name, "bytes": size, **report.to_json()}), flush=True)
        else:
            value = {key: f"{100 * each:.1f}" for key, each in report.averages.values.items()}
            print(
                f"| {name} | {size} | {value['mAP']} | {value['acc']} | {value['projected_acc']} |",
                flush=True,
            )
    if options.plot is not None:
        draw(rows, options.plot)


if __name__ == "__main__":
    main()
