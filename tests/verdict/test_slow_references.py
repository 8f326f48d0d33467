"""Leads, tails, information and margins against definitions that are written out in full."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from originid.errors import InputError
from originid.verdict.information import BEND, LITTLE, information, tells
from originid.verdict.lead import (
    COPY_LEAD,
    LARGE,
    LEAST,
    LISTED,
    LOWEST,
    MOST_COPIES,
    SMALL,
    SOFTENING,
    leads,
    ranks,
    smallness,
    usual,
    without_copies,
)
from originid.verdict.margins import CELLS, content_cells, framed, with_unknown
from originid.verdict.strangers import (
    CUT,
    GRID,
    LEAST_LEADS,
    PRIOR_COUNT,
    PRIOR_SCALE,
    TAIL_SHARE,
    StrangersTail,
    fit_strangers,
    robust_scale,
)

sizes = st.sampled_from([LEAST, 40, SMALL, 150, 200, LARGE, 6000, 10**6])


def lists(seed: int, rows: int, columns: int) -> np.ndarray:
    """Scores between -0.2 and 1, descending in each row."""
    drawn = np.random.default_rng(seed).uniform(-0.2, 1, (rows, columns))
    return -np.sort(-drawn, axis=1)


def slow_lead(row: list[float], references: int) -> float:
    """The lead of the first of a list of scores over the others, in the words of the method."""
    small = min(1, max(0, math.log(400 / references) / math.log(4)))
    lowest = 0.05**small * 0.02 ** (1 - small)
    best, *others = [math.log(max(score, lowest)) for score in row]
    at, count = min(20, max(3, references // 8)), min(40, max(6, references // 4))
    excesses = [other - others[count] for other in others[:count]]
    spread = max(sum(excesses) / count, 0.15 * small) + 0.02
    return (best - others[at]) / spread


@given(st.integers(0, 10**6), sizes)
def test_leads_are_those_of_the_definition(seed: int, references: int) -> None:
    rows = lists(seed, 5, LISTED)
    expected = [slow_lead(row, references) for row in rows.tolist()]
    np.testing.assert_allclose(leads(rows, references), expected, rtol=1e-9, atol=1e-9)


@given(st.integers(0, 10**6), sizes)
def test_a_table_of_scores_has_the_leads_of_its_columns(seed: int, references: int) -> None:
    rows = lists(seed, 4, LISTED)
    found = usual(rows[:, 1:], references)
    table = found.lead(rows[:, :3])
    assert table.shape == (4, 3)
    for column in range(3):
        np.testing.assert_array_equal(table[:, column], found.lead(rows[:, column]))
    assert (np.diff(table, axis=1) <= 0).all()


@given(st.integers(0, 10**6), st.sampled_from([LARGE, 10**6]), st.floats(1, 40))
def test_only_ratios_of_scores_matter_in_a_large_collection(
    seed: int, references: int, factor: float
) -> None:
    rows = np.abs(lists(seed, 3, LISTED)) + 0.05
    rows = -np.sort(-rows, axis=1)
    assert rows.min() > LOWEST[1]
    np.testing.assert_allclose(leads(factor * rows, references), leads(rows, references))


@pytest.mark.parametrize("references", [LEAST, 150, 10**6])
def test_noise_alone_leads_by_nothing(references: int) -> None:
    """Scores below the lowest that counts are all the same, so none of them stands out."""
    noise = np.linspace(0.019, -1, LISTED)[None]
    assert leads(noise, references).tolist() == [0.0]
    assert usual(noise[:, 1:], references).spread[0] >= SOFTENING


def slow_without_copies(row: list[float], references: int) -> list[float]:
    """The longest head of a list that stands out from what is below it, taken off."""
    filled = [*row, *[-1.0] * (LISTED + MOST_COPIES)][: LISTED + MOST_COPIES]
    heads = [
        count
        for count in range(1, MOST_COPIES + 1)
        if slow_lead(filled[count - 1 : count - 1 + LISTED], references) > COPY_LEAD
    ]
    copies = max(heads, default=0)
    return filled[copies : copies + LISTED]


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(0, MOST_COPIES + 2), sizes)
def test_copies_are_taken_off_as_one_would_by_hand(seed: int, copies: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.full((3, LISTED + MOST_COPIES), 0.1) * rng.uniform(0.95, 1, (3, 54))
    rows[:, :copies] = 0.9
    rows = -np.sort(-rows, axis=1)
    expected = [slow_without_copies(row, size) for row in rows.tolist()]
    np.testing.assert_array_equal(without_copies(rows, size), expected)
    if 0 < copies <= MOST_COPIES and size >= LARGE:
        assert without_copies(rows, size).max() < 0.11


@pytest.mark.parametrize("columns", [1, 10, LISTED, LISTED + MOST_COPIES, 64])
def test_short_and_long_lists_have_one_length(columns: int) -> None:
    rows = lists(3, 2, columns) * 0.001 + 0.5
    found = without_copies(rows, 5000)
    assert found.shape == (2, LISTED)
    assert (found >= -1).all()


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_a_larger_collection_is_never_smaller(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert 0 <= smallness(high) <= smallness(low) <= 1
    assert ranks(low) <= ranks(high)
    assert ranks(low)[0] < ranks(low)[1]


# The tail of leads.


def tail(**changes: Any) -> StrangersTail:
    fields: dict[str, Any] = {
        "body": tuple(np.linspace(-1, 2, len(GRID)).tolist()),
        "share": 0.2,
        "scale": 0.5,
        "weight": 15.0,
        "sampled": 100,
    }
    return StrangersTail(**{**fields, **changes})


@given(st.floats(2, 60), st.floats(0.05, 3), st.floats(1, 40), st.floats(0.01, 1))
def test_the_tail_is_lomax_as_scipy_has_it(
    lead: float, scale: float, weight: float, share: float
) -> None:
    made = tail(scale=scale, weight=weight, share=share)
    expected = share * stats.lomax.sf((lead - 2) / (scale * weight), weight)
    assert made.false_match_rate(lead) == pytest.approx(expected, rel=1e-9)


@given(st.floats(-3, 1.99))
def test_the_body_is_read_between_its_quantiles(lead: float) -> None:
    below = min(1.0, max(0.0, (lead + 1) / 3))  # the body of `tail` is uniform from -1 to 2
    assert tail().false_match_rate(lead) == pytest.approx(1 - 0.8 * below)


def test_the_body_meets_the_tail() -> None:
    made = tail()
    just_below = float(made.false_match_rate(np.nextafter(2.0, 0)))
    assert just_below == pytest.approx(float(made.false_match_rate(2.0))) == 0.2


@given(st.floats(1e-9, 0.2), st.floats(0.1, 2), st.floats(1, 30))
def test_a_lead_and_its_rate_are_inverse(rate: float, scale: float, weight: float) -> None:
    made = tail(scale=scale, weight=weight)
    assert made.false_match_rate(made.lead(rate)) == pytest.approx(rate, rel=1e-9)
    assert made.lead(rate) >= made.body[-1]


@pytest.mark.parametrize("count", [LEAST_LEADS, 21, 99, 512])
def test_a_fifth_of_the_leads_and_one_lie_in_the_tail(count: int) -> None:
    sample = np.random.default_rng(count).normal(size=count)
    made = fit_strangers(sample)
    beyond = int((sample > made.body[-1]).sum())
    assert beyond == math.floor(TAIL_SHARE * count)
    assert made.share == (beyond + 1) / (count + 1)
    assert made.body[0] == sample.min()
    assert made.sampled == count
    # Half of the sample has at least the middle lead, give or take what interpolation does.
    middle = float(made.false_match_rate(np.median(sample)))
    assert middle == pytest.approx(0.5, abs=1.5 / LEAST_LEADS)


@given(st.lists(st.floats(0, 50), max_size=100))
def test_the_robust_scale_is_a_fixed_point_between_its_bounds(excesses: list[float]) -> None:
    scale = robust_scale(excesses)
    cut = sum(min(excess, CUT * scale) for excess in excesses) / (1 - math.exp(-CUT))
    weight = PRIOR_COUNT + len(excesses)
    assert scale == pytest.approx((PRIOR_COUNT * PRIOR_SCALE + cut) / weight, rel=2e-3)
    assert scale >= PRIOR_COUNT * PRIOR_SCALE / weight


def test_the_robust_scale_of_an_odd_sample_is_reached() -> None:
    """Where half of the excesses are cut, each iteration comes only a little nearer."""
    excesses = np.repeat([0.3, 40.0], [8, 10])
    scale = robust_scale(excesses)
    cut = np.minimum(excesses, CUT * scale).sum() / (1 - math.exp(-CUT))
    expected = (PRIOR_COUNT * PRIOR_SCALE + cut) / (PRIOR_COUNT + 18)
    assert scale == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "bad",
    [
        {"share": 0.0},
        {"share": 1.1},
        {"scale": 0.0},
        {"scale": -1.0},
        {"weight": 0.0},
        {"weight": math.inf},
        {"body": ()},
        {"body": (0.0,) * (len(GRID) + 1)},
        {"body": tuple(np.linspace(2, -1, len(GRID)).tolist())},
        {"body": (math.nan,) * len(GRID)},
    ],
    ids=str,
)
def test_a_tail_that_no_fit_gives_is_refused_in_three_parts(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        tail(**bad)
    error = caught.value
    assert "StrangersTail(" in error.given
    assert f"{len(GRID)} ascending leads" in error.expected
    assert error.todo == "calibrate the collection again"


def test_too_few_leads_are_refused_in_three_parts() -> None:
    with pytest.raises(InputError) as caught:
        fit_strangers(np.arange(LEAST_LEADS - 1.0))
    error = caught.value
    assert error.given == "19 leads of strangers"
    assert error.expected == "expected at least 20, all finite"
    assert error.todo == "calibrate by the model's own tail"


# Information and margins.


def slow_information(picture: np.ndarray) -> float:
    """The share of the cells in which a pixel inside differs from its neighbours' mean."""
    values = picture.astype(float)
    cells = np.zeros((CELLS, CELLS), bool)
    for y in range(1, 63):
        for x in range(1, 63):
            upright = abs(values[y, x] - (values[y - 1, x] + values[y + 1, x]) / 2)
            across = abs(values[y, x] - (values[y, x - 1] + values[y, x + 1]) / 2)
            if max(upright.max(), across.max()) >= BEND:
                cells[y // 2, x // 2] = True
    return float(cells.mean())


@pytest.mark.parametrize("spread", [0, 3, 6, 8, 12, 255])
def test_information_is_that_of_the_definition(spread: int) -> None:
    rng = np.random.default_rng(spread)
    pictures = rng.integers(0, spread + 1, (2, 64, 64, 3)).astype(np.uint8)
    pictures[1, 20:] = 200
    found = information(pictures)
    assert found == pytest.approx([slow_information(each) for each in pictures])
    np.testing.assert_array_equal(information(255 - pictures), found)
    np.testing.assert_array_equal(information(pictures[:, :, ::-1]), found)
    np.testing.assert_array_equal(information(pictures.transpose(0, 2, 1, 3)), found)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_a_higher_score_never_tells_less(
    query: float, reference: float, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert tells(query, reference, low) <= tells(query, reference, high)
    assert not tells(query, min(reference, LITTLE / 2), high)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize(("top", "bottom"), [(10, 0), (0, 12), (6, 14)])
def test_bars_of_any_sides_are_found_and_left_out(turns: int, top: int, bottom: int) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    picture[:top] = 20
    picture[64 - bottom :] = 20
    turned = np.ascontiguousarray(np.rot90(picture, turns))
    assert framed(turned[None]).tolist() == [True]
    content = np.rot90(content_cells(turned), -turns)
    assert not content[: top // 2].any()
    assert not content[CELLS - bottom // 2 :].any()
    assert content[top // 2 + 2 : CELLS - bottom // 2 - 2].all()


def test_each_picture_of_a_batch_is_judged_by_itself() -> None:
    busy = np.random.default_rng(6).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    bar = busy.copy()
    bar[:9] = 0
    blank = np.zeros_like(busy)
    batch = np.stack([busy, bar, blank, bar[::-1], busy])
    assert framed(batch).tolist() == [False, True, False, True, False]
    assert framed(batch[:0]).shape == (0,)


def test_unknown_cells_are_those_of_every_channel() -> None:
    rng = np.random.default_rng(7)
    latents = rng.normal(size=(2, 3 * CELLS * CELLS)).astype(np.float32)
    mean = rng.normal(size=3 * CELLS * CELLS).astype(np.float32)
    known = rng.random((2, CELLS, CELLS)) < 0.5
    found = with_unknown(latents, mean, known)
    for row in range(2):
        for place in range(3 * CELLS * CELLS):
            cell = place % (CELLS * CELLS)
            source = latents[row] if known[row].flat[cell] else mean
            assert found[row, place] == source[place]
