"""The page on the Python interface: its code runs, in order, and prints what it shows."""

import contextlib
import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from originid.testing import write_photos

PAGE = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    photos = write_photos("photos", 8)
    rows = []
    for number, path in enumerate(photos):
        edit = np.asarray(PILImage.open(path)) // 2 + 40 * (number % 3)
        PILImage.fromarray(edit).save(f"edit{number}.png")
        rows.append(f"{path},edit{number}.png,{number}")
    Path("pairs.csv").write_text("\n".join(["origin,query,source", *rows]))
    more = write_photos("more", 60, first=100)
    assert len(more) == 60
    ran = 0
    printed = io.StringIO()
    for language, code in BLOCKS:
        if code.startswith("# file: "):
            Path(code.splitlines()[0].removeprefix("# file: ")).write_text(code)
        elif language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code, "docs/api.md", "exec"), {})
            ran += 1
        else:
            assert printed.getvalue() == code
    assert ran == 3
    sys.modules.pop("my_encoders", None)
