"""The sizes of experiments, and images that are read as they are needed."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from originid.errors import InputError
from originid.experiments.harness import judging_networks as networks
from originid.experiments.harness.judging_networks import ResizedImages
from originid.experiments.inputs import ExperimentInputs
from originid.experiments.scale import SCALES, Scale, read_scale, scale_name
from originid.experiments.trained_networks.settings import PAPER, PRESETS
from originid.images.decode import decode, read_bytes
from originid.training.fitting import FULL, NoMap, read_map_settings
from originid.training.metric.settings import MetricLearning


def test_scales_have_names_and_files(tmp_path: Path) -> None:
    assert read_scale("small") == Scale() == ExperimentInputs().scale
    assert read_scale("paper").images == 100_000
    (tmp_path / "vit.pth").write_bytes(b"")
    stated = {"preset": "paper", "images": 7, "vit": str(tmp_path / "vit.pth")}
    (tmp_path / "own.json").write_text(json.dumps(stated))
    own = read_scale(str(tmp_path / "own.json"))
    assert (own.images, own.paper, own.pooled) == (7, True, False)
    assert own.network("vit-circle").weights == str(tmp_path / "vit.pth")
    assert own.network("ibn-net").weights == ""
    assert [scale_name(each) for each in (*SCALES.values(), own)] == [
        "small",
        "paper",
        "SCALE.json",
    ]
    assert json.loads(json.dumps(ExperimentInputs(scale=own).to_json()))["scale"] == asdict(own)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"images": 0}', "images = 0"),
        ('{"image": 3}', "setting 'image'"),
        ('{"preset": "large"}', "preset 'large'\nexpected one of small, paper"),
        ('{"vit": "none.pth"}', "vit = 'none.pth'"),
        ("{", "cannot be read"),
    ],
)
def test_bad_scales_are_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(content)
    with pytest.raises(InputError) as caught:
        read_scale(str(tmp_path / "own.json"))
    assert message in str(caught.value)
    with pytest.raises(InputError, match="scale 'huge'"):
        read_scale("huge")


def test_every_network_has_both_sizes() -> None:
    assert set(PAPER) == set(PRESETS)
    for name, large in PAPER.items():
        small = PRESETS[name]
        assert SCALES["small"].network(name) == small
        assert SCALES["paper"].network(name) == large
        assert (large.network, large.matcher, large.loss, large.margin) == (
            small.network,
            small.matcher,
            small.loss,
            small.margin,
        )
        assert large.side == 224 > small.side


def test_maps_get_the_paper_s_schedule_at_its_scale() -> None:
    small, paper = SCALES["small"], SCALES["paper"]
    assert paper.map(read_map_settings("cosface")) == MetricLearning()
    mlp = paper.map(read_map_settings("mlp-2", dim=64))
    assert mlp == MetricLearning(transform="mlp-2", dim=64)
    circle = paper.map(read_map_settings("circle"))
    assert circle == MetricLearning(loss="circle", margin=0.25)
    assert paper.map(FULL) == small.map(FULL) == FULL
    no_map = NoMap(subtract_mean=True)
    assert paper.map(no_map) is no_map
    assert small.map(read_map_settings("mlp-2")) == read_map_settings("mlp-2")


def test_images_are_the_same_read_at_once_or_as_needed(
    tmp_path: Path, write_photos: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_photos(5)  # type: ignore[operator]
    held = ResizedImages.open(paths, 32)
    assert isinstance(held, np.ndarray)
    monkeypatch.setattr(networks, "HELD", 0)
    files = ResizedImages.open(paths, 32)
    assert isinstance(files, ResizedImages)
    assert (files.shape, files.dtype, len(files)) == (held.shape, held.dtype, 5)
    assert math.prod(files.shape) == held.size
    np.testing.assert_array_equal(files[1:4], held[1:4])
    np.testing.assert_array_equal(files[np.array([4, 0, 4])], held[[4, 0, 4]])
    np.testing.assert_array_equal(held[2], decode(read_bytes(paths[2]), 32).image)
