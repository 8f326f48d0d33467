"""Fixtures that several test files use."""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

# Where tests run in several processes, each has its share of the cores to compute with. Threads of
# libraries that share a core wait for each other by counting, which takes three times the time.
# It is said before any library is loaded, and is so for the processes that tests start.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))

import numpy as np
import pytest
from hypothesis import settings

from originid import cli, testing
from originid.encoders import open_encoder
from originid.maps import DctBasis
from originid.model import Model, save_model
from originid.testing import textured_image
from originid.training.closed_form import no_map
from originid.verdict.calibration import Calibration
from originid.verdict.pareto_tail import BODY, Tail

# The key of the account that runs the tests stays out of them, and theirs out of its home.
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="originid-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_DATA_HOME"], ignore_errors=True)

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# Folders of which one process runs all tests, so that servers and browsers are started once.
TOGETHER = ("tests/engines", "tests/browser")
TORCH = ("torch", "diffusers", "transformers", "accelerate", "pytorch_metric_learning")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-torch",
        action="store_true",
        help="run as if torch and what needs it were not installed: the fast part of the tests",
    )


class WithoutTorch(PathFinder):
    """Finds what is installed, but not torch."""

    @classmethod
    def find_spec(
        cls,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in TORCH:
            return None
        return super().find_spec(fullname, path, target)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--no-torch"):
        sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutTorch


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> "LoadScopeScheduling":
    """Give the tests of a file to one process, and those of `TOGETHER` too.

    So what a file sets up is set up once, and each server is started once: a Milvus takes two
    thirds of a core while it waits.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
        """Keeps the tests of a file together."""

        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return next((each for each in TOGETHER if file.startswith(f"{each}/")), file)

    return ByFile(config, log)


# The same examples in every run, and none fails because the machine is busy.
settings.register_profile("originid", deadline=None, derandomize=True)
settings.load_profile("originid")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A small model: low frequencies of pixels, centred on a few blobs."""
    encoder = open_encoder("pixels")
    latents = encoder.encode(np.stack([textured_image(s, 64, 64) for s in range(100, 130)]))
    centring = no_map(DctBasis(encoder.shapes, (8.0,)), latents.mean(axis=0))
    calibration = Calibration(
        Tail(tuple(np.linspace(-0.9, 0.6, len(BODY)).tolist()), shape=-0.1, scale=0.05)
    )
    folder = tmp_path_factory.mktemp("models") / "small"
    return save_model(folder, encoder, centring, calibration, {"method": "none"})


@pytest.fixture(scope="session")
def other_model(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Another model, with vectors of another size."""
    return _centred_on(range(200, 230), 6.0, model, tmp_path_factory)


@pytest.fixture(scope="session")
def twin_model(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Another model, with vectors of the same size as those of `model`."""
    return _centred_on(range(300, 304), 8.0, model, tmp_path_factory)


def _centred_on(
    seeds: range, cutoff: float, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Model:
    encoder = open_encoder("pixels")
    latents = encoder.encode(np.stack([textured_image(s, 64, 64) for s in seeds]))
    centring = no_map(DctBasis(encoder.shapes, (cutoff,)), latents.mean(axis=0))
    folder = tmp_path_factory.mktemp("models") / "other"
    return save_model(folder, encoder, centring, model.calibration, {"method": "none"})


@pytest.fixture
def write_photos(tmp_path: Path) -> Callable[..., list[Path]]:
    """Writes blob photos, each like no other, into a folder of the test."""

    def write(count: int, folder: str = "photos", first: int = 0) -> list[Path]:
        return testing.write_photos(tmp_path / folder, count, first)

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command; gives its exit status and what it printed on stdout and on stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        status = cli.run([str(argument) for argument in arguments])
        output = capsys.readouterr()
        return status, output.out, output.err

    return call
