"""The types of the fixtures that are functions."""

from collections.abc import Callable
from pathlib import Path

WritePhotos = Callable[..., list[Path]]
Run = Callable[..., tuple[int, str, str]]
