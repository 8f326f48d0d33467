"""The collection is browsed, searched and added to; references have addresses of their own."""

import re
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from originid.testing import write_photos
from page_driving import LAKE, LAKE_ORIGIN, Visit, card, choose, give
from prefix_proxy import under_prefix

pytest.importorskip("playwright", reason="playwright is not installed")
from playwright.sync_api import Page, Route, expect

MANY = 100_000
TOKEN = "w" * 24  # of the service that is guarded
HOSTILE = "<img src=x onerror=alert(1)>.jpg"
CAPTION = '<b id="hurt">A lake</b> & its "shore"'


def test_names_and_captions_are_searched(page: Page) -> None:
    page.get_by_role("link", name="Collection").click()
    tiles = page.locator(".grid li")
    expect(page.locator("h1")).to_be_focused()
    expect(tiles.first).to_be_visible()
    search = page.get_by_role("searchbox")
    search.fill("LAKE")
    expect(tiles).to_have_count(2)
    expect(search).to_be_focused()
    expect(page).to_have_url(re.compile(r"#/collection\?q=LAKE$"))
    search.fill("shore")
    expect(tiles).to_have_count(1)
    expect(tiles.locator(".caption")).to_have_text(CAPTION)
    search.fill("nothing like this")
    expect(page.locator(".results")).to_contain_text(
        "No name and no caption has “nothing like this”."
    )
    expect(page.locator("#live")).to_contain_text("No name and no caption has")


def test_what_did_not_come_is_asked_for_again_and_nothing_waits_meanwhile(page: Page) -> None:
    def wait_for(wanted: str, shown: str) -> None:
        page.get_by_role("button", name="Try again").wait_for()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        page.unroute(wanted)
        page.get_by_role("button", name="Try again").click()
        expect(page.locator(shown).first).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)

    for wanted in ("**/v1/references?*", "**/v1/explain*"):
        page.route(wanted, lambda route: route.fulfill(status=503, body="<h1>proxy</h1>"))
    page.get_by_role("link", name="Collection").click()
    wait_for("**/v1/references?*", ".grid li")
    page.get_by_role("link", name="Check", exact=True).click()
    choose(page, LAKE)
    wait_for("**/v1/explain*", ".stage")


def test_a_reference_shows_what_is_said_of_it_as_text(page: Page, service: str) -> None:
    page.goto(f"{service}#/collection?q=shore")
    page.locator(".grid a").click()
    expect(page.locator("h1")).to_have_text(LAKE_ORIGIN)
    expect(page.locator(".caption")).to_have_text(CAPTION)
    expect(page.locator("#hurt")).to_have_count(0)
    link = page.get_by_role("link", name="example.org/lake (opens a new window)")
    expect(link).to_have_attribute("href", "https://example.org/lake")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    image = page.locator(".whole img")
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 256
    page.get_by_role("button", name="Find copies of it here").click()
    expect(card(page).locator(".why")).to_have_text("It is the same file.")
    expect(page.locator(".decide")).to_have_count(0)


def test_only_addresses_of_the_web_are_links(page: Page, service: str) -> None:
    def hostile(route: Route) -> None:
        answer = route.fetch()
        said = {"caption": "", "credit": "", "licence": "", "date": "", "link": "javascript:hurt()"}
        route.fulfill(response=answer, json={**answer.json(), "description": said})

    page.route("**/v1/references/1", hostile)
    page.goto(f"{service}#/reference/1")
    expect(page.get_by_text("javascript:hurt()")).to_be_visible()
    assert page.locator("a[href^=javascript]").count() == 0


def test_names_with_html_are_shown_as_they_are(page: Page, service: str) -> None:
    page.goto(f"{service}#/collection?q=onerror")
    expect(page.locator(".grid .name")).to_have_text(HOSTILE)
    page.goto(f"{service}#/")
    give(page, "drop", HOSTILE, LAKE.read_bytes())
    expect(card(page).locator(".query")).to_have_text(HOSTILE)
    assert page.locator("img[src=x]").count() == 0


def test_pictures_are_added_with_progress(page: Page, service: str, tmp_path: Path) -> None:
    good, known = write_photos(tmp_path, 1, first=4242)[0], tmp_path / "known.jpg"
    known.write_bytes((Path(str(LAKE)).parent.parent / "demo_photos" / "owl.jpg").read_bytes())
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    page.goto(f"{service}#/collection")
    page.get_by_text("Add pictures").click()
    page.get_by_label("Caption", exact=True).fill("Blobs of <colour>")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose pictures to add").click()
    chooser.value.set_files([good, known, broken])
    rows = page.locator(".added li")
    expect(rows).to_have_count(3)
    expect(page.locator(".progress p")).to_have_text("3 of 3 pictures")
    expect(rows.nth(2)).to_have_text("4242.png was added.")
    expect(rows.nth(1)).to_have_text("known.jpg was here already.")
    expect(rows.nth(0)).to_contain_text("broken.jpg: This cannot be read as a picture.")
    expect(page.locator("#live")).to_contain_text("2 of 3")
    page.get_by_role("searchbox").fill("colour")
    expect(page.locator(".grid li")).to_have_count(2)  # the known one is now described too
    answer = page.request.get(f"{service}v1/references?q=4242").json()["references"]
    assert [each["description"]["caption"] for each in answer] == ["Blobs of <colour>"]
    for each in answer:
        page.request.delete(f"{service}v1/references/{each['id']}")


def test_pictures_dropped_beside_an_open_panel_are_added_and_otherwise_asked_about(
    page: Page, service: str
) -> None:
    page.goto(f"{service}#/collection")
    expect(page.locator("h1")).to_be_visible()
    give(page, "drop", "asked.jpg", LAKE.read_bytes())
    expect(card(page).locator(".query")).to_have_text("asked.jpg")
    page.goto(f"{service}#/collection?add")
    page.locator(".adding[open]").wait_for()
    give(page, "drop", "added.jpg", LAKE.read_bytes())
    expect(page.locator(".added li")).to_have_text("added.jpg was added.")
    found = page.request.get(f"{service}v1/references?q=added.jpg").json()["references"]
    assert len(found) == 1
    page.request.delete(f"{service}v1/references/{found[0]['id']}")


def many(route: Route) -> None:
    """A list of 100,000 references."""
    query = parse_qs(urlsplit(route.request.url).query)
    after, limit = int(query["after"][0]), int(query["limit"][0])
    last = min(after + limit, MANY)
    rows = [
        {
            "id": id, "reference": f"/archive/{id}.jpg", "name": f"{id}.jpg", "width": 10,
            "height": 10, "bytes": 10, "added_at": "", "sha256": "", "exists": True,
            "description": None, "thumbnail": "/static/icon.svg",
        }
        for id in range(after + 1, last + 1)
    ]  # fmt: skip
    route.fulfill(json={"references": rows, "next": last if last < MANY else None, "total": MANY})


def test_a_hundred_thousand_references_are_as_fast_as_a_few(page: Page, service: str) -> None:
    page.route("**/v1/references?*", many)
    page.goto(f"{service}#/collection")
    expect(page.locator(".results")).to_contain_text("1 to 60 of 100,000")
    start = time.monotonic()
    for number in range(2, 22):
        page.get_by_role("button", name="Next page").click()
        shown = f"{60 * number - 59:,} to {60 * number:,} of 100,000"
        page.locator(".results").get_by_text(shown).wait_for()
    assert (time.monotonic() - start) / 20 < 1
    expect(page.locator(".grid li")).to_have_count(60)
    page.get_by_role("button", name="Previous page").click()
    expect(page.locator(".results")).to_contain_text("1,141 to 1,200 of 100,000")
    page.reload()
    expect(page.locator(".grid .name").first).to_have_text("1141.jpg")
    page.goto(f"{service}#/collection?after=99960")
    expect(page.locator(".grid li")).to_have_count(40)
    expect(page.get_by_role("button", name="Next page")).to_have_count(0)


def test_an_address_that_leads_nowhere_says_so(visit: Visit, service: str) -> None:
    for wrong in ("999999", "lake", "-1", "17/../../x"):
        page = visit(f"{service}#/reference/{wrong}")
        if wrong[0] not in "1":
            expect(page.locator("h1")).to_have_text("There is no such reference")
            expect(page.locator(".notice")).to_contain_text("It may have been removed")
    expect(visit(f"{service}#/elsewhere").locator("h1")).to_have_text(
        "Which photo was this made from?"
    )


def test_answers_stay_while_the_collection_is_looked_at(page: Page) -> None:
    choose(page, LAKE)
    card(page)
    page.get_by_role("link", name="Open the reference").click()
    expect(page.locator("h1")).to_have_text(LAKE_ORIGIN)
    page.go_back()
    expect(page.locator(".card")).to_have_attribute("data-verdict", "origin")
    expect(page.locator(".stage")).to_be_visible()


def test_a_proxy_may_show_the_page_under_a_prefix(
    visit: Visit, service: str, tmp_path: Path
) -> None:
    with under_prefix(urlsplit(service).port or 0, "/photos/origin/") as address:
        page = visit(address)
        choose(page, LAKE)
        page.locator(".stage").wait_for()
        page.get_by_role("link", name="Collection").click()
        expect(page.locator(".grid img").first).not_to_have_js_property("naturalWidth", 0)
        page.goto(f"{address}#/collection?add")
        page.locator(".adding[open]").wait_for()
        give(page, "drop", "added.jpg", write_photos(tmp_path, 1, first=777)[0].read_bytes())
        expect(page.locator(".added li")).to_have_text("added.jpg was added.")
        page.locator(".added li a").click()
        expect(page.locator("h1")).to_have_text("added.jpg")
        page.get_by_text("Remove it from the collection").click()
        page.get_by_role("button", name="Remove it now").click()
        expect(page).to_have_url(re.compile("#/collection$"))
        expect(page.locator(".notice")).to_have_text("added.jpg was removed.")
        expect(page.locator("#live")).to_contain_text("added.jpg was removed.")
        left = page.request.get(f"{service}v1/references?q=added.jpg").json()["references"]
        page.close()  # before the proxy goes, which the page may still be asking
    assert left == []


def test_only_an_admin_is_offered_to_remove(visit: Visit, guarded: str) -> None:
    page = visit(f"{guarded}#/reference/1")
    page.get_by_role("dialog").get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator(".whole")).to_be_visible()
    expect(page.get_by_text("Remove it from the collection")).to_have_count(0)
