"""Encoding on a Ray cluster: the collection is the one that a single process makes."""

import importlib.util
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.encoding import Wanted
from originid.inputs.manners import FromWeb, Manners
from originid.inputs.pieces import Piece
from originid.inputs.tar import TarShard
from originid.latents.cache_keys import Keys
from originid.latents.encode_files import CHUNK
from originid.latents.sources import Source
from originid.model import Model
from originid.types import Failure
from shards import write_shards

if not importlib.util.find_spec("ray"):
    pytest.skip("needs the extra [ray]", allow_module_level=True)

from originid.errors import InputError, OriginidError
from originid.scale import on_ray
from originid.scale.cluster import cluster
from originid.scale.on_ray import OnRay
from originid.scale.packed import PackedModel, for_others
from originid.scale.worker import EncodingWorker, Part
from ray_nodes import RayNodes

WritePhotos = Callable[..., list[Path]]


def stored(collection: Collection) -> list[tuple[Any, ...]]:
    """What a collection holds of each reference, by its location."""
    rows = sorted(collection.references(), key=lambda row: row.location)
    said = collection.database.descriptions([row.id for row in rows])
    ids = [np.array([row.id], np.int64) for row in rows]
    vectors = [collection.database.codes(each)[1].tobytes() for each in ids]
    return [
        (row.location, row.name, row.sha256, row.status, row.width, said.get(row.id), vector)
        for row, vector in zip(rows, vectors, strict=True)
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: loopback addresses, /proc")
def test_a_worker_that_is_killed_costs_nothing(
    tmp_path: Path, model: Model, write_photos: WritePhotos
) -> None:
    photos = write_photos(60)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    shards = write_shards([*photos[:40], broken, photos[0]], tmp_path / "shards", 14)
    inputs = [*shards, *photos[40:]]
    with create_collection(tmp_path / "one", model) as one:
        expected = store_images(one, inputs)
        assert (expected.added, len(expected.failures)) == (61, 1)
        references = stored(one)
    with create_collection(tmp_path / "many", model):
        pass
    command = [sys.executable, "-m", "originid", "index", "--into", "many", "--json", "--ray"]
    names = [str(path.relative_to(tmp_path)) for path in inputs]
    killed: list[int] = []
    with RayNodes(1) as nodes:

        def kill() -> None:
            while not (workers := nodes.workers("EncodingWorker")):
                time.sleep(0.05)
            time.sleep(0.5)
            os.kill(workers[0], signal.SIGKILL)
            killed.append(workers[0])

        threading.Thread(target=kill, daemon=True).start()
        done = subprocess.run(
            [*command, *names],
            cwd=tmp_path,
            env=nodes.environment,
            capture_output=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    assert (told["added"], told["references"], len(told["skipped"])) == (61, 61, 1)
    assert sum(told["machines"].values()) == 62
    assert len(killed) == 1
    with open_collection(tmp_path / "many") as many:
        # The names are those of the other command, all else is the same.
        assert [row[:1] + row[2:] for row in stored(many)] == [
            row[:1] + row[2:] for row in references
        ]
        again = store_images(many, inputs)
        assert (again.added, again.unchanged, len(again.failures)) == (0, 61, 1)


def unexpected(failure: Failure) -> None:
    pytest.fail(f"{failure}")


class FakeRun:
    """Stands for a cluster: yields for each piece the parts that it is told to, run by run."""

    def __init__(self, *runs: list[Part]) -> None:
        self.runs = list(runs)
        self.asked: list[list[int]] = []

    def __call__(self, pieces: list[tuple[int, Piece]]) -> Iterator[Part]:
        self.asked.append([number for number, _ in pieces])
        yield from self.runs.pop(0)


def failure(name: str) -> Failure:
    return Failure(name, "broken")


def test_parts_that_are_lost_or_come_twice() -> None:
    told: list[Failure] = []
    pieces = [Piece(archive=TarShard("a.tar")), Piece(archive=TarShard("b.tar"))]
    first = Part(0, 0, False, "m", (failure("1"),), (failure("row"),))
    end = Part(0, 1, True, "m")
    run = FakeRun(
        [first, first, Part(1, 1, False, "m", (failure("3"),)), Part(1, 2, True), end],
        [Part(1, 0, False, "m", (failure("2"),)), Part(1, 1, False, "m", (failure("3"),)),
         Part(1, 2, True)],
    )  # fmt: skip
    came = [each.path for part in on_ray._Round(pieces, told.append).parts(run)
            for each in part.entries if isinstance(each, Failure)]  # fmt: skip
    assert came == ["1", "3", "2"]
    assert run.asked == [[0, 1], [1]]  # what was lost is asked for again
    assert [each.path for each in told] == ["row"]
    never = FakeRun([], [], [])
    with pytest.raises(OriginidError, match="lost some of the work"):
        list(on_ray._Round(pieces, told.append).parts(never))
    error = FakeRun([Part(0, -1, True, error=("given", "expected", "todo"))])
    with pytest.raises(OriginidError, match="given"):
        list(on_ray._Round(pieces, told.append).parts(error))


def test_a_piece_at_which_workers_die_is_a_failure() -> None:
    told: list[Failure] = []
    listed = tuple(Source(f"{number}.png") for number in range(CHUNK + 2))
    pieces = [Piece(listed=listed), Piece(archive=TarShard("a.tar"))]
    run = FakeRun(
        [Part(0, 0, False, "m", (failure("0.png"),)), Part(0, -1, True, given_up=True),
         Part(1, -1, True, given_up=True)]
    )  # fmt: skip
    list(on_ray._Round(pieces, told.append).parts(run))
    assert [each.path for each in told] == [f"{CHUNK}.png", f"{CHUNK + 1}.png", "a.tar"]
    assert {each.reason for each in told} == {on_ray.DEAD}


def test_pieces_for_other_processes_depend_on_no_folder(
    tmp_path: Path, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = write_photos(1)[0]
    monkeypatch.chdir(tmp_path)
    web = FromWeb("https://a.org/1.jpg", Manners(connections=4, delay=1))
    listed = (Source("photos/0000.png"), Source(web.url, read=web))
    piece = pickle.loads(pickle.dumps(for_others(Piece(listed=listed), 2)))
    (shard,) = write_shards([photo], tmp_path / "shards", 1)
    archive = Piece(archive=TarShard("shards/000000.tar"), skip=frozenset({f"{shard}!/x.png"}))
    other = pickle.loads(pickle.dumps(for_others(archive, 2)))
    monkeypatch.chdir("/")
    from originid.images.decode import no_limit
    from originid.images.limits import LIMITS

    assert piece.listed[0].read(LIMITS, no_limit) == photo.read_bytes()
    assert piece.listed[1].read.manners == Manners(connections=2, delay=2)
    (member,) = other.sources(unexpected)
    assert member.name == "shards/000000.tar!/000000000000.png"
    assert member.read(LIMITS, no_limit) == photo.read_bytes()
    skipping = Piece(archive=other.archive, skip=frozenset({f"{shard}!/000000000000.png"}))
    assert list(skipping.sources(unexpected)) == []


def test_nothing_to_encode_needs_no_cluster(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "cluster", lambda: pytest.fail("it was asked for"))
    assert list(OnRay()([], model, Wanted(), lambda sha256: False, unexpected)) == []


def test_a_model_is_packed_with_its_files(model: Model) -> None:
    opened = pickle.loads(pickle.dumps(PackedModel.of(model))).open()
    assert opened.identity == model.encoder.identity


def test_a_worker_gives_up_and_tells_errors(
    model: Model, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker without Ray: its parts come in order, and an error is one of them."""
    begun: list[int] = []

    class Count:
        class begin:  # noqa: N801
            @staticmethod
            def remote(number: int) -> int:
                begun.append(number)
                return len(begun)

    ray = "originid.scale.worker.ray"
    monkeypatch.setattr(f"{ray}.get", lambda value: value)
    monkeypatch.setattr(f"{ray}.util.get_node_ip_address", lambda: "machine")
    photos = write_photos(CHUNK + 1)
    piece = Piece(listed=tuple(Source(str(path)) for path in photos))
    batch = {"piece": [7], "data": [pickle.dumps(piece)]}

    def parts(made: EncodingWorker) -> list[Part]:
        return [pickle.loads(row["part"][0]) for row in made(batch)]

    working = EncodingWorker(PackedModel.of(model), Wanted(), Keys(), Count, 1)
    found = parts(working)
    assert [(p.piece, p.place, p.last, len(p.entries)) for p in found] == [
        (7, 0, False, CHUNK), (7, 1, False, 1), (7, 2, True, 0)
    ]  # fmt: skip
    damaged = PackedModel("pixels", {"model.json": b"{}"}, {}, None)
    (error,) = parts(EncodingWorker(damaged, Wanted(), Keys(), Count, 1))
    assert error.last
    assert "cannot be used" in error.error[0]
    begun.extend([7, 7])
    (given_up,) = parts(working)
    assert given_up.given_up


@pytest.mark.parametrize(
    ("said", "todo"),
    [(b"E gcs: InvalidAuthToken: missing\n", "RAY_AUTH_TOKEN"), (b"", "ray status")],
)
def test_a_cluster_that_lets_nobody_in_is_told(
    said: bytes, todo: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(**_: object) -> None:
        os.write(2, said)  # as the native code of Ray does
        raise ConnectionError("Failed to connect to Ray cluster")

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", refused)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    with pytest.raises(InputError, match="no connection to Ray auto") as told, cluster():
        pytest.fail("there is no cluster")
    assert todo in told.value.todo
    assert capfd.readouterr().err == ""
