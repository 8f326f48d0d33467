"""Keeps notes of other libraries from the user's terminal."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class ProgressBars(Protocol):
    """The switch of a library for its progress bars, such as ``transformers.utils.logging``."""

    def is_progress_bar_enabled(self) -> bool:
        """Whether the library shows progress bars."""
        ...

    def disable_progress_bar(self) -> None:
        """Stop the library from showing progress bars."""
        ...

    def enable_progress_bar(self) -> None:
        """Let the library show progress bars."""
        ...


@contextmanager
def quiet(
    *loggers: str, level: int = logging.ERROR, bars: ProgressBars | None = None
) -> Iterator[None]:
    """Silence some loggers, and progress bars, for as long as the ``with`` block runs.

    What fails still raises its exception. Afterwards everything is as it was before.

    Args:
        loggers: the names of loggers, such as ``diffusers``.
        level: the least level that is still shown; by default that of errors.
        bars: the library whose progress bars are switched off; None leaves all bars as they are.
    """
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in loggers]
    shown = bars is not None and bars.is_progress_bar_enabled()
    for logger, _ in before:
        logger.setLevel(level)
    if bars is not None:
        bars.disable_progress_bar()
    try:
        yield
    finally:
        for logger, old in before:
            logger.setLevel(old)
        if bars is not None and shown:
            bars.enable_progress_bar()
