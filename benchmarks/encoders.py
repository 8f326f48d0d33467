"""What each encoder and map reaches on real edits: the table of docs/evaluation.md.

usage: python benchmarks/encoders.py PAIRS.csv --references FOLDER --encoder E... [--json]

As `originid evaluate --encoder E --map M` for M in none, structured and full, but encoding every
image once; of an encoder joined with +, its parts are judged too.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from originid.cli.train import map_settings
from originid.encoders import Encoder, JoinedEncoder, latent_dim, open_encoder
from originid.evaluation.protocol import Protocol
from originid.evaluation.run import Material, encode_all, judge_folds
from originid.pairs import read_pairs
from originid.types import Json

LEAST = 40  # pairs of a kind for a column of its own


def parts(material: Material, encoder: Encoder) -> Iterator[tuple[Encoder, Material]]:
    """The encoder, and if it is joined its parts, each with its columns of the latents."""
    yield encoder, material
    if isinstance(encoder, JoinedEncoder):
        start = 0
        for part in encoder.parts:
            stop = start + latent_dim(part.shapes)
            yield part, replace(material, values=material.values[:, start:stop])
            start = stop


def main() -> None:
    """Run the comparison and print a row per encoder and map."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--references", type=Path, required=True)
    parser.add_argument("--encoder", action="append", required=True)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pairs = read_pairs(options.pairs)
    header = True
    for spec in options.encoder:
        encoder = open_encoder(spec)
        material = encode_all(pairs, options.references, encoder)
        for part, its_material in parts(material, encoder):
            for name in ("none", "structured", "full"):
                outcome = judge_folds(its_material, part, map_settings(name), Protocol())
                report = outcome.report.to_json()
                if options.json:
                    print(json.dumps({"encoder": part.spec, "map": name, **report}), flush=True)
                else:
                    print_row(part, name, report, header)
                header = False


def print_row(encoder: Encoder, name: str, report: Json, header: bool) -> None:
    """Print a row of a Markdown table: Acc / projected Acc."""
    kinds = {k: v for k, v in report["by"].get("kind", {}).items() if v["queries"] >= LEAST}
    if header:
        print(
            "| encoder | map | mAP | Acc [95 %] | projected Acc [95 %] | "
            + " | ".join(kinds)
            + " |"
        )
        print("|---" * (5 + len(kinds)) + "|")
    cells = [f"{v['acc']:.1f} / {v['projected']['acc']:.1f}" for v in kinds.values()]
    acc, projected = report["ci95"]["acc"], report["ci95"]["projected_acc"]
    print(
        f"| {encoder.spec} | {name} | {report['mAP']:.1f} "
        f"| {report['acc']:.1f} [{acc[0]:.1f}, {acc[1]:.1f}] "
        f"| {report['projected']['acc']:.1f} [{projected[0]:.1f}, {projected[1]:.1f}] "
        f"| {' | '.join(cells)} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
