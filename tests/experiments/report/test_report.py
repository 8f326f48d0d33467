"""A report in each of its forms: JSON, CSV, Markdown, one page; all say the same."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as PILImage

from originid.errors import ExtraError, InputError, StorageError
from originid.experiments import ExperimentInputs, ExperimentReport
from originid.experiments.report.page import to_html, write_page
from originid.experiments.report.report import Cell, Plot, Sheet, Table, show
from originid.experiments.report.timing import Timing, read_timings, timed
from originid.experiments.report.writing import (
    open_folder,
    read_object,
    refuse_missing_plots,
    to_csv,
    to_markdown,
    write_report,
)
from originid.experiments.scale import SCALES, Scale
from originid.images.contact_sheet import Tile
from originid.testing import flat_image
from originid.types import Failure

SUMMARY = Table(
    "Results", ("method", "Acc", "paper: Acc"), (("ours | a", 81.25, None), ("b", 7, 1))
)
OTHER = Table("More", ("x",), (("<&>",),), "A note\nof two lines.")
LINE = Plot("Acc by rank", "rank", "Acc in %", {"one": ([1, 10, 100], [1, 2, 3])}, log="x")
BARS = Plot("Bars", "x", "y", {"a": (["p", "q"], [1, 2]), "b": (["p", "q"], [2, 1])}, bars=True)
SHEET = Sheet("Misses", [[Tile(flat_image((1, 2, 3)), ("query",))]])


@pytest.fixture
def report() -> ExperimentReport:
    return ExperimentReport(
        "table0",
        "Table 0: nothing",
        ExperimentInputs(data="realpairs:/somewhere/data"),
        SUMMARY,
        {"more": OTHER},
        {"more": LINE, "bars": BARS},
        {"misses": SHEET},
        {"clip": "no weights; get some"},
        (Failure("/photos/a.jpg", "broken"),),
        "Small data.",
    )


# --- the command that made it ---


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (ExperimentInputs(), "--seed 0"),
        (ExperimentInputs(seed=7), "--seed 7"),
        (ExperimentInputs(data="realpairs"), "--data realpairs:FOLDER --seed 0"),
        (ExperimentInputs(data="oripid:/a/b"), "--data oripid:FOLDER --seed 0"),
        (ExperimentInputs(vaes=("/a/b/vae", "hub/id")), "--vae vae --vae id --seed 0"),
        (
            ExperimentInputs(pairs=Path("/x/p.csv"), references=Path("/x/photos")),
            "--pairs PAIRS.csv --references FOLDER --seed 0",
        ),
        (ExperimentInputs(scale=SCALES["paper"]), "--scale paper --seed 0"),
        (ExperimentInputs(scale=Scale(images=3)), "--scale SCALE.json --seed 0"),
    ],
)
def test_the_command_of_its_inputs(
    inputs: ExperimentInputs, words: str, report: ExperimentReport
) -> None:
    made = replace(report, inputs=inputs)
    assert made.command == f"originid experiment table0 -o OUT {words}"


# --- cells ---


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "n/a"),
        (0, "0"),
        (12345678, "12345678"),
        (0.5, "0.5"),
        (81.25, "81.25"),
        (1 / 3, "0.333333"),
        (1e-9, "1e-09"),
        ("text", "text"),
        ("", ""),
    ],
)
def test_how_a_cell_is_shown(cell: Cell, text: str) -> None:
    assert show(cell) == text


def test_rows_as_objects() -> None:
    assert SUMMARY.to_json() == [
        {"method": "ours | a", "Acc": 81.25, "paper: Acc": None},
        {"method": "b", "Acc": 7, "paper: Acc": 1},
    ]


def test_a_row_of_another_length_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        Table("T", ("a", "b"), ((1,),)).to_json()


# --- the forms ---


def test_csv_is_read_back() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(SUMMARY))))
    assert rows == [
        {"method": "ours | a", "Acc": "81.25", "paper: Acc": ""},
        {"method": "b", "Acc": "7", "paper: Acc": "1"},
    ]


def test_markdown_has_every_part_in_order(report: ExperimentReport) -> None:
    text = to_markdown(report)
    parts = [
        "# Table 0: nothing",
        f"`{report.command}`",
        "Small data.",
        "## Results",
        "| method | Acc | paper: Acc |",
        "| --- | --- | --- |",
        r"| ours \| a | 81.25 | n/a |",
        "| b | 7 | 1 |",
        "## More",
        "A note\nof two lines.",
        "![Acc by rank](table0-more.png)",
        "![Bars](table0-bars.png)",
        "[Misses](table0-misses.jpg)",
        "## Not run",
        "- clip: no weights; get some",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_a_plain_report_has_no_empty_parts(report: ExperimentReport) -> None:
    plain = ExperimentReport("x", "X", ExperimentInputs(), SUMMARY)
    text = to_markdown(plain)
    assert "Not run" not in text
    assert "![" not in text
    assert text.count("## ") == 1


@pytest.fixture
def written(report: ExperimentReport, tmp_path: Path) -> Path:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    write_report(tmp_path / "out", report)
    return tmp_path / "out"


def test_every_file_that_the_page_names_is_written(written: Path) -> None:
    assert {path.name for path in written.iterdir()} == {
        "table0.json",
        "table0.csv",
        "table0.md",
        "table0-more.csv",
        "table0-more.png",
        "table0-bars.png",
        "table0-misses.jpg",
    }
    text = (written / "table0.md").read_text(encoding="utf-8")
    for name in re.findall(r"\]\(([^)]+)\)", text):
        assert (written / name).exists()
    for name, kind in (("more.png", "PNG"), ("bars.png", "PNG"), ("misses.jpg", "JPEG")):
        with PILImage.open(written / f"table0-{name}") as picture:
            assert picture.format == kind
            assert min(picture.size) > 100


def test_json_is_the_report(written: Path, report: ExperimentReport) -> None:
    found = json.loads((written / "table0.json").read_text(encoding="utf-8"))
    assert found == json.loads(json.dumps(report.to_json()))
    assert found["summary"] == SUMMARY.to_json()
    assert found["tables"] == {"more": [{"x": "<&>"}]}
    assert found["skipped"] == {"clip": "no weights; get some"}
    assert found["unreadable"] == [{"path": "/photos/a.jpg", "reason": "broken"}]
    assert found["inputs"]["data"] == "realpairs:/somewhere/data"


def test_writing_again_changes_no_byte(written: Path, report: ExperimentReport) -> None:
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    write_report(written, report)
    assert {path.name: path.read_bytes() for path in written.iterdir()} == before


def test_a_value_that_json_does_not_know_leaves_no_json(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    bad = ExperimentReport("x", "X", ExperimentInputs(), Table("T", ("a",), ((float("nan"),),)))
    with pytest.raises(ValueError, match="JSON"):
        write_report(tmp_path, bad)
    assert not (tmp_path / "x.json").exists()


def test_a_disk_that_refuses_is_an_error_of_ours(report: ExperimentReport, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        write_report(tmp_path / "file" / "out", report)


def test_without_matplotlib_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, report: ExperimentReport, tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ExtraError, match=r"pip install 'originid\[experiments\]'"):
        refuse_missing_plots()
    with pytest.raises(ExtraError):
        write_report(tmp_path / "out", report)
    assert not (tmp_path / "out").exists()


# --- one page of all ---


def test_the_page_escapes_and_links(report: ExperimentReport, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    second = replace(report, name="table00", title="<b>", plots={}, sheets={})
    write_page(tmp_path / "index.html", [report, second], {"theory": "no <VAE>"}, {})
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    for name in ("table0", "table00"):
        assert f'<a href="#{name}">' in html
        assert f'<h2 id="{name}">' in html
        assert f'href="{name}.csv"' in html
        assert f'href="{name}-more.csv"' in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "theory: no &lt;VAE&gt;" in html
    assert html.count("Small data.") == 1  # what all of them say is said once
    assert html.count('class="paper"') == 4  # two rows in each of two reports
    assert html.count("data:image/png;base64,") == 2
    assert "<script" not in html


def test_the_page_adds_up_the_times(report: ExperimentReport) -> None:
    plain = replace(report, plots={}, sheets={})
    html = to_html([plain], {}, {"table0": Timing(90, 100, True), "x": Timing(510, 1000, True)})
    assert "All of it took 10 minutes" in html
    assert "18 core-minutes" in html
    assert "1.5 minutes" in html
    assert "minutes" not in to_html([plain], {}, {})


# --- times ---


def test_what_did_not_run_takes_no_time(tmp_path: Path) -> None:
    for error in (InputError("a", "b", "c"), ExtraError("a", "b")):
        with pytest.raises(type(error)), timed(tmp_path, "x"):
            raise error
    assert not (tmp_path / "timings.json").exists()


def test_times_of_others_stay(tmp_path: Path) -> None:
    with timed(tmp_path, "one"):
        pass
    before = read_timings(tmp_path)["one"]
    with timed(tmp_path, "two"):
        pass
    assert set(read_timings(tmp_path)) == {"one", "two"}
    assert read_timings(tmp_path)["one"] == before


def test_times_are_added_over_runs_that_were_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 10.0, 100.0, 107.0, 200.0, 900.0])
    cores = iter([0.0, 19.0, 20.0, 21.0, 22.0, 99.0])
    monkeypatch.setattr("originid.experiments.report.timing.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("originid.experiments.report.timing.time.process_time", lambda: next(cores))
    with pytest.raises(KeyboardInterrupt), timed(tmp_path, "x"):
        raise KeyboardInterrupt
    assert read_timings(tmp_path) == {}  # not done
    with timed(tmp_path, "x"):
        pass
    assert read_timings(tmp_path) == {"x": Timing(17.0, 20.0, True)}
    with timed(tmp_path, "x"):  # from its parts: what it took is known
        pass
    assert read_timings(tmp_path) == {"x": Timing(17.0, 20.0, True)}


@pytest.mark.parametrize("text", ["{", "[]", "3", '"x"'])
def test_a_damaged_file_says_what_to_delete(text: str, tmp_path: Path) -> None:
    (tmp_path / "timings.json").write_text(text)
    with pytest.raises(InputError, match=r"timings\.json cannot be used") as caught:
        read_timings(tmp_path)
    assert "delete the file" in caught.value.todo
    assert read_object(tmp_path / "none.json") == {}


# --- the folder ---


def test_a_folder_is_begun_and_gone_on_with(tmp_path: Path) -> None:
    inputs = ExperimentInputs(seed=3)
    open_folder(tmp_path / "a" / "b", inputs)
    stated = json.loads((tmp_path / "a" / "b" / "inputs.json").read_text(encoding="utf-8"))
    assert stated == inputs.to_json()
    (tmp_path / "a" / "b" / "table1.json").touch()
    open_folder(tmp_path / "a" / "b", inputs)
    with pytest.raises(InputError, match=r"other inputs: (seed, vaes|vaes, seed)"):
        open_folder(tmp_path / "a" / "b", ExperimentInputs(seed=4, vaes=("x",)))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="exists"):
        open_folder(tmp_path / "out", ExperimentInputs())
