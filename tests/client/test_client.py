"""The client against the real application, which listens on a port of the loopback address."""

import base64
import hashlib
import io
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("httpx", reason="needs the extra [client]")

from PIL import Image as Pillow
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

from descriptions import write_described
from listening import listening
from originid.client import Client, Reference, ServiceError
from originid.collection.adding import store_images
from originid.collection.collection import create_collection
from originid.errors import InputError
from originid.finder import Finder
from originid.images.decode import decode
from originid.model import Model
from originid.service.app import create_app
from originid.service.settings import Settings
from originid.testing import textured_image, write_photos
from originid.types import Description

WRITE = "w" * 24


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    plain = write_photos(tmp_path / "photos", 5)
    return [*plain, write_described(tmp_path / "photos" / "pier.jpg", 77, "Ein Größenwahn")]


@pytest.fixture
def finder(tmp_path: Path, model: Model, photos: list[Path]) -> Iterator[Finder]:
    with create_collection(tmp_path / "collection", model) as collection:
        store_images(collection, photos)
        yield Finder(collection)


@pytest.fixture
def client(finder: Finder) -> Iterator[Client]:
    with (
        listening(create_app(finder, Settings(workers=2))) as address,
        Client(address, seconds=60) as made,
    ):
        yield made


def new_picture(seed: int = 500) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(textured_image(seed, 64, 64)).save(file, "PNG")
    return file.getvalue()


def test_answers_are_those_of_a_finder(client: Client, finder: Finder, photos: list[Path]) -> None:
    known = finder.find(str(photos[-1]), 3)
    found = client.find(photos[-1], top=3)
    assert found.query == "pier.jpg"
    assert (found.verdict, found.reason) == (known.verdict, known.reason)
    assert found.matches == known.matches
    assert found.matches[0].description == Description("Ein Größenwahn", "An Agency")
    by_bytes = client.find(photos[-1].read_bytes(), top=3, false_matches="strict", effort="quick")
    assert by_bytes.matches[0].id == found.matches[0].id
    by_number = client.find(reference=found.matches[0].id, effort="quick")
    assert by_number.matches[0].reference == str(photos[-1])


def test_evidence_is_shown(client: Client, photos: list[Path]) -> None:
    found = client.explain(photos[0], 1)
    assert found.reference == str(photos[0])
    assert "query" in found.sentence
    assert {"query", "reference", "aligned", "heat"} <= set(found.pictures)
    assert decode(found.pictures["query"]).image.shape[2] == 3
    assert decode(client.explain_as("png", photos[0], 1)).width == 1020
    assert client.explain_as("html", photos[0], 1).startswith(b"<!doctype html>")


def test_references_come_page_by_page(
    client: Client, finder: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("originid.client.client.PAGE", 2)
    found = list(client.references())
    assert [each.reference for each in found] == [
        row.shown for row in finder.collection.references()
    ]
    assert found[-1].description == Description("Ein Größenwahn", "An Agency")
    assert [each.name for each in client.references("größen")] == ["pier.jpg"]
    assert list(client.references("no such & name")) == []


def test_a_reference_is_added_once_and_removed(client: Client, finder: Finder) -> None:
    data = new_picture()
    made = client.add(data, Description(caption="A new one", link="https://example.org/1"))
    assert (made.added, made.exists, made.width, made.bytes) == (True, True, 64, len(data))
    assert made.sha256 == hashlib.sha256(data).hexdigest()
    again = client.add(data)
    assert (again.added, again.id, again.description) == (False, made.id, made.description)
    client.remove(made.id)
    with pytest.raises(ServiceError, match=f"no reference {made.id}") as caught:
        client.remove(made.id)
    assert (caught.value.status, caught.value.code) == (404, "not_found")
    assert client.stats().references == len(finder.collection) == 6


def test_a_decision_is_made_and_forgotten(client: Client, photos: list[Path]) -> None:
    made = client.decide(photos[0], 3, yes=True, note="seen in the archive")
    assert (made.query, made.reference, made.decision) == (photos[0].name, str(photos[2]), "yes")
    assert client.decisions() == [made]
    assert "seen in the archive" in client.find(photos[0]).reason
    client.forget(made)
    assert client.decisions() == []


@pytest.mark.parametrize("decision", ["no", "yes", 1, None])
def test_a_decision_is_true_or_false(client: Client, photos: list[Path], decision: Any) -> None:
    with pytest.raises(InputError, match="the decision"):
        client.decide(photos[0], 3, decision)
    assert client.decisions() == []


def test_stats_say_what_may_be_done(finder: Finder, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"write {WRITE}\n")
    tokens.chmod(0o600)
    with listening(create_app(finder, Settings(token_file=tokens, max_bytes=4_000))) as address:
        with Client(address, WRITE) as client:
            stats = client.stats()
            assert (stats.references, stats.role, stats.writable) == (6, "write", True)
            assert stats.limits["bytes"] == 4_000
            with pytest.raises(ServiceError) as refused:
                client.remove(1)
            assert (refused.value.status, refused.value.code) == (403, "not_allowed")
            with pytest.raises(ServiceError) as large:
                client.find(b"x" * 100_000)
            assert (large.value.status, large.value.code) == (413, "too_large")
        with Client(address) as stranger, pytest.raises(ServiceError) as unknown:
            stranger.stats()
        assert unknown.value.status == 401
        assert "token" in unknown.value.todo


def test_a_service_may_be_behind_a_prefix(finder: Finder, photos: list[Path]) -> None:
    app = Starlette(routes=[Mount("/photos/origin", create_app(finder, Settings(workers=2)))])
    with listening(app) as address, Client(f"{address}/photos/origin/") as client:
        assert client.find(photos[1], effort="quick").matches[0].reference == str(photos[1])
        assert len(list(client.references())) == 6
    with listening(app) as address, Client(address) as lost, pytest.raises(ServiceError) as none:
        lost.stats()
    assert (none.value.status, none.value.code) == (404, "foreign_answer")
    assert "check the address" in none.value.todo


class Busy:
    """Says that it is busy for some requests, and then answers."""

    def __init__(self, times: int, headers: dict[str, str], status: int = 429) -> None:
        self.left, self.headers, self.status = times, headers, status
        self.bodies: list[bytes] = []
        self.app = Starlette(routes=[Route("/v1/references", self.answer, methods=["POST"])])

    async def answer(self, request: Any) -> JSONResponse:
        self.bodies.append(await request.body())
        if self.left:
            self.left -= 1
            error = {"code": "too_many", "given": "too many", "expected": "few", "todo": "wait"}
            return JSONResponse({"error": error}, self.status, self.headers)
        known = Reference(7, "/a.png", "a.png", 1, 1, 3, "2026-01-01T00:00:00Z", "0" * 64, True)
        return JSONResponse({**vars(known), "added": True, "new_in_a_later_version": 1})


def test_retry_after_is_obeyed_and_the_picture_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("originid.client.connection.time.sleep", waited.append)
    for status in (429, 503):
        busy = Busy(2, {"Retry-After": "3"}, status)
        with listening(busy.app) as address, Client(address) as client:
            assert client.add(b"abc").id == 7
        assert len(busy.bodies) == 3
        assert all(b"\r\nabc\r\n" in body for body in busy.bodies)
    assert [each for each in waited if each >= 1] == [3.0, 3.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("headers", "status", "tries"),
    [
        ({"Retry-After": "1"}, 429, 3),  # as often as it may
        ({}, 429, 1),  # nobody says when
        ({"Retry-After": "soon"}, 503, 1),
        ({"Retry-After": "1"}, 500, 1),  # it would only fail again
    ],
)
def test_tries_come_to_an_end(
    headers: dict[str, str], status: int, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("originid.client.connection.LONGEST_WAIT", 0.0)
    busy = Busy(99, headers, status)
    with (
        listening(busy.app) as address,
        Client(address, tries=3) as client,
        pytest.raises(ServiceError) as caught,
    ):
        client.add(b"abc")
    assert len(busy.bodies) == tries
    error = caught.value
    assert (error.status, error.code, str(error)) == (status, "too_many", "too many\nfew\nwait")


def test_what_answers_otherwise_than_originid_is_said() -> None:
    texts = {
        "/a": PlainTextResponse("<h1>502</h1>", 502),
        "/b": JSONResponse({"references": 3}),
        "/c": JSONResponse([1]),
        "/d": JSONResponse({"error": "no"}, 400),
    }

    def route(prefix: str) -> Route:
        async def answer(request: Any) -> Any:
            return texts[prefix]

        return Route(f"{prefix}/v1/stats", answer)

    with listening(Starlette(routes=[route(prefix) for prefix in texts])) as address:
        for prefix, answer in texts.items():
            with Client(address + prefix) as client, pytest.raises(ServiceError) as caught:
                client.stats()
            assert (caught.value.status, caught.value.code) == (
                answer.status_code,
                "foreign_answer",
            )


def test_one_that_does_not_answer_is_given_up() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(ServiceError) as caught:
        client.stats()
    assert (caught.value.status, caught.value.code) == (0, "no_answer")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Client(address, seconds=0.3) as client, pytest.raises(ServiceError) as caught:
            client.stats()
    assert "ReadTimeout" in caught.value.given


@pytest.mark.parametrize("address", ["", "localhost:8000", "ftp://a", "http://", "http://[::1"])
def test_an_address_is_one_of_the_web(address: str) -> None:
    with pytest.raises(InputError, match="the address"):
        Client(address)


def test_a_token_is_one_line_of_ascii() -> None:
    for token in ("abc\n", "abc\r\nHost: x", "tökens"):
        with pytest.raises(InputError, match="no header may have") as caught:
            Client("http://localhost", token)
        assert token not in str(caught.value)


def test_a_file_that_cannot_be_read_is_not_sent(tmp_path: Path) -> None:
    with Client("http://127.0.0.1:9") as client:
        for path in (tmp_path / "none.png", tmp_path):
            with pytest.raises(InputError, match=path.name):
                client.find(path)


def test_a_fingerprint_is_sent_in_the_place_of_a_picture() -> None:
    seen: list[bytes] = []

    async def answer(request: Any) -> JSONResponse:
        seen.append(await request.body())
        return JSONResponse(
            {"query": "q", "verdict": None, "reason": "", "matches": [], "error": "x", "note": ""}
        )

    app = Starlette(routes=[Route("/v1/find", answer, methods=["POST"])])
    code = base64.urlsafe_b64encode(b"signs").decode()
    with listening(app) as address, Client(address) as client:
        assert client.find(fingerprint=code).error == "x"
    assert b"top=10" in seen[0]
    assert b"fingerprint=c2lnbnM%3D" in seen[0]
