"""Addresses of collections on Milvus servers: what they say, and that they hold no secret."""

import pytest

from originid.collection.engines.milvus.address import PORT, TIMEOUT, read_address
from originid.errors import InputError


def test_what_an_address_says() -> None:
    address = read_address("milvus://db.example:4711/press?tls=1&timeout=5")
    assert (address.host, address.port, address.name) == ("db.example", 4711, "press")
    assert (address.tls, address.timeout, address.database) == (True, 5.0, "")
    assert address.uri == "https://db.example:4711"
    assert address.shown == "milvus://db.example:4711/press?tls=1"


def test_what_it_leaves_out() -> None:
    address = read_address("milvus://localhost/photos")
    assert (address.port, address.timeout, address.tls) == (PORT, TIMEOUT, False)
    assert address.uri == "http://localhost:19530"


def test_a_database_of_the_server_and_a_number_for_a_host() -> None:
    address = read_address("milvus://[::1]:1/archive/photos")
    assert (address.host, address.database, address.name) == ("::1", "archive", "photos")
    assert address.uri == "http://[::1]:1"
    assert address.shown == "milvus://[::1]:1/archive/photos"


@pytest.mark.parametrize(
    "url",
    [
        "milvus://localhost",
        "milvus://localhost/",
        "milvus:///photos",
        "milvus://localhost/my-photos",
        "milvus://localhost/1",
        "milvus://localhost/a/b/c",
        "milvus://localhost:port/photos",
        "milvus://localhost:99999/photos",
        "milvus://localhost/photos?speed=9",
        "milvus://localhost/photos?tls=yes",
        "milvus://localhost/photos?timeout=0",
        "milvus://localhost/photos?timeout=soon",
        "milvus://localhost/photos?timeout=nan",
        "milvus://localhost/photos?tls",
        "milvus://localhost/photos#there",
        "milvus://[::1/photos",
        "http://localhost/photos",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(InputError, match="milvus://HOST:PORT/NAME"):
        read_address(url)


@pytest.mark.parametrize("user", ["me:secret", "secret", "me:sec/ret@home", ":secret"])
def test_an_address_holds_no_secret_and_none_is_shown(user: str) -> None:
    with pytest.raises(InputError) as error:
        read_address(f"milvus://{user}@localhost/photos")
    assert "secret" not in str(error.value)
    assert "ret@" not in str(error.value)


def test_the_environment_says_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "milvus://localhost/photos"
    assert read_address(url).token == ""
    monkeypatch.setenv("ORIGINID_MILVUS_USER", "me")
    monkeypatch.setenv("ORIGINID_MILVUS_PASSWORD", "secret")
    assert read_address(url).token == "me:secret"
    monkeypatch.setenv("MILVUS_TOKEN", "theirs")
    assert read_address(url).token == "theirs"
    monkeypatch.setenv("ORIGINID_MILVUS_TOKEN", "ours")
    assert read_address(url).token == "ours"
    assert "ours" not in f"{read_address(url)}"
