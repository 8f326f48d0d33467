"""What a chat model and its server answer, sound or not, and what asking costs."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.errors import InputError, UsageError
from originid.generation.prompts.answers import (
    RetryError,
    read_answer,
    read_completion,
    retry_after,
    server_error,
)
from originid.generation.prompts.chat_settings import OPENAI, ChatSettings, most_cost
from originid.generation.prompts.templates import TEMPLATES, TemplatePrompts

DEEP = "[" * 100_000
IMAGE = np.zeros((4, 4, 3), np.uint8)


def completion(content: Any, **choice: Any) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}, **choice}]}).encode()


# --- answers ---


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"null",
        b'{"choices": []}',
        b'{"choices": {}}',
        b'{"choices": [null]}',
        b'{"choices": ["text"]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {}}]}',
        b'{"choices": [{"message": {"content": [{"image": 1}]}}]}',
        b'{"choices": [{"message": {"content": [{"text": null}]}}]}',
        DEEP.encode(),
    ],
)
def test_what_is_no_completion_is_worth_another_try(content: bytes) -> None:
    with pytest.raises(RetryError, match="no chat completion") as caught:
        read_completion(content, 3)
    assert (caught.value.after, caught.value.lost) == (None, False)


@pytest.mark.parametrize("text", [None, 3, {"a": 1}, "", "I'm sorry, no."])
def test_a_completion_without_prompts_is_worth_another_try(text: Any) -> None:
    with pytest.raises(RetryError, match="0 prompts of 4"):
        read_completion(completion(text), 4)


def test_text_in_parts_is_one_text() -> None:
    parts = [{"type": "text", "text": "1. a cat"}, {"type": "text", "text": "2. a dog"}]
    assert read_completion(completion(parts), 2) == ["a cat", "a dog"]


@pytest.mark.parametrize(
    ("lines", "count", "reason", "expected"),
    [
        (3, 2, "stop", 2),  # more than asked for
        (3, 2, "length", 2),  # the third is incomplete, and the two that were asked for are whole
        (2, 2, "length", 1),
        (1, 2, "stop", 1),  # half of them is enough
        (2, 5, "stop", 2),
        (1, 1, "stop", 1),
    ],
)
def test_how_many_prompts_are_taken(lines: int, count: int, reason: str, expected: int) -> None:
    text = "\n".join(f"{i + 1}. prompt {'abc'[i]}" for i in range(lines))
    found = read_completion(completion(text, finish_reason=reason), count)
    assert found == [f"prompt {letter}" for letter in "abc"[:expected]]


@pytest.mark.parametrize(("lines", "count", "reason"), [(1, 1, "length"), (1, 4, "stop")])
def test_fewer_than_half_are_too_few(lines: int, count: int, reason: str) -> None:
    text = "\n".join(f"- prompt {i}" for i in range(lines))
    with pytest.raises(RetryError, match=f"prompts of {count}"):
        read_completion(completion(text, finish_reason=reason), count)


@given(st.lists(st.text("abcdef", min_size=2, max_size=9), min_size=1, unique=True, max_size=9))
def test_each_way_to_write_a_list_gives_the_same_prompts(prompts: list[str]) -> None:
    expected = [f"a {prompt}" for prompt in prompts]
    numbered = "\n".join(f"{i}) {text}" for i, text in enumerate(expected, start=1))
    bullets = "\n\n".join(f"* **{text}**" for text in expected)
    as_json = f"```json\n{json.dumps(expected)}\n```"
    for text in (numbered, bullets, as_json, "\n".join(expected), f"Here:\n{numbered}"):
        assert read_answer(text, 20) == expected


def test_brackets_that_nest_without_end_are_a_line() -> None:
    assert read_answer(f"{DEEP}]", 3) == [f"{DEEP}]"]


# --- the server ---


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"error": {"code": "rate_limit", "message": " slow\\n down "}}',
         ("rate_limit", "slow down")),
        (b'{"error": {"code": 429}}', ("429", "")),
        (b'{"error": {}}', ("", "")),
        (b'{"error": "overloaded"}', ("", "")),
        (b'{"error": [1]}', ("", "")),
        (b'{"detail": "x"}', ("", "")),
        (b"<html>502</html>", ("", "")),
        (b"\xff\xfe", ("", "")),
        (DEEP.encode(), ("", "")),
    ],
)  # fmt: skip
def test_the_error_of_a_server(content: bytes, expected: tuple[str, str]) -> None:
    assert server_error(content) == expected


def test_a_long_message_is_cut() -> None:
    content = json.dumps({"error": {"message": "word " * 1000}}).encode()
    assert len(server_error(content)[1]) == 200


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("2.5", 2.5),
        (" 7 ", 7),
        ("-5", 0),
        ("nan", 0),
        ("", None),
        ("soon", None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
        ("Mon, 01 Jan 2001 00:00:00", 0),
        ("Mon, 32 Jan 2001 00:00:00 GMT", None),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        (f"Mon, 01 Jan 2001 00:00:00 {'9' * 30}", None),
    ],
)
def test_how_long_a_server_asks_to_wait(value: str, seconds: float | None) -> None:
    assert retry_after(value) == seconds


@given(st.integers(60, 10**6), st.integers(-11, 11))
def test_a_date_in_any_zone_is_the_time_until_it(seconds: int, hours: int) -> None:
    until = datetime.now(timezone(timedelta(hours=hours))) + timedelta(seconds=seconds)
    found = retry_after(format_datetime(until))
    assert found is not None
    assert seconds - 10 < found <= seconds


@given(st.text(max_size=40))
def test_any_header_is_a_time_or_none(value: str) -> None:
    found = retry_after(value)
    assert found is None or found >= 0


# --- settings and cost ---


@pytest.mark.parametrize("name", ["count", "per_minute", "tries", "timeout", "side"])
@pytest.mark.parametrize("value", [0, -1])
def test_each_number_must_be_above_zero(name: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        replace(ChatSettings(key="secret"), **{name: value})
    assert f"{name}={value}" in caught.value.given
    assert caught.value.expected == "expected the name of a model and numbers above 0"
    assert caught.value.todo == "correct the settings"
    assert "secret" not in str(caught.value)


def test_the_cost_grows_with_images_and_prompts() -> None:
    cost = most_cost(ChatSettings(count=20), 1000)
    assert (cost.requests, cost.tokens_read, cost.tokens_written) == (1000, 305_000, 500_000)
    assert cost.usd == pytest.approx(0.305 * 2.5 + 0.5 * 10)
    assert most_cost(ChatSettings(), 0).usd == 0


@pytest.mark.parametrize(("model", "url"), [("other", OPENAI), ("gpt-4o", "http://localhost/v1")])
def test_a_price_that_is_not_known_is_none(model: str, url: str) -> None:
    assert most_cost(ChatSettings(model, url), 5).usd is None


# --- templates ---


@given(st.integers(1, len(TEMPLATES)), st.text("abc", min_size=2, max_size=6))
def test_more_templates_begin_with_the_fewer(count: int, name: str) -> None:
    path = Path("/photos") / f"{name}.jpg"
    every = TemplatePrompts(len(TEMPLATES)).prompts(path, IMAGE)
    some = TemplatePrompts(count).prompts(path, IMAGE)
    assert some == every[:count]
    assert sorted(every) == sorted(text.replace("{caption}", name) for text in TEMPLATES)


def test_captions_take_turns_and_lose_their_full_stop(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    prompts = TemplatePrompts(
        3, {str(path): ["A cat. ", "{caption}"]}, ["1 {caption}", "2 {caption}", "3 {caption}"]
    )
    found = prompts.prompts(path, IMAGE)
    assert [text[2:] for text in found] == ["A cat", "{caption}", "A cat"]
    assert sorted(text[0] for text in found) == ["1", "2", "3"]


@pytest.mark.parametrize("count", [-1, 0, 3])
def test_a_count_that_templates_do_not_have_is_refused(count: int) -> None:
    with pytest.raises(UsageError) as caught:
        TemplatePrompts(count, templates=["{caption} 1", "{caption} 2"])
    assert caught.value.given == f"{count} prompts for each origin from 2 templates"
    assert caught.value.expected == "expected 1 to 2"
