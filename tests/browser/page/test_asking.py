"""Pictures are given to the page, and their answers are looked at, judged and kept."""

import json
import re
from pathlib import Path

import pytest

from page_driving import LAKE, LAKE_ORIGIN, NO_ORIGIN, PHOTOS, Visit, card, choose, give

pytest.importorskip("playwright", reason="playwright is not installed")
from playwright.sync_api import Page, Route, expect


def test_a_chosen_picture_gets_its_verdict_and_its_origin_beside_it(page: Page) -> None:
    choose(page, LAKE)
    found = card(page)
    expect(found).to_have_attribute("data-verdict", "origin")
    expect(found.locator(".verdict")).to_have_text(re.compile("Its origin is (probably )?here"))
    expect(found.locator(".why")).to_contain_text("pictures without an origin here, about 1")
    expect(found.locator(".facts .name")).to_have_text(LAKE_ORIGIN)
    expect(found.locator(".stage img")).to_have_count(2)
    expect(page.locator("#live")).to_contain_text("lake-sunset.jpg: Its origin is")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(page: Page, kind: str) -> None:
    give(page, kind, "from elsewhere.jpg", LAKE.read_bytes())
    found = card(page)
    expect(found.locator(".query")).to_have_text("from elsewhere.jpg")
    expect(found).to_have_attribute("data-verdict", "origin")


def test_what_is_no_picture_in_the_clipboard_is_said(page: Page) -> None:
    give(page, "paste", "", b"")
    expect(page.locator(".notice")).to_contain_text("There is no picture in the clipboard.")


def test_several_pictures_are_rows_that_open(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no picture")
    choose(page, LAKE, NO_ORIGIN, broken)
    expect(page.locator("[data-state=answered]")).to_have_count(2)
    expect(page.locator("[data-state=failed]")).to_have_count(1)
    expect(page.locator(".summary")).to_contain_text("3 pictures")
    expect(page.locator(".summary")).to_contain_text(
        "1 with its origin here · 1 without an origin here · 1 failed"
    )
    expect(page.locator(".evidence")).to_have_count(0)
    page.get_by_role("button", name="Show evidence lake-sunset.jpg").click()
    expect(page.locator(".evidence")).to_have_count(1)
    page.get_by_role("button", name="Remove all").click()
    expect(page.locator(".card")).to_have_count(0)


def test_the_slider_uncovers_and_blends(page: Page) -> None:
    choose(page, LAKE)
    over, slider = page.locator(".over"), page.get_by_role("slider")
    expect(over).to_have_css("clip-path", "inset(0px 50% 0px 0px)")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(over).to_have_css("clip-path", "inset(0px 60% 0px 0px)")
    expect(slider).to_have_attribute("aria-valuetext", "40% of your picture is shown")
    page.get_by_label("Blend").check()
    expect(over).to_have_css("opacity", "0.4")
    expect(over).to_have_css("clip-path", "none")
    page.get_by_label("Blend").uncheck()
    box = page.locator(".stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 200)
    page.mouse.up()
    expect(over).to_have_css("clip-path", "inset(0px 75% 0px 0px)")


def test_the_other_ways_to_compare_are_reached_by_arrows(page: Page) -> None:
    choose(page, LAKE)
    page.get_by_role("tab", name="Slider").focus()
    for name, pictures in (("Side by side", 2), ("Heat map", 1), ("Checkerboard", 1)):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name=name, selected=True)).to_be_focused()
        panel = page.get_by_role("tabpanel", name=name)
        expect(panel.locator("img")).to_have_count(pictures)
        for image in panel.locator("img").all():
            expect(image).to_have_js_property("complete", True)
            assert image.evaluate("image => image.naturalWidth") > 100
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Slider", selected=True)).to_be_focused()


def test_another_candidate_is_explained_when_it_is_chosen(page: Page) -> None:
    choose(page, LAKE)
    second = page.locator(".others .thumb").nth(1)
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(second).to_be_focused()
    expect(page.locator(".looked h3").first).to_have_text("Another candidate")
    expect(page.locator(".side")).to_contain_text("That is ordinary")
    expect(page.locator(".stage")).to_be_visible()


def test_without_an_origin_nothing_reads_like_one(page: Page) -> None:
    choose(page, NO_ORIGIN)
    found = card(page)
    expect(found).to_have_attribute("data-verdict", "none")
    expect(found.locator(".verdict")).to_have_text("No origin found here")
    expect(found.locator(".why")).to_contain_text("That is ordinary")
    expect(found.locator(".looked")).to_have_count(0)
    found.locator(".others .thumb").first.click()
    expect(found.locator(".looked h3").first).to_have_text("A near picture, but no origin")


def test_a_decision_is_made_with_a_note_and_undone(page: Page, service: str) -> None:
    choose(page, LAKE)
    page.get_by_label("Note (optional)").fill("Seen on <b>the desk</b>")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".decide.done")).to_contain_text("You confirmed this origin.")
    expect(page.locator("#live")).to_contain_text("You confirmed this origin.")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.get_by_role("link", name="Decisions").click()
    row = page.locator(".decisions li")
    expect(row).to_contain_text("lake-sunset.jpg was made from lake.jpg")
    expect(row.locator(".note")).to_have_text("Seen on <b>the desk</b>")
    row.get_by_role("button", name="Undo").click()
    expect(page.locator(".decisions li")).to_have_count(0)
    answer = page.request.get(f"{service}v1/decisions").json()
    assert answer == {"decisions": []}


def test_a_rejected_origin_is_undone_on_its_card(page: Page, service: str) -> None:
    choose(page, LAKE)
    page.get_by_role("button", name="Reject").click()
    expect(page.locator(".decide.done")).to_contain_text("You rejected this origin.")
    made = page.request.get(f"{service}v1/decisions").json()["decisions"]
    assert [(each["query"], each["decision"]) for each in made] == [("lake-sunset.jpg", "no")]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Confirm")).to_be_visible()
    assert page.request.get(f"{service}v1/decisions").json()["decisions"] == []


def test_evidence_is_saved_and_a_link_is_copied(visit: Visit, service: str) -> None:
    page = visit(service, permissions=["clipboard-read", "clipboard-write"])
    choose(page, LAKE)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save evidence (JSON)").click()
    assert saved.value.suggested_filename == "Evidence for lake-sunset.json"
    assert json.loads(saved.value.path().read_bytes())["query"] == "lake-sunset.jpg"
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save evidence (HTML)").click()
    assert saved.value.path().read_bytes().lower().startswith(b"<!doctype html>")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    link = str(page.evaluate("navigator.clipboard.readText()"))
    assert link.startswith(f"{service}#/reference/")
    expect(visit(link).locator("h1")).to_have_text(LAKE_ORIGIN)


def test_a_file_that_is_too_large_is_not_sent(visit: Visit, service: str) -> None:
    page = visit(service)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))

    def small(route: Route) -> None:
        answer = route.fetch()
        stats = {**answer.json(), "limits": {"bytes": 1000, "pixels": 4_000_000, "top": 100}}
        route.fulfill(response=answer, json=stats)

    page.route("**/v1/stats", small)
    page.reload()
    choose(page, LAKE)
    expect(card(page).locator(".notice")).to_contain_text("Up to 1 kB and 4 megapixels are taken.")
    assert "POST" not in sent


def test_a_busy_service_is_asked_again(page: Page) -> None:
    answers = iter([429, 429])

    def busy(route: Route) -> None:
        if next(answers, None) is None:
            route.continue_()
        else:
            error = {"code": "too_many", "given": "", "expected": "", "todo": ""}
            route.fulfill(status=429, headers={"retry-after": "1"}, json={"error": error})

    page.route("**/v1/find", busy)
    choose(page, LAKE)
    expect(page.locator(".verdict")).to_contain_text("It is asked again in 1 second.")
    expect(card(page)).to_have_attribute("data-verdict", "origin")


def test_a_service_that_is_gone_is_said_and_asked_again(page: Page) -> None:
    page.route("**/v1/find", lambda route: route.fulfill(status=503, body="<h1>proxy</h1>"))
    choose(page, LAKE)
    expect(card(page).locator(".notice")).to_contain_text("The service failed. Try again.")
    page.unroute("**/v1/find")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".card")).to_have_attribute("data-verdict", "origin")


def test_an_empty_collection_is_said(page: Page) -> None:
    def empty(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "references": 0})

    page.route("**/v1/stats", empty)
    page.reload()
    expect(page.locator(".notice")).to_contain_text("The collection is empty")
    page.get_by_role("link", name="Add pictures").click()
    expect(page.get_by_role("button", name="Choose pictures to add")).to_be_visible()


def test_a_fingerprint_is_asked_about(page: Page) -> None:
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.post_data or "")
        route.fulfill(
            json={
                "query": "a fingerprint",
                "verdict": "none",
                "matches": [],
                "note": "",
                "reason": "none: nothing",
                "error": None,
                "query_sha256": None,
            }
        )

    page.route("**/v1/find", answer)
    page.get_by_text("More ways to ask").click()
    page.get_by_label("Ask by a fingerprint").fill("originid1:AAAA")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(card(page).locator(".query")).to_have_text("A fingerprint")
    assert 'name="fingerprint"' in asked[0]
    assert "originid1:AAAA" in asked[0]


def test_what_is_no_fingerprint_is_said(page: Page) -> None:
    page.get_by_text("More ways to ask").click()
    page.get_by_label("Ask by a fingerprint").fill("no fingerprint")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(card(page).locator(".notice")).to_contain_text("This fingerprint cannot be used here.")


def test_the_same_photo_is_called_the_same_file(page: Page) -> None:
    choose(page, PHOTOS / LAKE_ORIGIN)
    expect(card(page).locator(".why")).to_have_text("It is the same file.")
