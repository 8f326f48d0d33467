"""Pipelines in eight bits: what is stored comes back to half a step."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from originid.generation.diffusion.packed import SUFFIX, local_folder, pack, unpack


def test_weights_come_back_to_half_a_step(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights: dict[str, NDArray[Any]] = {
        "matrix": rng.normal(size=(7, 5)).astype(np.float16),
        "kernel": rng.normal(size=(3, 2, 3, 3)).astype(np.float32),
        "bias": rng.normal(size=7).astype(np.float32),
        "zeros": np.zeros((2, 2), np.float32),
    }
    (tmp_path / "one" / "unet").mkdir(parents=True)
    save_file(weights, tmp_path / "one" / "unet" / "w.safetensors")
    (tmp_path / "one" / "config.json").write_text("{}")
    pack(tmp_path / "one", tmp_path / "packed")
    assert (tmp_path / "packed" / "unet" / f"w{SUFFIX}").exists()
    unpack(tmp_path / "packed", tmp_path / "two")
    assert (tmp_path / "two" / "config.json").read_text() == "{}"
    back = load_file(tmp_path / "two" / "unet" / "w.safetensors")
    assert back.keys() == weights.keys()
    for name, before in weights.items():
        rows = np.abs(before.astype(np.float64)).reshape(len(before), -1)
        step = rows.max(axis=1) / 127 if before.ndim > 1 else np.zeros(len(before))
        error = np.abs(back[name].astype(np.float64) - before).reshape(len(before), -1).max(axis=1)
        assert (error <= step / 2 + 1e-6).all()


@pytest.mark.parametrize("name", ["small-ddpm", "small-flow"])
def test_what_originid_carries_is_whole_and_small(name: str) -> None:
    with local_folder(f"packaged:{name}") as folder:
        files = [file for file in Path(folder).rglob("*") if file.is_file()]
        assert {"model_index.json", "scheduler_config.json"} <= {file.name for file in files}
        assert sum(file.name.endswith(".safetensors") for file in files) == 3
    assert not Path(folder).exists()


def test_other_sources_are_left_alone() -> None:
    with local_folder("some/where") as folder:
        assert folder == "some/where"
