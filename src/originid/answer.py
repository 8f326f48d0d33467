"""What was found for a query: an answer, and the matches in it."""

import base64
import io
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from html import escape

from PIL import Image as Pillow

from originid.errors import ImageError
from originid.images.decode import decode, read_bytes
from originid.system.text import printable
from originid.types import Description, Json, Verdict

SIDE = 128  # pixels of the longer side of a picture in a notebook
SHOWN = 5  # matches that a notebook shows


@dataclass(frozen=True, repr=False)
class Match:
    """A reference that was found for a query.

    Args:
        rank: the place of the reference among the matches; the best has rank 1.
        reference: the path of the reference.
        score: the cosine of the two vectors, in [-1, 1].
        false_match_rate: the probability, in [0, 1], that the best stranger in the collection
            scores this high. A stranger is a reference that the query was not made from.
        view: what was done to the query before it matched, in words: ``full`` is the whole image as
            it is; others are ``mirrored``, ``turned by a quarter``, ``block 1 of the picture`` and
            ``mirrored, as the upper left part of the reference``.
        box: where in the reference the query lies, as (left, top, right, bottom) in [0, 1] of its
            width and height. It is None where the view is ``full``, unless the query is the picture
            that a frame of the reference holds: then it is where that picture lies.
        copies: the paths of other references that are the same picture, and other paths of the same
            file.
        exists: whether the file of the reference was there when the query was answered; True too
            where nobody looked, and False of a reference that is known by its fingerprint only.
        trusted: whether the file of the reference may be looked at. It may not where this account
            never indexed its folder, as in a collection that somebody else made.
        id: the number of the reference in its collection.
        description: what its holder says of the reference; None where nothing is said.
        credentials: whether the collection holds content credentials of the reference, or of a
            copy.
    """

    rank: int
    reference: str
    score: float
    false_match_rate: float
    view: str = "full"
    copies: tuple[str, ...] = ()
    box: tuple[float, float, float, float] | None = None
    exists: bool = True
    trusted: bool = True
    id: int = 0
    description: Description | None = None
    credentials: bool = False

    def __repr__(self) -> str:
        view = "" if self.view == "full" else f", {self.view}"
        return f"Match({self.rank}, {self.reference!r}, score {self.score:.3f}{view})"

    @property
    def confidence(self) -> float:
        """The probability, in [0, 1], that no stranger in the collection scores this high.

        It is not the probability that the reference is the origin. Where the verdict is ``none``,
        it only says how ordinary the score is.
        """
        return 1 - self.false_match_rate

    def to_json(self) -> Json:
        """The match as JSON values."""
        return {
            "rank": self.rank,
            "reference": self.reference,
            "score": self.score,
            "confidence": self.confidence,
            "false_match_rate": self.false_match_rate,
            "view": self.view,
            "box": None if self.box is None else list(self.box),
            "copies": list(self.copies),
            "exists": self.exists,
            "trusted": self.trusted,
            "id": self.id,
            "description": None if self.description is None else asdict(self.description),
            "credentials": self.credentials,
        }


@dataclass(frozen=True, repr=False)
class Answer:
    """What was found for one query.

    Args:
        query: the path of the query.
        verdict: the answer, or None if the query could not be read.
        matches: the best references, rank 1 first. References that are the same picture are one
            match.
        reason: why the verdict is what it is, in one sentence.
        note: what a person should know of the query's file, such as that it is cut short; empty for
            nearly all queries.
        error: the reason why the query could not be read, or None.
    """

    query: str
    verdict: Verdict | None
    matches: tuple[Match, ...] = ()
    reason: str = ""
    error: str | None = None
    note: str = ""

    def to_json(self) -> Json:
        """The answer as JSON values, as ``find --json`` prints it."""
        return {
            "query": self.query,
            "verdict": None if self.verdict is None else self.verdict.value,
            "reason": self.reason,
            "matches": [match.to_json() for match in self.matches],
            "error": self.error,
            "note": self.note,
        }

    def __repr__(self) -> str:
        if self.verdict is None:
            return f"Answer({self.query!r}: {self.error})"
        best = f", best {self.matches[0]!r}" if self.matches else ""
        return f"Answer({self.query!r}: {self.verdict.value}{best})"

    def _repr_html_(self) -> str:
        """The answer as a notebook shows it: the query and its best matches in small."""
        told = self.error if self.verdict is None else f"{self.verdict.value}: {self.reason}"
        cells = [_cell(self.query, "query")]
        cells += [
            _cell(match.reference, f"{match.rank}. score {match.score:.3f}", match.trusted)
            for match in self.matches[:SHOWN]
        ]
        return f"<p>{escape(told or '')}</p><table><tr>{''.join(cells)}</tr></table>"


def _cell(path: str, caption: str, opened: bool = True) -> str:
    """A cell of a table with a small picture, if there is one at the path, and its name."""
    picture = _picture(os.path.abspath(path)) if opened else ""
    name = escape(printable(os.path.basename(path)))
    return f"<td>{picture}{escape(caption)}<br>{name}</td>"


def _picture(path: str) -> str:
    """The image at a path in small, or nothing if there is none."""
    with suppress(ImageError):
        small = Pillow.fromarray(decode(read_bytes(path)).image)
        small.thumbnail((SIDE, SIDE))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=80)
        data = base64.b64encode(file.getvalue()).decode("ascii")
        return f'<img src="data:image/jpeg;base64,{data}"><br>'
    return ""
