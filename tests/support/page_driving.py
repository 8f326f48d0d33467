"""What tests of the page do with it, as a person would."""

import base64
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

DATA = Path(str(files("originid") / "data"))
PHOTOS, EDITS = DATA / "demo_photos", DATA / "demo_edits"
LAKE, NO_ORIGIN = EDITS / "lake-sunset.jpg", EDITS / "colosseum-night.jpg"
LAKE_ORIGIN = "lake.jpg"

# A file reaches the page as by a mouse or a keyboard: the browser lets no script make real ones.
_GIVE = """([kind, name, text]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const data = new DataTransfer();
    if (name) data.items.add(new File([bytes], name, {type: 'image/jpeg'}));
    const event = kind === 'paste'
        ? new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})
        : new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
    document.querySelector(kind === 'paste' ? 'body' : '#main').dispatchEvent(event);
}"""


class Visit(Protocol):
    """Opens an address; further arguments are those of a context of playwright."""

    def __call__(self, address: str, **context: Any) -> "Page": ...


def give(page: "Page", kind: str, name: str, data: bytes) -> None:
    """Drop or paste a file; without a name, something that is no file."""
    page.evaluate(_GIVE, [kind, name, base64.b64encode(data).decode("ascii")])


def choose(page: "Page", *pictures: Path) -> None:
    """Choose files by the button."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose pictures").first.click()
    chooser.value.set_files(list(pictures))


def card(page: "Page", number: int = 0) -> "Locator":
    """The card of a picture, once it has its answer."""
    found = page.locator(".card").nth(number)
    found.and_(page.locator("[data-state=answered], [data-state=failed]")).wait_for()
    return found


def width_of(page: "Page") -> int:
    """How wide the page is, in pixels: more than the window means that it is scrolled sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth"))
