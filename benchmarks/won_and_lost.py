"""Which edits a new model finds that an old one did not, and which it loses: a table and a sheet.

usage: python benchmarks/won_and_lost.py PAIRS.csv --references FOLDER --before MODEL
           [--after MODEL] [--by COLUMN] [--only VALUE...] [--each 10] -o SHEET.jpg

Both models rank the origins of all pairs and the photos of the folder for each edit, as it is. For
each value of the column it prints how many edits are won (the origin comes first now, and did not),
lost, found by both and by neither. The sheet shows at most so many edits of each value beside their
origin, with the rank of the origin before and after, those that were won or lost first.

Only pairs that neither model was fitted to tell how good they are.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from originid.datasets.pairs import read_pairs
from originid.evaluation.encoded_pairs import encode_all
from originid.evaluation.protocol import find_truth, rank
from originid.images.contact_sheet import Tile, write_sheet
from originid.images.decode import decode, read_bytes
from originid.model import DEFAULT, Model, open_model
from originid.types import Pair
from reporting import machine

COLUMNS = 5  # pairs that stand side by side on the sheet
WON, LOST = "#1a7f37", "#c00000"
OUTCOMES = {(False, True): "won", (True, False): "lost", (False, False): "neither"}
BOTH = "both"
SHOWN_FIRST = ("won", "lost", "neither", BOTH)


@dataclass(frozen=True)
class Change:
    """An edit under both models.

    Args:
        kind: the value of the column.
        pair: the edit and its origin.
        before: the rank of the origin by the old model, from 1.
        after: the same by the new one.
    """

    kind: str
    pair: Pair
    before: int
    after: int

    @property
    def outcome(self) -> str:
        """One of `SHOWN_FIRST`."""
        return OUTCOMES.get((self.before == 1, self.after == 1), BOTH)


def ranks(pairs: Sequence[Pair], photos: Path, model: Model) -> dict[Path, int]:
    """The rank of the origin of each edit that can be read, from 1, by the path of the edit."""
    encoded = encode_all(pairs, [photos], model.encoder, to_vectors=model.vectors)
    truth = find_truth(encoded.pairs, encoded.references)
    queries = encoded.queries(range(len(encoded.pairs)))
    found = rank(queries, encoded.take(encoded.references), truth).ranks.tolist()
    return dict(zip((pair.query for pair in encoded.pairs), found, strict=True))


def tiles(change: Change, by: str) -> list[Tile]:
    """An edit, with its value of a column of this name, and its origin, with the ranks."""
    told = f"rank {change.before} -> {change.after}"
    colour = {"won": WON, "lost": LOST}.get(change.outcome)
    query, origin = (decode(read_bytes(p)).image for p in (change.pair.query, change.pair.origin))
    said = change.pair.fields.get("prompt") or change.pair.query.stem
    return [
        Tile(query, (said, f"{by} {change.kind}"), colour),
        Tile(origin, (change.pair.origin.stem, told)),
    ]


def chosen(changes: Sequence[Change], each: int) -> list[Change]:
    """Those of one kind that are shown: one of each origin, what was won or lost first."""
    ordered = sorted(changes, key=lambda change: SHOWN_FIRST.index(change.outcome))
    of_origin = {change.pair.origin: change for change in reversed(ordered)}
    return [change for change in ordered if of_origin[change.pair.origin] is change][:each]


def main() -> None:
    """Rank with both models, print a table and draw the sheet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--references", type=Path, required=True)
    parser.add_argument("--before", required=True, help="a model: its name or its folder")
    parser.add_argument("--after", default=DEFAULT)
    parser.add_argument("--by", default="kind", help="a column of the pairs")
    parser.add_argument("--only", nargs="+", help="values of the column; all")
    parser.add_argument("--each", type=int, default=2 * COLUMNS)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    pairs = read_pairs(options.pairs)
    before, after = (
        ranks(pairs, options.references, open_model(name))
        for name in (options.before, options.after)
    )
    changes = [
        Change(pair.fields.get(options.by, ""), pair, before[pair.query], after[pair.query])
        for pair in pairs
        if pair.query in before and pair.query in after
    ]
    kinds = {
        kind: list(some)
        for kind, some in groupby(sorted(changes, key=attrgetter("kind")), attrgetter("kind"))
        if not options.only or kind in options.only
    }
    print(machine())
    print(f"\n| {options.by} | edits | {' | '.join(SHOWN_FIRST)} |")
    print("|---" * (len(SHOWN_FIRST) + 2) + "|")
    for kind, some in kinds.items():
        counts = [sum(change.outcome == each for change in some) for each in SHOWN_FIRST]
        print(f"| {kind} | {len(some)} | {' | '.join(map(str, counts))} |")
    empty = [Tile(None, ()), Tile(None, ())]
    rows = []
    for some in kinds.values():
        shown = [tiles(change, options.by) for change in chosen(some, options.each)]
        rows += shown + [empty] * (-len(shown) % COLUMNS)
    names = (Path(name).name for name in (options.before, options.after))
    title = f"edits and their origins, and the rank of the origin: {' -> '.join(names)}"
    write_sheet(options.output, title, rows, COLUMNS)


if __name__ == "__main__":
    main()
