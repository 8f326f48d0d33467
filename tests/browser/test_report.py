"""The page of a report in a real browser: 200 queries, as a person works through them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser_types import Axe, OpenPage
from originid.report.forms import write_report
from report_cases import EVIDENCE, about, made_up, match

pytest.importorskip("playwright", reason="playwright is not installed")
from playwright.sync_api import Locator, Page, expect

COUNT = 200
HOSTILE = '</script><script>document.title="hurt"</script><img src=x onerror=alert(1)>.jpg'
NEEDLE = "needle in a haystack.jpg"


def cases() -> Iterator[dict[str, Any]]:
    for number in range(1, COUNT + 1):
        if number == 1:
            yield made_up(1, described={"Caption": "A lake", "Link": "https://example.org/1"})
        elif number == 5:
            part = [0.0, 0.25, 1.0, 0.75]
            yield made_up(5, evidence=EVIDENCE | {"part": part}, note="it is cut short")
        elif number == 9:
            copies = ["copy.jpg"] * 7
            yield made_up(9, query=HOSTILE, matches=[match(9, 1e-7, copies=copies, exists=False)])
        elif number == 150:
            yield made_up(150, query=NEEDLE)
        else:
            yield made_up(number)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("reports") / "r.html"
    write_report(path, about(COUNT), cases)
    return path.as_uri()


@pytest.fixture
def page(open_page: OpenPage, address: str) -> Page:
    opened = open_page(address)
    opened.wait_for_selector(".case")
    return opened


def names(page: Page) -> list[str]:
    return [text.rpartition("/")[2] for text in page.locator(".name").all_inner_texts()]


def focused(page: Page) -> str:
    """The name in the row that has the focus."""
    text = page.evaluate(
        "document.activeElement.querySelector(':scope > * > .name')?.textContent || ''"
    )
    return str(text).rpartition("/")[2]


def decoded(pictures: Locator) -> list[int]:
    """The widths of pictures, once they are decoded."""
    found: list[int] = pictures.evaluate_all(
        "images => Promise.all(images.map(i => i.decode().then(() => i.naturalWidth)))"
    )
    return found


def test_the_list_shows_a_page_of_cases_with_pictures_that_are_in_view(page: Page) -> None:
    assert page.locator("#status").inner_text() == "200 of 200 cases"
    assert names(page)[:2] == ["00001.jpg", "00002.jpg"]
    assert page.locator(".case").count() == 50
    page.wait_for_selector(".case:first-child .thumb img")
    assert decoded(page.locator("#q1 .thumb img")) == [160, 160]
    assert page.locator("#q47 .thumb img").count() == 0
    page.locator("#q47").scroll_into_view_if_needed()
    page.wait_for_selector("#q47 .thumb img")
    page.get_by_role("button", name="Next").click()
    assert names(page)[0] == "00051.jpg"
    assert page.locator(".pages span").inner_text() == "Page 2 of 4"


def test_the_filter_shows_one_verdict(page: Page) -> None:
    counts = page.locator(".filters button").all_inner_texts()
    assert counts == ["All 200", "Origin 50", "Uncertain 50", "None 50", "Unreadable 50"]
    page.get_by_role("button", name="Uncertain").first.click()
    assert page.locator("#status").inner_text() == "50 of 200 cases"
    assert set(page.locator(".verdict").all_inner_texts()) == {"Uncertain"}
    pressed = page.locator('.filters [aria-pressed="true"]')
    assert pressed.inner_text() == "Uncertain 50"
    assert page.locator(".pages").is_hidden()


def test_sorting(page: Page) -> None:
    page.locator("#sort").select_option("score")
    scores = [float(text.split()[1]) for text in page.locator(".score").all_inner_texts() if text]
    assert scores == sorted(scores, reverse=True)
    page.locator("#sort").select_option("rate")
    assert names(page)[0].endswith("onerror=alert(1)>.jpg")
    page.locator("#sort").select_option("verdict")
    assert set(page.locator(".verdict").all_inner_texts()) == {"Origin"}
    page.locator("#sort").select_option("name")
    assert names(page)[1] == NEEDLE
    page.locator("#sort").select_option("asked")
    assert names(page)[0] == "00001.jpg"


def test_the_search_finds_names_and_sentences(page: Page) -> None:
    search = page.locator("#search")
    search.fill("haystack NEEDLE")
    expect(page.locator(".case")).to_have_count(1)
    assert names(page) == [NEEDLE]
    search.fill("expected a picture")
    expect(page.locator("#status")).to_have_text("50 of 200 cases")
    search.fill("nowhere")
    expect(page.locator(".case")).to_have_count(0)
    assert page.locator("#status").inner_text().startswith("No query matches.")
    search.press("Escape")
    assert page.locator("#status").inner_text() == "200 of 200 cases"


def test_the_keyboard_alone(page: Page) -> None:
    keys = page.keyboard
    keys.press("j")
    assert focused(page) == "00001.jpg"
    keys.press("j")
    keys.press("ArrowDown")
    assert focused(page) == "00003.jpg"
    keys.press("k")
    keys.press("ArrowUp")
    assert focused(page) == "00001.jpg"
    keys.press("Enter")
    assert page.locator("#q1 .sheet").is_visible()
    assert page.locator("#q1 .head").get_attribute("aria-expanded") == "true"
    keys.press("Tab")
    keys.press("ArrowRight")
    assert page.locator("#q1 .stage").get_attribute("data-mode") == "slider"
    keys.press("Escape")
    assert page.locator(".sheet").count() == 0
    assert focused(page) == "00001.jpg"
    keys.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    keys.type("needle jj")
    expect(page.locator(".case")).to_have_count(0)
    keys.press("Backspace")  # "j" is in its name
    page.wait_for_selector("#q150")
    keys.press("Enter")
    assert focused(page) == NEEDLE


def test_the_keyboard_goes_from_page_to_page(page: Page) -> None:
    page.locator(".head").last.focus()
    page.keyboard.press("j")
    assert focused(page) == "00051.jpg"
    page.keyboard.press("k")
    assert focused(page) == "00050.jpg"


def test_evidence_on_a_click(page: Page) -> None:
    page.locator("#q1 .head").click()
    sheet = page.locator("#q1 .sheet")
    assert sheet.locator(".explained").inner_text() == EVIDENCE["sentence"]
    assert decoded(sheet.locator(".beside img")) == [160, 160]
    frame = sheet.locator(".beside polygon.line").get_attribute("points") or ""
    numbers = [float(each) for each in frame.replace(",", " ").split()]
    assert numbers == pytest.approx([10, 20, 90, 20, 90, 80, 10, 80])
    picture, drawn = (sheet.locator(f".beside:nth-child(2) {name}").bounding_box()
                      for name in ("img", "svg"))  # fmt: skip
    assert picture == drawn
    sheet.get_by_label("Slider").check()
    over = sheet.locator(".slider img").nth(1)
    before = over.evaluate("image => getComputedStyle(image).clipPath")
    sheet.locator(".slider input").press("End")
    after = over.evaluate("image => getComputedStyle(image).clipPath")
    assert before != after
    assert page.locator("#q1 .slider").evaluate("e => e.style.getPropertyValue('--at')") == "100%"
    sheet.get_by_label("Checkerboard").check()
    assert sheet.locator(".checkers img").nth(1).is_visible()
    assert "conic-gradient" in sheet.locator(".checkers img").nth(1).evaluate(
        "image => getComputedStyle(image).maskImage"
    )
    sheet.get_by_label("Heat map").check()
    assert decoded(sheet.locator(".heat img")) == [160]
    assert sheet.locator(".panel:visible").count() == 1
    page.locator("#q1 .head").click()
    assert page.locator(".sheet").count() == 0


def test_the_sheet_has_the_facts(page: Page) -> None:
    page.locator("#q1 .head").click()
    facts = page.locator("#q1 .details .facts").first.inner_text()
    assert "A lake" in facts
    assert f"{1:064x}" in facts
    assert "were not looked for" in facts
    link = page.locator("#q1 .details a", has_text="example.org")
    assert link.get_attribute("href") == "https://example.org/1"
    assert link.get_attribute("rel") == "noreferrer noopener"
    page.locator("#q5 .head").click()
    assert "it is cut short" in page.locator("#q5 .details").inner_text()
    assert page.locator("#q5 .beside").first.locator("polygon.line").count() == 1
    page.locator("#q3 .head").click()
    assert page.locator("#q3 .stage").count() == 0
    assert page.locator("#q1 .found").inner_text() == "Best match: photos/01.jpg"
    assert page.locator("#q3 .found").inner_text() == "Nearest: photos/03.jpg"
    page.locator("#q4 .head").click()
    assert page.locator("#q4 .thumb").first.inner_text() == "no picture"


def test_a_hostile_name_is_shown_and_does_nothing(page: Page) -> None:
    page.locator("#q9 .head").click()
    assert page.locator("#q9 .name").inner_text() == HOSTILE
    assert page.title() == "200 queries in archive"
    told = page.locator("#q9 .matches").inner_text()
    assert "The file of the reference was gone." in told
    assert "and 2 more" in told


def test_every_query_has_an_address(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}#q150")
    page.wait_for_selector("#q150 .sheet")
    assert focused(page) == NEEDLE
    assert page.locator(".pages span").inner_text() == "Page 3 of 4"
    page.locator("#search").fill("00001")
    page.wait_for_selector("#q1")
    page.evaluate("location.hash = '#q77'")
    page.wait_for_selector("#q77 .sheet")
    page.evaluate("location.hash = '#q9999'")
    page.evaluate("location.hash = '#<img>'")


def test_one_case_is_printed_alone(page: Page) -> None:
    page.evaluate("window.print = () => {}")
    page.locator("#q1 .head").click()
    page.locator("#q1 .print").click()
    expect(page.locator("body")).to_have_class("one")
    page.emulate_media(media="print")
    visible = page.locator(".case:visible")
    assert visible.count() == 1
    assert visible.locator("figure:visible").count() == 4
    assert page.locator("#q1 .run").is_visible()
    assert "d88b4a16f233ba369ea56ec4e9bd756a" in page.locator("#q1 .run").inner_text()
    for hidden in (".tools", ".pages", ".modes", ".actions", ".slider", "h1"):
        assert page.locator(hidden).first.is_hidden(), hidden
    assert page.pdf().startswith(b"%PDF")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.locator(".case:visible").count() == 50


def test_the_list_is_printed_with_its_pictures(page: Page) -> None:
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_selector("#q50 .thumb, #q47 .thumb img")
    page.emulate_media(media="print")
    assert page.locator(".thumb img").count() == 2 * 38  # but for the 12 that could not be read
    assert page.locator(".asked .facts").is_visible()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_window(open_page: OpenPage, address: str, width: int) -> None:
    page = open_page(f"{address}#q9", viewport={"width": width, "height": 800})
    page.wait_for_selector("#q9 .sheet")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_people_with_disabilities_can_use_it(
    open_page: OpenPage, address: str, axe: Axe, scheme: str, width: int
) -> None:
    view = {"width": width, "height": 900}
    # Scripts that are not of the page may only run where its policy is put aside.
    page = open_page(f"{address}#q9", viewport=view, color_scheme=scheme, bypass_csp=True)
    page.wait_for_selector("#q9 .sheet")
    page.locator("#q3 .head").click()
    page.locator(".asked summary").click()
    assert axe(page) == []
    page.locator("#q9 .modes label", has_text="Slider").click()
    assert axe(page) == []


def test_without_scripts_the_summary_and_a_hint_are_there(
    open_page: OpenPage, address: str
) -> None:
    page = open_page(address, java_script_enabled=False)
    assert "50 have an origin" in page.locator(".summary").inner_text()
    assert "needs JavaScript" in page.locator("noscript").inner_text()


def test_ten_thousand_cases_are_shown_at_once(open_page: OpenPage, tmp_path: Path) -> None:
    count = 10_000
    path = tmp_path / "many.html"
    write_report(path, about(count), lambda: map(made_up, range(1, count + 1)))
    page = open_page(path.as_uri())
    page.wait_for_selector(".case")
    assert page.locator("#status").inner_text() == "10,000 of 10,000 cases"
    assert page.locator(".thumb img").count() < 40
    page.locator("#search").fill("09999")
    page.wait_for_selector("#q9999")
    assert page.locator(".case").count() == 1
