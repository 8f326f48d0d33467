"""P x K batches: which rows a step sees."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.errors import InputError
from originid.training.metric.batches import Batches


def classes_of(counts: list[int], seed: int = 0) -> np.ndarray:
    classes = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).permutation(classes)


@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=12),
    st.integers(2, 6),
    st.integers(1, 5),
    st.integers(0, 3),
)
def test_a_batch_is_k_rows_of_each_of_p_classes(
    counts: list[int], origins: int, images: int, seed: int
) -> None:
    classes = classes_of(counts, seed)
    present = [c for c, count in enumerate(counts) if count]
    if len(present) < 2:
        return
    batches = Batches(classes, origins, images, seed)
    assert batches.origins == min(origins, len(present))
    assert batches.single == counts.count(1)
    for rows in batches.epoch(0, 5):
        assert rows.shape == (batches.origins, images)
        assert rows.dtype == np.int64
        drawn = classes[rows]
        assert (drawn == drawn[:, :1]).all()
        assert len(set(drawn[:, 0])) == batches.origins
        for line, label in zip(rows, drawn[:, 0], strict=True):
            count = counts[label]
            assert len(set(line.tolist())) == min(count, images)
            # All rows of a small class come equally often, give or take one.
            times = np.unique(line, return_counts=True)[1]
            assert times.max() - times.min() <= 1


def test_a_pass_visits_each_class_once() -> None:
    classes = classes_of([3] * 12)
    rows = list(Batches(classes, 4, 2, seed=1).epoch(0, 6))
    for start in (0, 3):
        seen = np.concatenate([classes[each[:, 0]] for each in rows[start : start + 3]])
        assert sorted(seen) == list(range(12))
    first, second = (classes[rows[i][:, 0]].tolist() for i in (0, 3))
    assert first != second


def test_classes_left_over_wait_for_the_next_pass() -> None:
    classes = classes_of([2] * 5)
    rows = list(Batches(classes, 2, 1, seed=0).epoch(0, 2))
    seen = np.concatenate([classes[each[:, 0]] for each in rows])
    assert len(set(seen.tolist())) == 4


def test_an_epoch_depends_on_nothing_but_seed_and_number() -> None:
    classes = classes_of([5] * 20)
    one, other = Batches(classes, 8, 3, seed=7), Batches(classes, 8, 3, seed=7)
    list(one.epoch(0, 9))
    assert np.array_equal(list(one.epoch(4, 6)), list(other.epoch(4, 6)))
    assert np.array_equal(list(one.epoch(4, 6))[:3], list(other.epoch(4, 3)))
    assert not np.array_equal(list(one.epoch(4, 6)), list(one.epoch(5, 6)))
    assert not np.array_equal(list(one.epoch(4, 6)), list(Batches(classes, 8, 3, 8).epoch(4, 6)))


def test_every_row_of_a_class_is_as_likely() -> None:
    batches = Batches(classes_of([7, 7]), 2, 3, seed=0)
    counts = np.zeros(14)
    for rows in batches.epoch(0, 3000):
        counts[rows] += 1
    # 3,000 x 3 draws among 7 rows: 1,286 each, with a deviation of 27.
    assert np.abs(counts - 3000 * 3 / 7).max() < 140


def test_a_hundred_thousand_classes_are_drawn_as_they_are() -> None:
    classes = np.random.default_rng(0).permutation(np.repeat(np.arange(100_000), 21))
    batches = Batches(classes, 128, 4, seed=0)
    seen = np.concatenate([classes[rows[:, 0]] for rows in batches.epoch(0, 781)])
    assert len(np.unique(seen)) == 781 * 128


def test_a_class_with_one_row_repeats_it() -> None:
    batches = Batches(np.array([0, 1, 1]), 2, 4, seed=0)
    rows = next(batches.epoch(0, 1))
    assert batches.single == 1
    assert [0, 0, 0, 0] in rows.tolist()


@pytest.mark.parametrize("classes", [[], [0, 0], [3]])
def test_fewer_than_two_classes_are_refused(classes: list[int]) -> None:
    with pytest.raises(InputError, match=f"{len(set(classes))} origins with images"):
        Batches(np.array(classes, np.int64), 4, 2, seed=0)


def test_a_negative_class_is_refused() -> None:
    with pytest.raises(InputError, match="class -1 of row 1"):
        Batches(np.array([0, -1, 2]), 2, 2, seed=0)


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_settings_and_batches_need_no_torch() -> None:
    code = "import sys, originid.training.metric.settings, originid.training.metric.batches\n"
    assert run(code + "print('torch' in sys.modules)") == "False\n"


@pytest.mark.parametrize("missing", ["torch", "accelerate"])
def test_without_the_extra_its_install_line_is_told(missing: str) -> None:
    code = f"""
import sys
from originid.errors import ExtraError
sys.modules[{missing!r}] = None
try:
    import originid.training.metric.fit
except ExtraError as error:
    print(error.todo)
"""
    assert run(code) == "pip install 'originid[train]'\n"
