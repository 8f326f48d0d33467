"""The plan of a job, counted from rows that were written by hand; and rows as lines."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_maker import SETTINGS
from fixture_types import WritePhotos
from originid.generation.prompts import TemplatePrompts
from originid.generation.sets import plan as module
from originid.generation.sets.plan import plan_job
from originid.generation.sets.rows import ImageSetRow, read_rows, to_json
from originid.generation.sets.run import SetInputs, find_inputs
from originid.generation.sets.shards import SetSettings


@pytest.fixture
def inputs(tmp_path: Path, write_photos: WritePhotos) -> SetInputs:
    """Three origins with two prompts each, at two strengths: twelve images."""
    photos = write_photos(3)[0].parent
    job = replace(SETTINGS, strengths=(0.3, 0.6))
    return find_inputs([photos], tmp_path / "set", SetSettings(), TemplatePrompts(2), job)


def with_rows(
    inputs: SetInputs, monkeypatch: pytest.MonkeyPatch, *changes: dict[str, Any]
) -> SetInputs:
    """Lets the set have rows: those of images of the first origin at 0.3, with changes."""
    sha256, job = inputs.origins[0].sha256, inputs.settings
    made = ImageSetRow("k", sha256, "o", "q", "", job.generator, "", 0.3, job.seed, 2.0, 100)
    rows = [replace(made, **change) for change in changes]
    monkeypatch.setattr(module, "_rows", lambda image_set: iter(rows))
    return inputs


def test_only_what_this_job_would_make_counts_as_made(
    inputs: SetInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = ({"generator": "x"}, {"seed": 9}, {"strength": 0.5}, {"sha256": "0" * 64})
    plan = plan_job(with_rows(inputs, monkeypatch, {}, {}, *others), 64)
    assert (plan.origins, plan.images, plan.made) == (3, 12, 2)
    assert (plan.seconds, plan.bytes) == (10 * 2.0, 10 * 100)


def test_time_is_the_median_and_size_the_mean_of_the_generator(
    inputs: SetInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"seconds": 90.0, "bytes": 10}, {"seconds": 1.0, "bytes": 30}, {"seconds": 3.0}]
    elsewhere = {"seed": 5, "sha256": "0" * 64}  # they take the same time and space
    plan = plan_job(with_rows(inputs, monkeypatch, *({**row, **elsewhere} for row in rows)), 64)
    assert plan.made == 0
    assert plan.seconds == 12 * 3.0
    assert plan.bytes == round(12 * (10 + 30 + 100) / 3)


def test_only_recent_images_tell_the_time(
    inputs: SetInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECENT", 2)
    rows = [{"seconds": 50.0, "bytes": 9, "seed": 5}] * 3 + [{"seconds": 1.0, "bytes": 5}] * 2
    plan = plan_job(with_rows(inputs, monkeypatch, *rows), 64)
    assert (plan.made, plan.seconds, plan.bytes) == (2, 10.0, 50)


def test_images_that_took_no_time_say_nothing_about_it(
    inputs: SetInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_job(with_rows(inputs, monkeypatch, {"seconds": 0.0}), 64)
    assert (plan.made, plan.seconds) == (1, None)


def test_more_rows_than_images_leave_nothing_to_do(
    inputs: SetInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_job(with_rows(inputs, monkeypatch, *[{}] * 20), 64)
    assert (plan.images, plan.made, plan.seconds, plan.bytes) == (12, 12, 0, 0)


TEXT = st.text(max_size=5)
ROWS = st.builds(
    ImageSetRow, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT,
    st.none() | st.floats(0.01, 1), st.integers(0, 2**40), st.floats(0, 1e6), st.integers(0, 2**40),
    TEXT,
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, max_size=4), st.binary(max_size=8).filter(lambda tail: b"\n" not in tail))
def test_rows_come_back_from_their_lines(
    tmp_path: Path, rows: list[ImageSetRow], tail: bytes
) -> None:
    lines = b"".join(line_of(row) for row in rows)
    (tmp_path / "rows.jsonl").write_bytes(lines + tail)
    assert read_rows(tmp_path) == (rows, len(lines))


def line_of(row: ImageSetRow) -> bytes:
    return json.dumps(to_json(row)).encode() + b"\n"


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b'{"keys": 1}', b"[]", b"\xff", b"null", b"1", b'"key"', b"{"]
)
def test_a_line_that_is_no_row_hides_no_other(line: bytes, tmp_path: Path) -> None:
    sound = line_of(ImageSetRow("k", "s", "o"))
    (tmp_path / "rows.jsonl").write_bytes(sound + line + b"\n" + sound)
    rows, end = read_rows(tmp_path)
    assert [row.key for row in rows] == ["k", "k"]
    assert end == 2 * len(sound) + len(line) + 1


def test_a_shard_without_a_file_has_no_rows(tmp_path: Path) -> None:
    assert read_rows(tmp_path) == ([], 0)
