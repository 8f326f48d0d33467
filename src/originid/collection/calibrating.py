"""A collection calibrates itself: its cohort follows what is added and removed.

Second forms of references are strangers of nobody: they are neither members nor compared. The
cohort is brought up to date after each run that changes the collection, from the codes that
came since, whichever process stored them. What was cut off is made up for by the next run.
"""

from collections.abc import Callable

import numpy as np

from originid.collection.cohort_table import StoredCohort
from originid.collection.schema import FORMAT
from originid.collection.store import Store
from originid.index import Codec
from originid.index.sign_codes import cosines_between
from originid.types import Ids, Scores, Vectors
from originid.verdict.cohort import KEPT, MEMBERS, Cohort, chosen, empty_cohort, keys

Search = Callable[[Vectors, int], tuple[Scores, Ids]]
"""The search of an index: vectors (q, dim) and k to scores and ids, both (q, k)."""

BLOCK = 4096  # codes compared at a time: 33 MB of floats
# A search takes some 10 ms, and comparing a code with the members some 5 microseconds.
CODES_A_SEARCH = 2000


def update_cohort(database: Store, codec: Codec, search: Search) -> None:
    """Bring the cohort up to what is stored.

    The work is done outside of a transaction, so that others may write meanwhile. If another
    process stored a cohort in that time, its cohort stays.

    Args:
        database: the collection's database.
        codec: what reads its codes.
        search: the search of an index that knows all that is stored.

    Raises:
        StorageError: the disk refuses.
    """
    stored, version = database.cohort(), database.version()
    if stored.seen == version and database.format > 1:
        return
    if database.format < FORMAT:  # another process may have stored second forms already
        with database.writing():
            pass
    fresh = StoredCohort(_caught_up(database, codec, search, stored), version)
    with database.writing():
        if database.cohort_seen() == stored.seen:
            database.put_cohort(fresh)
            database.prune_removed(fresh.seen[1])


def fresh_cohort(database: Store, codec: Codec) -> StoredCohort:
    """The cohort of all that is stored, worked out anew within a transaction, without an index.

    It takes some 5 seconds for a million references.

    Args:
        database: the collection's database.
        codec: what reads its codes.
    """
    members = empty_cohort(chosen(database.ids()))
    return StoredCohort(_scored(members, -1, database, codec), database.version())


def _caught_up(database: Store, codec: Codec, search: Search, stored: StoredCohort) -> Cohort:
    last_id, place = stored.seen
    cohort = stored.cohort.removed(database.removed(place))
    complete = len(cohort.members) == len(stored.cohort.members) == MEMBERS
    # Where no member is missing, only what was added can have a smaller key than the largest.
    ids = database.ids()
    candidates = ids[ids > last_id] if complete else ids
    if complete:
        candidates = candidates[keys(candidates) < keys(cohort.members[-1:])]
    members = chosen(np.union1d(cohort.members, candidates))
    joining = np.union1d(np.setdiff1d(members, cohort.members), cohort.worn)
    staying = cohort.only(np.setdiff1d(members, joining))
    staying = _scored(staying, last_id, database, codec)
    return staying.joined(_searched(joining, len(ids), database, codec, search))


def _searched(
    members: Ids, references: int, database: Store, codec: Codec, search: Search
) -> Cohort:
    """Members with their best scores among all references."""
    cohort = empty_cohort(members)
    if len(members) * CODES_A_SEARCH > references:
        return _scored(cohort, -1, database, codec)
    known, codes = database.codes(np.sort(cohort.members))
    for key, vector in zip(known, codec.decode(codes), strict=True):
        scores, ids = search(vector[None], 2 * KEPT)
        found = (ids[0] >= 0) & (database.owners(ids[0]) == ids[0])
        one = cohort.only(np.array([key]))
        one = one.added(ids[0][found], scores[:, found])
        one.cut[:] = True  # what came behind was not seen
        cohort = cohort.only(np.setdiff1d(cohort.members, one.members)).joined(one)
    return cohort


def _scored(cohort: Cohort, last_id: int, database: Store, codec: Codec) -> Cohort:
    """A cohort after its members were compared with all references above an id."""
    if not len(cohort.members):
        return cohort
    known, codes = database.codes(np.sort(cohort.members))
    cohort = cohort.only(known)  # another process may have removed a member by now
    vectors = codec.units(codes)[np.searchsorted(known, cohort.members)]
    ids, codes = database.codes_after(last_id, BLOCK, forms=False)
    while len(ids):
        cohort = cohort.added(ids, cosines_between(vectors, codec.units(codes)))
        ids, codes = database.codes_after(int(ids[-1]), BLOCK, forms=False)
    return cohort
