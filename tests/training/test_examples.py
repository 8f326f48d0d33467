"""Examples of pairs and of classes, beside loops over single pairs."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.latents.stores import ArrayStore
from originid.training import examples as module
from originid.training.examples import (
    PairExamples,
    group_numbers,
    group_weights,
    natural_mean,
)
from originid.types import Floats32

GROUPS = st.lists(st.text("abc", max_size=2), max_size=12)


def latents(n: int = 9) -> Floats32:
    return np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32)


def of_pairs(pairs: list[tuple[int, int, str]], natural: list[int]) -> PairExamples:
    origins, queries = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    rows = np.array(natural, np.int64)
    return PairExamples(ArrayStore(latents()), origins, queries, [p[2] for p in pairs], rows)


@given(GROUPS)
def test_every_group_weighs_the_same(groups: list[str]) -> None:
    weight: dict[str, float] = defaultdict(float)
    for group, each in zip(groups, group_weights(groups), strict=True):
        weight[group] += each
    assert all(total == pytest.approx(1) for total in weight.values())
    assert set(weight) == set(groups)


@given(GROUPS)
def test_groups_are_numbered_as_they_first_appear(groups: list[str]) -> None:
    first = list(dict.fromkeys(groups))
    numbers = group_numbers(groups)
    assert numbers.dtype == np.int64
    assert [first[number] for number in numbers] == groups


@pytest.mark.parametrize("block", [1, 2, 3, 100])
def test_differences_are_those_of_a_loop(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    pairs = [(0, 1, "a"), (0, 2, "a"), (3, 4, "b"), (5, 5, "c"), (0, 1, "a")]
    parts = list(of_pairs(pairs, []).differences())
    assert [len(part[0]) for part in parts] == [
        min(block, 5 - start) for start in range(0, 5, block)
    ]
    changes, weights, numbers = (np.concatenate(each) for each in zip(*parts, strict=True))
    assert np.array_equal(changes, [latents()[q] - latents()[o] for o, q, _ in pairs])
    assert weights.tolist() == pytest.approx([1 / 3, 1 / 3, 1, 1, 1 / 3])
    assert numbers.tolist() == [0, 0, 1, 2, 0]


@pytest.mark.parametrize("block", [1, 4, 100])
def test_the_natural_mean_does_not_depend_on_the_blocks(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    rows = [8, 1, 1, 5, 2, 7, 0]
    found = natural_mean(of_pairs([(0, 1, "a")], rows))
    assert found.dtype == np.float32
    assert np.allclose(found, latents()[rows].mean(axis=0))


def test_without_natural_images_the_mean_is_zero() -> None:
    assert natural_mean(of_pairs([(0, 1, "a")], [])).tolist() == [0] * 4


def test_the_natural_mean_is_summed_in_double_precision() -> None:
    values = np.full((3000, 1), 16_777_216, np.float32)  # 2^24: one more is lost in float32
    values[1::2] += 2
    rows = np.arange(3000)
    examples = PairExamples(ArrayStore(values), rows[:1], rows[1:2], ["a"], rows)
    assert natural_mean(examples).tolist() == [np.float32(16_777_217)]


def test_an_image_of_several_pairs_is_one_sample_of_its_first_group() -> None:
    pairs = [(3, 1, "b"), (3, 2, "b"), (0, 1, "a"), (1, 5, "c")]
    samples = of_pairs(pairs, []).samples
    assert np.array_equal(samples.take(np.arange(5)), latents()[[0, 1, 2, 3, 5]])
    # Origins come before queries, so row 1 has the class of the pair whose origin it is.
    assert samples.classes.tolist() == [1, 2, 0, 0, 2]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.text("ab", min_size=1)),
                min_size=1, max_size=10))  # fmt: skip
def test_samples_hold_each_row_once(pairs: list[tuple[int, int, str]]) -> None:
    samples = of_pairs(pairs, []).samples
    rows = sorted({row for origin, query, _ in pairs for row in (origin, query)})
    assert len(samples.classes) == len(rows)
    assert np.array_equal(samples.take(np.arange(len(rows))), latents()[rows])
    groups = list(dict.fromkeys(group for *_, group in pairs))
    for row, number in zip(rows, samples.classes, strict=True):
        assert any(row in pair[:2] and pair[2] == groups[number] for pair in pairs)
