"""The page of a service: a real one, of the demo's photos, in a process of its own."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from page_driving import PHOTOS, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TOKEN = "w" * 24
LEFT_OUT = ("colosseum.jpg", "singapore.jpg", "volcano.jpg")
CAPTION = '<b id="hurt">A lake</b> & its "shore"'
# What the browser itself says of an answer that is no success: tests here ask for such ones.
EXPECTED = "Failed to load resource: the server responded with a status of "


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory, browser: "Browser") -> Path:
    """The demo's photos, with a description of one of them."""
    pytest.importorskip("fastapi", reason="needs the extra [serve]")
    from originid.collection.collection import create_collection
    from originid.indexing import add_images
    from originid.model import open_model
    from originid.types import Description

    folder = tmp_path_factory.mktemp("page")
    (folder / "photos").mkdir()
    for photo in sorted(PHOTOS.glob("*.jpg")):
        if photo.name not in LEFT_OUT:
            shutil.copy(photo, folder / "photos")
    shutil.copy(
        folder / "photos" / "cat.jpg", folder / "photos" / "<img src=x onerror=alert(1)>.jpg"
    )
    with create_collection(folder / "collection", open_model()) as made:
        add_images(made, [folder / "photos"])
        lake = next(r for r in made.database.matching("lake.jpg", 0, 9))
        with made.database.writing():
            link = "https://example.org/lake"
            made.database.describe(lake.id, Description(CAPTION, "NASA", "CC0", "2024-05-01", link))
    return folder / "collection"


@pytest.fixture(scope="session")
def service(collection: Path) -> Iterator[str]:
    """The address of a service that lets everybody in."""
    from served_process import served

    with served(collection) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="session")
def guarded(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that lets in only those with a token: `TOKEN`, of the role find."""
    from served_process import served

    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text(f"find {TOKEN}\n")
    with served(collection, "--token-file", str(tokens)) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def visit(browser: "Browser") -> Iterator[Visit]:
    """Opens an address; at the end of the test, no page may have misbehaved."""
    wrong: list[str] = []

    def complain(message: str) -> None:
        if not message.startswith(EXPECTED):
            wrong.append(message)

    def outside(url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            wrong.append(f"request: {url}")

    with ExitStack() as stack:

        def open_(address: str, **context: Any) -> "Page":
            given = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}, **context}
            # Scripts of tests, such as axe, are not those of the page.
            made = stack.enter_context(browser.new_context(**given))
            page = made.new_page()
            page.set_default_timeout(20_000)
            page.on("console", lambda message: complain(message.text))
            page.on("pageerror", lambda error: complain(f"error: {error}"))
            page.on("request", lambda request: outside(request.url))
            page.goto(address)
            page.locator("h1, dialog").first.wait_for()
            return page

        yield open_
    assert wrong == []


@pytest.fixture
def page(visit: Visit, service: str) -> "Page":
    return visit(service)
