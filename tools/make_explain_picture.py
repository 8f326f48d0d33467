"""Draw the picture of docs/explain.md: the evidence for one edit of the demo.

usage: python tools/make_explain_picture.py [EDIT]

It runs the demo in a temporary folder, mirrors an edit and cuts a tenth of it away, searches for
it, and writes docs/explain.jpg. EDIT is the name of one of the demo's queries.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from originid.demo import run_demo
from originid.evaluation.attacks import parse_attack
from originid.explain.drawing import draw_evidence
from originid.finder import Finder
from originid.images.decode import decode, read_bytes

TARGET = Path(__file__).parents[1] / "docs" / "explain.jpg"
MOVE = "mirror+crop:10"


def main(name: str) -> None:
    """Move the edit and draw the evidence for its origin."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        run_demo(demo)
        edit = decode(read_bytes(demo / "queries" / name)).image
        with Finder.open(demo / "collection") as finder:
            evidence = finder.explain(parse_attack(MOVE).apply(edit))
    # The folder is a temporary one: its name tells a reader nothing.
    match = replace(evidence.match, reference=Path(evidence.match.reference).name)
    named = replace(evidence, query=f"{name}, mirrored and cut", match=match)
    draw_evidence(named).save(TARGET, quality=75)
    print(f"{evidence.sentence}\n{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("edit", metavar="EDIT", nargs="?", default="parrot-painting.jpg")
    main(parser.parse_args().edit)
