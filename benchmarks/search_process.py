"""The process that benchmarks/search.py measures: it does nothing but search a collection."""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np

from originid.collection.collection import open_collection
from originid.collection.stores import Place
from originid.types import Ids, Vectors
from reporting import peak_memory

TOP = 10


class Searcher:
    """A process that does nothing but search a collection.

    Args:
        folder: the folder or the URL of the collection.
        clock: what measures the time, `time.perf_counter` or `time.process_time`.
    """

    def __init__(self, folder: Place, clock: Callable[[], float] = time.perf_counter) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other, folder, clock))
        self._process.start()

    def search(self, queries: Vectors) -> tuple[float, Ids]:
        """Search for queries, float32 (q, dim).

        Returns:
            The seconds that it took, and the ids of the matches, int64 (q, TOP); -1 means none.
        """
        self._pipe.send(queries)
        answer: tuple[float, Ids] = self._pipe.recv()
        return answer

    def close(self) -> float:
        """End the process, and return the most MB of memory that it has ever occupied."""
        self._pipe.send(None)
        peak: float = self._pipe.recv()
        self._process.join()
        return peak


def serve(pipe: Connection, folder: Place, clock: Callable[[], float]) -> None:
    """Search for whatever queries come through a pipe, until None comes; this is the process.

    Args:
        pipe: the end of the pipe that belongs to the process.
        folder: the folder or the URL of the collection.
        clock: as of `Searcher`.
    """
    with open_collection(folder) as collection:
        while (queries := pipe.recv()) is not None:
            start = clock()
            found = collection.search(queries, TOP)
            passed = clock() - start
            ids = np.full((len(queries), TOP), -1, np.int64)
            for line, matches in zip(ids, found, strict=True):
                line[: len(matches)] = [row.id for row, _ in matches]
            pipe.send((passed, ids))
    pipe.send(peak_memory() / 2**20)
