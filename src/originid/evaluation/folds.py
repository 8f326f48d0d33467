"""The folds of a cross-validation: which pairs are judged together."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from originid.errors import InputError
from originid.system.text import counted
from originid.types import Ints, Pair

FEWEST, MOST = 2, 12  # values of a column by which results are broken down
SOURCE = "source"
"""The manifest column that names the place a pair came from; a manifest need not have it."""


def assign_folds(pairs: Sequence[Pair], fold_by: str = SOURCE, folds: int = 4) -> Ints:
    """Divide pairs into folds, so that no fold shares anything with another fold.

    Pairs that share a value of the column, a group or a file are linked, and so are pairs that are
    linked to the same pair: sources that edited the same origin stay together. Linked pairs form a
    cluster, and a cluster is never divided. The clusters are assigned one by one, the one with most
    groups first; each goes to the fold that has the fewest groups so far.

    Args:
        pairs: the pairs of a manifest.
        fold_by: the manifest column of which no value may be in two folds. If it is ``source`` and
            the manifest has no such column, only groups and files link pairs.
        folds: the number of folds, at least 2.

    Returns:
        The fold of each pair, int64 of shape (q,), from 0.

    Raises:
        InputError: if the column is unknown, or there are fewer clusters than folds.
    """
    unknown_source = fold_by == SOURCE and pairs and SOURCE not in pairs[0].fields
    values = [pair.group for pair in pairs] if unknown_source else column(pairs, fold_by)
    cluster_of = _linked(
        [
            ((fold_by, value), ("group", pair.group), pair.origin, pair.query)
            for value, pair in zip(values, pairs, strict=True)
        ]
    )
    members: dict[int, list[int]] = defaultdict(list)
    for row, cluster in enumerate(cluster_of):
        members[cluster].append(row)
    if len(members) < folds:
        raise InputError(
            f"the pairs are too few: {counted(len(members), 'cluster')} of pairs that share no "
            f"{fold_by}, group or file",
            f"expected at least {folds} clusters, one for each fold",
            "give pairs of more sources, or judge a model that was fitted to others",
        )
    groups = {each: len({pairs[row].group for row in rows}) for each, rows in members.items()}
    fold_of = np.empty(len(pairs), np.int64)
    loads = [(0, 0, fold) for fold in range(folds)]  # groups, pairs, fold
    # Of clusters with as many groups the one with more pairs, then the earlier one, goes first.
    for cluster in sorted(members, key=lambda each: (-groups[each], -len(members[each]), each)):
        group_count, pair_count, fold = min(loads)
        fold_of[members[cluster]] = fold
        loads[fold] = (group_count + groups[cluster], pair_count + len(members[cluster]), fold)
    return fold_of


def few_valued(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Return the columns of a manifest by which results can be broken down.

    Args:
        pairs: the pairs of a manifest.

    Returns:
        The names of the columns with `FEWEST` to `MOST` different values, in the order of the
        manifest, without those that name the pair itself, or its origin by another name.
    """
    names = dict.fromkeys(name for pair in pairs for name in pair.fields)
    groups = len({pair.group for pair in pairs})
    found = []
    for name in names:
        values = {pair.fields.get(name, "") for pair in pairs}
        of_groups = {(pair.group, pair.fields.get(name, "")) for pair in pairs}
        names_origins = len(of_groups) == len(values) == groups
        named = name in ("origin", "query", "origin_group", "prompt")
        if FEWEST <= len(values) <= MOST and not named and not names_origins:
            found.append(name)
    return tuple(found)


def column(pairs: Sequence[Pair], name: str) -> list[str]:
    """Return the cells of a manifest column.

    Args:
        pairs: the pairs of a manifest.
        name: the name of the column.

    Returns:
        The cell of each pair, in the order of the pairs.

    Raises:
        InputError: if the manifest has no such column.
    """
    known = pairs[0].fields if pairs else {}
    if name not in known:
        raise InputError(
            f"the manifest has no column {name!r}",
            f"expected one of its columns: {', '.join(known)}",
            "choose one of these columns, or add the column to the manifest",
        )
    return [pair.fields[name] for pair in pairs]


def _linked(keys: Sequence[tuple[object, ...]]) -> list[int]:
    """Number the rows so that rows which share a key, directly or through others, are equal.

    It is a union-find: each row points at an earlier row of its cluster, or is the first itself.
    """
    parent = list(range(len(keys)))

    def root(row: int) -> int:
        """Find the first row of a cluster, and shorten the way to it for the next search."""
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    first: dict[object, int] = {}
    for row, shared in enumerate(keys):
        for key in shared:
            low, high = sorted((root(row), root(first.setdefault(key, row))))
            parent[high] = low
    return [root(row) for row in range(len(keys))]
