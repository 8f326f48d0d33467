"""What tests of the service share."""

from collections.abc import Callable
from typing import Any

PHOTOS = 6  # references of the served collection; one more has a caption
Serve = Callable[..., Any]
"""Starts a service with settings, and gives a client of it."""
