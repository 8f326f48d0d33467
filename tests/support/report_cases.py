"""Cases of reports that need no search: their texts and pictures are made up."""

from functools import cache
from typing import Any

import numpy as np

from originid.report.case import NOT_LOOKED_FOR
from originid.report.pictures import as_text, reduced_text
from originid.testing import textured_image

VERDICTS = ("origin", "uncertain", "none", None)
REASONS = {
    "origin": "certain: 1 in 20,000 strangers in this collection scores as high",
    "uncertain": "look at it: the best of 39 strangers would score as high 1 time in 40",
    "none": "none: the best of 39 strangers would score as high 4 times in 10",
}
RATES = {"origin": 5e-5, "uncertain": 0.025, "none": 0.4}
CREDENTIALS = NOT_LOOKED_FOR


def about(queries: int = 4, **changed: Any) -> dict[str, Any]:
    """What a report of some cases of `made_up` says of itself."""
    counts = {"origin": 0, "uncertain": 0, "none": 0, "unreadable": 0}
    for number in range(1, queries + 1):
        counts[verdict_of(number) or "unreadable"] += 1
    return {
        "version": "0.1.0",
        "collection": "photos/archive",
        "references": 39,
        "model": "default",
        "fingerprint": "d88b4a16f233ba369ea56ec4e9bd756a",
        "started": "2026-11-26T09:30:00Z",
        "finished": "2026-11-26T09:31:00Z",
        "top": 5,
        "false_matches": 0.001,
        "effort": "normal",
        "queries": queries,
        "queries_sha256": "ab" * 32,
        "counts": counts,
    } | changed


def verdict_of(number: int) -> str | None:
    """The verdict of a case, from 1: origin, uncertain, none, unreadable, and again."""
    return VERDICTS[(number - 1) % 4]


def made_up(number: int, **changed: Any) -> dict[str, Any]:
    """The case of a number, from 1, as `make_case` would make it."""
    verdict = verdict_of(number)
    explained = verdict in ("origin", "uncertain")
    small, large = pictures()
    case: dict[str, Any] = {
        "query": f"queries/{number:05}.jpg",
        "verdict": verdict,
        "reason": REASONS[verdict] if verdict else "",
        "matches": [match(number, RATES[verdict])] if verdict else [],
        "error": None if verdict else "no image; expected a picture",
        "note": "",
        "sha256": f"{number:064x}" if verdict else None,
        "described": {},
        "credentials": CREDENTIALS,
        "evidence": EVIDENCE if explained else None,
        "pictures": small | (large if explained else {}) if verdict else {},
    }
    return case | changed


EVIDENCE = {
    "sentence": "The query agrees with the reference: 60 % of the shared area looks alike.",
    "outline": [[0.1, 0.2], [0.9, 0.2], [0.9, 0.8], [0.1, 0.8]],
    "part": None,
}


def match(number: int, rate: float, **changed: Any) -> dict[str, Any]:
    """A match as `Match.to_json` gives it."""
    return {
        "rank": 1,
        "reference": f"photos/{number % 39:02}.jpg",
        "score": 0.9 - number / 10_000,
        "confidence": 1 - rate,
        "false_match_rate": rate,
        "view": "full",
        "box": None,
        "copies": [],
        "exists": True,
    } | changed


@cache
def pictures() -> tuple[dict[str, str], dict[str, str]]:
    """The small pictures of a case, and the large ones."""
    query, reference = textured_image(1, 120, 160), textured_image(2, 120, 160)
    small = {"query": reduced_text(query), "reference": reduced_text(reference)}
    large = {
        "query_large": as_text(query),
        "reference_large": as_text(reference),
        "aligned": as_text(np.flipud(query)),
        "heat": as_text(np.fliplr(reference)),
    }
    return small, large
