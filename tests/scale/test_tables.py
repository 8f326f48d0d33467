"""The tables that a plan reads: what is refused of one that is damaged, by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from originid.errors import InputError
from originid.scale.expected import read_expected
from originid.scale.tables import FOLDER, read_constants

Change = Callable[[Any], Any]


def changed(tmp_path: Path, name: str, change: Change) -> Path:
    """A packaged table after a change."""
    table = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    change(table)
    path = tmp_path / name
    path.write_text(json.dumps(table), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.update(format=2), "format 2, this version reads 1"),
        (lambda t: t.pop("embedding"), "it lacks 'embedding'"),
        (lambda t: t["engines"].update(folder=None), "it lacks the engine folder"),
        (lambda t: t["engines"].update(folder=[]), "needs sizes that differ"),
        (lambda t: t["engines"]["folder"].append(t["engines"]["folder"][0]), "needs sizes that"),
        (lambda t: t["engines"]["folder"][0].update(query_s=-1), "query_s is '-1'"),
        (lambda t: t["engines"]["folder"][0].update(references=0), "references is '0'"),
        (lambda t: t["engines"]["folder"][0].pop("recall"), None),  # of the largest size only
        (lambda t: t["embedding"][0].update(per_second=0), "per_second is '0'"),
        (lambda t: t.update(engines=3), "an entry is of another kind"),
    ],
)
def test_constants_that_are_none(change: Change, reason: str | None, tmp_path: Path) -> None:
    path = changed(tmp_path, "constants.json", change)
    if reason is None:
        read_constants(path)
        return
    with pytest.raises(InputError) as caught:
        read_constants(path)
    assert caught.value.given.startswith(f"{path}: ")
    assert reason in caught.value.given


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t["acc"].pop("moved"), "it lacks 'moved'"),
        (lambda t: t["acc"]["all"].update(points=[]), "sizes of a curve must rise"),
        (lambda t: t["acc"]["all"]["points"].reverse(), "sizes of a curve must rise"),
        (lambda t: t["verdicts"]["right"]["points"][0].update(value=None), "value is 'None'"),
    ],
)
def test_expectations_that_are_none(change: Change, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        read_expected(changed(tmp_path, "expected.json", change))


def test_engines_that_a_table_does_not_name_are_not_measured(tmp_path: Path) -> None:
    path = changed(tmp_path, "constants.json", lambda t: t["engines"].pop("milvus"))
    assert read_constants(path).engines["milvus"] is None
