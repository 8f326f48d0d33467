"""Pictures from addresses: private networks are not reached, also not by redirects or by names."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_web import Web, local_web
from originid.service.addresses import fetch
from originid.service.errors import ApiError
from originid.system.fetching import is_public
from served import Serve


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # where clouds tell their secrets
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False),  # 6to4 of 127.0.0.1
        ("64:ff9b:1::7f00:1", False),
        ("64:ff9b::7f00:1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),  # Teredo
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) == public


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://127.0.0.1/a.png", 403),
        ("http://localhost/a.png", 403),
        ("http://[::1]/", 403),
        ("http://2130706433/", 403),
        ("http://0/", 403),
        ("http://127.1/", 403),
        ("http://[::ffff:127.0.0.1]/", 403),
        ("http://169.254.169.254/latest/meta-data", 403),
        ("http://10.0.0.1/", 403),
        ("https://192.168.0.1/", 403),
        ("file:///etc/passwd", 422),
        ("ftp://example.org/a.png", 422),
        ("gopher://127.0.0.1/", 422),
        ("data:image/png;base64,AAAA", 422),
        ("http://example.org:22/", 422),
        ("http://user:password@127.0.0.1/", 422),
        ("http://127.0.0.1:99999/", 422),
        ("http://[::1", 422),
        ("http:///a.png", 422),
        ("http://127.0.0.1/a b", 422),
        ("http://127.0.0.1/a\r\nX-Evil: 1", 422),
        ("", 422),
        ("x" * 1999, 422),
    ],
)
def test_no_address_of_a_private_network_is_reached(
    serve: Serve, url: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*arguments: object, **options: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "create_connection", connect)
    client = serve(allow_urls=True)
    answer = client.post("/v1/find", data={"url": url})
    assert answer.status_code == status
    # The answer tells nothing of what might be there.
    assert "error" in answer.json()


def test_a_service_fetches_nothing_unless_it_is_allowed_to(serve: Serve) -> None:
    answer = serve().post("/v1/find", data={"url": "http://127.0.0.1/"})
    assert answer.status_code == 403
    assert "--allow-urls" in answer.json()["error"]["todo"]


def test_all_addresses_of_a_name_are_checked_and_looked_up_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def look_up(host: str, port: int, **options: object) -> list[Any]:
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("93.184.215.14", "10.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(ApiError) as caught:
        fetch("http://mixed.example/", 1000, 5)
    assert (caught.value.status_code, asked) == (403, ["mixed.example"])


@pytest.fixture
def web() -> Iterator[Web]:
    with local_web() as start:
        yield start


def local(port: str, url: str, most: int = 10_000, seconds: float = 5.0) -> tuple[str, bytes]:
    """Fetch from the loopback address, as if it were of the internet."""
    return fetch(url, most, seconds, lambda a: a == "127.0.0.1", {"http": int(port)})


def redirect(to: str) -> Callable[[Any], None]:
    return lambda handler: handler.give(302, b"", Location=to)


def test_a_picture_is_fetched_and_named(web: Web) -> None:
    port = web(
        {
            "/a/my%20photo.png?x=1": (200, b"picture"),
            "/moved": redirect("/a/my%20photo.png?x=1"),
        }
    )
    base = f"http://127.0.0.1:{port}"
    assert local(port, f"{base}/a/my%20photo.png?x=1") == ("my photo.png", b"picture")
    assert local(port, f"{base}/moved") == ("my photo.png", b"picture")


def test_what_the_web_may_answer(web: Web) -> None:
    def endless(handler: Any) -> None:
        handler.give(200, b"")
        while True:
            handler.wfile.write(b"x" * 100_000)

    def slow(handler: Any) -> None:
        handler.give(200, b"")
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.1)

    port = web(
        {
            "/none": (404, b""),
            "/circle": redirect("/circle"),
            "/private": redirect("http://10.0.0.1/"),
            "/file": redirect("file:///etc/passwd"),
            "/nowhere": redirect(""),
            "/endless": endless,
            "/slow": slow,
            "/stated": lambda handler: handler.give(200, b"x", **{"Content-Length": "1" * 30}),
        }
    )
    base = f"http://127.0.0.1:{port}"
    for path, status in {
        "/none": 422,
        "/circle": 422,
        "/private": 403,
        "/file": 422,
        "/nowhere": 422,
        "/endless": 413,
        "/slow": 422,
    }.items():
        begun = time.monotonic()
        with pytest.raises(ApiError) as caught:
            local(port, base + path, seconds=1.0)
        assert (caught.value.status_code, path) == (status, path)
        assert time.monotonic() - begun < 4
    with pytest.raises(ApiError, match="nothing"):
        local("1", "http://127.0.0.1:1/")


def test_the_answer_of_a_picture_from_the_web(
    serve: Serve, web: Web, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = web({"/q.png": (200, photos[1].read_bytes())})
    monkeypatch.setattr(
        "originid.service.asking.fetch", lambda url, most, seconds: local(port, url, most, seconds)
    )
    answer = serve(allow_urls=True).post("/v1/find", data={"url": f"http://127.0.0.1:{port}/q.png"})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["query"], found["verdict"]) == ("q.png", "origin")
