"""Answers show themselves: in a line, and in a notebook as small pictures."""

import re
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from originid.answer import SHOWN, Answer, Match
from originid.images.decode import decode
from originid.types import Verdict

PHOTO = np.zeros((300, 400, 3), np.uint8)


def answer(folder: Path, matches: int = 2) -> Answer:
    Pillow.fromarray(PHOTO).save(folder / "query.png")
    Pillow.fromarray(PHOTO).save(folder / "0.png")
    found = tuple(Match(n + 1, str(folder / f"{n}.png"), 0.9 - n / 10, 0.0) for n in range(matches))
    return Answer(str(folder / "query.png"), Verdict.ORIGIN, found, "certain: 1 in 9 <strangers>")


def test_a_line_says_what_was_found() -> None:
    match = Match(1, "a.jpg", 0.43, 1e-6)
    assert repr(match) == "Match(1, 'a.jpg', score 0.430)"
    assert repr(Match(2, "b", 0.5, 0.1, "mirrored")) == "Match(2, 'b', score 0.500, mirrored)"
    found = Answer("q.jpg", Verdict.ORIGIN, (match, Match(2, "b.jpg", 0.1, 0.5)), "certain")
    assert repr(found) == "Answer('q.jpg': origin, best Match(1, 'a.jpg', score 0.430))"
    assert repr(Answer("q.jpg", Verdict.NONE)) == "Answer('q.jpg': none)"
    assert repr(Answer("q", None, error="no such file")) == "Answer('q': no such file)"


def test_a_notebook_shows_small_pictures(tmp_path: Path) -> None:
    html = answer(tmp_path)._repr_html_()
    assert "origin: certain: 1 in 9 &lt;strangers&gt;" in html
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    assert len(pictures) == 2  # the file of the second match is gone
    assert html.count("<td>") == 3
    import base64

    assert decode(base64.b64decode(pictures[0])).image.shape == (96, 128, 3)


def test_a_notebook_shows_a_few_matches_and_any_name(tmp_path: Path) -> None:
    html = answer(tmp_path, matches=9)._repr_html_()
    assert html.count("<td>") == 1 + SHOWN
    odd = Answer("a<script>\x1b.png", Verdict.NONE, (), "x")._repr_html_()
    assert "<script>" not in odd
    assert "\x1b" not in odd
    assert "no such file" in Answer("q", None, error="no such file")._repr_html_()
