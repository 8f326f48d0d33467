"""Whether the package has a newer edition of the model that made a collection."""

from pathlib import Path

from originid.model import open_model
from originid.model_description import PACKAGED, packaged_models
from originid.system.strict_json import read_json

EDITIONS = PACKAGED / "editions.json"
"""For each packaged model the fingerprints of all its editions, the one in the package too."""


def newer_model(fingerprint: str, editions: Path = EDITIONS) -> str | None:
    """The name of the packaged model of which an earlier edition has this fingerprint.

    Args:
        fingerprint: of the model of a collection.
        editions: a JSON file, as `EDITIONS`.
    """
    for name, known in read_json(editions, links=True).items():
        if fingerprint in known and name in packaged_models():
            return None if open_model(name).fingerprint == fingerprint else name
    return None
