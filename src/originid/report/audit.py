"""An audit: many queries, one report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from originid.finder import Finder
from originid.latents.sources import ImageLike, Source
from originid.report.forms import check_output
from originid.report.recording import Asked, Recording


@dataclass(frozen=True)
class Audited:
    """What an audit did.

    Args:
        files: the files that it wrote.
        counts: how many queries got each verdict; "unreadable" are those without one.
        resumed: how many answers an earlier run, which was interrupted, had found.
    """

    files: tuple[Path, ...]
    counts: dict[str, int]
    resumed: int


def audit(
    finder: Finder,
    queries: Sequence[ImageLike | Source],
    output: Path,
    asked: Asked = Asked(),  # noqa: B008 - it is frozen
    progress: Callable[[int, int], None] = lambda done, total: None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Audited:
    """Find the origin of queries and write a report.

    If it is interrupted, what was found stays in a journal beside the report, and the same call
    goes on from there. It starts anew if the model, the collection or the options have changed.

    Args:
        finder: of the collection that is searched.
        queries: as `Finder.find` takes them.
        output: the report; its name ends in .html, .json or .csv, and beside a page the other two
            are written too. A report that exists is replaced.
        asked: how it is searched.
        progress: called with the number of queries that are done, and of all.
        tell: called with what becomes of an earlier run that was interrupted, if there was one.

    Raises:
        UsageError: the output has another ending, or no folder.
        InputError: something else lies where a file beside the page would.
        StorageError: the disk refuses, or another process writes the same report.
    """
    check_output(output)
    with Recording(finder, output, asked) as recording:
        if recording.beginning:
            tell(recording.beginning)
        sources = recording.missing(queries)
        for answer in finder.find(sources, asked.top, asked.false_matches, asked.effort):
            recording.add(answer)
            progress(recording.finished, len(queries))
        files = recording.write()
        return Audited(files, recording.counts, recording.resumed)
