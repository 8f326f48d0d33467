"""JSON from strangers: an object that can be used anywhere, or one error."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.system.strict_json import MOST_DEPTH, parse_json, read_json


def nested(depth: int) -> str:
    """An object that holds lists in lists, ``depth`` in all."""
    return '{"a": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("{", "Expecting"),
        ('{"a": 1,}', "line 1 column"),
        ("[1]", "it holds a list, expected one JSON object"),
        ("null", "it holds a NoneType"),
        ('{"a": NaN}', "the number NaN, expected a finite one"),
        ('{"a": -Infinity}', "the number -Infinity"),
        ('{"a": 1e999}', "the number 1e999, expected a finite one"),
        ('{"a": ' + "9" * 400 + "}", "the number 9999"),
        ('{"a": ' + "9" * 100_000 + "}", "the number 9999"),
        ('{"a": "\\ud800"}', "is not Unicode text"),
        ('{"\\udfff": 1}', "is not Unicode text"),
        (nested(MOST_DEPTH + 1), "nested more than 32 deep"),
        ("[" * 100_000, "nested more than 32 deep"),
        ('{"a":' * 100_000, "nested more than 32 deep"),
        (b"\xff", "it is not UTF-8"),
        ('{"a": "' + "x" * 1_000_000 + '"}', "expected at most 1,000,000"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_what_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_json(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_what_is_read() -> None:
    text = '\ufeff{"a": [1, -2.5e3, true, null, {"b": "ü\\u00fc\\ud83d\\ude00"}]}'
    expected = {"a": [1, -2500.0, True, None, {"b": "üü😀"}]}
    assert parse_json(text.encode()) == expected
    assert parse_json(nested(MOST_DEPTH)) is not None
    assert parse_json(b'{"seed": 18446744073709551615}') == {"seed": 2**64 - 1}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(VALUES | st.dictionaries(st.text(), VALUES))
def test_what_is_read_is_what_was_written_and_can_be_written_again(value: Any) -> None:
    text = json.dumps(value)
    try:
        found = parse_json(text)
    except ValueError:
        return
    assert found == value
    json.dumps(found, allow_nan=False, ensure_ascii=False).encode()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_comes_back(number: float) -> None:
    assert math.isclose(parse_json(json.dumps({"a": number}))["a"], number, rel_tol=0)


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}
    with pytest.raises(ValueError, match="expected at most 10"):
        read_json(tmp_path / "a.json", 10)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json")
