"""Reports as files and as one page, and the time that they took."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from originid.errors import InputError
from originid.experiments import (
    ExperimentInputs,
    ExperimentReport,
    open_folder,
)
from originid.experiments.report.page import to_html
from originid.experiments.report.report import Plot, Table
from originid.experiments.report.timing import Timing
from originid.experiments.report.writing import to_csv, to_markdown


def test_the_same_inputs_may_be_spelled_in_other_ways(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    open_folder(out, ExperimentInputs(data=f"realpairs:{material}"))
    (out / "table2.csv").write_text("")
    open_folder(out, ExperimentInputs(data=f"realpairs:{material}/"))
    monkeypatch.chdir(material.parent)
    open_folder(out, ExperimentInputs(data=f"realpairs:{material.name}"))
    monkeypatch.setenv("ORIGINID_DATA", str(material))
    open_folder(out, ExperimentInputs(data="realpairs"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="other inputs: data"):
        open_folder(out, ExperimentInputs(data=f"realpairs:{material.name}"))
    (out / "inputs.json").write_text("[1]")
    with pytest.raises(InputError, match=r"inputs\.json cannot be used: it holds a list"):
        open_folder(out, ExperimentInputs(data="realpairs"))


def test_a_folder_holds_reports_of_one_set_of_inputs(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    open_folder(folder, ExperimentInputs(seed=0))
    open_folder(folder, ExperimentInputs(seed=1))  # as nothing was made of the others
    (folder / "parts").mkdir()
    open_folder(folder, ExperimentInputs(seed=1))
    with pytest.raises(InputError, match="seed"):
        open_folder(folder, ExperimentInputs(seed=2))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(InputError, match="exists"):
        open_folder(tmp_path / "other", ExperimentInputs())


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images: list[str] = []
        self.cells = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.cells += tag == "td"
        self.images += [dict(attributes)["src"] or ""] if tag == "img" else []


def test_the_page_holds_everything(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    table = Table("T <1>", ("a", "paper: b"), ((1.0, None), ("<x>", 2)), "A note.")
    plot = Plot("P", "x", "y", {"one": ([1, 2], [1, 2])})
    inputs = ExperimentInputs(vaes=("/somewhere/taesd",))
    report = ExperimentReport(
        "r", "R", inputs, table, plots={"p": plot}, skipped={"s": "why"}, note="Data."
    )
    html = to_html([report], {"other": "no <data>"}, {"r": Timing(90, 120, True)})
    links = _Links()
    links.feed(html)
    assert links.cells == 4
    assert links.images[0].startswith("data:image/png;base64,")
    for text in (
        "&lt;x&gt;",
        "n/a",
        "A note.",
        "s: why",
        "other: no &lt;data&gt;",
        "Data.",
        "1.5 min",
    ):
        assert text in html
    command = "originid experiment r -o OUT --vae taesd --seed 0"
    for page in (html, to_markdown(report)):
        assert command in page
        assert "/somewhere" not in page


def test_a_table_as_csv() -> None:
    table = Table("T", ("a", "b"), (("x,y", None), (1.5, "z")))
    assert to_csv(table) == 'a,b\n"x,y",\n1.5,z\n'


def test_names_of_strangers_are_no_formulas_in_a_table() -> None:
    table = Table("", ("generator", "acc"), (("=1+1", -0.5), ("-x", 1.0)))
    assert to_csv(table) == "generator,acc\n'=1+1,-0.5\n'-x,1.0\n"
