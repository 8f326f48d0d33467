"""The URL of a collection on a server, which may hold a password and never shows it."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

_URL = re.compile("([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_SECRET = ("password", "sslpassword", "token")  # entries of the query that are not shown


@dataclass(frozen=True)
class ServerUrl:
    """Where a collection on a server is; as text it is the URL without what is secret.

    Args:
        url: as the user gave it, such as ``postgresql://user@host/database?collection=photos``.
    """

    url: str = field(repr=False)

    @property
    def scheme(self) -> str:
        """What comes before ``://``, in small letters; it chooses the engine."""
        found = _URL.match(self.url)
        return found[1].lower() if found else ""

    def __str__(self) -> str:
        found = _URL.match(self.url)
        if not found:
            return ""
        # Not by urlsplit: a password may hold what ought to be quoted in it.
        before, mark, query = self.url[found.end() :].partition("?")
        if "@" in query:  # the mark may be one of a password
            return found[0]
        user, at, rest = before.rpartition("@")
        entries = (entry for entry in query.split("&") if not _is_secret(entry))
        kept = "&".join(entries)
        return f"{found[0]}{user.partition(':')[0]}{at}{rest}{mark if kept else ''}{kept}"


def _is_secret(entry: str) -> bool:
    return unquote(entry.partition("=")[0]).lower() in _SECRET


def is_server_url(text: str) -> bool:
    """Whether a text that names a collection is a URL, and not the path of a folder."""
    return _URL.match(text) is not None
