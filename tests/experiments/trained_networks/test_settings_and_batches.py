"""Settings of trained networks as a table of bad values, and batches of similar classes."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.errors import InputError

pytest.importorskip("torch", reason="the package of trained networks needs the extra [train]")

from originid.experiments.trained_networks.sampling import GraphBatches
from originid.experiments.trained_networks.settings import PAPER, PRESETS, NetworkSettings

VIT, RESNET = PRESETS["vit-cosface"], PRESETS["ibn-net"]
QACONV, TRANSMATCHER = PRESETS["qaconv-gs"], PRESETS["transmatcher"]
WHOLE_0, WHOLE_1 = "a whole number, at least 0", "a whole number, at least 1"


@pytest.mark.parametrize(
    ("base", "name", "value", "expected"),
    [
        (VIT, "network", "swin", "one of vit, resnet"),
        (VIT, "matcher", "dot", "one of cosine, qaconv, transmatcher"),
        (VIT, "width", 0, WHOLE_1),
        (VIT, "patch", -8, WHOLE_1),
        (VIT, "neck", 0, WHOLE_1),
        (VIT, "layers", 0, WHOLE_1),
        (VIT, "hidden", 0, WHOLE_1),
        (VIT, "depth", (4, 4), "1 to 1 numbers, each at least 1"),
        (VIT, "depth", (0,), "1 to 1 numbers, each at least 1"),
        (RESNET, "depth", (1, 1, 1, 1, 1), "1 to 4 numbers, each at least 1"),
        (RESNET, "depth", (1, 0, 1), "1 to 4 numbers, each at least 1"),
        (VIT, "side", 63, "a multiple of 8"),
        (VIT, "side", 0, "a multiple of 8"),
        (RESNET, "side", 40, "a multiple of 16"),
        (QACONV, "side", 12, "a multiple of 8"),
        (VIT, "heads", 3, "a divisor of 64"),
        (VIT, "heads", 0, "a divisor of 64"),
        (TRANSMATCHER, "heads", 5, "a divisor of 32"),
        (RESNET, "heads", 0, "a divisor of 32"),
        (VIT, "loss", "pairs", "one of cosface, softmax, circle for cosine"),
        (QACONV, "loss", "circle", "one of pairs for qaconv"),
        (TRANSMATCHER, "loss", "softmax", "one of pairs for transmatcher"),
        (VIT, "scale", 0, "a positive number"),
        (VIT, "margin", -0.1, "a number, at least 0"),
        (VIT, "margin", math.inf, "a number, at least 0"),
        (VIT, "origins_per_batch", 1, "a whole number, at least 2"),
        (VIT, "images_per_origin", 0, "a whole number, at least 2"),
        (VIT, "steps", -1, WHOLE_0),
        (VIT, "graph_steps", 1, "0, or for the loss pairs a number of steps"),
        (QACONV, "graph_steps", -1, "0, or for the loss pairs a number of steps"),
        (VIT, "rate", math.inf, "a positive number"),
        (VIT, "warmup", -1, WHOLE_0),
        (VIT, "ema", 1, "a number in [0, 1)"),
        (VIT, "seed", -1, WHOLE_0),
        (VIT, "flip", 1, "a value of type bool"),
        (VIT, "weights", None, "a value of type str"),
        (VIT, "depth", (4.0,), "a value of type tuple"),
        (VIT, "depth", (True,), "a value of type tuple"),
    ],
)
def test_a_bad_value_is_named_with_its_range(
    base: NetworkSettings, name: str, value: Any, expected: str
) -> None:
    with pytest.raises(InputError) as caught:
        replace(base, **{name: value})
    assert caught.value.given == f"{name} = {value!r}"
    assert caught.value.expected == f"expected {expected}"
    assert caught.value.todo == f"choose another {name}"


def test_a_resnet_without_attention_may_have_any_number_of_heads() -> None:
    assert replace(RESNET, heads=5).heads == 5


@pytest.mark.parametrize("name", PAPER)
def test_the_map_of_features_has_whole_positions(name: str) -> None:
    for each in (PRESETS[name], PAPER[name]):
        assert each.places == (each.side // each.reduction) ** 2
        rates = [each.rate_at(step) for step in range(0, each.steps, max(1, each.steps // 50))]
        assert max(rates) <= each.rate
        assert min(rates) > 0
        assert each.rate_at(each.steps) == pytest.approx(0)


def batches_of(classes: list[int], origins: int) -> GraphBatches:
    return GraphBatches(np.array(classes), origins=origins, images=2, seed=5)


@settings(max_examples=40)
@given(st.integers(2, 7), st.integers(2, 5), st.integers(0, 99))
def test_a_batch_is_the_anchor_and_what_a_sort_finds(count: int, origins: int, seed: int) -> None:
    classes = [c for c in range(count) for _ in range(3)]
    scores = np.random.default_rng(seed).random((count, count)).astype(np.float32)
    batches = batches_of(classes, origins)
    drawn = list(batches.near(np.arange(count), scores, 0, count))
    anchors = []
    for rows in drawn:
        found = [classes[row] for row in rows[:, 0]]
        anchors.append(found[0])
        others = [other for other in range(count) if other != found[0]]
        ranked = sorted(others, key=lambda other: -scores[found[0], other])
        assert found[1:] == ranked[: origins - 1]
        for c, (first, second) in zip(found, rows, strict=True):
            assert classes[first] == classes[second] == c
            assert first != second
    assert sorted(anchors) == list(range(count))  # each class is the anchor once in a round


def test_the_graph_may_hold_some_of_the_classes() -> None:
    batches = batches_of([4, 4, 7, 7, 9, 9, 2, 2], 2)
    chosen = np.array([0, 2, 3])  # the classes 2, 7 and 9
    scores = np.array([[9, 1, 2], [3, 9, 1], [0, 1, 9]], np.float32)
    found = {tuple(rows[:, 0] // 2) for rows in batches.near(chosen, scores, 1, 3)}
    assert found == {(3, 2), (1, 3), (2, 1)}  # in the order of the rows: 4, 7, 9, 2


def test_no_steps_are_no_batches_and_epochs_differ() -> None:
    batches, scores = batches_of([0, 0, 0, 1, 1, 1], 2), np.ones((2, 2), np.float32)
    assert list(batches.near(np.arange(2), scores, 0, 0)) == []
    one, again, other = (
        np.array(list(batches.near(np.arange(2), scores, epoch, 20))) for epoch in (0, 0, 1)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
