"""Names of any bytes on a terminal."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.system.text import printable


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
