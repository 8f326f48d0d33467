"""Collections in PostgreSQL with pgvector: each in a schema of its own in one database.

``postgresql://user@host:port/database?collection=NAME`` is the collection NAME; without a name it
is ``originid``. Everything else in the URL is what libpq takes.
"""

from originid.collection.engines.postgres.creating import create, exists
from originid.collection.engines.postgres.store import open_store

__all__ = ["create", "exists", "open_store"]
