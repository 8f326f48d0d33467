"""originid finds the photo that an AI edit was made from.

The public names load what they need on first use, so that importing the package is quick.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Answer": "types",
    "Collection": "collection",
    "Failure": "types",
    "Finder": "finder",
    "Match": "types",
    "Model": "model",
    "OriginidError": "errors",
    "Pair": "types",
    "Verdict": "types",
    "open_collection": "collection",
    "open_encoder": "encoders",
    "open_model": "model",
}

__all__ = [*sorted(_HOMES), "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'originid' has no attribute {name!r}")
    return getattr(import_module(f"originid.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
