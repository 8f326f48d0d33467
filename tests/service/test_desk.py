"""The desk: like requests are worked on together, and none suffers for another."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from originid.service.desk import MOST_TOGETHER, Desk
from originid.service.errors import ApiError

Found = TypeVar("Found")


@pytest.fixture
def make() -> Iterator[Callable[[int, int], Desk]]:
    desks: list[Desk] = []

    def made(workers: int, waiting: int) -> Desk:
        desks.append(Desk(workers, waiting))
        return desks[-1]

    yield made
    for desk in desks:
        desk.close()


class Doubling:
    """Doubles numbers; notes which came together, and holds the first until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()

    def __call__(self, numbers: list[int]) -> Iterable[int]:
        self.batches.append(numbers)
        assert self.go.wait(10)
        for number in numbers:
            if number < 0:
                raise ValueError(f"{number} is negative")
            yield 2 * number


def run(asked: Coroutine[Any, Any, Found]) -> Found:
    """What comes of it in a thread of its own: another test may have left a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asked).result()


async def _all(asked: Iterable[Awaitable[int]], go: threading.Event) -> list[object]:
    """The results or errors of all that is asked; it is worked on when all have come."""
    tasks = [asyncio.ensure_future(each) for each in asked]
    await asyncio.sleep(0.05)
    go.set()
    return list(await asyncio.gather(*tasks, return_exceptions=True))


def test_those_that_wait_are_worked_on_together(make: Callable[[int, int], Desk]) -> None:
    desk, double = make(1, 100), Doubling()
    asked = (desk.work_together("a", number, double) for number in range(40))
    assert run(_all(asked, double.go)) == list(range(0, 80, 2))
    together = [len(batch) for batch in double.batches if batch]
    assert together == [1, MOST_TOGETHER, MOST_TOGETHER, 7]
    assert desk.busy == 0


def test_each_worker_leaves_the_others_their_share(make: Callable[[int, int], Desk]) -> None:
    desk, double = make(2, 100), Doubling()
    asked = (desk.work_together("a", number, double) for number in range(10))
    assert run(_all(asked, double.go)) == list(range(0, 20, 2))
    assert max(map(len, double.batches)) == 4  # half of the eight that waited


def test_kinds_are_never_mixed(make: Callable[[int, int], Desk]) -> None:
    desk, double = make(1, 100), Doubling()
    asked = (desk.work_together(number % 2, number, double) for number in range(20))
    assert run(_all(asked, double.go)) == list(range(0, 40, 2))
    assert all(len({number % 2 for number in batch}) <= 1 for batch in double.batches)


def test_an_error_is_only_for_its_own_request(make: Callable[[int, int], Desk]) -> None:
    desk, double = make(1, 100), Doubling()
    numbers = [1, 2, -3, 4, -5, 6]
    asked = (desk.work_together("a", number, double) for number in numbers)
    found = run(_all(asked, double.go))
    assert [each for each in found if isinstance(each, int)] == [2, 4, 8, 12]
    assert [str(each) for each in found if isinstance(each, ValueError)] == [
        "-3 is negative",
        "-5 is negative",
    ]
    assert isinstance(found[2], ValueError)
    assert isinstance(found[4], ValueError)
    assert desk.busy == 0


def test_a_function_that_gives_too_few_results_is_an_error(
    make: Callable[[int, int], Desk],
) -> None:
    desk = make(1, 1)
    with pytest.raises(ValueError, match="shorter"):
        run(desk.work_together("a", 1, lambda numbers: numbers[1:]))
    assert desk.busy == 0


def test_no_more_wait_than_may(make: Callable[[int, int], Desk]) -> None:
    desk, double = make(1, 2), Doubling()
    asked = (desk.work_together("a", number, double) for number in range(5))
    found = run(_all(asked, double.go))
    assert found[:3] == [0, 2, 4]
    assert [each.status_code for each in found[3:] if isinstance(each, ApiError)] == [429, 429]


def test_one_whose_client_left_is_not_worked_on(make: Callable[[int, int], Desk]) -> None:
    desk, double = make(1, 10), Doubling()

    async def leave() -> int:
        first = asyncio.ensure_future(desk.work_together("a", 1, double))
        second = asyncio.ensure_future(desk.work_together("a", 2, double))
        third = asyncio.ensure_future(desk.work_together("a", 3, double))
        await asyncio.sleep(0.05)
        second.cancel()
        await asyncio.sleep(0)
        double.go.set()
        return await first + await third

    assert run(leave()) == 8
    assert [batch for batch in double.batches if batch] == [[1], [3]]
    assert desk.busy == 0


def test_what_waits_when_the_desk_closes_ends(make: Callable[[int, int], Desk]) -> None:
    desk, double = make(1, 10), Doubling()

    async def close() -> list[object]:
        tasks = [asyncio.ensure_future(desk.work_together("a", n, double)) for n in (1, 2)]
        await asyncio.sleep(0.05)
        closing = asyncio.get_running_loop().run_in_executor(None, desk.close)
        await asyncio.sleep(0.05)
        double.go.set()
        await closing
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    first, second = run(close())
    assert first == 2
    assert isinstance(second, asyncio.CancelledError)
    assert desk.busy == 0
