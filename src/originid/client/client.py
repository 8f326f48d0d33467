"""The client: a method for each route of the service."""

from collections.abc import Iterator
from types import TracebackType
from typing import Literal
from urllib.parse import urlencode

from originid.answer import Answer
from originid.client.connection import Connection, Picture
from originid.client.results import (
    Decided,
    Explanation,
    Reference,
    Stats,
    to_answer,
    to_decided,
    to_decisions,
    to_explanation,
    to_reference,
    to_references,
    to_stats,
)
from originid.errors import InputError
from originid.types import Description

Effort = Literal["quick", "normal", "thorough"]
Rate = Literal["strict", "balanced", "wide"]
PAGE = 200  # references that are asked for at once, the most that a service gives


class Client:
    """A service, as a program sees it. It may be used by several threads, and in ``with``.

    Args:
        address: of the service, such as ``http://127.0.0.1:8000`` or
            ``https://example.org/originid``.
        token: of the service's token file; None where it needs none.
        seconds: that an answer may take.
        tries: how often a request is made at most, if the service says that it is busy. In between
            the time is waited that it names.

    Raises:
        InputError: the address is none of the web.
    """

    def __init__(
        self, address: str, token: str | None = None, seconds: float = 120.0, tries: int = 5
    ) -> None:
        self._service = Connection(address, token, seconds, tries)

    def find(
        self,
        picture: Picture | None = None,
        *,
        reference: int | None = None,
        fingerprint: str | None = None,
        url: str | None = None,
        top: int = 10,
        false_matches: Rate = "balanced",
        effort: Effort = "normal",
    ) -> Answer:
        """Find the origin of a picture; give exactly one of the first four arguments.

        Args:
            picture: the picture itself.
            reference: the number of a reference, to find its copies and edits.
            fingerprint: of a picture that does not leave this machine.
            url: an address of the web, for a service that may fetch pictures from there.
            top: matches of the answer, from 1.
            false_matches: the preset of the share of strangers that may get the verdict origin.
            effort: how hard is searched.

        Raises:
            InputError: the file cannot be read.
            ServiceError: the service does not answer, or says no.
        """
        which = {"reference": reference, "fingerprint": fingerprint, "url": url}
        form = {name: value for name, value in which.items() if value is not None}
        form |= {"top": top, "false_matches": false_matches, "effort": effort}
        return self._service.ask(to_answer, "POST", "/v1/find", form, picture)

    def explain(self, picture: Picture, reference: int, effort: Effort = "normal") -> Explanation:
        """Show where a picture and a reference agree.

        Raises:
            InputError: the file cannot be read.
            ServiceError: the service does not answer, or says no.
        """
        form = {"reference": reference, "effort": effort}
        return self._service.ask(to_explanation, "POST", "/v1/explain", form, picture)

    def explain_as(
        self,
        kind: Literal["png", "html"],
        picture: Picture,
        reference: int,
        effort: Effort = "normal",
    ) -> bytes:
        """Show the same as a file: one picture (PNG), or one page (HTML) to keep.

        Raises:
            InputError: the file cannot be read.
            ServiceError: the service does not answer, or says no.
        """
        form = {"reference": reference, "effort": effort}
        return self._service.send("POST", f"/v1/explain?format={kind}", form, picture)

    def references(self, text: str = "") -> Iterator[Reference]:
        """Yield the references in the order in which they came; they are fetched page by page.

        Args:
            text: that is in their name or their caption; empty for all.

        Raises:
            ServiceError: the service does not answer, or says no.
        """
        after: int | None = 0
        while after is not None:
            query = urlencode({"q": text, "after": after, "limit": PAGE})
            found, after = self._service.ask(to_references, "GET", f"/v1/references?{query}")
            yield from found

    def add(self, picture: Picture, description: Description | None = None) -> Reference:
        """Add a reference, and describe it. A picture that is there already is not added again.

        Raises:
            InputError: the file cannot be read.
            ServiceError: the service does not answer, or says no.
        """
        form = dict(vars(description)) if description else {}
        return self._service.ask(to_reference, "POST", "/v1/references", form, picture)

    def remove(self, reference: int) -> None:
        """Remove a reference by its number.

        Raises:
            ServiceError: the service does not answer, or says no.
        """
        self._service.send("DELETE", f"/v1/references/{reference:d}")

    def decide(self, picture: Picture, reference: int, yes: bool, note: str = "") -> Decided:
        """Tell whether a picture was made from a reference.

        Raises:
            InputError: the file cannot be read, or ``yes`` is neither True nor False.
            ServiceError: the service does not answer, or says no.
        """
        if not isinstance(yes, bool):  # the text "no" would count as true
            raise InputError(
                f"the decision {yes!r}", "expected True or False", "give True if it is the origin"
            )
        form = {"reference": reference, "decision": "yes" if yes else "no", "note": note}
        return self._service.ask(to_decided, "POST", "/v1/decisions", form, picture)

    def forget(self, decided: Decided) -> None:
        """Take a decision back.

        Raises:
            ServiceError: the service does not answer, or says no.
        """
        which = {name: getattr(decided, name) for name in ("query_sha256", "reference_sha256")}
        self._service.send("DELETE", f"/v1/decisions?{urlencode(which)}")

    def decisions(self) -> list[Decided]:
        """All decisions, the oldest first.

        Raises:
            ServiceError: the service does not answer, or says no.
        """
        return self._service.ask(to_decisions, "GET", "/v1/decisions")

    def stats(self) -> Stats:
        """What the service holds, and what this client may do.

        Raises:
            ServiceError: the service does not answer, or says no.
        """
        return self._service.ask(to_stats, "GET", "/v1/stats")

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
