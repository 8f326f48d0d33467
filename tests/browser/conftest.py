"""A real browser for pages: chromium, driven by playwright.

Where either is missing, these tests are skipped. Every page that is opened fails its test if it
asks for anything outside of this machine, or if the browser complains of it.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from browser_types import Axe, OpenPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOCAL = ("file:", "data:", "blob:", "http://127.0.0.1:", "http://localhost:")
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """A browser without a window."""
    pytest.importorskip("playwright", reason="playwright is not installed")
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: "Browser") -> "Iterator[OpenPage]":
    """Opens pages of this machine; at the end of the test, none may have misbehaved."""
    wrong: list[str] = []
    contexts = []

    def open_(address: str, **context: Any) -> "Page":
        contexts.append(browser.new_context(**context))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(LOCAL) else wrong.append(f"request: {request.url}")
            ),
        )
        page.goto(address)
        return page

    yield open_
    for each in contexts:
        each.close()
    assert wrong == []


@pytest.fixture(scope="session")
def axe() -> Axe:
    """axe-core, from the file that the variable AXE_CORE names (`.ci/run` fetches it)."""
    file = os.environ.get("AXE_CORE")
    if not file:
        pytest.skip("AXE_CORE does not name axe.min.js, which npm pack axe-core has")
    script = Path(file).read_text(encoding="utf-8")

    def run(page: "Page") -> list[str]:
        page.evaluate(script)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in found["violations"]
            if each["impact"] in SERIOUS
            for node in each["nodes"]
        ]

    return run
