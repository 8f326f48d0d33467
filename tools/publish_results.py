"""Copy the page of `originid experiment all` and its CSV files into the docs.

Sheets stay behind: they show images that belong to others.

    python tools/publish_results.py OUT docs/results
"""

import re
import shutil
import sys
from pathlib import Path

SHEET = re.compile(r'<p><a href="[^"]+\.jpg">([^<]*)</a></p>')
TABLE = re.compile(r'href="([^"]+\.csv)"')


def publish(source: Path, target: Path) -> None:
    """Replace what the target folder holds."""
    page = (source / "index.html").read_text(encoding="utf-8")
    page = SHEET.sub(r"<p>\1: a sheet of images, which the command makes.</p>", page)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    (target / "index.html").write_text(page, encoding="utf-8")
    for name in dict.fromkeys(TABLE.findall(page)):
        shutil.copyfile(source / name, target / name)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    publish(Path(sys.argv[1]), Path(sys.argv[2]))
