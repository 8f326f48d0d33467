"""Reading the answers of a chat model as lists of prompts, and the errors of its server."""

import json
import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from originid.generation.prompts.base import one_line

_NUMBERED = re.compile(r"^\s*\**(\d{1,3})\s*[.):]\**\s*(?=\S)")
_BULLET = re.compile(r"^\s*[-*•]\s+")
_REFUSAL = re.compile(
    r"(i.m|i am|we.re) (very )?sorry|sorry|i (cannot|can.t) |(i.m|i am) (unable|not able)", re.I
)

# What reading the JSON of another program raises: it may be nested too deep, or hold other types.
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class RetryError(Exception):
    """The request is worth another try.

    Args:
        reason: What went wrong, in one line.
        after: The seconds to wait, as the server asked for; None where it did not say.
        lost: Whether there is no server at all, for this image or any other.
    """

    def __init__(self, reason: str, after: float | None = None, lost: bool = False) -> None:
        super().__init__(reason)
        self.after, self.lost = after, lost


def read_answer(text: str, count: int) -> list[str]:
    """Return the prompts in an answer, each once and in order; a refusal has none.

    The prompts are the items of a JSON list. Where there is none they are the numbered lines, else
    the lines with bullets, else all lines except those that end in a colon. Quotes and emphasis
    around a prompt are removed.

    Args:
        text: The text of the answer.
        count: The largest number of prompts to return.
    """
    if _REFUSAL.match(text.strip()):
        return []
    items = [_clean(item) for item in _json_items(text) or _line_items(text)]
    return list(dict.fromkeys(item for item in items if item))[:count]


def read_completion(content: bytes, count: int) -> list[str]:
    """Return the prompts in a chat completion.

    Args:
        content: The body of the server's reply.
        count: The largest number of prompts to return.

    Raises:
        RetryError: The reply is no chat completion, or has fewer than half of the prompts.
    """
    try:
        choice = json.loads(content)["choices"][0]
        text = choice["message"]["content"]
        if isinstance(text, list):  # some servers write the text in parts
            text = "\n".join(part["text"] for part in text)
        cut = choice.get("finish_reason") == "length"
    except (*_MALFORMED, IndexError) as error:
        raise RetryError("an answer that is no chat completion") from error
    # One more than asked for, as the last one may have to go.
    found = read_answer(text, count + 1) if isinstance(text, str) else []
    found = found[:-1] if cut else found[:count]  # the last prompt of a cut answer is incomplete
    if len(found) < max(1, count // 2):
        raise RetryError(f"an answer with {len(found)} prompts of {count}")
    return found


def server_error(content: bytes) -> tuple[str, str]:
    """Return the code and the message of an error reply; each is empty where it is missing.

    Args:
        content: The body of the server's reply.
    """
    try:
        error = json.loads(content)["error"]
        return str(error.get("code", "")), " ".join(str(error.get("message", "")).split())[:200]
    except _MALFORMED:
        return "", ""


def retry_after(value: str) -> float | None:
    """Return the seconds that a Retry-After header asks for; None where it cannot be read.

    Args:
        value: The value of the header: a number of seconds, or the date until which to wait.
    """
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):  # a year or a zone may have any number of digits
        return None
    until = until if until.tzinfo else until.replace(tzinfo=timezone.utc)
    return max(0.0, (until - datetime.now(timezone.utc)).total_seconds())


def _json_items(text: str) -> list[str]:
    # The list may stand in a code block or in an object, but not after a sentence.
    match = re.search(r"\[.*\]", text, re.DOTALL)
    if not match or not re.match(r"[\s`{\[]|json", text):
        return []
    try:
        found = json.loads(match[0])
    except (ValueError, RecursionError):
        return []
    return [item for item in found if isinstance(item, str)]


def _line_items(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    for mark in (_NUMBERED, _BULLET):
        if items := [mark.sub("", line) for line in lines if mark.match(line)]:
            return items
    return [line for line in lines if not line.rstrip().endswith(":")]


def _clean(item: str) -> str:
    text = re.sub(r"\*\*|__|`", "", one_line(item)).strip()
    for left, right in ('""', "''", "\u201c\u201d", "\u2018\u2019"):
        if len(text) > 1 and text[0] == left and text[-1] == right:
            text = text[1:-1].strip()
    return text
