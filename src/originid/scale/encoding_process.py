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
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from originid.collection.encoding import Wanted
from originid.inputs.pieces import Piece
from originid.latents.encode_files import READERS
from originid.scale.packed import Made, Packed, encode_for_others

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
                for made in encode_for_others(
                    piece, encoder, work.wanted, _is_new, workers=1, readers=_readers(piece)
                ):
                    self._tell(made)
        except Exception as error:
            self._tell(_for_others(error))

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


def _readers(piece: Piece) -> int:
    """The number of threads that read the images of a piece: fewer for files than for the web."""
    files = piece.archive is None and all(source.read is None for source in piece.listed)
    return FILE_READERS if files else READERS


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
