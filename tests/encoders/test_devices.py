"""The device that torch runs on: chosen by a person, passed through, refused where it is not."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

import torch

from originid.encoders import torch_networks
from originid.errors import InputError
from originid.system.chosen_device import VARIABLE
from originid.training.linear_algebra import present_gpu

GPU_SCRIPT = Path(__file__).parent.parent.parent / "benchmarks" / "gpu.py"


@pytest.fixture(autouse=True)
def no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch that says that it has CUDA."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


@pytest.mark.usefixtures("cuda")
def test_cuda_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert torch_networks.best_device() == "cuda"
    assert torch_networks.training_device() == torch.device("cuda")
    assert present_gpu() == "cuda"
    monkeypatch.setenv(VARIABLE, "cpu")
    assert torch_networks.best_device() == "cpu"
    assert torch_networks.training_device() == torch.device("cpu")
    assert present_gpu() is None


def test_training_stays_off_mps_unless_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert torch_networks.best_device() == "mps"
    assert torch_networks.training_device() == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "a b"])
def test_a_device_that_is_not_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(InputError) as caught:
        torch_networks.best_device()
    assert repr(name) in caught.value.given
    assert VARIABLE in caught.value.todo


def test_an_empty_choice_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " ")
    assert torch_networks.best_device() in ("cpu", "cuda", "mps")


def test_the_precision_of_each_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert torch_networks.usual_precision(torch.device("cuda")) is torch.bfloat16
    assert torch_networks.usual_precision(torch.device("cpu")) is torch.float32
    assert torch_networks.multiplies_bfloat16(torch.device("cuda"))
    assert not torch_networks.multiplies_bfloat16(torch.device("mps"))


def test_encoding_goes_to_the_chosen_device(monkeypatch: pytest.MonkeyPatch) -> None:
    diffusers = pytest.importorskip("originid.encoders.diffusers")
    seen: list[object] = []

    class Network(torch.nn.Module):  # type: ignore[misc]
        """An autoencoder that says where and how it is asked."""

        def encode(self, batch: torch.Tensor) -> "SimpleLatents":
            seen.append((batch.device.type, batch.dtype))
            return SimpleLatents(latents=torch.zeros(len(batch), 4, 2, 2, device="cpu"))

    monkeypatch.setattr(diffusers, "_load", lambda source, local: Network())
    monkeypatch.setenv(VARIABLE, "meta")
    diffusers.DiffusersEncoder("any")
    monkeypatch.setenv(VARIABLE, "cpu")
    diffusers.DiffusersEncoder("any", dtype=torch.bfloat16)
    assert seen == [("meta", torch.float32), ("cpu", torch.bfloat16)]


class SimpleLatents(SimpleNamespace):
    """What an AutoencoderTiny returns."""

    def __contains__(self, name: str) -> bool:
        return name in vars(self)


def test_without_cuda_the_script_says_so_and_has_a_status_of_its_own() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is CUDA here")
    done = subprocess.run([sys.executable, GPU_SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 77
    assert "no CUDA here" in done.stdout
