"""The texts around the pictures of an explanation, the same in a picture and in a page."""

from dataclasses import dataclass

from originid.answer import Match
from originid.explain.evidence import Evidence
from originid.explain.panels import (
    aligned_panel,
    checkerboard,
    heat_map,
    query_panel,
    reference_panel,
    shows_place,
)
from originid.system.text import printable
from originid.types import Image, Verdict
from originid.verdict.presets import UNCERTAIN
from originid.verdict.reasons import often, one_in


@dataclass(frozen=True, eq=False)
class Panel:
    """A picture, its title and what to see in it."""

    image: Image
    title: str
    text: str


def panels(evidence: Evidence) -> tuple[Panel, ...]:
    """The four pictures of an explanation, in the order in which they are read."""
    heat = heat_map(evidence)
    fourth = (
        Panel(aligned_panel(evidence), "The query, laid over the reference", "")
        if heat is None
        else Panel(
            heat,
            "Where they agree",
            "Blue: alike in coarse shapes and colours. Orange: no more alike than strangers. Grey: "
            "not compared. Small changes do not show here.",
        )
    )
    return (
        Panel(
            query_panel(evidence),
            f"Query: {printable(evidence.query)}",
            ""
            if evidence.query_part == (0, 0, 1, 1)
            else "The frame is the part that is compared.",
        ),
        Panel(
            reference_panel(evidence),
            f"Reference: {printable(evidence.match.reference)}",
            "The frame is the place where the query lies." if shows_place(evidence) else "",
        ),
        Panel(
            checkerboard(evidence),
            "Both as a checkerboard",
            "Tiles of the query and of the reference in turn. What goes on from tile to tile is in "
            "both.",
        ),
        fourth,
    )


def facts(evidence: Evidence) -> str:
    """The verdict, the score and how often strangers reach it, in one line.

    Where the verdict is none, nothing may read like a chance that the reference is the origin.
    """
    match, verdict = evidence.match, evidence.verdict
    score = f"Score {match.score:.3f}, of 1 at most."
    if verdict is Verdict.NONE:
        return f"Verdict: none. {score} Such a score is ordinary: {_ordinary(match)}"
    return f"{'' if verdict is None else f'Verdict: {verdict.value}. '}{score} {_rate(match)}"


def _ordinary(match: Match) -> str:
    often_so = often(max(match.false_match_rate, UNCERTAIN))
    return f"the best stranger of the collection would reach it {often_so}."


def _rate(match: Match) -> str:
    """A false-match rate in words."""
    rate = match.false_match_rate
    if rate > UNCERTAIN:
        return f"That is ordinary: {_ordinary(match)}"
    if rate <= 0:
        return "No stranger of the collection is expected to score as high."
    words = one_in(rate)
    return f"{words[0].upper()}{words[1:]} strangers in this collection scores as high."
