"""The folder of this user for what can be made or fetched again."""

import os
import sys
from pathlib import Path

VARIABLE = "ORIGINID_CACHE"
"""Environment variable: the folder, in place of the system's usual one."""


def cache_folder() -> Path:
    """The folder, whether it exists or not.

    Raises:
        RuntimeError: the account has no home folder, and no variable names one.
    """
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).absolute()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "originid" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "originid"
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if os.path.isabs(named) else Path.home() / ".cache") / "originid"
