"""The page for everybody: keyboard, screen reader, phone, light and dark, languages, tokens."""

import re
from pathlib import Path

import pytest

from browser_types import Axe
from page_driving import LAKE, NO_ORIGIN, Visit, card, choose, width_of

pytest.importorskip("playwright", reason="playwright is not installed")
from playwright.sync_api import Page, expect

TOKEN = "w" * 24  # of the service that is guarded
PHONE = {"width": 360, "height": 740}
VIEWS = ("", "collection", "collection?add", "reference/1", "decisions")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    visit: Visit, service: str, axe: Axe, scheme: str, tmp_path: Path
) -> None:
    def check(page: Page) -> None:
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert axe(page) == []

    # Else colours change softly, and are measured on their way.
    calm = {"color_scheme": scheme, "bypass_csp": True, "reduced_motion": "reduce"}
    for view in VIEWS:
        page = visit(f"{service}#/{view}", **calm)
        check(page)
    page = visit(service, **calm)
    page.get_by_text("More ways to ask").click()
    choose(page, LAKE)
    page.locator(".stage").wait_for()
    for name in ("Slider", "Side by side", "Heat map", "Checkerboard"):
        page.get_by_role("tab", name=name).click()
        check(page)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    choose(page, NO_ORIGIN, broken)
    card(page, 1)
    check(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_question_for_a_token(
    visit: Visit, guarded: str, axe: Axe, scheme: str
) -> None:
    page = visit(guarded, color_scheme=scheme, bypass_csp=True)
    page.locator("dialog").wait_for()
    assert axe(page) == []


@pytest.mark.parametrize("locale", ["en-GB", "de-AT"])
def test_no_view_of_a_phone_is_scrolled_sideways(visit: Visit, service: str, locale: str) -> None:
    for view in VIEWS:
        page = visit(f"{service}#/{view}", viewport=PHONE, locale=locale)
        page.wait_for_timeout(200)
        assert width_of(page) <= PHONE["width"], view
    page = visit(service, viewport=PHONE, locale="en-GB")
    choose(page, LAKE)
    page.locator(".stage").wait_for()
    for tab in page.get_by_role("tab").all():
        tab.click()
        assert width_of(page) <= PHONE["width"]


def test_an_edit_is_asked_about_judged_and_taken_back_by_keyboard_alone(page: Page) -> None:
    def go(role: str, name: str | re.Pattern[str]) -> None:
        wanted = page.get_by_role(role, name=name).first  # type: ignore[arg-type]
        for _ in range(60):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{name} is not reached by Tab")

    # From now on, as the browser would not be ready for a key that comes right after.
    page.on("filechooser", lambda chooser: None)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    go("button", "Choose pictures")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(LAKE)
    page.locator(".stage").wait_for()
    go("tab", "Slider")
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="Checkerboard", selected=True)).to_be_focused()
    go("button", "Reject")
    page.keyboard.press("Enter")
    expect(page.locator(".decide.done")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Confirm")).to_be_focused()
    go("button", re.compile("^Close"))
    page.keyboard.press("Enter")
    expect(page.locator(".evidence")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^Show evidence"))).to_be_focused()
    go("button", re.compile("^Remove"))
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(0)
    expect(page.get_by_role("button", name="Choose pictures")).to_be_focused()


def test_the_language_is_the_browsers_and_can_be_changed(visit: Visit, service: str) -> None:
    page = visit(service, locale="de-CH")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("h1")).to_have_text("Aus welchem Foto wurde das gemacht?")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Bilder wählen").click()
    chooser.value.set_files(LAKE)
    expect(card(page).locator(".verdict")).to_have_text(
        re.compile("Das Original ist (wahrscheinlich )?hier")
    )
    expect(page.locator(".measured")).to_contain_text("der gemeinsamen Fläche gleichen sich")
    language = page.get_by_label("Sprache")
    language.focus()
    language.select_option("en")
    expect(page.locator("h1")).to_have_text("Which photo was this made from?")
    expect(page.get_by_label("Language")).to_be_focused()
    expect(card(page).locator(".verdict")).to_have_text(re.compile("Its origin is"))
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(visit(service, locale="fr-FR").locator("html")).to_have_attribute("lang", "en")


def test_light_and_dark_follow_the_system_and_a_switch(visit: Visit, service: str) -> None:
    def ground(page: Page) -> int:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3])

    page = visit(service, color_scheme="dark")
    assert ground(page) < 150
    page.get_by_role("button", name="Light appearance").click()
    assert ground(page) > 600
    expect(page.get_by_role("button", name="Dark appearance")).to_be_focused()
    page.reload()
    assert ground(page) > 600
    assert ground(visit(service, color_scheme="light")) > 600


def test_nothing_moves_for_those_who_want_it_so(visit: Visit, service: str) -> None:
    page = visit(service, reduced_motion="reduce")
    page.route("**/v1/find", lambda route: None)  # never answered
    choose(page, LAKE)
    expect(page.locator(".spinner")).to_have_css("animation-name", "none")


def test_a_token_is_asked_for_and_kept_for_this_window(visit: Visit, guarded: str) -> None:
    page = visit(guarded)
    dialog = page.get_by_role("dialog", name="A token is needed")
    field = dialog.get_by_label("Token")
    expect(field).to_be_focused()
    expect(page.locator("#footer")).not_to_contain_text("null")
    field.fill("wrong" * 5)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("That token is not valid")
    page.get_by_role("dialog").get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Which photo was this made from?")
    choose(page, LAKE)
    page.locator(".stage").wait_for()
    expect(page.locator(".decide")).to_have_count(0)  # the role find decides nothing
    page.get_by_role("link", name="Collection").click()
    image = page.locator(".grid img").first
    expect(image).to_have_attribute("src", re.compile("^blob:"))
    expect(page.locator(".adding")).to_have_count(0)
    page.reload()
    expect(page.locator(".grid img").first).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).length") == 0
    assert TOKEN not in page.url


def test_without_a_token_the_page_says_so(visit: Visit, guarded: str) -> None:
    page = visit(guarded)
    page.keyboard.press("Escape")
    expect(page.locator(".notice")).to_contain_text("A token is needed. Try again, and enter")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("dialog")).to_be_visible()
