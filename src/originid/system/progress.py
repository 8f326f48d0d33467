"""How a long task reports how far it has come."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""A function that a long task calls with the number of items done and the number of all items."""


def silent(done: int, total: int) -> None:
    """Ignore the progress of a task.

    Args:
        done: the number of items that are done.
        total: the number of all items.
    """
