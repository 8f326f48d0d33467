"""What commands print for people: the same figures as for programs, in lines that align."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixture_types import Run, WritePhotos
from originid.cli.output import SHOWN
from originid.model import Model, open_model

RunJson = Callable[..., Any]


def percent(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.1f}"


def test_find_prints_the_verdict_and_the_matches(
    indexed: Path, run: Run, run_json: RunJson
) -> None:
    photo = indexed.parent / "photos" / "0007.png"
    answer = run_json("find", photo, "--in", indexed, "--top", 3)
    status, out, err = run("find", photo, "--in", indexed, "--top", 3)
    assert (status, err) == (0, "")
    first, *lines = out.splitlines()
    assert first == f"{photo}: origin: the same file"
    assert len(lines) == 3
    pattern = re.compile(r"  ( \d|\d\d)  score (-?\d\.\d{3})  (.+)")
    for line, match in zip(lines, answer["matches"], strict=True):
        found = pattern.fullmatch(line)
        assert found, line
        assert int(found[1]) == match["rank"]
        assert found[2] == f"{match['score']:.3f}"
        assert found[3] == match["reference"]


def test_an_unreadable_query_is_a_line_on_stderr(indexed: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "bad.jpg").write_text("no image")
    photo = indexed.parent / "photos" / "0001.png"
    status, out, err = run("find", tmp_path / "bad.jpg", photo, "--in", indexed, "--top", 1)
    assert status == 0
    assert len(out.splitlines()) == 2
    assert err.startswith(f"{tmp_path / 'bad.jpg'}: error: ")
    assert len(err.splitlines()) == 1


def test_index_says_only_what_happened(
    indexed: Path, tmp_path: Path, write_photos: WritePhotos, run: Run
) -> None:
    write_photos(2, "more", first=70)
    (tmp_path / "photos" / "0000.png").rename(tmp_path / "more" / "moved.png")
    (tmp_path / "more" / "bad.png").write_bytes(b"x")
    status, out, err = run("index", tmp_path / "more", "--into", indexed)
    assert status == 0
    pattern = rf"{re.escape(str(indexed))}: 2 added, 1 moved, 1 skipped in [\d.]+ s; 32 references"
    assert re.fullmatch(pattern, out.strip())
    assert err.startswith(f"skipped {tmp_path / 'more' / 'bad.png'}: ")
    status, out, err = run("index", tmp_path / "more", "--into", indexed)
    assert "0 added, 3 unchanged, 1 skipped" in out


@pytest.mark.parametrize("count", [SHOWN, SHOWN + 1, SHOWN + 30])
def test_many_failures_are_counted(
    count: int, tmp_path: Path, model: Model, write_photos: WritePhotos, run: Run
) -> None:
    write_photos(1)
    for number in range(count):
        (tmp_path / "photos" / f"bad{number:03}.jpg").write_bytes(b"x")
    collection = tmp_path / "c"
    status, _, err = run(
        "index", tmp_path / "photos", "--into", collection, "--model", model.folder
    )
    assert status == 0
    lines = err.splitlines()
    assert sum(line.startswith("skipped ") for line in lines) == SHOWN
    rest = count - SHOWN
    told = [f"... and {rest} more: originid show {collection} --json"] if rest else []
    assert lines[SHOWN:] == told


def test_show_prints_a_fact_a_line(indexed: Path, run: Run, run_json: RunJson) -> None:
    facts = run_json("show", indexed)
    status, out, err = run("show", indexed)
    assert (status, err) == (0, "")
    lines = {line[:19].rstrip(): line[19:] for line in out.splitlines()}
    needed = facts.pop("calibration")["score_needed"]
    assert lines.pop("origin from").startswith(f"score {needed['middle']:.2f}")
    facts["pictures"], facts["too little to tell"] = facts.pop("references"), facts.pop("blank")
    assert (lines.pop("vectors"), facts.pop("compact")) == ("with all their numbers", False)
    facts["margins cut"] = facts.pop("margins_cut")
    facts["with details"] = facts.pop("with_details")
    facts["further names"] = facts.pop("further_names")
    facts["with thumbnails"] = facts.pop("thumbnails")
    facts["by fingerprint"] = facts.pop("by_fingerprint")
    facts["with credentials"] = facts.pop("with_credentials")
    facts["size"] = f"{facts.pop('megabytes'):.1f} MB"
    facts["since"] = facts["since"][:10]
    assert list(lines)[:5] == ["collection", "pictures", "size", "since", "model"]
    assert list(lines)[-3:] == ["encoder", "dim", "fingerprint"]
    assert lines.pop("second looks").startswith("judged by what is usual among photos")
    assert lines.pop("growth").startswith("a query takes about ")
    facts.pop("growth")
    assert facts.pop("searched_by") is None  # a folder is searched here
    assert (facts.pop("newer_model"), facts.pop("upgrade_begun")) == (None, False)
    assert facts.pop("copy_begun") is False
    assert lines == {name: str(value) for name, value in facts.items() if name != "skipped"}
    assert run("show", indexed, "--verify")[1] == (
        out + "verified           no problems; compared: size, times and inode of 30 files\n"
    )


def test_remove_names_what_is_unknown(indexed: Path, run: Run) -> None:
    photo = indexed.parent / "photos" / "0003.png"
    status, out, _ = run("remove", photo, "no\nsuch.png", "--from", indexed)
    assert status == 1
    assert out.splitlines() == [
        "not in the collection: no\\nsuch.png",
        f"{indexed}: 1 removed; 29 references",
    ]
    folder = indexed.parent / "photos"
    assert run("remove", folder, "--from", indexed)[1] == f"{indexed}: 29 removed; 0 references\n"


def test_evaluate_says_what_was_measured(pairs: Path, run: Run) -> None:
    command = ("evaluate", pairs, "--references", pairs.parent / "photos", "--attack", "blur:2")
    about = run(*command)[1].splitlines()[0]
    assert (
        about
        == f"{pairs}: model default ({open_model().fingerprint[:8]}), each query changed by blur:2"
    )


def test_the_table_of_evaluate_has_the_figures_of_its_json(
    pairs: Path, run: Run, run_json: RunJson
) -> None:
    command = ("evaluate", pairs, "--references", pairs.parent / "photos", "--encoder", "tones",
               "--map", "none")  # fmt: skip
    found = run_json(*command)
    status, out, err = run(*command)
    assert (status, err) == (0, "")
    about, first, *lines = out.splitlines()
    assert about == f"{pairs}: encoder tones, map none, learned from other pairs"
    assert first == "24 queries of 12 origin groups, 52 references; macro averages in %"
    rows = {line[:20].strip(): line[20:].split() for line in lines if line[20:28].strip().isdigit()}
    expected = {"all": found}
    for column in ("kind", "source", "strength"):
        expected |= {f"{column} {value}": each for value, each in found["by"][column].items()}
    assert list(rows) == list(expected)
    for name, each in expected.items():
        assert rows[name] == [
            str(each["queries"]),
            str(each["groups"]),
            percent(each["mAP"]),
            percent(each["acc"]),
            percent(each["projected"]["mAP"]),
            percent(each["projected"]["acc"]),
        ]
    low, high = found["ci95"]["acc"]
    assert f"95 % interval of acc: {low:.1f} to {high:.1f}" in lines
    assert any(line.startswith("n/a: too few references to project from") for line in lines)
    table = {line[:44].strip(): line[44:] for line in lines}
    assert table["verdict origin, in % of the queries"].split() == ["strict", "balanced", "wide"]
    for line, measure in (
        ("wrong, group left out", "false_origin"),
        ("right, where it is first", "true_of_first"),
    ):
        cells = re.findall(r"(\S+) \[(\S+), (\S+)\]", table[line])
        assert cells == [
            tuple(f"{share:.2f}" for share in (each[measure], *each["ci95"][measure]))
            for each in found["trust"]["presets"].values()
        ]
    assert "wrong, strangers" not in table


def test_evaluate_says_that_a_model_may_know_the_pairs(
    pairs: Path, tmp_path: Path, run: Run
) -> None:
    photos = pairs.parent / "photos"
    trained = ("train", pairs, "--origins", photos, "--encoder", "tones", "--map", "structured")
    status, out, err = run(*trained, "-o", tmp_path / "m")
    assert (status, err) == (0, "")
    assert out == f"{tmp_path / 'm'}: tones, 4096 -> 344, from 24 pairs and 52 natural images\n"
    status, out, _ = run("evaluate", pairs, "--references", photos, "--model", tmp_path / "m")
    assert status == 0
    assert "fitted to 24 pairs. If these are among them, figures say little" in out
    assert out.rstrip().endswith("--encoder tones")


def test_a_sheet_of_failures_is_written_where_there_are_any(
    pairs: Path, tmp_path: Path, run: Run, run_json: RunJson
) -> None:
    command = ("evaluate", pairs, "--references", pairs.parent / "photos", "--encoder", "tones",
               "--map", "raw")  # fmt: skip
    missed = run_json(*command)["acc"] < 100
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    status, _, err = run(*command, "--pictures", tmp_path)
    assert (status, err) == (0, "")
    assert (tmp_path / "failures.png").exists() == missed


def test_an_experiment_prints_its_table_and_where_to_read(
    pairs: Path, tmp_path: Path, run: Run, run_json: RunJson
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    out_folder = tmp_path / "out"
    command = ("experiment", "data", "-o", out_folder, "--pairs", pairs, "--references",
               pairs.parent / "photos")  # fmt: skip
    found = run_json(*command)
    status, out, err = run(*command)
    assert (status, err) == (0, "")
    header, *rows, last = out.splitlines()
    assert header.split() == ["what", "here", "paper"]
    assert last == f"read {out_folder / 'data.md'}"
    assert len(rows) == len(found["summary"])
    end = header.index("here") + 4
    for line, row in zip(rows, found["summary"], strict=True):
        assert line.startswith(row["what"])
        assert line[:end].split()[-1] == str(row["here"])  # right-aligned under its header
        assert line.split()[-1] == ("n/a" if row["paper"] is None else str(row["paper"]))
