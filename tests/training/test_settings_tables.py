"""What settings say about a bad value: the value, the range in words, and what to do."""

import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.encoders import open_encoder
from originid.errors import InputError
from originid.training.closed_form import ClosedForm
from originid.training.distillation.settings import Distillation
from originid.training.fitting import FULL, basis_for, read_map_settings
from originid.training.metric.settings import PRESETS, MetricLearning
from originid.training.settings import Checked, read_settings, warmed_cosine

WHOLE_0 = "expected a whole number, at least 0"
WHOLE_1 = "expected a whole number, at least 1"
DECAY = "expected a number in [0, 1)"
POSITIVE = "expected a positive number"
INT, FLOAT = "expected a value of type int", "expected a value of type float"

DISTILLATION: list[tuple[str, Any, str]] = [
    *((name, 0, WHOLE_1) for name in ("fine", "coarse", "batch", "epochs", "steps_per_epoch")),
    *((name, -1, WHOLE_0) for name in ("fine_blocks", "coarse_blocks", "crops", "warmup", "seed")),
    *((name, 2.0, INT) for name in ("fine", "batch", "warmup", "seed")),
    *((name, "3", INT) for name in ("coarse", "epochs")),
    *((name, None, INT) for name in ("crops", "steps_per_epoch")),
    *((name, False, INT) for name in ("fine_blocks", "seed")),
    *(("rate", value, "expected a number in (0, 1)") for value in (0, 1, -0.1, math.nan, math.inf)),
    *(("ema", value, DECAY) for value in (1, 1.5, -1e-9, math.nan)),
    *(("map_weight", value, "expected a number, at least 0") for value in (-1, math.nan, math.inf)),
    *((name, True, FLOAT) for name in ("rate", "ema", "map_weight")),
    *((name, "0.5", FLOAT) for name in ("rate", "ema", "map_weight")),
]
METRIC: list[tuple[str, Any, str]] = [
    ("transform", "mlp-8", "expected one of linear, mlp-2, mlp-3, mlp-4, mlp-5, mlp-6, mlp-7, "
     "convolution, attention"),
    ("transform", "Linear", "expected one of linear, "),
    ("transform", None, "expected a value of type str"),
    ("loss", "triplet", "expected one of cosface, softmax, circle"),
    ("loss", ["cosface"], "expected a value of type str"),
    ("start", "", "expected one of random, closed-form"),
    ("dim", -512, "expected null or a whole number, at least 1"),
    ("dim", 512.0, "expected a value of type int | None"),
    ("sampled_classes", 0, "expected null or a whole number, at least 2"),
    ("sampled_classes", 2.5, "expected a value of type int | None"),
    ("scale", -64, POSITIVE),
    ("scale", math.inf, POSITIVE),
    ("rate", -1e-3, POSITIVE),
    ("rate", math.nan, POSITIVE),
    ("margin", 1, DECAY),
    ("margin", math.nan, DECAY),
    ("ema", -0.5, DECAY),
    ("ema", 2, DECAY),
    ("origins_per_batch", 1, "expected a whole number, at least 2"),
    ("images_per_origin", -4, WHOLE_1),
    ("steps_per_epoch", 0, WHOLE_1),
    ("epochs", -1, WHOLE_0),
    ("warmup", -1, WHOLE_0),
    ("seed", -1, WHOLE_0),
    ("hold", 4, "expected at least as many epochs as warmup"),
    ("centre", 0, "expected a value of type bool"),
    ("centre", "true", "expected a value of type bool"),
]  # fmt: skip
TABLE = [
    *((Distillation, *row) for row in DISTILLATION),
    *((MetricLearning, *row) for row in METRIC),
]


@pytest.mark.parametrize(("kind", "name", "value", "expected"), TABLE)
def test_the_error_says_value_range_and_way_out(
    kind: type[Checked], name: str, value: Any, expected: str
) -> None:
    with pytest.raises(InputError) as caught:
        kind(**{name: value})
    assert caught.value.given == f"{name} = {value!r}"
    assert caught.value.expected.startswith(expected)
    assert caught.value.todo == f"choose another {name}"


@pytest.mark.parametrize("kind", [Distillation, MetricLearning])
def test_every_number_has_a_range(kind: type[Checked]) -> None:
    named = {each.name for each in fields(kind) if each.type in (int, float)}  # type: ignore[arg-type]
    assert named <= set(kind().ranges())
    assert set(kind().ranges()) <= {each.name for each in fields(kind)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"fine_blocks": 0, "coarse_blocks": 0, "crops": 0, "warmup": 0}, Distillation),
        ({"rate": 0.999, "ema": 0, "map_weight": 0}, Distillation),
        (
            {"dim": None, "sampled_classes": None, "epochs": 0, "warmup": 0, "hold": 0},
            MetricLearning,
        ),
        ({"scale": 64, "margin": 0, "ema": 0, "sampled_classes": 2, "dim": 1}, MetricLearning),
    ],
)
def test_the_ends_of_ranges_are_allowed(settings: dict[str, Any], kind: type[Checked]) -> None:
    made = kind(**settings)
    assert {name: getattr(made, name) for name in settings} == settings


def test_the_steps_of_distillation_are_those_of_all_epochs() -> None:
    assert Distillation(epochs=3, steps_per_epoch=7).steps == 21


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("cutoff", value) for value in (0, -1.0, math.nan)),
        *(("blend", value) for value in (1, -0.01, math.nan)),
        *(("tilt", value) for value in (math.inf, -math.inf, math.nan)),
        *(("natural_share", value) for value in (-0.1, 1.1, math.nan)),
        *(("clip", value) for value in (0, -3, math.nan)),
        ("rank", -1),
        ("dim", 0),
    ],
)
def test_the_closed_form_names_the_value_and_its_range(name: str, value: float) -> None:
    with pytest.raises(InputError) as caught:
        ClosedForm(**{name: value})  # type: ignore[arg-type]
    assert caught.value.given == f"{name} = {value}"
    assert caught.value.expected.startswith("expected a ")
    assert "number" in caught.value.expected
    assert caught.value.todo == f"choose another {name}"


@pytest.mark.parametrize("cutoff", [(), (20, 0), (20, -1.0), (20, "10"), "20", [20]])
def test_cutoffs_are_one_number_or_some(cutoff: Any) -> None:
    with pytest.raises(InputError, match="cutoff"):
        ClosedForm(cutoff=cutoff)


def test_each_block_may_have_a_cutoff_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"preset": "full", "cutoff": [6, 5, 4, 3, 2], "rank": 0}')
    settings = read_map_settings(str(tmp_path / "s.json"))
    assert settings == replace(FULL, cutoff=(6, 5, 4, 3, 2), rank=0)
    assert isinstance(settings, ClosedForm)
    assert basis_for(open_encoder("colours+edges"), settings).cutoffs == (6, 5, 4, 3, 2)
    with pytest.raises(InputError, match=r"5 cutoffs for the encoder pixels\n.*or 1: one for each"):
        basis_for(open_encoder("pixels"), settings)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"nul", b'{"rate": 1}}'],
    ids=["empty", "open", "no text", "deep", "a word", "too much"],
)
def test_a_file_that_is_no_json_says_what_to_check(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_settings(tmp_path / "s.json", PRESETS)
    assert str(tmp_path / "s.json") in caught.value.given
    assert caught.value.expected == "expected a file with one JSON object"
    assert caught.value.todo.startswith("check the path and the commas")


@pytest.mark.parametrize("value", [None, {}, [], 3, ["paper"], "", "Paper"])
def test_a_preset_must_be_one_of_the_names(value: Any, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps({"preset": value}))
    with pytest.raises(InputError) as caught:
        read_settings(tmp_path / "s.json", PRESETS)
    assert caught.value.given == f"preset {value!r}"
    assert caught.value.expected == f"expected one of {', '.join(PRESETS)}"
    meant = "paper" in str(value).lower()
    assert caught.value.todo == ("did you mean paper?" if meant else "check its spelling")


def test_without_a_preset_the_first_is_changed(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"epochs": 3}')
    assert read_settings(tmp_path / "s.json", PRESETS) == MetricLearning(epochs=3)
    swapped = {"cosface": PRESETS["cosface"], "paper": PRESETS["paper"]}
    assert read_settings(tmp_path / "s.json", swapped).origins_per_batch == 64


@given(st.integers(1, 300), st.integers(0, 300))
def test_a_warmed_rate_rises_and_falls_once(steps: int, warmup: int) -> None:
    rates = [warmed_cosine(0.5, step, steps, warmup) for step in range(steps)]
    assert all(0 < rate <= 0.5 for rate in rates)
    peak = rates.index(max(rates))
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)


def test_a_warmed_rate_by_hand() -> None:
    rates = [warmed_cosine(2.0, step, 4, 2) for step in range(5)]
    assert rates == pytest.approx([1.0, 1 + 0.5**0.5, 1.0, 1 - 0.5**0.5, 0.0])
    assert warmed_cosine(2.0, 0, 4, 0) == 2.0
