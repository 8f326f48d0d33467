"""originid decide, and the decisions that originid show lists."""

import csv
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixture_types import Run
from originid.system.csv_rows import read_rows


@pytest.fixture
def photo(indexed: Path) -> Path:
    return indexed.parent / "photos" / "0003.png"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_decision_is_told_listed_and_forgotten(
    indexed: Path, photo: Path, stranger: Path, run: Run
) -> None:
    command = ("decide", stranger, photo, "--in", indexed)
    status, out, err = run(*command, "--yes", "--note", "seen there")
    assert (status, err) == (0, "")
    assert out == f"remembered: {stranger} was made from {photo}\n"
    assert run(*command, "--no")[1] == f"remembered: {stranger} was not made from {photo}\n"
    assert run(*command, "--yes", "--note", "seen there")[0] == 0
    listed = run("show", indexed, "--decisions")[1].splitlines()[-3:]
    assert listed[0] == "decisions          1"
    assert listed[1].split() == ["date", "decision", "query", "reference", "note"]
    date, decision, query, reference, note = listed[2].split(maxsplit=4)
    assert len(date) == len("2026-11-26")
    assert (decision, query, reference) == ("yes", str(stranger), str(photo))
    assert note == "seen there"
    assert run(*command, "--forget")[1].startswith("forgotten: ")
    assert run("show", indexed, "--decisions")[1].splitlines()[-1] == "decisions          0"
    assert "decisions" not in run("show", indexed)[1]


def test_json(
    indexed: Path, photo: Path, stranger: Path, run_json: Callable[..., Any], run: Run
) -> None:
    made = run_json("decide", stranger, photo, "--no", "--in", indexed)
    assert made == {
        "query": str(stranger),
        "query_sha256": digest(stranger),
        "reference": str(photo),
        "reference_sha256": digest(photo),
        "decision": "no",
        "note": "",
        "decided_at": made["decided_at"],
    }
    assert run_json("show", indexed, "--decisions")["decisions"] == [made]
    assert "decisions" not in run_json("show", indexed)
    assert run("remove", photo, "--from", indexed)[0] == 0
    gone = {**made, "reference": None}
    assert run_json("show", indexed, "--decisions")["decisions"] == [gone]
    assert "(not in the collection)" in run("show", indexed, "--decisions")[1]
    by_digest = ("decide", digest(stranger), digest(photo), "--in", indexed, "--forget")
    assert run_json(*by_digest) == {**gone, "decision": None}


def test_csv_has_no_formulas(
    indexed: Path, photo: Path, stranger: Path, tmp_path: Path, run: Run
) -> None:
    note = '=HYPERLINK("http://x")\nsecond, line'
    assert run("decide", stranger, photo, "--yes", "--in", indexed, "--note", note)[0] == 0
    file = tmp_path / "decisions.csv"
    status, out, _ = run("show", indexed, "--decisions-csv", file)
    assert status == 0
    assert f"written            1 decision to {file}\n" in out
    with file.open(newline="", encoding="utf-8") as opened:
        (row,) = csv.DictReader(opened)
    assert row["note"] == f"'{note}"
    (_, header), (_, cells) = read_rows(file)
    assert cells[header.index("note")] == note  # our own reader takes the apostrophe away
    assert (row["decision"], row["reference"]) == ("yes", str(photo))
    assert row["query_sha256"] == digest(stranger)
    status, _, err = run("show", indexed, "--decisions-csv", tmp_path / "no" / "folder.csv")
    assert status == 1
    assert "cannot write" in err


def test_names_and_notes_cannot_write_to_the_terminal(
    indexed: Path, photo: Path, stranger: Path, run: Run
) -> None:
    odd = stranger.rename(stranger.with_name(os.fsdecode(b"q\x1b[2J\xff.png")))
    status, out, _ = run("decide", odd, photo, "--yes", "--in", indexed, "--note", "a\x1b[2J\nb")
    assert status == 0
    shown = out + run("show", indexed, "--decisions")[1]
    assert "\x1b" not in shown
    assert "q\\x1b[2J\\udcff.png" in shown
    assert "a\\x1b[2J\\nb" in shown
    listed = json.loads(run("show", indexed, "--decisions", "--json")[1])["decisions"]
    assert listed[0]["query"] == str(odd)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "no decision"),
        (["--yes", "--no"], "--yes and --no"),
        (["--yes", "--no", "--forget"], "--yes and --no and --forget"),
        (["--forget", "--note", "x"], "--note with --forget"),
    ],
)
def test_one_decision_is_asked_for(
    indexed: Path, photo: Path, stranger: Path, run: Run, options: list[str], said: str
) -> None:
    status, out, err = run("decide", stranger, photo, "--in", indexed, *options)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {said}\n  expected ")
    assert run("show", indexed, "--decisions")[1].splitlines()[-1] == "decisions          0"


def test_what_cannot_be_decided_is_an_error_of_three_parts(
    indexed: Path, photo: Path, stranger: Path, tmp_path: Path, run: Run
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("no image")
    for query, reference, said in (
        (broken, photo, "broken.jpg cannot be read"),
        (tmp_path / "missing.jpg", photo, "missing.jpg cannot be read: No such file"),
        (photo, stranger, "stranger.png is not in the collection"),
    ):
        status, out, err = run("decide", query, reference, "--yes", "--in", indexed)
        assert (status, out) == (1, "")
        assert said in err
        assert len(err.splitlines()) == 3
    assert f"originid find QUERY --in {indexed}" in err
    status, _, err = run("decide", stranger, photo, "--forget", "--in", indexed)
    assert status == 1
    assert f"originid show {indexed} --decisions" in err


def test_find_follows_decisions(indexed: Path, stranger: Path, run: Run) -> None:
    def find(query: Path, top: int) -> Any:
        return json.loads(run("find", query, "--in", indexed, "--top", top, "--json")[1])

    photo, other = (indexed.parent / "photos" / name for name in ("0001.png", "0002.png"))
    before = find(stranger, 2)
    assert run("decide", stranger, photo, "--yes", "--in", indexed, "--note", "seen")[0] == 0
    answer = find(stranger, 2)
    assert answer["verdict"] == "origin"
    assert answer["reason"].startswith("confirmed on ")
    assert answer["reason"].endswith(": seen")
    assert answer["matches"][0]["reference"] == str(photo)
    run("decide", stranger, photo, "--forget", "--in", indexed)
    assert find(stranger, 2) == before
    for rejected in (photo, other):
        run("decide", rejected, rejected, "--no", "--in", indexed)
    found = find(photo, 30)
    assert str(photo) not in [match["reference"] for match in found["matches"]]
    assert found["verdict"] != "origin"


def test_an_answer_says_that_a_reference_was_rejected(
    indexed: Path, photo: Path, run: Run, run_json: Callable[..., Any]
) -> None:
    assert "rejected" not in run_json("find", photo, "--in", indexed)["reason"]
    made = run_json("decide", photo, photo, "--no", "--in", indexed)
    status, out, _ = run("find", photo, "--in", indexed, "--json")
    answer = json.loads(out)
    assert (status, answer["verdict"] == "origin") == (3, False)
    day = made["decided_at"][:10]
    told = f"; 1 reference was rejected for this picture, or nearly the same one, on {day}"
    assert answer["reason"].endswith(told)
    assert told in run("find", photo, "--in", indexed)[1]


@pytest.fixture
def elsewhere(indexed: Path, tmp_path: Path, run: Run) -> Path:
    """Another collection of the same photos."""
    assert run("index", indexed.parent / "photos", "--into", tmp_path / "elsewhere")[0] == 0
    return tmp_path / "elsewhere"


def test_decisions_are_taken_into_another_collection(
    indexed: Path, elsewhere: Path, photo: Path, stranger: Path, tmp_path: Path,
    run: Run, run_json: Callable[..., Any],
) -> None:  # fmt: skip
    copy = tmp_path / "moved away.png"
    copy.write_bytes(photo.read_bytes())
    run("decide", stranger, photo, "--yes", "--note", "=1+1", "--in", indexed)
    run("decide", copy, photo.with_name("0004.png"), "--no", "--in", indexed)
    copy.unlink()
    listed = tmp_path / "decisions.csv"
    assert run("show", indexed, "--decisions-csv", listed)[0] == 0
    told = run("decide", "--from", listed, "--in", elsewhere)
    only = "; 1 for the same file only, as the query is not there"
    assert told == (0, f"{elsewhere}: 2 decisions taken{only}\n", "")
    before = run_json("show", indexed, "--decisions")["decisions"]
    assert run_json("show", elsewhere, "--decisions")["decisions"] == before
    answer = run_json("find", stranger, "--in", elsewhere)
    assert answer["reason"].startswith("confirmed on ")
    taken = run_json("decide", "--from", listed, "--in", elsewhere)
    assert taken == {"added": 0, "known": 2, "exact": 0}
    # A later decision here stays, and an earlier one gives way.
    run("decide", stranger, photo, "--no", "--in", elsewhere)
    listed.write_text(listed.read_text("utf-8").replace("2026-", "2020-"), "utf-8")
    assert run_json("decide", "--from", listed, "--in", elsewhere)["added"] == 0
    listed.write_text(listed.read_text("utf-8").replace("2020-", "2999-"), "utf-8")
    assert run_json("decide", "--from", listed, "--in", elsewhere)["added"] == 2


SHA = "a" * 64


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("query,reference\na,b\n", "no column decision and no column query_sha256"),
        ("", "no column decision"),
        (f"decision,query_sha256,reference_sha256\nmaybe,{SHA},{SHA}\n", "line 2: maybe"),
        (f"decision,query_sha256,reference_sha256\nyes,{SHA},{SHA[1:]}\n", "line 2: yes"),
        (f"decision,query_sha256,reference_sha256\nyes,{SHA},{SHA}\nyes\n", "line 3: yes"),
        (
            f"decision,query_sha256,reference_sha256,decided_at\nyes,{SHA},{SHA},yesterday\n",
            "line 2: yes",
        ),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_as_a_whole(
    indexed: Path, tmp_path: Path, run: Run, text: str, given: str
) -> None:
    listed = tmp_path / "decisions.csv"
    listed.write_text(text, encoding="utf-8")
    status, _, errors = run("decide", "--from", listed, "--in", indexed)
    assert status == 1
    assert given in errors
    assert run("show", indexed, "--decisions")[1].splitlines()[-1] == "decisions          0"


def test_a_list_stands_alone(indexed: Path, photo: Path, tmp_path: Path, run: Run) -> None:
    status, _, errors = run("decide", photo, "--from", tmp_path / "d.csv", "--in", indexed)
    assert status == 2
    assert "expected --from FILE.csv and --in COLLECTION alone" in errors
    assert "missing: a query and a reference" in run("decide", photo, "--in", indexed)[2]
    assert "No such file" in run("decide", "--from", tmp_path / "no.csv", "--in", indexed)[2]
