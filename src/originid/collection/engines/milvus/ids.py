"""Ids for what is stored on a server to which several processes write.

An id is the time, the number of the writer, and a counter, in 53 bits: the most that JavaScript,
and so the page of `originid serve`, holds exactly. So ids ascend, whoever gives them, as far as
the clocks of the writers agree, and two writers with numbers of their own never give the same.
"""

import time

TICKS = 4  # a second
EPOCH = 1_767_225_600  # 2026-01-01 UTC, in seconds; 32 bits of ticks last until 2060
WRITERS = 1 << 10
COUNTED = 1 << 11  # ids that a writer gives in a tick; further ones are those of the next tick
A_TICK = WRITERS * COUNTED


class Ids:
    """Gives ids.

    Args:
        writer: the number of the writer, in [0, `WRITERS`).
    """

    def __init__(self, writer: int) -> None:
        self._writer = writer
        self._tick = 0
        self._counter = 0

    def next(self) -> int:
        """The next id, above all that this writer gave before."""
        if self._counter + 1 >= COUNTED:
            self.above(self._tick * A_TICK)
        self._counter += 1
        return self._tick * A_TICK + self._writer * COUNTED + self._counter

    def above(self, known: int) -> None:
        """Go on at the present time, and above an id that is known."""
        tick = max(now() // A_TICK, known // A_TICK + 1)
        if tick > self._tick:
            self._tick, self._counter = tick, -1


def now() -> int:
    """The smallest id of the present tick."""
    return int((time.time() - EPOCH) * TICKS) * A_TICK
