"""Encoding for a collection in several processes of this machine.

Python runs one thread of a process at a time, so that threads encode small images hardly faster on
many cores than on one. The process that writes the collection hands out pieces, and stores what
comes back: nothing else writes.

If a process dies, another one does the rest of its piece in two halves, and so on, until the image
at which processes die is alone, and becomes a failure. An archive is read again from there, and
becomes a failure if nothing more comes of it.
"""

import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from queue import SimpleQueue
from typing import Any

from originid.collection.encoding import Here, Wanted
from originid.inputs.kinds import OnFailure
from originid.inputs.pieces import Piece
from originid.latents.encode_files import Entry
from originid.latents.read_files import Known
from originid.model import Model
from originid.scale.encoding_process import PROGRAM, Ready, Work
from originid.scale.packed import Made, PackedModel, needs_torch, shared
from originid.system.addresses import location_of
from originid.system.parallel import workers_or_cores
from originid.types import Failure

FEW = 1024  # images that are encoded by threads first: to start processes takes as long
OF_ARCHIVE = 512  # images that an archive is taken to hold
MOST_KNOWN = 0.5  # of the first images, above which threads go on: they do not decode what is known
AHEAD = 3  # pieces that a process has at a time, so that it need not wait for the next one
DEAD = "processes die while they read it"


@dataclass(frozen=True)
class InProcesses:
    """Encodes by threads, as `Here`, and many images in processes; an `EncodePieces`.

    Threads encode all where there is a single core, where most contents are known, with networks of
    torch, which use all cores by themselves, and with an encoder of the user's own, which another
    process may not find.

    Args:
        workers: the number of processes or threads; by default one for each core.
    """

    workers: int | None = None

    def __call__(
        self,
        pieces: Iterable[Piece],
        model: Model,
        wanted: Wanted,
        known: Callable[[bytes], bool],
        on_failure: OnFailure,
    ) -> Generator[list[Entry], None, None]:
        """Encode the images, as `EncodePieces` says.

        Raises:
            InputError: the number of workers is none.
            Exception: whatever ended the work of a process.
        """
        here, rest = Here(self.workers), iter(pieces)
        workers = workers_or_cores(self.workers)
        if workers > 1 and model.own_encoder is None and not needs_torch(model.spec):
            images = found_known = 0
            for entries in here(_first(rest), model, wanted, known, on_failure):
                images += len(entries)
                found_known += sum(isinstance(entry, Known) for entry in entries)
                yield entries
            if images >= FEW and found_known <= MOST_KNOWN * images:
                pool = _Pool(workers, Work(PackedModel.of(model), wanted), on_failure)
                try:
                    yield from pool.encoded(shared(piece, workers) for piece in rest)
                finally:
                    pool.stop()
                rest = pool.left_over()  # where no process starts
        yield from here(rest, model, wanted, known, on_failure)


def _first(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The first pieces, of some `FEW` images."""
    images = 0
    while images < FEW and (piece := next(pieces, None)):
        images += len(piece.listed) if piece.archive is None else OF_ARCHIVE
        yield piece


class _Pool:
    """Processes that encode, and the pieces that each of them has.

    Args:
        workers: how many there are.
        work: what they are told first.
        on_failure: called with what is no image to read.
    """

    def __init__(self, workers: int, work: Work, on_failure: OnFailure) -> None:
        self._workers, self._work, self._on_failure = workers, work, on_failure
        self._events: SimpleQueue[tuple[_Process, Any]] = SimpleQueue()
        self._running: set[_Process] = set()
        self._again: deque[Piece] = deque()
        self._tried: list[Piece] = []  # archives from a place on, which were handed out again
        self._left: list[Piece] = []
        self._rest: Iterator[Piece] = iter(())

    def encoded(self, pieces: Iterator[Piece]) -> Iterator[list[Entry]]:
        """Encode pieces until all are done, or until it turns out that no process starts here.

        Raises:
            Exception: whatever ended the work of a process.
        """
        self._rest = pieces
        for _ in range(self._workers):
            self._start()
        while self._running:
            process, event = self._events.get()
            if isinstance(event, Exception):
                raise event
            if isinstance(event, Ready):
                process.ready = True
            elif isinstance(event, Made):
                for failure in event.failures:
                    self._on_failure(failure)
                if event.entries:
                    yield list(event.entries)
                process.take(event)
                self._fill(process)
            else:
                self._running.discard(process)
                if process.told_to_end:
                    continue
                if not process.ready:
                    self._left += process.pieces
                    return
                self._divide(process)
                self._start()

    def left_over(self) -> Iterator[Piece]:
        """The pieces that were not begun; none where all are done."""
        return chain(self._left, self._again, self._rest)

    def stop(self) -> None:
        """End all processes at once; they hold nothing."""
        for process in self._running:
            process.kill()
            self._left += process.pieces
        self._running.clear()

    def _start(self) -> None:
        try:
            process = _Process(self._work, self._events)
        except OSError:  # too many processes, or no memory; those that run do the work
            return
        self._running.add(process)
        self._fill(process)

    def _fill(self, process: "_Process") -> None:
        """Give a process what it has room for, or let it end where nothing is left to do."""
        while len(process.pieces) < AHEAD:
            piece = self._again.popleft() if self._again else next(self._rest, None)
            if piece is None:
                break
            process.give(piece)
        if not process.pieces:
            process.end()

    def _divide(self, process: "_Process") -> None:
        """Hand out anew what a dead process had, the piece at which it died in two halves."""
        first, *others = process.pieces
        self._again.extend(others)
        if first in self._tried or len(first.listed) == 1:
            for name in first.named:
                self._on_failure(Failure(name, DEAD))
        elif first.archive is not None:
            self._tried.append(first)
            self._again.append(first)
        else:
            middle = len(first.listed) // 2
            for half in (first.listed[:middle], first.listed[middle:]):
                self._again.append(replace(first, listed=half))


class _Process:
    """One process, and the pieces that it was given and has not done.

    Args:
        work: what it is told first.
        events: where what it tells goes, with the process itself; None when it has ended.
    """

    def __init__(self, work: Work, events: "SimpleQueue[tuple[_Process, Any]]") -> None:
        self.ready = self.told_to_end = False
        self.pieces: deque[Piece] = deque()
        self._events = events
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", PROGRAM.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._tell(work)
        self._listener = threading.Thread(target=self._listen, name="originid-process", daemon=True)
        self._listener.start()

    def give(self, piece: Piece) -> None:
        """Let it encode a piece, after those that it has."""
        self.pieces.append(piece)
        self._tell(piece)

    def take(self, made: Made) -> None:
        """Note what it has done of its first piece."""
        piece = self.pieces.popleft()
        if made.last:
            return
        if piece.archive is None:
            rest = replace(piece, listed=piece.listed[len(made.entries) :])
        else:
            names = (e.path if isinstance(e, Failure) else e.source.name for e in made.entries)
            rest = replace(piece, skip=piece.skip.union(map(location_of, names)))
        self.pieces.appendleft(rest)

    def end(self) -> None:
        """Let it end: it has nothing to do."""
        assert self._process.stdin
        self.told_to_end = True
        with suppress(OSError):
            self._process.stdin.close()

    def kill(self) -> None:
        """End it at once, and wait until it has ended."""
        self._process.kill()
        self._listener.join()

    def _tell(self, what: Work | Piece) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError, ValueError):  # it has died, as `_listen` finds out
            pickle.dump(what, self._process.stdin, pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout
        with suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                self._events.put((self, pickle.load(self._process.stdout)))
        # Closing may fail: what it was told last may still wait to be sent.
        with suppress(OSError), self._process:
            self._process.kill()
        self._events.put((self, None))
