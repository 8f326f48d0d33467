"""Prompts: read from what models say, asked of a server that misbehaves, and made without one."""

import base64
import io
import json
import pickle
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PILImage

from originid.errors import InputError
from originid.generation.prompts import (
    ChatPrompts,
    ChatSettings,
    FilePrompts,
    PromptError,
    TemplatePrompts,
    open_prompts,
    read_count,
)
from originid.generation.prompts.answers import read_answer
from originid.generation.prompts.templates import STYLES, TEMPLATES, caption_of_name
from originid.testing import textured_image

pytest.importorskip("httpx")
IMAGE = textured_image(0, 300, 900)
PATH = Path("photos/a.jpg")
KEY = "sk-secret-0123456789"


@dataclass(frozen=True)
class Reply:
    """What the server answers once; a body of None breaks the connection."""

    status: int = 200
    body: bytes | None = b""
    headers: dict[str, str] = field(default_factory=dict)
    held: bool = False  # no answer before the test has ended


def completion(text: Any, finish: str = "stop") -> Reply:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return Reply(body=json.dumps({"choices": [choice]}).encode())


def refusal(status: int, message: str = "", code: str = "", **headers: str) -> Reply:
    body = json.dumps({"error": {"message": message, "code": code}}).encode()
    return Reply(status, body, {name.replace("_", "-"): text for name, text in headers.items()})


def listed(count: int) -> str:
    return "\n".join(f"{i}. A garden of number {i}" for i in range(1, count + 1))


PROMPTS = [f"A garden of number {i}" for i in range(1, 21)]
GOOD = completion(listed(20))


class Server:
    """A local server that speaks the chat API: it gives its replies in turn, the last for ever."""

    def __init__(self) -> None:
        self.replies: list[Reply] = [GOOD]
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.ended = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.requests.append((self.path, dict(self.headers), json.loads(body)))
                reply = server.replies.pop(0) if len(server.replies) > 1 else server.replies[0]
                if reply.held:
                    server.ended.wait()
                if reply.body is None or reply.held:
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    running = Server()
    yield running
    running.stop()


Ask = Callable[..., tuple[ChatPrompts, list[float]]]


@pytest.fixture
def chat(server: Server, tmp_path: Path) -> Ask:
    """Opens prompts from the server; gives with them the waits that they asked for."""

    def make(**settings: Any) -> tuple[ChatPrompts, list[float]]:
        waits: list[float] = []
        values = {"base_url": server.url, "key": KEY, **settings}
        prompts = ChatPrompts(
            ChatSettings(**values), tmp_path / "prompts", sleep=waits.append, clock=lambda: 0.0
        )
        return prompts, waits

    return make


def test_the_request_is_that_of_the_paper(server: Server, chat: Ask) -> None:
    prompts, _ = chat(model="some-model")
    assert prompts.prompts(PATH, IMAGE) == PROMPTS
    ((path, headers, body),) = server.requests
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body["model"] == "some-model"
    ((text, image),) = [message["content"] for message in body["messages"]]
    assert text["text"] == (
        "I am doing image-to-image translation. Could you think of creative prompts to translate "
        "this image to different ones? Keep them creative, and only return 20 different prompts."
    )
    head, _, data = image["image_url"]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    with PILImage.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.size == (512, 171)


def test_no_key_sends_no_authorization(server: Server, chat: Ask) -> None:
    chat(key="")[0].prompts(PATH, IMAGE)
    assert "Authorization" not in server.requests[0][1]


def test_an_answer_is_paid_for_once(server: Server, chat: Ask, tmp_path: Path) -> None:
    first = chat()[0].prompts(PATH, IMAGE)
    assert chat()[0].prompts(Path("elsewhere/b.png"), IMAGE) == first
    assert len(server.requests) == 1
    (kept,) = (tmp_path / "prompts").iterdir()
    assert KEY not in kept.read_text(encoding="utf-8")
    for other in ({"model": "other"}, {"count": 10}):
        chat(**other)[0].prompts(PATH, IMAGE)
    chat()[0].prompts(PATH, textured_image(1, 300, 900))
    assert len(server.requests) == 4


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b'{"prompts": []}', b'{"prompts": [1]}'])
def test_a_torn_kept_answer_is_asked_for_again(
    server: Server, chat: Ask, tmp_path: Path, torn: bytes
) -> None:
    chat()[0].prompts(PATH, IMAGE)
    (kept,) = (tmp_path / "prompts").iterdir()
    kept.write_bytes(torn)
    assert chat()[0].prompts(PATH, IMAGE) == PROMPTS
    assert len(server.requests) == 2


def test_retry_after_is_honoured(server: Server, chat: Ask) -> None:
    server.replies = [refusal(429, Retry_After="7"), refusal(503, Retry_After="0.5"), GOOD]
    prompts, waits = chat(per_minute=1e9)
    assert prompts.prompts(PATH, IMAGE) == PROMPTS
    assert [wait for wait in waits if wait > 1e-3] == [7.0, 0.5]


def test_retry_after_can_be_a_date(server: Server, chat: Ask) -> None:
    until = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=300), usegmt=True)
    server.replies = [refusal(429, Retry_After=until), GOOD]
    prompts, waits = chat(per_minute=1e9)
    prompts.prompts(PATH, IMAGE)
    assert 100 < max(waits) <= 300


@pytest.mark.parametrize(
    "broken",
    [
        refusal(429),
        refusal(500, "oops"),
        refusal(503, Retry_After="soon"),
        Reply(body=None),
        Reply(body=b"<html>bad gateway</html>"),
        Reply(body=b"\xff\xfe{"),
        Reply(body=b"[]"),
        Reply(body=b'{"choices": []}'),
        Reply(body=b'{"choices": [{"message": null}]}'),
        completion(None),
        completion(17),
        completion([{"type": "image"}]),
        completion(""),
        completion("I'm sorry, but I can't help with that."),
        completion(listed(9)),
        completion(listed(10), finish="length"),  # the tenth may be cut off
    ],
    ids=lambda reply: f"{reply.status} {(reply.body or b'closed')[:60]!r}",
)
def test_what_is_broken_is_tried_again_at_growing_distances(
    server: Server, chat: Ask, broken: Reply
) -> None:
    prompts, waits = chat(per_minute=1e9, tries=4)
    server.replies = [broken, broken, broken, GOOD]
    assert prompts.prompts(PATH, IMAGE) == PROMPTS
    assert [wait for wait in waits if wait > 1e-3] == [1.0, 2.0, 4.0]
    server.replies = [broken]
    with pytest.raises(PromptError, match="within 4 tries"):
        prompts.prompts(PATH, textured_image(2))
    assert len(server.requests) == 8


def test_a_silent_server_is_asked_again(server: Server, chat: Ask) -> None:
    server.replies = [Reply(held=True), GOOD]
    prompts, waits = chat(timeout=0.2)
    assert prompts.prompts(PATH, IMAGE) == PROMPTS
    assert 1.0 in waits
    server.replies = [Reply(held=True)]
    with pytest.raises(PromptError, match=r"no answer for 0\.2 s"):
        chat(timeout=0.2, tries=2)[0].prompts(PATH, textured_image(3))


@pytest.mark.parametrize(
    "reply",
    [
        refusal(401, f"Incorrect API key provided: {KEY[:9]}***"),
        refusal(403, f"{KEY} may not do this"),
        refusal(404, "no such model"),
        refusal(429, "You exceeded your current quota", "insufficient_quota"),
        refusal(429, Retry_After="86400"),
        Reply(302, b"", {"Location": "http://127.0.0.1:9/"}),
    ],
    ids=lambda reply: f"{reply.status} {reply.body!r}",
)
def test_what_no_try_will_mend_ends_the_run_and_shows_no_key(
    server: Server, chat: Ask, reply: Reply
) -> None:
    server.replies = [reply]
    prompts, _ = chat()
    with pytest.raises(InputError) as raised:
        prompts.prompts(PATH, IMAGE)
    assert not isinstance(raised.value, PromptError)
    assert KEY[:9] not in str(raised.value)
    assert str(reply.status) in raised.value.given
    assert len(server.requests) == 1


def test_an_image_that_the_server_will_not_take_is_passed_over(server: Server, chat: Ask) -> None:
    server.replies = [refusal(400, "image refused by policy")]
    with pytest.raises(PromptError, match="image refused by policy"):
        chat()[0].prompts(PATH, IMAGE)
    assert len(server.requests) == 1


def test_no_server_ends_the_run(server: Server, chat: Ask) -> None:
    url = server.url
    prompts, waits = chat(base_url=url.replace("/v1", "/v2"), tries=3, per_minute=1e9)
    server._server.socket.close()
    with pytest.raises(InputError, match="no connection") as raised:
        prompts.prompts(PATH, IMAGE)
    assert not isinstance(raised.value, PromptError)
    assert [wait for wait in waits if wait > 1e-3] == [1.0, 2.0]


def test_requests_keep_their_distance(chat: Ask) -> None:
    prompts, waits = chat(per_minute=60)
    for seed in range(3):
        prompts.prompts(PATH, textured_image(seed))
    assert waits == [1.0, 2.0]  # the clock of the test stands still


def test_half_of_the_prompts_are_taken_and_more_are_cut(server: Server, chat: Ask) -> None:
    server.replies = [completion(listed(10)), completion(listed(30))]
    assert chat()[0].prompts(PATH, IMAGE) == PROMPTS[:10]
    assert chat()[0].prompts(PATH, textured_image(1)) == PROMPTS


def test_one_prompt_is_asked_for_in_the_singular(server: Server, chat: Ask) -> None:
    server.replies = [completion([{"type": "text", "text": '"A castle of glass"'}])]
    assert chat(count=1)[0].prompts(PATH, IMAGE) == ["A castle of glass"]
    text = server.requests[0][2]["messages"][0]["content"][0]["text"]
    assert text.endswith("and only return 1 prompt.")


def test_the_key_is_not_shown() -> None:
    assert KEY not in repr(ChatSettings(key=KEY))


def test_cost_before_the_start(tmp_path: Path) -> None:
    cost = ChatPrompts(ChatSettings(key=KEY), tmp_path).estimate(1000)
    assert (cost.requests, cost.tokens_read, cost.tokens_written) == (1000, 305_000, 500_000)
    assert cost.usd == pytest.approx(0.305 * 2.5 + 0.5 * 10)
    own = ChatSettings("gpt-4o", "http://localhost/v1")
    assert ChatPrompts(own, tmp_path).estimate(1).usd is None
    assert list(tmp_path.iterdir()) == []


def test_the_environment_names_server_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        ChatSettings.from_environment("gpt-4o", 20)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    assert ChatSettings.from_environment("m", 3).base_url == "http://localhost:8000/v1"
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert ChatSettings.from_environment("m", 3).key == KEY


@pytest.mark.parametrize("settings", [{"count": 0}, {"tries": 0}, {"model": ""}, {"timeout": 0}])
def test_odd_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        ChatSettings(**settings)


@pytest.mark.parametrize("key", ["cl\u00e9", "a\nb"])
def test_odd_keys_are_refused(key: str) -> None:
    with pytest.raises(InputError) as raised:
        ChatSettings(key=key)
    assert "key" in str(raised.value)
    assert repr(key)[1:-1] not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. a cat\n2. a dog", ["a cat", "a dog"]),
        ("Sure! Here are 2:\n\n1) a cat\n\n2) a dog\n\nEnjoy!", ["a cat", "a dog"]),
        ('1. "a cat"\n2. “a dog”\n3. a "cat"', ["a cat", "a dog", 'a "cat"']),
        ("**1. Dream:** a cat\n**2.** a dog", ["Dream: a cat", "a dog"]),
        ("- a cat\n* a dog\n• a fox", ["a cat", "a dog", "a fox"]),
        ("Prompts:\na cat\na dog", ["a cat", "a dog"]),
        ('["a cat", "a dog", 3]', ["a cat", "a dog"]),
        ('```json\n["a cat", "a dog"]\n```', ["a cat", "a dog"]),
        ('{"prompts": ["a cat", "a dog"]}', ["a cat", "a dog"]),
        ("1. a cat\n2. a cat\n3.  a   dog ", ["a cat", "a dog"]),
        ("a city in 2050", ["a city in 2050"]),
        ("1. a\x00 cat\ud800", ["a cat"]),
        ("I\u2019m sorry, I can\u2019t assist with that.", []),
        ("I cannot look at people.", []),
        (" \n", []),
    ],
)
def test_answers_are_read(text: str, expected: list[str]) -> None:
    assert read_answer(text, 20) == expected


@given(st.text(), st.integers(1, 5))
def test_any_answer_gives_different_prompts_of_one_line(text: str, count: int) -> None:
    found = read_answer(text, count)
    assert len(found) == len(set(found)) <= count
    assert all(prompt.strip() and prompt.isprintable() for prompt in found)


def test_templates_take_the_name_for_a_caption() -> None:
    prompts = TemplatePrompts(5).prompts(Path("/p/red_bicycle-03.jpg"), IMAGE)
    assert len(set(prompts)) == 5
    assert all("red bicycle" in prompt for prompt in prompts)
    assert TemplatePrompts(5).prompts(Path("/q/red_bicycle-03.jpg"), IMAGE) == prompts
    assert TemplatePrompts(3).prompts(Path("/q/red_bicycle-03.jpg"), IMAGE) == prompts[:3]
    assert TemplatePrompts(5).prompts(Path("/p/red_bicycle-04.jpg"), IMAGE) != prompts


def test_every_template_has_one_place_for_the_caption() -> None:
    assert len(set(TEMPLATES)) == len(TEMPLATES) >= 20
    assert all(template.count("{caption}") == 1 for template in TEMPLATES)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/x/sea-lion_2.png", "sea lion"),
        ("/x/hawksbill/000436.jpg", "hawksbill"),
        ("/1/2.jpg", "a scene"),
        ("/x/été à Paris.jpg", "été Paris"),
    ],
)
def test_captions_of_names(path: str, expected: str) -> None:
    assert caption_of_name(Path(path)) == expected


def test_captions_come_from_a_file(tmp_path: Path) -> None:
    captions = tmp_path / "captions.csv"
    captions.write_text("path,caption\na.jpg,A cat.\na.jpg,Two {braces}\n", encoding="utf-8")
    source = open_prompts(str(captions), 4, tmp_path)
    prompts = source.prompts(tmp_path / "a.jpg", IMAGE)
    assert sum("A cat" in prompt for prompt in prompts) == 2
    assert sum("Two {braces}" in prompt for prompt in prompts) == 2
    assert not any("cat." in prompt for prompt in prompts)
    assert "other" in source.prompts(tmp_path / "other.jpg", IMAGE)[0]


def test_prompts_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prompts.csv"
    file.write_bytes(
        b'\xef\xbb\xbfpath,prompt\r\nphotos/a.jpg,"a cat, in\nsnow"\r\nphotos/a.jpg,a dog\r\n'
        b"photos/a.jpg,a dog\r\nphotos/a.jpg,\r\nphotos/a.jpg,a fox\r\nshort\r\n"
    )
    source = open_prompts(str(file), 2, tmp_path)
    assert isinstance(source, FilePrompts)
    assert source.prompts(tmp_path / "photos" / "a.jpg", IMAGE) == ["a cat, in snow", "a dog"]
    assert source.count(tmp_path / "photos" / "a.jpg") == 2
    assert source.count(tmp_path / "photos" / "b.jpg") == 0
    with pytest.raises(PromptError, match=r"prompts\.csv"):
        source.prompts(tmp_path / "photos" / "b.jpg", IMAGE)


@pytest.mark.parametrize(
    ("spec", "content"),
    [
        ("missing.csv", None),
        ("list.txt", b"a cat"),
        ("empty.csv", b""),
        ("other.csv", b"name,caption\n"),
        ("latin.csv", b"path,prompt\na.jpg,caf\xe9\n"),
        ("chat:", None),
        ("nonsense", None),
    ],
)
def test_what_is_no_source_of_prompts_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, content: bytes | None
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    if content is not None:
        (tmp_path / spec).write_bytes(content)
    with pytest.raises(InputError, match="line 2 has bytes" if spec == "latin.csv" else None):
        open_prompts(spec if spec.startswith("chat") else str(tmp_path / spec), 3, tmp_path)


@pytest.mark.parametrize("header", ["name,caption", "path,text", "prompt", ""])
def test_a_wrong_header_says_which_columns_are_expected(tmp_path: Path, header: str) -> None:
    file = tmp_path / "prompts.csv"
    file.write_text(f"{header}\n")
    with pytest.raises(InputError, match="columns path and prompt, or path and caption") as error:
        open_prompts(str(file), 3, tmp_path)
    assert error.value.given.endswith(header.replace(",", ", ") or "empty")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("names", ("names", 20)),
        ("names:5", ("names", 5)),
        ("chat:gpt-4o", ("chat:gpt-4o", 20)),
        ("chat:llava:7b:3", ("chat:llava:7b", 3)),
        ("C:/a b.csv:40", ("C:/a b.csv", 40)),
        ("names:-1", ("names:-1", 20)),
        (":5", (":5", 20)),
    ],
)
def test_a_source_may_say_how_many(spec: str, expected: tuple[str, int]) -> None:
    assert read_count(spec) == expected


def test_a_chat_source_goes_to_other_processes(tmp_path: Path) -> None:
    settings = ChatSettings(key=KEY, count=3)
    copy = pickle.loads(pickle.dumps(ChatPrompts(settings, tmp_path)))
    assert copy.count(Path("a.jpg")) == 3


@pytest.mark.parametrize("count", [0, len(TEMPLATES) + 1])
def test_more_prompts_than_templates_are_refused(count: int, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        open_prompts("names", count, tmp_path)


def test_styles_are_those_that_the_small_generators_have_learned(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from small_diffusion import styles

    assert tuple(style.replace("{}", "{caption}") for style in styles.STYLES) == STYLES
    source = open_prompts("styles", 20, tmp_path)
    image = textured_image(0, 8, 8)
    assert source.count(tmp_path / "a.jpg") == len(STYLES)
    first = open_prompts("styles", 1, tmp_path).prompts(tmp_path / "red fox.jpg", image)
    assert first == source.prompts(tmp_path / "red fox.jpg", image)[:1]
    assert "red fox" in first[0]
