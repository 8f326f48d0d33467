"""A process of this machine that encodes the images of one piece after the other.

It is started by `originid.scale.in_processes`, and talks with it by pickles: it reads orders from
standard input, and writes what comes of them to standard output; an error ends the work. The
process ends when its input does.
"""

import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import IO, Any

from originid.collection.encoding import Wanted, encode_pieces
from originid.inputs.pieces import Piece
from originid.latents.encode_files import READERS, Entry
from originid.scale.packed import Packed, bare
from originid.types import Failure

FILE_READERS = 2  # of each process: enough for a disk, and cheaper than more
PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from originid.scale.encoding_process import serve; serve()"
)
"""What Python runs in such a process; the path is that of the process that starts it."""


@dataclass(frozen=True)
class Work:
    """The first order: with what the pieces that follow are encoded."""

    packed: Packed
    wanted: Wanted


@dataclass(frozen=True)
class Made:
    """What some images of the oldest piece that is not done became, in their order."""

    entries: tuple[Entry, ...]
    failures: tuple[Failure, ...]
    done: bool


@dataclass(frozen=True)
class Ready:
    """The encoder is built."""


def serve() -> None:
    """Obey the orders on standard input until it ends."""
    # Ctrl-C is for the process that gives the orders.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders = sys.stdin.buffer
    # What libraries print must not come between the pickles.
    told = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with suppress(BrokenPipeError, EOFError):  # nobody waits for the rest
        _Server(orders, told).run()


class _Server:
    def __init__(self, orders: IO[bytes], told: IO[bytes]) -> None:
        self._orders, self._told = orders, told
        self._pieces: queue.SimpleQueue[Piece | Exception] = queue.SimpleQueue()

    def run(self) -> None:
        """Encode pieces; the process ends with its input."""
        work = pickle.load(self._orders)
        threading.Thread(target=self._read, daemon=True).start()
        try:
            encoder = work.packed.open()
            self._tell(Ready())
            while True:
                piece = self._pieces.get()
                if isinstance(piece, Exception):
                    raise piece
                for made in self._made(piece, encoder, work.wanted):
                    self._tell(made)
        except Exception as error:
            self._tell(_for_others(error))

    def _made(self, piece: Piece, encoder: Any, wanted: Wanted) -> Iterator[Made]:
        failures: list[Failure] = []
        files = piece.archive is None and all(source.read is None for source in piece.listed)
        readers = FILE_READERS if files else READERS
        chunks = encode_pieces([piece], encoder, wanted, _is_new, failures.append, 1, readers)
        with closing(chunks):
            for chunk in chunks:
                yield Made(bare(chunk), tuple(failures), False)
                failures.clear()
        yield Made((), tuple(failures), True)

    def _read(self) -> None:
        """Queue the pieces until there are no more orders, which ends the process."""
        try:
            while True:
                self._pieces.put(pickle.load(self._orders))
        except EOFError:
            os._exit(0)  # whoever gives orders reads nothing any more
        except Exception as error:  # of an order that names what is not installed
            self._pieces.put(error)

    def _tell(self, what: Ready | Made | Exception) -> None:
        pickle.dump(what, self._told, pickle.HIGHEST_PROTOCOL)
        self._told.flush()


def _is_new(sha256: bytes) -> bool:
    """Nobody is asked: what is known already is found again when it is stored."""
    return False


def _for_others(error: Exception) -> Exception:
    """An error that another process can raise."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
