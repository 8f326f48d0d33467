"""Photograph the page of a service of the demo for docs/page.md.

usage: python tools/make_page_picture.py

It runs the demo in a temporary folder, serves its collection, asks about an edit in chromium (by
playwright), and writes docs/page.jpg: the page on a desk in light, and on a phone in dark.
"""

import argparse
import io
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from PIL import Image as Pillow
from playwright.sync_api import Browser, sync_playwright

from originid.demo import run_demo
from originid.finder import Finder
from originid.service.app import create_app

TARGET = Path(__file__).parents[1] / "docs" / "page.jpg"
HEIGHT, DESK, PHONE, GAP = 1080, 1180, 390, 24  # pixels
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHOWN = "balloon-sunset.jpg"


def main() -> None:
    """Serve the demo and photograph the page."""
    program = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        run_demo(demo)
        query = demo / "queries" / SHOWN
        with serving(demo / "collection") as address, sync_playwright() as playwright:
            arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and not os.geteuid() else []
            browser = playwright.chromium.launch(executable_path=program, args=arguments)
            desk = photographed(browser, address, query, DESK, "light")
            phone = photographed(browser, address, query, PHONE, "dark")
            browser.close()
    both = Pillow.new("RGB", (DESK + GAP + PHONE, HEIGHT), "white")
    both.paste(desk, (0, 0))
    both.paste(phone, (DESK + GAP, 0))
    both.save(TARGET, quality=80)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


@contextmanager
def serving(collection: Path) -> Iterator[str]:
    """The address of a service of a collection, inside of the ``with`` block."""
    with Finder.open(collection) as finder:
        config = uvicorn.Config(create_app(finder), port=0, log_level="warning")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/"
        server.should_exit = True
        thread.join()


def photographed(
    browser: Browser, address: str, query: Path, width: int, scheme: str
) -> Pillow.Image:
    """What a window of that width shows of the answer for a query."""
    view = {"width": width, "height": HEIGHT}
    context = browser.new_context(viewport=view, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(address)
    page.locator("input[type=file]").set_input_files(query)
    page.wait_for_selector(".stage")
    page.wait_for_timeout(500)
    page.locator(".cards").evaluate("cards => scrollTo(0, cards.offsetTop - 20)")
    page.wait_for_timeout(300)
    return Pillow.open(io.BytesIO(page.screenshot())).convert("RGB")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
