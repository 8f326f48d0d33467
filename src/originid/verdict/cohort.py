"""The cohort: sampled references, and the best that each of them scores in the collection.

The members are the references whose keys are smallest. A key is made of the id by a fixed hash, so
the sample is uniform, does not depend on the order in which references came, and stays a sample
while references come and go. A reference that is added is scored against the members alone.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.types import Ids, Scores
from originid.verdict.lead import LISTED

MEMBERS = 512  # a million multiplications for each added reference: 0.04 ms of one core
KEPT = 64  # scores kept for each member: 22 more than are read, for removals and for siblings
SPARE = 1.25  # times the share of members: five standard deviations more than there are
COPY = 0.95  # of x-rays and forms, strangers reach 0.9; see `strangers` for other near-copies


@dataclass(frozen=True)
class Cohort:
    """Members and the best of their scores.

    Args:
        members: ids in ascending order of their keys, int64 of shape (m,).
        scores: for each member its best scores with other references, descending, float32 of shape
            (m, `KEPT`); -1 where there are none.
        others: ids of these references, int64 of shape (m, `KEPT`); -1 where there are none.
        cut: (m,) whether a member has lost scores that did not fit, so that its list is complete
            only down to its last score.
    """

    members: Ids
    scores: Scores
    others: Ids
    cut: NDArray[np.bool_]

    def added(self, ids: Ids, cosines: Scores) -> "Cohort":
        """The cohort after references were added.

        Args:
            ids: of the new references, int64 of shape (n,); a member's own id is passed over.
            cosines: of the members with them, float32 of shape (m, n).
        """
        strangers = (cosines <= COPY) & (self.members[:, None] != ids)
        # Most additions score below all that a member keeps; only the others are sorted in.
        full = self.scores[:, -1] > -1
        enters = strangers & (~full[:, None] | (cosines >= self.scores[:, -1:]))
        cut = self.cut | (full & (strangers & ~enters).any(axis=1))
        scores, others = self.scores.copy(), self.others.copy()
        for row in np.flatnonzero(enters.any(axis=1)):
            merged = np.concatenate([scores[row], cosines[row, enters[row]].astype(np.float32)])
            sources = np.concatenate([others[row], ids[enters[row]]])
            # Equal scores are ordered by id, so that the order in which they came does not matter.
            order = np.lexsort((sources, -merged))
            cut[row] |= bool((merged[order[KEPT:]] > -1).any())
            scores[row], others[row] = merged[order[:KEPT]], sources[order[:KEPT]]
        return Cohort(self.members, scores, others, cut)

    def removed(self, ids: Ids) -> "Cohort":
        """The cohort after references were removed, members among them."""
        stay = ~np.isin(self.members, ids)
        gone = np.isin(self.others[stay], ids)
        scores = np.where(gone, np.float32(-1), self.scores[stay])
        others = np.where(gone, -1, self.others[stay])
        order = np.lexsort((others, -scores), axis=1)
        return Cohort(
            self.members[stay],
            np.take_along_axis(scores, order, axis=1),
            np.take_along_axis(others, order, axis=1),
            self.cut[stay],
        )

    def joined(self, other: "Cohort") -> "Cohort":
        """Both cohorts' members, of which those with the smallest keys stay."""
        members = np.concatenate([self.members, other.members])
        order = np.argsort(keys(members), kind="stable")[:MEMBERS]
        return Cohort(
            members[order],
            np.concatenate([self.scores, other.scores])[order],
            np.concatenate([self.others, other.others])[order],
            np.concatenate([self.cut, other.cut])[order],
        )

    def only(self, members: Ids) -> "Cohort":
        """The part of the cohort that consists of these members, int64 of shape (k,)."""
        stay = np.isin(self.members, members)
        return Cohort(self.members[stay], self.scores[stay], self.others[stay], self.cut[stay])

    def ordered(self) -> "Cohort":
        """The cohort with its members in ascending order of their keys."""
        return self.joined(empty_cohort(np.empty(0, np.int64)))

    @property
    def worn(self) -> Ids:
        """Members to be searched again: removals left fewer scores than are read."""
        return self.members[self.cut & (self.scores[:, LISTED - 1] <= -1)]


def empty_cohort(members: Ids) -> Cohort:
    """Members, int64 of shape (m,), that were not scored with any reference yet."""
    ordered = members[np.argsort(keys(members), kind="stable")]
    return Cohort(
        ordered,
        np.full((len(ordered), KEPT), -1, np.float32),
        np.full((len(ordered), KEPT), -1, np.int64),
        np.zeros(len(ordered), np.bool_),
    )


def chosen(ids: Ids, count: int = MEMBERS) -> Ids:
    """The ``count`` ids, of shape (n,), whose keys are smallest, in ascending order of the keys."""
    return ids[np.argsort(keys(ids), kind="stable")[:count]]


def may_become_member(key: int) -> bool:
    """Whether the reference with an id can be a member when its collection has grown to that id.

    Of all that were ever added, those stay members that a later one with a smaller key does not
    replace. So most members of a collection from which little was removed are among these.
    """
    share = SPARE * MEMBERS / max(key, 1)  # of all keys: the largest of a member's, and some more
    return bool(float(keys(np.array([key]))[0]) < share * 2.0**64)


def keys(ids: Ids) -> NDArray[np.uint64]:
    """A fixed, evenly spread number for each id, of shape (n,)."""
    x = ids.astype(np.uint64) + _SALT
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        # The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return x ^ (x >> np.uint64(31))


_SALT = np.uint64(int.from_bytes(hashlib.sha256(b"originid cohort 1").digest()[:8], "big") >> 1)
