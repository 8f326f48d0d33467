"""Names of any bytes on a terminal, and confidences in percent."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.system.text import percent, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("photo.jpg", "photo.jpg"),
        ("grüße 日本.jpg", "grüße 日本.jpg"),
        ("a\nb", "a\\nb"),
        ("a\tb\r", "a\\tb\\r"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x00", "\\x00"),
        (os.fsdecode(b"caf\xe9"), "caf\\udce9"),
        ("\u202egpj.exe", "\\u202egpj.exe"),  # it would turn the rest of the line around
        ("", ""),
    ],
)
def test_what_a_name_looks_like(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(codec=None)))
def test_every_name_is_one_line_that_any_terminal_takes(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
    assert printable(shown) == shown


@given(st.binary())
def test_names_of_any_bytes_are_shown(name: bytes) -> None:
    assert printable(name.decode("utf-8", "surrogateescape")).isprintable()


@pytest.mark.parametrize(
    ("confidence", "text"),
    [
        (0.0, "0.00%"),
        (0.5, "50.00%"),
        (0.98765, "98.77%"),
        (0.9999, "99.99%"),
        (0.99990001, ">99.99%"),
        (1.0, ">99.99%"),
    ],
)
def test_percents(confidence: float, text: str) -> None:
    assert percent(confidence) == text


@given(st.floats(0, 1))
def test_nothing_is_as_sure_as_100_percent(confidence: float) -> None:
    assert "100" not in percent(confidence)
    assert len(percent(confidence)) <= 7
