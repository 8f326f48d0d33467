"""How long a task still takes, in words."""

import pytest

from originid.system.progress import time_left


@pytest.mark.parametrize(
    ("seconds", "done", "total", "said"),
    [
        (10, 0, 5, ""),
        (0, 5, 5, "less than a minute left"),
        (30, 1, 2, "less than a minute left"),
        (60, 1, 2, "about 1 minute left"),
        (60, 1, 4, "about 3 minutes left"),
        (1800, 1, 3, "about 1 hour left"),
        (3600, 1, 5, "about 4 hours left"),
    ],
)
def test_the_time_that_is_left(seconds: float, done: int, total: int, said: str) -> None:
    assert time_left(seconds, done, total) == said
