"""The URL of a collection on a server, which may hold a password and never shows it."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

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
        try:
            parts = urlsplit(self.url)
            entries = parse_qsl(parts.query, keep_blank_values=True)
        except ValueError:  # no URL at all: it may hold a secret wherever it likes
            return f"{self.scheme}://"
        user, at, host = parts.netloc.rpartition("@")
        shown = [(key, value) for key, value in entries if key.lower() not in _SECRET]
        query = "&".join(f"{quote(key)}={quote(value, safe='/')}" for key, value in shown)
        netloc = f"{user.partition(':')[0]}{at}{host}"
        return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def is_server_url(text: str) -> bool:
    """Whether a text that names a collection is a URL, and not the path of a folder."""
    return _URL.match(text) is not None
