"""Who may do what: tokens, roles, foreign pages, rates and places at the desk."""

import hmac
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from originid.errors import InputError
from originid.finder import Finder
from originid.service.access import is_loopback, read_tokens
from originid.service.errors import ApiError
from originid.service.limits import Rates
from originid.service.server import listen, refuse_open
from originid.service.settings import Settings
from served import Serve

FETCH, FIND, WRITE, ADMIN, OLD = (letter * 24 for letter in "mfwao")


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(
        f"# who may do what\n\nmanifests {FETCH}\nfind {FIND} the desk\nwrite {WRITE}\n"
        f"admin {ADMIN} expires=2999-01-01\nadmin {OLD} expires=2001-01-01\n"
    )
    path.chmod(0o600)
    return path


def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


REQUESTS = {  # by method and address: the least role
    ("GET", "/v1/stats"): "find",
    ("GET", "/v1/references"): "find",
    ("GET", "/v1/references/1"): "find",
    ("GET", "/v1/references/1/thumbnail"): "find",
    ("GET", "/v1/references/1/picture"): "find",
    ("GET", "/v1/find?reference=1&effort=quick"): "find",
    ("POST", "/v1/find"): "find",
    ("POST", "/v1/explain"): "find",
    ("GET", "/v1/decisions"): "find",
    ("POST", "/v1/decisions"): "write",
    ("DELETE", "/v1/decisions"): "write",
    ("POST", "/v1/references"): "write",
    ("DELETE", "/v1/references/99"): "admin",
    ("GET", "/metrics"): "admin",
    ("POST", "/v1/fingerprint"): "find",
    ("GET", "/c2pa/v1/matches/byBinding?alg=x&value=x"): "manifests",
    ("POST", "/c2pa/v1/matches/byBinding"): "manifests",
    ("POST", "/c2pa/v1/matches/byContent"): "manifests",
    ("GET", "/c2pa/v1/manifests/1"): "manifests",
}
ROLES = ("manifests", "find", "write", "admin")


def test_each_role_may_do_what_it_may(serve: Serve, token_file: Path) -> None:
    client = serve(token_file=token_file)
    for (method, address), least in REQUESTS.items():
        for token in (None, "x" * 24, OLD, FIND[:-1], "ü"):
            given = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
            answer = client.request(method, address, headers=given)
            assert (answer.status_code, address) == (401, address)
            assert answer.headers["www-authenticate"] == "Bearer"
        for role, token in zip(ROLES, (FETCH, FIND, WRITE, ADMIN), strict=True):
            status = client.request(method, address, headers=headers(token)).status_code
            allowed = ROLES.index(role) >= ROLES.index(least)
            assert ((status != 403), address, role) == (allowed, address, role)
            assert status != 401
    for address in ("/health", "/ready", "/c2pa/v1/services/supportedAlgorithms"):
        assert client.get(address).status_code == 200
    for address in ("/health", "/ready"):  # load balancers may ask so
        assert client.head(address).status_code == 200


def test_every_route_of_the_api_is_in_the_table(client: TestClient) -> None:
    described = {
        (method.upper(), path.replace("{id}", "1").replace("{manifestId}", "1"))
        for path, methods in client.get("/openapi.json").json()["paths"].items()
        for method in methods
    }
    tried = {
        (method, address.partition("?")[0].replace("/99", "/1")) for method, address in REQUESTS
    }
    open_to_all = ("/health", "/ready", "/c2pa/v1/services/supportedAlgorithms")
    assert described - tried == {("GET", address) for address in open_to_all}


def test_the_file_of_tokens_is_read_again_when_it_changes(
    serve: Serve, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(token_file=token_file)
    assert client.get("/v1/stats", headers=headers(FIND)).json()["role"] == "find"
    token_file.write_text(f"write {FIND}\n")
    os.utime(token_file, (2e9, 2e9))
    assert client.get("/v1/stats", headers=headers(FIND)).json()["role"] == "write"
    assert client.get("/v1/stats", headers=headers(ADMIN)).status_code == 401
    # A file that cannot be used lets nobody new in, and stops nobody; the log says so, once.
    token_file.write_text("nothing of this kind\n")
    os.utime(token_file, (2.1e9, 2.1e9))
    for _ in range(2):
        assert client.get("/v1/stats", headers=headers(FIND)).status_code == 200
    said = [each.message for each in caplog.records if "token file" in each.message]
    assert len(said) == 1
    assert "line 1: the role 'nothing'" in said[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no token"),
        ("# nothing\n", "has no token"),
        ("root " + "x" * 20, "line 1: the role 'root' is none of manifests, find, write, admin"),
        ("find short", "at least 20 characters"),
        ("find " + "x" * 20 + " expires=soon", "line 1: Invalid isoformat string: 'soon'"),
    ],
)
def test_other_files_of_tokens_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InputError) as caught:
        read_tokens(path)
    assert reason in caught.value.given


@pytest.mark.skipif(os.name != "posix", reason="needs the permissions of POSIX")
def test_a_file_that_everybody_can_read_is_refused(token_file: Path) -> None:
    token_file.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        read_tokens(token_file)
    with pytest.raises(InputError, match="No such file"):
        read_tokens(token_file.with_name("none"))


def test_all_tokens_are_compared_in_the_same_time(
    serve: Serve, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []
    real = hmac.compare_digest

    def compare(first: bytes, second: bytes) -> bool:
        compared.append(first)
        return real(first, second)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    client = serve(token_file=token_file)
    for token in (FIND, ADMIN, "wrong" * 5):
        compared.clear()
        client.get("/v1/stats", headers=headers(token))
        assert len(compared) == 5


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("LocalHost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_an_address_that_others_reach_needs_tokens(
    host: str, loopback: bool, token_file: Path
) -> None:
    assert is_loopback(host) == loopback
    refuse_open(host, Settings(token_file=token_file))
    if loopback:
        refuse_open(host, Settings())
    else:
        with pytest.raises(InputError, match="--token-file"):
            refuse_open(host, Settings())


def test_a_port_that_is_taken_is_told() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert first.proto == socket.IPPROTO_TCP  # otherwise each answer waits for 40 ms
        with pytest.raises(InputError, match=f"port {port}: .*in use"):
            listen("127.0.0.1", port)
    for host in ("192.0.2.1", "no such name", "::1::"):
        with pytest.raises(InputError, match="cannot listen"):
            listen(host, 0)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example"}, 421),
        ({"Host": ""}, 421),
    ],
)
def test_other_pages_and_names_are_refused(
    client: TestClient, given: dict[str, str], status: int
) -> None:
    answer = client.get("/v1/stats", headers=given)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


def test_with_tokens_it_may_have_any_name(serve: Serve, token_file: Path) -> None:
    client = serve(token_file=token_file)
    answer = client.get("/v1/stats", headers={**headers(FIND), "Host": "archive.example"})
    assert answer.status_code == 200


def test_answers_forbid_a_browser_to_do_more(client: TestClient) -> None:
    for address in ("/v1/stats", "/nothing", "/health"):
        sent = client.get(address).headers
        assert sent["content-security-policy"].startswith("default-src 'none'")
        assert sent["x-content-type-options"] == "nosniff"


def test_a_client_that_asks_too_often_is_told_when_to_come_again(serve: Serve) -> None:
    client = serve(rate=0.5, burst=3)
    statuses = [client.get("/v1/stats").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    answer = client.get("/v1/stats")
    assert 1 <= int(answer.headers["retry-after"]) <= 2
    assert answer.json()["error"]["code"] == "too_many"
    assert client.get("/health").status_code == 200  # nobody is told that it is ill


def test_rates_flow_in_and_are_counted_for_each_client(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("originid.service.limits.time.monotonic", lambda: now)
    rates = Rates(2, 4)
    for _ in range(4):
        rates.take("a")
    with pytest.raises(ApiError):
        rates.take("a")
    rates.take("b")
    now += 0.5  # one flows in
    rates.take("a")
    with pytest.raises(ApiError):
        rates.take("a")
    now += 100
    for _ in range(4):
        rates.take("a")
    with pytest.raises(ApiError):
        rates.take("a")


def test_who_finds_no_place_is_told_at_once(
    serve: Serve, finder: Finder, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(workers=1, waiting=1)
    release = threading.Event()
    real = finder.find
    monkeypatch.setattr(finder, "find", lambda *a, **k: release.wait(20) and real(*a, **k))
    statuses: list[int] = []

    def ask() -> None:
        answer = client.post("/v1/find", files={"image": photos[0].read_bytes()})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    desk = client.app.state.shared.desk
    until = time.monotonic() + 20
    while desk.busy < 2 and time.monotonic() < until:
        time.sleep(0.01)
    answer = client.post("/v1/find", files={"image": photos[0].read_bytes()})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert client.get("/health").status_code == 200
    release.set()
    for thread in threads:
        thread.join()
    assert statuses == [200, 200]
    assert desk.busy == 0


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level("INFO", logger="originid.service.requests"):
        yield caplog


def test_neither_log_nor_metrics_have_names_of_files(
    client: TestClient, photos: list[Path], logged: pytest.LogCaptureFixture
) -> None:
    client.post("/v1/find", files={"image": ("secret.png", photos[0].read_bytes())})
    client.get("/v1/references?q=secret")
    client.get("/secret")
    client.request("SECRET", "/v1/stats")
    told = [record.getMessage() for record in logged.records]
    assert len(told) == 4
    assert '"route": "/v1/find"' in told[0]
    metrics = client.get("/metrics").text
    assert 'originid_verdicts_total{verdict="origin"} 1.0' in metrics
    assert 'originid_requests_total{method="GET",route="other",status="404"} 1.0' in metrics
    assert "secret" not in metrics.lower() + "".join(told).lower()
