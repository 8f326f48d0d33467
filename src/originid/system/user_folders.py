"""The folders of this user for what programs keep, and for what can be made again."""

import os
import sys
from pathlib import Path

VARIABLE = "ORIGINID_CACHE"
"""Environment variable: the folder, in place of the system's usual one."""


def cache_folder() -> Path:
    """The folder for what can be made or fetched again, whether it exists or not.

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


def data_folder() -> Path:
    """The folder for what programs keep for this account, whether it exists or not."""
    named = os.environ.get("XDG_DATA_HOME", "")
    if os.path.isabs(named):
        return Path(named)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return Path(local) if os.path.isabs(local) else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path.home() / ".local" / "share"
