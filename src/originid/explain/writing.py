"""Writes an explanation to a file, whose suffix says in which form."""

import json
import os
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from originid.explain.drawing import draw_evidence
from originid.explain.evidence import Evidence
from originid.explain.page import MARK, to_html
from originid.system.outputs import refuse_other_output, refuse_to_replace
from originid.system.storage import new_file, storage_errors

SUFFIXES = (".png", ".jpg", ".html", ".json")
JSON_START = '{"query": '  # of the numbers


def check_output(path: Path) -> None:
    """Refuse a file that does not end in one of `SUFFIXES`, or whose place is taken.

    Raises:
        UsageError: it ends otherwise, in small or capital letters, or has no folder.
        InputError: what lies there is no explanation.
    """
    todo = "give a picture, a page or the numbers their ending, such as evidence.png"
    refuse_other_output(path, "the file", SUFFIXES, todo)
    refuse_to_replace(path, JSON_START if path.suffix.lower() == ".json" else MARK, "explanation")


def write_evidence(path: str | os.PathLike[str], evidence: Evidence) -> None:
    """Write an explanation: a picture (.png, .jpg), a page (.html) or the numbers (.json).

    Args:
        path: the file; an explanation that lies there is replaced.
        evidence: what is written.

    Raises:
        UsageError: another suffix.
        InputError: what lies there is no explanation.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    check_output(path)
    suffix = path.suffix.lower()
    with storage_errors(path), new_file(path) as file:
        if suffix == ".png":
            marked = PngInfo()
            marked.add_text("Software", MARK)
            draw_evidence(evidence).save(file, "PNG", pnginfo=marked)
        elif suffix == ".jpg":
            draw_evidence(evidence).save(file, "JPEG", quality=88, comment=MARK)
        elif suffix == ".html":
            file.write_text(to_html(evidence), encoding="utf-8")
        else:
            text = json.dumps(evidence.to_json(), allow_nan=False)
            file.write_text(text + "\n", encoding="utf-8")
