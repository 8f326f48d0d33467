"""Encoding for a collection on all machines of a Ray cluster, by Ray Data.

The process that writes the collection hands out pieces, and stores what comes back as if it had
encoded it itself: nothing else writes. A worker on each core or GPU keeps the encoder, and encodes
one piece after the other. If a worker dies, another does its piece again; of what came twice only
the first counts. A piece at which workers die again and again becomes a failure.
"""

import pickle
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from originid.collection.encoding import Wanted
from originid.errors import OriginidError
from originid.inputs.kinds import OnFailure
from originid.inputs.pieces import Piece
from originid.latents.cache_keys import Keys
from originid.latents.encode_files import CHUNK, Entry
from originid.model import Model
from originid.scale.cluster import TRIES, cluster, count_tries, deadly, ray
from originid.scale.packed import Packed, PackedModel, for_others, needs_torch
from originid.scale.worker import EncodingWorker, Part
from originid.types import Failure

ROUND = 1024  # pieces handed out together: 65,000 images that are named, or as many archives
BLOCK = 16_000_000  # bytes of entries that travel together; Ray's own 128 MB would fill its store
DEAD = f"{TRIES} workers of the cluster died while they read this, or what was read with it"


@dataclass
class OnRay:
    """Encodes on all machines of the cluster that `cluster` finds; an `EncodePieces`.

    Every machine needs originid, and the files under the same paths as this machine.

    Args:
        machines: how many images each machine has read so far, by its address.
    """

    machines: Counter[str] = field(default_factory=Counter)

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
            InputError: there is no cluster at ``RAY_ADDRESS``.
            OriginidError: a worker cannot use the model, or workers die again and again.
        """
        packed = PackedModel.of(model)
        for part in parts_on_ray(pieces, packed, wanted, Keys(), on_failure):
            if part.entries:
                self.machines[part.machine] += len(part.entries)
            yield list(part.entries)


def parts_on_ray(
    pieces: Iterable[Piece], packed: Packed, wanted: Wanted, known: Keys, on_failure: OnFailure
) -> Iterator[Part]:
    """Encode the images of some pieces on a cluster, and yield what comes back, each part once.

    Args:
        pieces: the pieces, which are asked for as they are needed.
        packed: the encoder.
        wanted: what is taken from each image beside its latent.
        known: finds the contents that need not be encoded.
        on_failure: called with what was no image to read.

    Raises:
        InputError: there is no cluster at ``RAY_ADDRESS``.
        OriginidError: a worker cannot use the encoder, or workers die again and again.
    """
    rest = iter(pieces)
    some = list(islice(rest, ROUND))
    if not some:
        return  # no cluster is needed
    with cluster():
        while some:
            run = partial(_rows, packed, wanted, known)
            yield from _Round(some, on_failure).parts(run)
            some = list(islice(rest, ROUND))


class _Round:
    """Pieces that are handed out together, and what came back of each.

    Args:
        pieces: what is handed out.
        on_failure: called with what was no image to read.
    """

    def __init__(self, pieces: list[Piece], on_failure: OnFailure) -> None:
        self._pieces, self._on_failure = pieces, on_failure
        self._came: dict[int, set[int]] = {number: set() for number in range(len(pieces))}
        self._left = set(self._came)

    def parts(self, run: Callable[[list[tuple[int, Piece]]], Iterator[Part]]) -> Iterator[Part]:
        """Hand the pieces out until all of each has come; yield each part once.

        Args:
            run: does the work, and yields the parts of the pieces that it is given.
        """
        ends: dict[int, int] = {}
        for _ in range(TRIES):
            for part in run([(number, self._pieces[number]) for number in sorted(self._left)]):
                if part.error:
                    raise OriginidError(*part.error)
                if part.given_up:
                    self._give_up(part.piece)
                elif part.place not in self._came[part.piece]:
                    self._came[part.piece].add(part.place)
                    for failure in part.failures:
                        self._on_failure(failure)
                    yield part
                if part.last and not part.given_up:
                    ends[part.piece] = part.place
            # Ray promises that all parts come; it is checked, as a lost one would be a lost image.
            whole = {n for n, end in ends.items() if len(self._came[n]) == end + 1}
            self._left -= whole
            if not self._left:
                return
        raise deadly("the cluster lost some of the work")

    def _give_up(self, number: int) -> None:
        piece, came = self._pieces[number], self._came[number]
        lost = [name for at, name in enumerate(piece.named) if at // CHUNK not in came]
        for name in piece.named if piece.archive is not None else lost:
            self._on_failure(Failure(name, DEAD))
        self._left.discard(number)


def _rows(
    packed: Packed, wanted: Wanted, known: Keys, pieces: list[tuple[int, Piece]]
) -> Iterator[Part]:
    """Let a pool of workers encode pieces, and yield the parts as they come."""
    resources = ray.cluster_resources()
    cores, gpus = max(1, int(resources.get("CPU", 1))), int(resources.get("GPU", 0))
    on_gpus = gpus > 0 and needs_torch(packed.spec)
    workers = min(gpus if on_gpus else cores, len(pieces))
    threads = max(1, cores // gpus) if on_gpus else 1
    ray.data.DataContext.get_current().target_max_block_size = BLOCK
    tries = count_tries()
    shared = [(number, for_others(piece, workers)) for number, piece in pieces]
    rows = [{"piece": number, "data": pickle.dumps(piece)} for number, piece in shared]
    work = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        EncodingWorker,
        fn_constructor_args=(packed, wanted, known, tries, threads),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=2),
        num_cpus=threads,
        num_gpus=1 if on_gpus else 0,
    )
    try:
        for row in work.iter_rows():
            part: Part = pickle.loads(row["part"])
            yield part
    except (
        ray.exceptions.RayActorError,
        ray.exceptions.WorkerCrashedError,
        ray.exceptions.ObjectLostError,
    ):
        return  # what has not come is asked for again
