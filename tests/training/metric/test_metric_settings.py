"""Settings of metric learning: the official recipe, and what is refused."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from originid.errors import InputError
from originid.training.metric.settings import PRESETS, MetricLearning
from originid.training.settings import read_settings


def test_the_preset_paper_is_the_official_recipe() -> None:
    assert asdict(PRESETS["paper"]) == {
        "transform": "linear",
        "loss": "cosface",
        "dim": 512,
        "scale": 64.0,
        "margin": 0.35,
        "sampled_classes": None,
        "origins_per_batch": 128,
        "images_per_origin": 4,
        "epochs": 25,
        "steps_per_epoch": 2000,
        "rate": 3.5e-4,
        "warmup": 5,
        "hold": 10,
        "ema": 0.9999,
        "seed": 0,
        "centre": False,
        "start": "random",
    }


def test_the_official_schedule() -> None:
    rates = [PRESETS["paper"].rate_at(epoch) for epoch in range(25)]
    assert rates[:5] == pytest.approx([3.5e-6, 7.28e-5, 1.421e-4, 2.114e-4, 2.807e-4])
    assert rates[5:11] == [3.5e-4] * 6
    assert rates[11] == pytest.approx(3.46e-4, abs=1e-6)
    assert rates[24] == pytest.approx(3.8e-6, abs=1e-7)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_a_schedule_of_other_lengths() -> None:
    settings = MetricLearning(epochs=4, warmup=0, hold=2, rate=1.0)
    assert [settings.rate_at(e) for e in range(4)] == pytest.approx([1, 1, 1, 0.5])
    assert MetricLearning(epochs=3, warmup=5, hold=10).rate_at(2) == pytest.approx(1.421e-4)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_written_and_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"preset": name, "seed": 3}))
    assert read_settings(path, PRESETS) == replace(PRESETS[name], seed=3)
    path.write_text(json.dumps(asdict(PRESETS[name])))
    assert read_settings(path, PRESETS) == PRESETS[name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transform", "mlp-8"),
        ("loss", "arcface"),
        ("dim", 0),
        ("dim", 1.5),
        ("dim", True),
        ("dim", "512"),
        ("scale", 0),
        ("scale", math.nan),
        ("margin", 1.0),
        ("margin", -0.1),
        ("sampled_classes", 1),
        ("sampled_classes", True),
        ("origins_per_batch", 1),
        ("images_per_origin", 0),
        ("epochs", -1),
        ("steps_per_epoch", 0),
        ("rate", 0.0),
        ("rate", math.inf),
        ("warmup", -1),
        ("hold", 4),
        ("ema", 1.0),
        ("seed", -1),
        ("centre", 1),
        ("start", "identity"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name) as caught:
        MetricLearning(**{name: value})
    assert caught.value.expected.startswith("expected ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read"),
        ("[1]", "holds a list"),
        ('{"preset": "papr"}', "preset 'papr'\nexpected one of paper, "),
        ('{"preset": ["paper"]}', "preset"),
        ('{"learning_rate": 1}', "setting 'learning_rate'\nexpected one of transform, "),
        ('{"rate": "fast"}', "rate = 'fast'"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    content: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_settings(path, PRESETS)
    assert message in str(caught.value)


def test_settings_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_settings(tmp_path / "none.json", PRESETS)
