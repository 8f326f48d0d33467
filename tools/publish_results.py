"""Copy the reports of `originid experiment all` into the docs, and write a list of them.

Contact sheets are left out, because they show images that belong to others.

    python tools/publish_results.py OUT docs/results
"""

import argparse
import re
import shutil
from pathlib import Path

PAGE = "index.html"
SHEET_ON_PAGE = re.compile(r'<p><a href="[^"]+\.jpg">([^<]*)</a></p>')
SHEET = re.compile(r"^\[([^]]*)\]\([^)]+\.jpg\)$", re.MULTILINE)
LEFT_OUT = ": a sheet of images, which the command makes."
ANCHOR = re.compile(r'<a href="#([a-z0-9]+)">')
FILE = re.compile(r'href="([^"]+\.csv)"|\]\(([^)]+\.png)\)')


def publish(source: Path, target: Path) -> None:
    """Replace the target folder by the page of all reports, and the reports with their files.

    Args:
        source: the folder that `originid experiment all` wrote.
        target: the folder in the docs. Everything that it holds is deleted first.
    """
    page = (source / PAGE).read_text(encoding="utf-8")
    texts = {
        name: (source / f"{name}.md").read_text(encoding="utf-8")
        for name in dict.fromkeys(ANCHOR.findall(page))
    }
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for table, plot in FILE.findall("".join([page, *texts.values()])):
        shutil.copyfile(source / (table or plot), target / (table or plot))
    page = SHEET_ON_PAGE.sub(rf"<p>\1{LEFT_OUT}</p>", page)
    (target / PAGE).write_text(page, encoding="utf-8")
    lines = ["# Every table and figure", "", f"All of them on one page: [{PAGE}]({PAGE}).", ""]
    for name, text in texts.items():
        (target / f"{name}.md").write_text(SHEET.sub(rf"\1{LEFT_OUT}", text), encoding="utf-8")
        title = text.partition("\n")[0].removeprefix("# ")
        lines.append(f"- [{title}]({name}.md)")
    (target / "README.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument("docs", type=Path)
    given = parser.parse_args()
    publish(given.out, given.docs)
