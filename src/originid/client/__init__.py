"""Asks a service that ``originid serve`` runs, from Python (extra ``[client]``).

Its answers are those of `originid.Finder`, so that a program can search a collection on its own
disk and one that is elsewhere in the same way.
"""

from originid.client.client import Client
from originid.client.results import Decided, Explanation, Reference, Stats
from originid.errors import ServiceError

__all__ = ["Client", "Decided", "Explanation", "Reference", "ServiceError", "Stats"]
