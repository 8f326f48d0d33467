"""Photograph the report of the demo for README.md and docs/report.md.

usage: python tools/make_report_picture.py

It runs the demo in a temporary folder, makes a report of its queries, opens it in chromium (by
playwright), and writes docs/report.jpg: the page on a desk in light, and on a phone in dark.
"""

import argparse
import io
import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image as Pillow
from playwright.sync_api import Browser, sync_playwright

from originid.demo import run_demo
from originid.finder import Finder
from originid.report.audit import audit

TARGET = Path(__file__).parents[1] / "docs" / "report.jpg"
HEIGHT, DESK, PHONE, GAP = 844, 1180, 390, 24  # pixels
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHOWN = "balloon-sunset.jpg"


def main() -> None:
    """Make the report and photograph it."""
    program = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # the paths on the page are relative to it
        run_demo(Path("originid-demo"))
        Path("originid-demo/collection").rename("archive")
        queries = sorted(map(str, Path("originid-demo/queries").iterdir()))
        page = Path("report.html")
        with Finder.open("archive") as finder:
            audit(finder, queries, page)
        address = page.absolute().as_uri()
        number = 1 + [Path(query).name for query in queries].index(SHOWN)
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and not os.geteuid() else []
            browser = playwright.chromium.launch(executable_path=program, args=arguments)
            desk = photographed(browser, address, DESK, "light")
            phone = photographed(browser, f"{address}#q{number}", PHONE, "dark")
            browser.close()
        os.chdir(TARGET.parent)
    both = Pillow.new("RGB", (DESK + GAP + PHONE, HEIGHT), "white")
    both.paste(desk, (0, 0))
    both.paste(phone, (DESK + GAP, 0))
    both.save(TARGET, quality=80)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


def photographed(browser: Browser, address: str, width: int, scheme: str) -> Pillow.Image:
    """What a window of that width shows."""
    view = {"width": width, "height": HEIGHT}
    context = browser.new_context(viewport=view, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector(".thumb img")
    if "#" in address:
        page.get_by_label("Slider").check()
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(500)
    return Pillow.open(io.BytesIO(page.screenshot())).convert("RGB")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
