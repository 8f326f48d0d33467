"""Generation on Ray: what one process makes, by several, some of which are killed."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("ray.data")
pytest.importorskip("diffusers")

import ray

import tiny_generators
from originid.errors import InputError, OriginidError
from originid.generation.prompts import TemplatePrompts
from originid.generation.run import Inputs, find_inputs, make_set
from originid.generation.shards import SetSettings
from originid.generation.tasks import Task
from originid.scale.generating import run_on_ray
from originid.types import Image
from test_generate import SETTINGS, FakeMaker, files, make

WritePhotos = Callable[..., list[Path]]
Run = Callable[..., tuple[int, str, str]]

# Those of Ray and of what it imports; of sockets and files that it leaves open.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Two workers on this machine."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.cloudpickle.register_pickle_by_value(sys.modules["test_generate"])
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def photos(write_photos: WritePhotos) -> Path:
    return write_photos(9)[0].parent


def inputs(output: Path, photos: Path) -> Inputs:
    return find_inputs([photos], output, SetSettings(), TemplatePrompts(4), SETTINGS)


class Mortal(FakeMaker):
    """Dies once, in the midst of its shard, if nobody has before."""

    def __init__(self, tomb: Path) -> None:
        super().__init__()
        self._tomb = tomb

    def make(self, tasks: Sequence[Task]) -> list[Image | str]:
        if len(self.batches) == 1 and not self._tomb.exists():
            self._tomb.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().make(tasks)


def die() -> FakeMaker:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def refuse() -> FakeMaker:
    raise InputError("no weights", "expected some", "get them")


def test_a_killed_worker_is_survived(tmp_path: Path, photos: Path) -> None:
    make(tmp_path / "one", photos, FakeMaker())
    said: list[tuple[int, int]] = []
    done = make_set(
        inputs(tmp_path / "many", photos),
        partial(Mortal, tmp_path / "tomb"),
        making=lambda *counts: said.append(counts),
        run=run_on_ray,
    )
    assert (tmp_path / "tomb").exists()
    assert done.counts.pairs == done.outcome.made + done.outcome.known == 36
    assert (done.outcome.failed, done.outcome.busy) == (0, 0)
    assert said[-1] == (36, 36)
    assert files(tmp_path / "many") == files(tmp_path / "one")


def test_what_kills_every_worker_ends_the_run(tmp_path: Path, photos: Path) -> None:
    with pytest.raises(OriginidError, match="3 workers of Ray died at shard"):
        make_set(inputs(tmp_path / "set", photos), die, run=run_on_ray)


def test_no_cluster_at_the_address(tmp_path: Path, photos: Path) -> None:
    code = (
        "import test_scale as t; from pathlib import Path; from test_generate import FakeMaker;"
        f"t.make_set(t.inputs(Path({str(tmp_path / 'set')!r}), Path({str(photos)!r})), FakeMaker,"
        " run=t.run_on_ray)"
    )
    with socket.socket() as closed:  # bound, but it does not listen
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        environment = {**os.environ, "RAY_ADDRESS": address}
        command, here = [sys.executable, "-c", code], Path(__file__).parent
        done = subprocess.run(command, env=environment, cwd=here, capture_output=True, text=True)
    assert f"InputError: no connection to Ray {address}" in done.stderr
    assert not (tmp_path / "set").exists()


def test_what_a_worker_raises_arrives(tmp_path: Path, photos: Path) -> None:
    with pytest.raises(OriginidError) as error:
        make_set(inputs(tmp_path / "set", photos), refuse, run=run_on_ray)
    assert str(error.value) == "no weights\nexpected some\nget them"
    assert not (tmp_path / "set").exists()


def test_no_origins_are_an_empty_set(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    done = make_set(inputs(tmp_path / "set", tmp_path / "photos"), refuse, run=run_on_ray)
    assert done.counts.pairs == 0
    assert (tmp_path / "set" / "failures.csv").exists()


def test_the_command_makes_what_one_process_makes(
    tmp_path: Path, write_photos: WritePhotos, run: Run
) -> None:
    photos = write_photos(3)[0].parent
    model = tiny_generators.save_generator("sd2", tmp_path / "tiny")
    settings = {"generator": str(model), "batch": 1, "steps": 2, "seed": 3}
    (tmp_path / "tiny.json").write_text(json.dumps(settings))
    command = ("generate", photos, "--generator", tmp_path / "tiny.json", "--prompts", "names:2")
    assert run(*command, "-o", tmp_path / "one")[0] == 0
    status, out, err = run(*command, "-o", tmp_path / "many", "--ray")
    assert status == 0, err
    assert "6 made, 0 known, 0 failed" in out
    assert files(tmp_path / "many") == files(tmp_path / "one")
    status, out, _ = run(*command, "-o", tmp_path / "many", "--json")  # one process goes on
    assert (status, json.loads(out)["known"]) == (0, 6)
