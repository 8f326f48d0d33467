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


def time_left(seconds: float, done: int, total: int) -> str:
    """Say how long a task still takes, if it goes on as fast as until now.

    Args:
        seconds: how long it took until now, at least 0.
        done: the number of items that are done.
        total: the number of all items, at least ``done``.

    Returns:
        For example ``about 3 minutes left``; a text of none if nothing is done yet.
    """
    if done <= 0:
        return ""
    left = seconds / done * (total - done)
    for size, unit in ((3600, "hour"), (60, "minute")):
        if left >= size:
            count = round(left / size)
            return f"about {count} {unit}{'' if count == 1 else 's'} left"
    return "less than a minute left"
