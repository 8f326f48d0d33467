"""The sentences and terms of a report that are made of numbers."""

from originid.system.text import printable
from originid.types import Json
from originid.verdict.presets import PRESETS, UNCERTAIN
from originid.verdict.reasons import one_in, rounded


def queries_in_words(count: int) -> str:
    """A number of queries, such as ``1 query``."""
    return f"{count:,} {'query' if count == 1 else 'queries'}"


def counts_in_words(counts: dict[str, int]) -> str:
    """How many queries got each verdict, in a sentence or two.

    Args:
        counts: by verdict, and "unreadable".
    """
    found, unsure, none = counts["origin"], counts["uncertain"], counts["none"]
    have = f"{found:,} {'has' if found == 1 else 'have'} an origin in this collection"
    look = f"{unsure:,} {'needs' if unsure == 1 else 'need'} a person to look"
    lack = f"{none:,} {'has' if none == 1 else 'have'} none"
    text = ", ".join([have, *([look] if unsure else []), *([lack] if none else [])])
    failed = counts["unreadable"]
    return f"{text}.{f' {failed:,} could not be read.' if failed else ''}"


def rate_in_words(verdict: str | None, match: Json) -> str:
    """How often a stranger scores as high as a match, shortly.

    It is empty where that is ordinary, and where the verdict is none, so that nothing reads like a
    chance that the reference is the origin.
    """
    rate = match["false_match_rate"]
    if verdict in (None, "none") or rate > UNCERTAIN:
        return ""
    return "no stranger" if rate <= 0 else one_in(rate)


def stated_in_words(rate: float) -> str:
    """A stated false-match rate, with its name where it has one."""
    name = next((f" ({name})" for name, each in PRESETS.items() if each == rate), "")
    return f"1 in {rounded(1 / rate)} queries without an origin may get the verdict origin{name}"


def facts(about: Json) -> list[tuple[str, str]]:
    """What was asked, when, and of what: terms with their texts."""
    return [
        ("Collection", printable(about["collection"])),
        ("References", f"{about['references']:,}"),
        ("Model", printable(about["model"])),
        ("Fingerprint of the model", about["fingerprint"]),
        ("Stated rate", stated_in_words(about["false_matches"])),
        ("Effort", about["effort"]),
        ("Matches of each query", f"{about['top']:,} at most"),
        ("Begun", about["started"].replace("T", " ").replace("Z", " UTC")),
        ("Finished", about["finished"].replace("T", " ").replace("Z", " UTC")),
        ("SHA-256 of all queries", about["queries_sha256"]),
        ("Version", f"originid {about['version']}"),
    ]
