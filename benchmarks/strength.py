"""How strong an edit may be before its origin is lost, by editors that no map has seen.

usage: python benchmarks/strength.py PAIRS.csv SET --references FOLDER --encoder E... [--map M]
           [--latents FOLDER] [--json]

SET is a folder that `originid generate --test` made with several generators, at one strength or
more. Its test edits are of origins that no map has seen. For each encoder, three maps are judged on
the edits of each generator: one that learned from the PAIRS, one that learned from the PAIRS and
the training edits of all other generators, and one that learned from the training edits of this
generator alone, which knows it best. The columns are generator and strength, and the cells Acc /
Acc projected to a million references, in percent, over the origins. Few references tell no
projection, which is left out then.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from originid.datasets.pairs import read_pairs
from originid.encoders import open_encoder
from originid.evaluation.encoded_pairs import EncodedPairs, encode_all
from originid.evaluation.fold_split import FoldSplit, rank_by_map
from originid.evaluation.folds import column
from originid.evaluation.protocol import Protocol, list_references
from originid.evaluation.report import summarise
from originid.latents import LatentCache
from originid.training.fitting import Settings, read_map_settings
from originid.types import Json, Mask, Pair

REAL, TRAIN, TEST = "real", "train", "test"
LEARNED = ("the pairs", "the pairs and other generators", "this generator")


def labelled(manifest: Path, role: str) -> list[Pair]:
    """The pairs of a manifest, with their role, and a cell for their generator and strength."""
    pairs = []
    for pair in read_pairs(manifest):
        generator, strength = (pair.fields.get(name, "") for name in ("generator", "strength"))
        named = {"role": role, "generator": generator, "cell": f"{generator} {strength}"}
        # The same number may name another group in another manifest.
        group = f"{'real' if role == REAL else 'made'} {pair.group}"
        pairs.append(replace(pair, group=group, fields={**pair.fields, **named}))
    return pairs


def judge(encoded: EncodedPairs, spec: str, settings: Settings, photos: Path) -> Iterator[Json]:
    """Yield a row for each generator and each thing that a map learned from.

    Args:
        encoded: all pairs, with the column ``role``.
        spec: of the encoder that made the latents.
        settings: how maps are learned.
        photos: the folder of photos, which are references.
    """
    role, generator = (np.array(column(encoded.pairs, name)) for name in ("role", "generator"))
    distractors = [path for path in encoded.references if photos in path.parents]
    for judged in np.unique(generator[role == TEST]).tolist():
        tested = (role == TEST) & (generator == judged)
        masks: tuple[Mask, ...] = (
            role == REAL,
            (role == REAL) | ((role == TRAIN) & (generator != judged)),
            (role == TRAIN) & (generator == judged),
        )
        pairs = [pair for pair, one in zip(encoded.pairs, tested, strict=True) if one]
        references = list_references(pairs, distractors)
        for learned, allowed in zip(LEARNED, masks, strict=True):
            folds = np.where(tested, 0, -1)
            split = FoldSplit(encoded, folds, references, allowed)
            ranking, _ = rank_by_map(split, open_encoder(spec), settings)
            report = summarise(ranking, split.tested, references, Protocol(by=("cell",)), [])
            cells = {
                cell: {"acc": each["acc"], "projected": each["projected"]["acc"]}
                for cell, each in report.to_json()["by"]["cell"].items()
            }
            yield {"encoder": spec, "learned_from": learned, "generator": judged, "cells": cells}


def main() -> None:
    """Judge all encoders and print a row for each and for what its map learned from."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("set", type=Path)
    parser.add_argument("--references", type=Path, required=True)
    parser.add_argument("--encoder", action="append", required=True)
    parser.add_argument("--map", action="append", help="one for each encoder; full")
    parser.add_argument("--latents", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    maps = given.map or ["full"] * len(given.encoder)
    if len(maps) != len(given.encoder):
        parser.error(f"{len(maps)} times --map for {len(given.encoder)} times --encoder")
    pairs = labelled(given.pairs, REAL)
    for role in (TRAIN, TEST):
        pairs += labelled(given.set / f"{role}.csv", role)
    photos = given.references.resolve()
    header = False
    for spec, name in zip(given.encoder, maps, strict=True):
        encoder = open_encoder(spec)
        cache = None if given.latents is None else LatentCache.open(given.latents, encoder)
        encoded = encode_all(pairs, [photos], encoder, cache=cache)
        rows = list(judge(encoded, spec, read_map_settings(name), photos))
        if given.json:
            print(json.dumps(rows), flush=True)
            continue
        columns = [cell for row in rows[:: len(LEARNED)] for cell in sorted(row["cells"])]
        if not header:
            print(f"| encoder | learned from | {' | '.join(columns)} |")
            print("|---" * (len(columns) + 2) + "|")
            header = True
        for number, learned in enumerate(LEARNED):
            cells = {k: v for row in rows[number :: len(LEARNED)] for k, v in row["cells"].items()}
            shown = (
                " / ".join(f"{value:.1f}" for value in cells[c].values() if value is not None)
                for c in columns
            )
            print(f"| {spec} | {learned} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
