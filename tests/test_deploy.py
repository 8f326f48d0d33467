"""What deploy/ holds fits the service, and proxies that run by it pass on what they must."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("httpx", reason="needs the extra [client]")

import typer.main

from originid.cli import app
from originid.client import Client, ServiceError
from originid.collection.adding import store_images
from originid.collection.collection import create_collection
from originid.model import Model
from originid.service.limits import BESIDE
from originid.service.settings import Settings
from originid.testing import write_photos
from served_process import free_port, served

DEPLOY = Path(__file__).parent.parent / "deploy"
TOKEN = "f" * 24
MOST = 200_000  # bytes of a picture, for the service of these tests
SECONDS = 20.0
Answer = tuple[int, dict[str, str], bytes]
Proxy = Callable[[Path, int], AbstractContextManager[str]]


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def test_proxies_let_through_what_the_service_takes() -> None:
    nginx = re.search(r"client_max_body_size (\d+)k;", text("nginx.conf"))
    caddy = re.search(r"max_size (\d+)KB", text("Caddyfile"))
    assert nginx
    assert caddy
    for most in (1024 * int(nginx[1]), 1000 * int(caddy[1])):
        assert Settings().max_bytes + BESIDE <= most < 1.05 * Settings().max_bytes


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "originid.service"])
def test_the_commands_have_options_that_exist(name: str) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    known = {
        option for command in commands.values() for param in command.params for option in param.opts
    }
    lines = [
        line for line in text(name).splitlines() if re.match(r"\s*(CMD|command:|ExecStart=)", line)
    ]
    lines = [line for line in lines if "python" not in line]
    assert lines
    used = {option for line in lines for option in re.findall(r"--[a-z-]+", line)}
    assert used
    assert used <= known


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    unit = tmp_path / "originid.service"
    unit.write_text(text("originid.service").replace("/opt/originid/bin/originid", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Iterator[tuple[int, Path]]:
    """The port of a service with tokens, and one of its pictures."""
    folder = tmp_path_factory.mktemp("deployed")
    photos = write_photos(folder / "photos", 3)
    with create_collection(folder / "c", model) as collection:
        store_images(collection, photos)
    tokens, limits = folder / "tokens", folder / "limits.json"
    tokens.write_text(f"admin {TOKEN} the desk\n")
    tokens.chmod(0o600)
    limits.write_text(json.dumps({"max_bytes": MOST, "rate": 5, "burst": 20}))
    with served(folder / "c", "--token-file", str(tokens), "--limits", str(limits)) as port:
        yield port, photos[0]


@contextmanager
def nginx(folder: Path, service: int) -> Iterator[str]:
    """The address of nginx, run by its file of deploy/, but without TLS."""
    port = free_port()
    site = text("nginx.conf").replace("127.0.0.1:8000", f"127.0.0.1:{service}")
    site = re.sub(r"server \{\s+listen 80;.*?\n\}\n", "", site, count=1, flags=re.DOTALL)
    site = re.sub(r"\s+(ssl_\w+|listen \[::\]).*;", "", site)
    site = site.replace("listen 443 ssl http2;", f"listen 127.0.0.1:{port};")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = " ".join(f"{kind}_temp_path {folder};" for kind in kinds)
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/log; events {{}}\n"
        f"http {{ access_log off; {folders} include {folder}/site.conf; }}\n"
    )
    with running(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], port) as address:
        yield address


@contextmanager
def caddy(folder: Path, service: int) -> Iterator[str]:
    """The address of Caddy, run by its file of deploy/, but without TLS."""
    port = free_port()
    environment = {
        "ORIGINID_NAME": f"http://127.0.0.1:{port}",
        "ORIGINID_AT": f"127.0.0.1:{service}",
        "XDG_CONFIG_HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
    }
    config = folder / "Caddyfile"
    config.write_text("{\n\tadmin off\n}\n" + text("Caddyfile"))
    command = ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"]
    with running(command, port, **environment) as address:
        yield address


@contextmanager
def running(command: list[str], port: int, **environment: str) -> Iterator[str]:
    """The address of a proxy, as soon as the service answers through it."""
    process = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and process.poll() is None:
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(SECONDS)


def get(address: str, **headers: str) -> Answer:
    known = {"Authorization": f"Bearer {TOKEN}"} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    request = urllib.request.Request(address, headers=known)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


PROXIES = [
    pytest.param(proxy, id=proxy.__name__, marks=pytest.mark.skipif(
        not shutil.which(proxy.__name__), reason=f"needs {proxy.__name__}"))
    for proxy in (nginx, caddy)
]  # fmt: skip


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_proxy_passes_on_what_it_must(
    proxy: Callable[[Path, int], AbstractContextManager[str]],
    service: tuple[int, Path],
    tmp_path: Path,
) -> None:
    port, photo = service
    with proxy(tmp_path, port) as address:
        with Client(address, TOKEN) as client:
            assert client.find(photo).matches[0].reference == str(photo)
            assert client.explain_as("html", photo, 1).startswith(b"<!doctype html>")
            with pytest.raises(ServiceError) as large:
                client.find(b"x" * (MOST + BESIDE + 1))
            assert (large.value.status, large.value.code) == (413, "too_large")
        with Client(address) as stranger, pytest.raises(ServiceError) as caught:
            stranger.stats()
        assert (caught.value.status, caught.value.code) == (401, "token_needed")
        assert get(f"{address}/metrics")[0] == 404
        # Its own page may ask, and that of somebody else may not.
        assert get(f"{address}/v1/stats", Origin=address)[0] == 200
        assert get(f"{address}/v1/stats", Origin="https://example.org")[0] == 403
        answers = [get(f"{address}/v1/stats") for _ in range(60)]
        status, headers, body = next(each for each in answers if each[0] != 200)
        assert (status, json.loads(body)["error"]["code"]) == (429, "too_many")
        assert int({name.lower(): value for name, value in headers.items()}["retry-after"]) >= 1
