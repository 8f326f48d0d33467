"""What a stored model may name as its encoder. The model may be a stranger's.

Opening it runs no code that the user does not trust. It reaches out to no hub and no other machine,
and reads no path outside of the model's own folder that the user does not trust.
"""

import os
import re

from originid.errors import InputError
from originid.system.text import quoted

MODULES = "ORIGINID_TRUSTED_MODULES"
"""Environment variable: the Python modules that stored models may name, separated by commas."""
WEIGHTS = "ORIGINID_TRUSTED_WEIGHTS"
"""Environment variable: the folders in which stored models may name weights, separated as those of
``PATH`` are."""
_HUB_ID = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)?", re.ASCII)


def is_hub_id(source: str) -> bool:
    """Whether a source is the name of a model of the Hugging Face hub, and no path that exists.

    Args:
        source: what stands after the colon in the text that names an encoder.
    """
    return _HUB_ID.fullmatch(source) is not None and not os.path.exists(source)


def refuse_untrusted(name: str, source: str) -> None:
    """Raise InputError if a stored model names an encoder that the user has to trust first.

    Args:
        name: the name of the encoder, a key of `registry.ENCODERS`.
        source: the text after the colon.
    """
    if name == "python":
        _refuse_module(source.partition(":")[0])
    elif name == "diffusers":
        _refuse_weights(source)
    elif name == "baseline":
        _refuse_weights(source.partition(":")[2])


def _refuse_module(module_name: str) -> None:
    if module_name in os.environ.get(MODULES, "").split(","):
        return
    raise InputError(
        f"the model wants to run the Python module {module_name!r}, for its encoder",
        f"expected the module's name in the environment variable {MODULES}",
        f"if you trust that module, set {MODULES}={quoted(module_name)} and run the command "
        "again; from Python, give the encoder itself: open_model(FOLDER, encoder=ENCODER)",
    )


def _refuse_weights(source: str) -> None:
    """Refuse weights outside of the trusted folders; a hub id is read from the hub's cache."""
    if not source or is_hub_id(source):
        return
    # By its text alone: on Windows, a look at a path of the network would tell its host who we are.
    path = os.path.abspath(source) if "\0" not in source else ""
    for folder in filter(None, os.environ.get(WEIGHTS, "").split(os.pathsep)):
        top = os.path.abspath(folder)
        if path == top or path.startswith(os.path.join(top, "")):
            return
    raise InputError(
        f"the model wants to read weights outside of its folder: {source}",
        f"expected a folder that holds them in the environment variable {WEIGHTS}",
        f"if you put these weights there yourself, set {WEIGHTS}={quoted(source)} and run the "
        "command again; from Python, give the encoder itself: open_model(FOLDER, encoder=ENCODER)",
    )
