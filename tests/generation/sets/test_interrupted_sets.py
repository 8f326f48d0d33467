"""Each image is made once, whatever dies in between."""

import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import fake_maker
from fake_maker import SETTINGS, FakeMaker, files, make, table
from fixture_types import WritePhotos
from originid.datasets.pairs import read_pairs
from originid.errors import InputError
from originid.generation.diffusion.tasks import Task
from originid.generation.prompts import TemplatePrompts
from originid.generation.sets.origins import find_origins
from originid.generation.sets.run import find_inputs, make_set
from originid.generation.sets.shards import ImageSet, SetSettings
from originid.images.decode import decode, read_bytes
from originid.types import Image

KILLS = 10


def test_a_second_run_makes_nothing(tmp_path: Path, photos: Path) -> None:
    make(tmp_path / "set", photos, FakeMaker())
    before = files(tmp_path / "set")
    maker = FakeMaker()
    done = make(tmp_path / "set", photos, maker)
    assert (maker.made, done.outcome.made, done.outcome.known) == (0, 0, 28)
    assert files(tmp_path / "set") == before


def test_torn_rows_and_images_without_rows_are_mended(tmp_path: Path, photos: Path) -> None:
    output = tmp_path / "set"
    make(output, photos, FakeMaker())
    before = files(output)
    for shard, rows in enumerate(sorted(output.rglob("rows.jsonl"))):
        data = rows.read_bytes()
        rows.write_bytes((data[:-5], b"", b"\0" * 300 + b"\n" + data[10:])[shard % 3])
        (rows.parent / ".half.jpg.tmp").write_bytes(b"\xff\xd8")
    maker = FakeMaker()
    done = make(output, photos, maker)
    assert (maker.made, done.counts.pairs) == (0, 28)
    assert files(output) == before


def test_a_lost_image_is_made_again(tmp_path: Path, photos: Path) -> None:
    output = tmp_path / "set"
    make(output, photos, FakeMaker())
    before = files(output)
    lost = [name for name in before if name.startswith("images")][:2]
    for name in lost:
        (output / name).unlink()
    maker = FakeMaker()
    make(output, photos, maker)
    assert maker.made == 2
    assert files(output) == before


def test_two_processes_never_work_at_one_shard(tmp_path: Path, photos: Path) -> None:
    origins, _ = find_origins([photos])
    other = ImageSet.open(tmp_path / "set", SetSettings())
    other.begin()
    held = other.claim(origins[0].shard)
    assert held is not None
    assert other.claim(origins[0].shard) is None
    done = make(tmp_path / "set", photos, FakeMaker())
    assert (done.outcome.busy, done.counts.pairs) == (1, 24)
    held.close()
    done = make(tmp_path / "set", photos, FakeMaker())
    assert (done.outcome.busy, done.counts.pairs) == (0, 28)


def test_a_failing_generator_keeps_what_was_made(tmp_path: Path, photos: Path) -> None:
    class Failing(FakeMaker):
        def make(self, tasks: Sequence[Task]) -> list[Image | str]:
            if len(self.batches) == 4:
                raise KeyboardInterrupt
            return super().make(tasks)

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "set", photos, Failing())
    assert len(read_pairs(tmp_path / "set" / "pairs.csv")) == 12
    maker = FakeMaker()
    make(tmp_path / "set", photos, maker)
    assert maker.made == 16


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from fake_maker import FakeMaker, make

class Telling(FakeMaker):
    def make(self, tasks):
        for task in tasks:
            print(end=".", flush=True)
        return super().make(tasks)

make(Path(sys.argv[2]), Path(sys.argv[3]), Telling())
print("done", flush=True)
"""


def test_two_processes_at_once_make_each_image_once(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    photos = write_photos(30)[0].parent
    make(tmp_path / "sound", photos, FakeMaker())
    output = tmp_path / "shared"
    support = str(Path(fake_maker.__file__).parent)
    command = [sys.executable, "-c", KILLED, support, str(output), str(photos)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as one,
        subprocess.Popen(command, stdout=subprocess.PIPE) as other,
    ):
        told = [process.communicate(timeout=120)[0] for process in (one, other)]
    assert all(each.endswith(b"done\n") for each in told)
    assert sum(each.count(b".") for each in told) == 120
    # Whoever ends last writes the rows of both, unless both end at once.
    maker = FakeMaker()
    done = make(output, photos, maker)
    assert (maker.made, done.outcome.known, done.counts.pairs) == (0, 120, 120)
    assert files(output) == files(tmp_path / "sound")


def test_killed_at_random_it_ends_as_if_nothing_had_happened(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    photos = write_photos(60)[0].parent
    make(tmp_path / "sound", photos, FakeMaker())
    output, rng = tmp_path / "killed", random.Random(0)
    support = str(Path(fake_maker.__file__).parent)
    command = [sys.executable, "-c", KILLED, support, str(output), str(photos)]
    asked = kills = 0
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            head = process.stdout.read(rng.randint(3, 20))
            process.kill()
            kills += b"done" not in head
            asked += (head + process.stdout.read()).count(b".")
    assert kills == KILLS
    told = subprocess.run(command, capture_output=True, check=True).stdout
    assert told.endswith(b"done\n")
    assert files(output) == files(tmp_path / "sound")
    assert asked + told.count(b".") <= 240 + kills * SETTINGS.batch  # what each kill lost
    queries = [row["query"] for row in table(output / "pairs.csv")]
    assert len(queries) == len(set(queries)) == 240
    for query in queries:
        decode(read_bytes(output / query))
    assert not list(output.rglob(".*"))


def test_a_generator_that_cannot_be_loaded_leaves_nothing(tmp_path: Path, photos: Path) -> None:
    def fail() -> FakeMaker:
        raise InputError("no weights", "expected some", "get them")

    inputs = find_inputs([photos], tmp_path / "set", SetSettings(), TemplatePrompts(4), SETTINGS)
    with pytest.raises(InputError, match="no weights"):
        make_set(inputs, fail)
    assert not (tmp_path / "set").exists()
    make(tmp_path / "set", photos, FakeMaker())
    before = files(tmp_path / "set")
    assert make_set(inputs, fail).outcome.known == 28  # where nothing is missing none is loaded
    more = replace(inputs, prompts=TemplatePrompts(5))
    with pytest.raises(InputError, match="no weights"):
        make_set(more, fail)
    assert files(tmp_path / "set") == before
