"""A collection looks again at some of its own references, to learn how strong strangers are in it.

None of the cohort's members was made from another reference. So the second lead of each among the
others is that of a query without an origin (see `originid.verdict.second_look`).
"""

import numpy as np

from originid.collection.collection import Collection
from originid.errors import ImageError
from originid.escalation.escalation import JUDGED, Escalation
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.system.addresses import is_address
from originid.system.parallel import available_cores, map_ordered, one_blas_thread
from originid.system.progress import Progress, silent
from originid.verdict.second_look import sample_size, second_leads

GROWTH = 2.0  # times as many references as at the last time, from which on it is done again


def calibrate_again(collection: Collection, progress: Progress = silent) -> bool:
    """Learn second leads, if the collection has none or has become much larger.

    It takes 0.1 to 0.3 seconds for each of up to 64 references, whatever the collection's size.

    Args:
        collection: whose references are looked at; those whose files are gone, or may not be
            opened, are left out.
        progress: called with the number of references looked at and of all.

    Returns:
        Whether second leads were learned.

    Raises:
        StorageError: the disk refuses.
    """
    database = collection.database
    references = database.count()
    known = database.second_looks()
    members = database.cohort().cohort.members
    rows = {
        key: row
        for key, row in database.rows(members.tolist()).items()
        if not is_address(row.location)
    }
    size = min(sample_size(references), len(rows))
    staying = np.isin(members, list(known)).sum()
    grown = any(references >= GROWTH * among for _, among in known.values())
    if not size or (staying >= size / 2 and not grown):
        return False
    escalation = Escalation(collection)
    places = [rows[key].location for key in members.tolist() if key in rows]
    sources = [Source(place) for place in places if database.trusts(place)]
    by_location = {row.location: key for key, row in rows.items()}
    leads: dict[int, float] = {}

    def lead(query: Encoded) -> tuple[int, float | None]:
        """The id of a member and its second lead."""
        key = by_location[query.source.name]
        return key, _second_lead(escalation, query, key, references)

    with one_blas_thread():
        for chunk in encode_sources(sources[: 2 * size], collection.model.encoder):
            encoded = [entry for entry in chunk if isinstance(entry, Encoded)]
            for key, found in map_ordered(lead, encoded, available_cores()):
                if found is not None:
                    leads[key] = found
                    progress(len(leads), size)
                if len(leads) >= size:
                    break
            if len(leads) >= size:
                break
    if leads:
        with database.writing():
            database.put_second_looks(leads, references)
    return bool(leads)


def _second_lead(escalation: Escalation, query: Encoded, key: int, references: int) -> float | None:
    """The second lead of a reference among the others; None where nothing can be told."""
    try:
        candidates = escalation.candidates(query, "normal", without=key)
    except ImageError:
        return None
    if candidates is None:
        return None
    strengths = np.sort(candidates.strength.astype(np.float64))[::-1][:JUDGED]
    return float(second_leads(strengths, references)[0])
