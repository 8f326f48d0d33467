"""originid finds the photo that an AI edit was made from.

The public names load what they need on first use, so that importing the package is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from originid.answer import Answer as Answer
    from originid.answer import Match as Match
    from originid.collection.added import Added as Added
    from originid.collection.collection import Collection as Collection
    from originid.collection.collection import create_collection as create_collection
    from originid.collection.collection import open_collection as open_collection
    from originid.copying import copy_collection as copy_collection
    from originid.datasets.pairs import read_pairs as read_pairs
    from originid.encoders.base import Encoder as Encoder
    from originid.encoders.registry import open_encoder as open_encoder
    from originid.errors import OriginidError as OriginidError
    from originid.evaluation.protocol import Protocol as Protocol
    from originid.evaluation.run import cross_validate as cross_validate
    from originid.evaluation.run import evaluate_model as evaluate_model
    from originid.explain.evidence import Evidence as Evidence
    from originid.finder import Finder as Finder
    from originid.indexing import add_images as add_images
    from originid.model import Model as Model
    from originid.model import open_model as open_model
    from originid.training.fitting import read_map_settings as read_map_settings
    from originid.training.train import train_model as train_model
    from originid.types import Failure as Failure
    from originid.types import Pair as Pair
    from originid.types import Verdict as Verdict

__version__ = "0.1.0"

# Where each public name is defined; type checkers read the imports above instead.
_HOMES = {
    "Added": "collection.added",
    "Answer": "answer",
    "Collection": "collection.collection",
    "Encoder": "encoders.base",
    "Evidence": "explain.evidence",
    "Failure": "types",
    "Finder": "finder",
    "Match": "answer",
    "Model": "model",
    "OriginidError": "errors",
    "Pair": "types",
    "Protocol": "evaluation.protocol",
    "Verdict": "types",
    "add_images": "indexing",
    "copy_collection": "copying",
    "create_collection": "collection.collection",
    "cross_validate": "evaluation.run",
    "evaluate_model": "evaluation.run",
    "open_collection": "collection.collection",
    "open_encoder": "encoders.registry",
    "open_model": "model",
    "read_map_settings": "training.fitting",
    "read_pairs": "datasets.pairs",
    "train_model": "training.train",
}

__all__ = [*sorted(_HOMES), "__version__"]


if not TYPE_CHECKING:  # or every name would exist for a type checker

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'originid' has no attribute {name!r}")
        return getattr(import_module(f"originid.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
