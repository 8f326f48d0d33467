"""The code on the page on reports runs."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from originid.demo import run_demo

PAGE = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")


def test_the_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_demo(Path("originid-demo"))
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "docs/report.md", "exec"), {})
    assert printed.getvalue() == "1\n"
    assert sorted(path.name for path in tmp_path.glob("report.*")) == [
        "report.csv",
        "report.html",
        "report.json",
    ]
