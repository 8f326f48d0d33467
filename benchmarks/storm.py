"""A storm on one collection: is it exact afterwards, whatever ends the processes that use it?

usage: python benchmarks/storm.py [--rounds 5] [--photos 240] [--seed 0] [--disk FOLDER] [--json]

In each round 12 commands run at once on one collection: 6 times ``index``, 4 times ``find`` and
twice ``remove``. Each is a process of its own. Some are killed (SIGKILL), some are stopped
(SIGTERM, or SIGINT as by Ctrl-C), and for some the disk is full: they may make no file larger than
about what the database has (RLIMIT_FSIZE). With ``--disk``, the name of a folder on a small file
system of its own, the collection lies there, and in every fourth round that is full for all.

After each round the collection is opened and must be exact:

- What an ``index`` that ended well was given is there once, and what a ``remove`` that ended well
  was given is gone. What was not touched is as it was. Of a command that was cut off, each photo
  may be there or not.
- ``show --verify`` finds nothing wrong.
- Each stored vector is that of its photo, and a search gives what brute force gives.
- ``find`` named no photo that was never added, or that was gone before the round. It named each
  photo first that it was asked for, since those were there all the time.
- No process printed a traceback, hung, or ended in another way than it should.

The exit status is 1 if anything was wrong. It makes its photos itself. It does not run on Windows.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

# What commands load is loaded here, once, before any process is forked.
import originid.escalation.escalation
import originid.finder
import originid.indexing  # noqa: F401
from originid import cli
from originid.collection import image_writer
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.places import DATABASE
from originid.images.decode import decode, read_bytes
from originid.model import open_model
from originid.testing import write_photos
from originid.types import Vectors
from reporting import machine

ADDING, SEARCHING, REMOVING = 6, 4, 2  # processes
GIVEN = 10  # photos that each process is given at most
BATCH = 3  # photos committed together, so that one ``index`` has several commits
FATES = {"ends": 8, "killed": 3, "terminated": 1, "interrupted": 2, "full": 2}  # how often each is
SIGNALS = {
    "killed": signal.SIGKILL,
    "terminated": signal.SIGTERM,
    "interrupted": signal.SIGINT,
}
EXITS = {"killed": -signal.SIGKILL, "terminated": -signal.SIGTERM, "interrupted": cli.INTERRUPTED}
NO_ORIGIN = 3
PATIENCE = 600.0  # seconds for a round, in which all may calibrate; what takes longer hangs
SPARE = 200_000  # bytes by which the limit on a file is above the size of the database, at most
CLOSE = 1e-4  # between scores of the same vectors that were computed in another order
ALIKE = 0.999  # the cosine of a vector and its stored code, at least


@dataclass
class Process:
    """A command that runs, or has run, as a process of its own.

    Args:
        words: the command, ``index``, ``find`` or ``remove``, and its options.
        photos: that it is given.
        fate: what becomes of it, a key of `FATES`.
        output: the file that takes what it prints.
        pid: its number, once it runs.
        status: its exit status, once it has ended; that of a signal is negative.
    """

    words: list[str]
    photos: list[str]
    fate: str
    output: Path
    pid: int = 0
    status: int | None = None

    @property
    def name(self) -> str:
        """The command."""
        return self.words[0]

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text(errors="replace")

    @property
    def is_acknowledged(self) -> bool:
        """Whether it said that it did all."""
        return self.status == 0

    def is_running(self) -> bool:
        """Whether it has not ended; its exit status is noted when it has."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is None


@dataclass
class Storm:
    """What must be true of the collection, and what was found to be wrong.

    Args:
        folder: of what processes print.
        place: of the collection.
        disk: whether the place is a small file system, to be filled.
        vectors: of all photos, by absolute path.
        rng: draws what processes do and what becomes of them.
        present: the photos that are in the collection.
        counts: what happened.
        wrong: what was wrong.
        seconds: that each round took.
    """

    folder: Path
    place: Path
    disk: bool
    vectors: dict[str, Vectors]
    rng: random.Random
    present: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def usual(self) -> float:
        """The seconds that a round usually takes."""
        return statistics.median(self.seconds[-9:] or [2.0])


def begin(folder: Path, options: argparse.Namespace) -> Storm:
    """Make the photos, their vectors, and an empty collection."""
    model = open_model()
    photos = [str(path) for path in write_photos(folder / "photos", options.photos)]
    pixels = [decode(read_bytes(path), model.encoder.size).image for path in photos]
    vectors = model.vectors(model.encoder.encode(np.stack(pixels)))
    place = (options.disk or folder).absolute() / "collection"
    create_collection(place, model).close()
    rng = random.Random(options.seed)
    by_path = dict(zip(photos, vectors, strict=True))
    return Storm(folder, place, options.disk is not None, by_path, rng)


def run_round(storm: Storm, number: int) -> None:
    """Run one round, and check what it left."""
    processes, full = drawn(storm), storm.disk and number % 4 == 3
    ballast = storm.place.parent / "ballast"
    start = time.monotonic()
    for process in processes:
        start_process(process, storm)
    if full:
        time.sleep(storm.rng.uniform(0, storm.usual / 2))
        fill(ballast)
    due = [(start + storm.rng.uniform(0, storm.usual), each) for each in processes]
    for moment, process in sorted(due, key=lambda pair: pair[0]):
        if process.fate in SIGNALS:
            time.sleep(max(0.0, moment - time.monotonic()))
            if process.is_running():
                os.kill(process.pid, SIGNALS[process.fate])
                storm.counts[process.fate] += 1
    for process in processes:
        while process.is_running():
            if time.monotonic() > start + PATIENCE:
                storm.wrong.append(f"{process.name} hangs: {process.text[-500:]}")
                os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.005)
    ballast.unlink(missing_ok=True)
    storm.seconds.append(time.monotonic() - start)
    for process in processes:
        storm.wrong += ended_wrongly(process, storm, full)
        storm.wrong += answered_wrongly(process, storm, processes) if process.name == "find" else ()
    settle(storm, processes)


def drawn(storm: Storm) -> list[Process]:
    """The processes of a round: what each is given, and what becomes of it.

    A photo is given to one ``index`` and to one ``remove`` at most; some are given to both.
    """
    rng, there, into = storm.rng, sorted(storm.present), str(storm.place)
    absent = [photo for photo in storm.vectors if photo not in storm.present]
    added = rng.sample(absent, min(len(absent), ADDING * GIVEN * 3 // 4))
    added += rng.sample(there, min(len(there), ADDING * GIVEN // 4))
    rng.shuffle(added)
    removed = rng.sample(there, min(len(there), REMOVING * GIVEN))
    staying = sorted(storm.present - set(removed))
    tasks = [("index", "--into", added[n::ADDING]) for n in range(ADDING)]
    tasks += [("remove", "--from", removed[n::REMOVING]) for n in range(REMOVING)]
    tasks += [("find", "--in", rng.sample(staying, min(len(staying), 3))) for _ in range(SEARCHING)]
    processes: list[Process] = []
    for name, option, photos in tasks:
        words = [name, *photos, option, into, "--json"]
        words += ["--effort", "quick"] if name == "find" else []
        fate = rng.choices(list(FATES), list(FATES.values()))[0]
        output = storm.folder / f"output-{len(processes)}"
        processes += [Process(words, photos, fate, output)] if photos else []
    rng.shuffle(processes)
    return processes


def start_process(process: Process, storm: Storm) -> None:
    """Start the command line in a copy of this process."""
    limit = (storm.place / DATABASE).stat().st_size + storm.rng.randrange(SPARE)
    process.pid = os.fork()
    if process.pid:
        return
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        output = os.open(process.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if process.fate == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        image_writer.BATCH = BATCH
        cli.run, sys.argv[1:] = run_interruptibly, process.words
        cli.main()
    except SystemExit as exit_:
        sys.stdout.flush()
        os._exit(int(exit_.code or 0))
    except BaseException:
        sys.excepthook(*sys.exc_info())  # what the interpreter would print
        sys.stderr.flush()
    os._exit(1)


RUN = cli.run


def run_interruptibly(arguments: list[str]) -> int:
    """Run a command, and let Ctrl-C come through only meanwhile.

    While the interpreter begins or ends it prints a traceback, about which nobody can do anything.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        return RUN(arguments)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def fill(ballast: Path) -> None:
    """Take all free space of a small file system."""
    with open(ballast, "wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            pass


def ended_wrongly(process: Process, storm: Storm, full: bool) -> Iterator[str]:
    """What is wrong with how a process ended."""
    text, status, name = process.text, process.status, f"{process.name} ({process.fate})"
    storm.counts[f"{process.name}, processes"] += 1
    if "Traceback" in text:
        yield f"{name} printed a traceback: {text[-2000:]}"
    allowed = {0, EXITS.get(process.fate, 0)} | ({NO_ORIGIN} if process.name == "find" else set())
    if (process.fate == "full" or full) and "cannot write" in text:
        storm.counts["stopped by a full disk"] += 1
        allowed.add(1)
    if status not in allowed:
        yield f"{name} ended with {status}: {text[-500:]}"


def answered_wrongly(process: Process, storm: Storm, all_: list[Process]) -> Iterator[str]:
    """What is wrong with what ``find --json`` printed."""
    given = {photo for each in all_ if each.name == "index" for photo in each.photos}
    answers = [line for line in process.text.splitlines() if line.startswith("{")]
    if process.status in (0, NO_ORIGIN) and len(answers) != len(process.photos):
        yield f"find gave {len(answers)} answers to {len(process.photos)} photos"
    for line in answers if process.status in (0, NO_ORIGIN) else answers[:-1]:
        answer = json.loads(line)
        storm.counts["answers"] += 1
        found = [match["reference"] for match in answer["matches"]]
        if not set(found) <= storm.present | given:
            yield f"find named what was never added, or gone before: {found}"
        if found[:1] != [answer["query"]]:
            yield f"find did not name {answer['query']} first: {answer}"


def settle(storm: Storm, processes: list[Process]) -> None:
    """Check the collection against what the processes acknowledged, and note what it holds."""
    with open_collection(storm.place) as collection:
        found = [row.location for row in collection.references()]
        storm.wrong += [f"--verify: {each.path}: {each.reason}" for each in collection.verify(True)]
        storm.wrong += differing(collection, storm)
    now, allowed, needed = set(found), set(storm.present), set(storm.present)
    added = [each for each in processes if each.name == "index"]
    removed = [each for each in processes if each.name == "remove"]
    for process in added:
        allowed |= set(process.photos)
        needed |= set(process.photos) if process.is_acknowledged else set()
        storm.counts["photos acknowledged"] += len(process.photos) * process.is_acknowledged
    for process in removed:
        needed -= set(process.photos)
        # What is added at the same time may be added after it was removed.
        at_once = {photo for each in added for photo in each.photos}
        allowed -= set(process.photos) - at_once if process.is_acknowledged else set()
        storm.counts["removals acknowledged"] += len(process.photos) * process.is_acknowledged
    if len(found) != len(now):
        storm.wrong.append(f"{len(found) - len(now)} references are there twice")
    if needed - now:
        storm.wrong.append(f"lost: {sorted(needed - now)}")
    if now - allowed:
        storm.wrong.append(f"not removed, or never added: {sorted(now - allowed)}")
    storm.present = now


def differing(collection: Collection, storm: Storm) -> Iterator[str]:
    """Where stored vectors are not those of the photos, or a search is not brute force."""
    ids, codes = collection.database.codes(collection.database.ids())
    if not len(ids):
        return
    rows = collection.database.rows(ids.tolist())
    right = np.stack([storm.vectors[rows[key].location] for key in ids.tolist()])
    alike = (collection.codec.decode(codes) * right).sum(axis=1)
    yield from (f"the vector of id {ids[n]} is another one" for n in np.flatnonzero(alike < ALIKE))
    best = min(10, len(ids))
    scores, found = collection.index().search(right, best)
    brute = collection.codec.cosines(codes, right)
    if not np.allclose(scores, -np.sort(-brute, axis=1)[:, :best], atol=CLOSE):
        yield "a search does not give the scores of brute force"
    if not (found[:, 0] == ids).all():
        yield "a search for a stored vector does not find it first"


def main() -> None:
    """Run the storm, and print what happened and what was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", type=int, default=240, help="how many there are in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--disk", type=Path, help="a folder on a small file system, to be filled")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        storm = begin(Path(folder), options)
        for number in range(options.rounds):
            before = len(storm.wrong)
            run_round(storm, number)
            for line in storm.wrong[before:]:
                print(f"round {number}: {line}", file=sys.stderr, flush=True)
            if number % 20 == 19:
                print(f"{number + 1} rounds", file=sys.stderr, flush=True)
        shutil.rmtree(storm.place)
    result = {
        "machine": machine("numpy"),
        "rounds": options.rounds,
        "seconds": round(time.monotonic() - start, 1),
        **dict(sorted(storm.counts.items())),
        "references at the end": len(storm.present),
        "wrong": len(storm.wrong),
    }
    if options.json:
        print(json.dumps(result))
    else:
        print("\n".join(f"{name:24} {value}" for name, value in result.items()))
    sys.exit(bool(storm.wrong))


if __name__ == "__main__":
    main()
