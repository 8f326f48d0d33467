"""The rows that the paper's ablations share (Section 5.5): ways to learn the map, side by side."""

from collections.abc import Mapping

from originid.experiments.harness.cells import LEARNED_MAP, PAPER_SEEN_UNSEEN, learned_map
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.paper import SeenUnseen
from originid.experiments.report.report import Table

COLUMNS = ("encoder", "map", *LEARNED_MAP, *PAPER_SEEN_UNSEEN)


def compare_maps(
    context: ExperimentContext,
    encoders: Mapping[str, str],
    maps: tuple[str, ...],
    paper: Mapping[str, SeenUnseen],
    note: str,
) -> Table:
    """Judge ways to learn the map, each of which sees pairs of the seen generator only.

    Args:
        context: the data, the encoders and the results that are kept.
        encoders: the encoders' specifications, by the labels that the table shows.
        maps: the ways to learn the map, as ``originid train --map`` takes them.
        paper: the paper's values, by the name of the map.
        note: the sentences that stand under the table.

    Returns:
        A table with a row for every encoder and map.

    Raises:
        InputError: there are too few pairs to learn from.
    """
    rows = []
    for label, spec in encoders.items():
        for map in maps:
            judgement = judge_map(context, spec, map, seen=True)
            rows.append((label, map, *learned_map(judgement), *paper.get(map, (None,) * 4)))
    return Table("Maps", COLUMNS, tuple(rows), note)
