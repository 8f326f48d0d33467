"""Encoding in several processes of this machine: what comes back is what threads make."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deadly import Deadly, DeadlyShard
from originid.collection.encoding import EncodePieces, Here, Wanted
from originid.errors import ModelError
from originid.inputs.pieces import Piece
from originid.inputs.tar import TarShard
from originid.latents.encode_files import Encoded, Entry
from originid.latents.sources import Source
from originid.model import Model
from originid.scale import in_processes
from originid.scale.in_processes import DEAD, InProcesses
from originid.scale.packed import PackedModel
from originid.types import Failure
from shards import write_shards

WritePhotos = Callable[..., list[Path]]
Started = list["subprocess.Popen[bytes]"]


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    """The processes that a test started; they begin after four images, and none must be left."""
    found: Started = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            found.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    monkeypatch.setattr(in_processes, "FEW", 4)
    yield found
    assert all(process.poll() is not None for process in found)


def in_pieces(paths: list[Path], size: int = 4) -> list[Piece]:
    sources = [Source(str(path)) for path in paths]
    return [Piece(tuple(sources[at : at + size])) for at in range(0, len(sources), size)]


def run(
    encode: EncodePieces,
    pieces: list[Piece],
    model: Model,
    known: Callable[[bytes], bool] = lambda sha256: False,
) -> tuple[list[Entry], list[Failure]]:
    """All entries in the order of their names, and what was no image to read."""
    failures: list[Failure] = []
    chunks = encode(pieces, model, Wanted(), known, failures.append)
    found = [entry for chunk in chunks for entry in chunk]
    return sorted(found, key=_name), sorted(failures, key=lambda each: each.path)


def _name(entry: Entry) -> str:
    return entry.path if isinstance(entry, Failure) else entry.source.name


def plain(entries: list[Entry]) -> list[tuple[Any, ...]]:
    return [
        (each.source.name, each.sha256, each.latent.tobytes(), each.thumbnail.tobytes())
        if isinstance(each, Encoded)
        else (_name(each), each)
        for each in entries
    ]


def test_it_makes_what_threads_make(
    tmp_path: Path, model: Model, write_photos: WritePhotos, started: Started
) -> None:
    photos = write_photos(41)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    paths = [*photos[:30], tmp_path / "broken.png", tmp_path / "missing.png"]
    shards = write_shards([*photos[30:], tmp_path / "broken.png"], tmp_path / "shards", 5)
    pieces = [*in_pieces(paths), *(Piece(archive=TarShard(str(shard))) for shard in shards)]
    entries, failures = run(InProcesses(2), pieces, model)
    by_threads, told = run(Here(2), pieces, model)
    assert len(started) == 2
    assert len(entries) == len(paths) + 12
    assert plain(entries) == plain(by_threads)
    assert failures == told


@pytest.mark.parametrize("case", ["few", "one core", "own encoder", "known"])
def test_threads_do_what_processes_would_not_do_sooner(
    case: str, model: Model, write_photos: WritePhotos, started: Started
) -> None:
    pieces = in_pieces(write_photos(3 if case == "few" else 20))
    if case == "own encoder":
        model = replace(model, own_encoder=model.encoder)
    workers = 1 if case == "one core" else 2
    entries, _ = run(InProcesses(workers), pieces, model, lambda sha256: case == "known")
    assert len(entries) == (3 if case == "few" else 20)
    assert not started


def test_a_process_that_dies_costs_nothing(
    tmp_path: Path, model: Model, write_photos: WritePhotos, started: Started
) -> None:
    photos = write_photos(30)
    pieces = in_pieces(photos)
    deadly = replace(pieces[3].listed[2], read=Deadly(photos[14], tmp_path / "died"))
    pieces[3] = Piece((*pieces[3].listed[:2], deadly, *pieces[3].listed[3:]))
    entries, failures = run(InProcesses(2), pieces, model)
    assert plain(entries) == plain(run(Here(2), in_pieces(photos), model)[0])
    assert not failures
    assert len(started) > 2


def test_an_image_at_which_processes_die_becomes_a_failure(
    model: Model, write_photos: WritePhotos
) -> None:
    photos = write_photos(30)
    pieces = in_pieces(photos, 8)
    listed = [*pieces[1].listed]
    listed[5] = replace(listed[5], read=Deadly(photos[13]))
    pieces[1] = Piece(tuple(listed))
    entries, failures = run(InProcesses(2), pieces, model)
    assert failures == [Failure(str(photos[13]), DEAD)]
    counted = Counter(map(_name, entries))
    assert counted == Counter(str(photo) for photo in photos if photo != photos[13])


@pytest.mark.parametrize("times", [1, 9])
def test_an_archive_is_read_again_from_where_a_process_died(
    times: int, tmp_path: Path, model: Model, write_photos: WritePhotos
) -> None:
    photos = write_photos(30)
    (shard,) = write_shards(photos[4:], tmp_path / "shards", 100)
    archive = DeadlyShard(str(shard), "", tmp_path / "deaths", times)
    entries, failures = run(InProcesses(2), [*in_pieces(photos[:4]), Piece(archive=archive)], model)
    by_threads, _ = run(
        Here(2), [*in_pieces(photos[:4]), Piece(archive=TarShard(str(shard)))], model
    )
    if times == 1:
        assert plain(entries) == plain(by_threads)
        assert not failures
    else:
        assert failures == [Failure(str(shard), DEAD)]


@pytest.mark.parametrize("how", ["no program", "it ends at once"])
def test_where_no_process_starts_threads_do_all(
    how: str, model: Model, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "no program":
        monkeypatch.setattr(sys, "executable", "/there/is/no/python")
    else:
        monkeypatch.setattr(in_processes, "PROGRAM", "raise SystemExit(1) # {path}")
    photos = write_photos(30)
    entries, failures = run(InProcesses(2), in_pieces(photos), model)
    assert plain(entries) == plain(run(Here(2), in_pieces(photos), model)[0])
    assert not failures


def test_what_a_process_cannot_do_is_raised_here(
    model: Model, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = PackedModel(model.spec, {"model.json": b"{}"}, {}, None)
    monkeypatch.setattr(PackedModel, "of", lambda model: broken)
    with pytest.raises(ModelError, match="lacks 'format'"):
        run(InProcesses(2), in_pieces(write_photos(20)), model)


def test_whoever_stops_early_leaves_no_process(
    model: Model, write_photos: WritePhotos, started: Started
) -> None:
    chunks = InProcesses(2)(
        in_pieces(write_photos(40)), model, Wanted(), lambda sha256: False, print
    )
    while not started:
        next(chunks)
    chunks.close()
    assert len(started) == 2
