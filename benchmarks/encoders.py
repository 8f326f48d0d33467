"""How well each encoder and map finds the origins of real edits: the tables of docs/evaluation.md.

usage: python benchmarks/encoders.py PAIRS.csv --references FOLDER --encoder E... [--map M...]
           [--seen COLUMN=PREFIX | --share S] [--latents FOLDER] [--json]

This does what `originid evaluate --encoder E --map M` does, by default for the maps none,
structured and full, but it encodes every image only once. Of encoders that are joined by +, each
part is judged too. With --seen, maps are learned from the pairs whose column begins with the
prefix. They are then judged on these generators and on all others, on origins that they have not
seen (folds by origin group). With --share, maps are learned from that share of the origin groups,
drawn at random.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

import numpy as np

from originid.datasets.pairs import read_pairs
from originid.encoders import Encoder, JoinedEncoder, latent_dim, open_encoder
from originid.evaluation.encoded_pairs import EncodedPairs, encode_all
from originid.evaluation.folds import column
from originid.evaluation.protocol import Protocol
from originid.evaluation.run import Evaluation, judge_folds
from originid.latents import LatentCache
from originid.latents.stores import ChangedStore
from originid.training.fitting import read_map_settings
from originid.types import Json

LEAST = 40  # pairs of a value for a column of its own


def parts(material: EncodedPairs, encoder: Encoder) -> Iterator[tuple[Encoder, EncodedPairs]]:
    """Yield the encoder and, if it is joined, its parts, each with its columns of the latents.

    Args:
        material: the pairs, the references and their latents.
        encoder: the encoder that made the latents.
    """
    yield encoder, material
    if isinstance(encoder, JoinedEncoder):
        start = 0
        for part in encoder.parts:
            stop = start + latent_dim(part.shapes)
            columns = ChangedStore(material.store, itemgetter(np.s_[:, start:stop]), stop - start)
            yield part, replace(material, store=columns)
            start = stop


def judge_transfer(material: EncodedPairs, encoder: Encoder, map: str, seen: str) -> Evaluation:
    """Judge a map that saw only some generators.

    Args:
        material: the pairs, the references and their latents.
        encoder: the encoder that made the latents.
        map: the way to learn the map, as `originid train --map` takes it.
        seen: the generators, as COLUMN=PREFIX.
    """
    name, _, prefix = seen.partition("=")
    known = np.array([value.startswith(prefix) for value in column(material.pairs, name)])
    pairs = [
        replace(pair, fields={**pair.fields, "generator": "seen" if k else "unseen"})
        for pair, k in zip(material.pairs, known, strict=True)
    ]
    protocol = Protocol(fold_by="origin_group", by=("generator",))
    relabelled = replace(material, pairs=pairs)
    return judge_folds(relabelled, encoder, read_map_settings(map), protocol, known)


def judge(material: EncodedPairs, encoder: Encoder, map: str, share: float) -> Evaluation:
    """Judge a map that saw a share of the origin groups outside the fold.

    Args:
        material: the pairs, the references and their latents.
        encoder: the encoder that made the latents.
        map: the way to learn the map, as `originid train --map` takes it.
        share: the share of the origin groups, in (0, 1].
    """
    groups = np.unique([pair.group for pair in material.pairs])
    kept = np.random.default_rng(0).permutation(groups)[: max(1, round(share * len(groups)))]
    known = np.isin([pair.group for pair in material.pairs], kept)
    return judge_folds(material, encoder, read_map_settings(map), Protocol(), known)


def main() -> None:
    """Run the comparison and print a row for each encoder and map."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--references", type=Path, required=True)
    parser.add_argument("--encoder", action="append", required=True)
    parser.add_argument("--map", action="append")
    parser.add_argument("--seen")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--latents", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pairs = read_pairs(options.pairs)
    by = "kind" if options.seen is None else "generator"
    header = True
    for spec in options.encoder:
        encoder = open_encoder(spec)
        cache = None if options.latents is None else LatentCache.open(options.latents, encoder)
        material = encode_all(pairs, [options.references], encoder, cache=cache)
        for part, its_material in parts(material, encoder):
            for name in options.map or ("none", "structured", "full"):
                if options.seen is not None:
                    outcome = judge_transfer(its_material, part, name, options.seen)
                else:
                    outcome = judge(its_material, part, name, options.share)
                report = outcome.report.to_json()
                seconds = outcome.fit_seconds
                if options.json:
                    row = {"encoder": part.spec, "map": name, "fit_seconds": seconds, **report}
                    print(json.dumps(row), flush=True)
                else:
                    print_row(f"{part.spec} | {name}", report, seconds, by, header)
                header = False


def print_row(name: str, report: Json, seconds: float, by: str, header: bool) -> None:
    """Print a row of a Markdown table; the cells of values are Acc / projected Acc.

    Args:
        name: the first cells of the row, the encoder and the map.
        report: the report as JSON.
        seconds: the seconds that learning took for a fold.
        by: the column of pairs whose values have columns of the table.
        header: True if the head of the table is printed first.
    """
    values = {k: v for k, v in report["by"].get(by, {}).items() if v["queries"] >= LEAST}
    if header:
        columns = ("encoder", "map", "s", "mAP", "Acc [95 %]", "projected Acc [95 %]", *values)
        print(f"| {' | '.join(columns)} |")
        print("|---" * len(columns) + "|")
    cells = [f"{v['acc']:.1f} / {v['projected']['acc']:.1f}" for v in values.values()]
    acc, projected = report["ci95"]["acc"], report["ci95"]["projected_acc"]
    print(
        f"| {name} | {seconds:.1f} | {report['mAP']:.1f} "
        f"| {report['acc']:.1f} [{acc[0]:.1f}, {acc[1]:.1f}] "
        f"| {report['projected']['acc']:.1f} [{projected[0]:.1f}, {projected[1]:.1f}] "
        f"| {' | '.join(cells)} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
