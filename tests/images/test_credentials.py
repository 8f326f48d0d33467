"""Content credentials: what is read of them, what is not fetched, and what hostile ones do."""

import socket
import threading
from typing import Any

import pytest
from hypothesis import given, strategies

from originid.errors import ExtraError
from originid.images import credentials
from originid.images.credentials import Credentials, read_credentials, summary
from originid.images.limits import Limits

pytest.importorskip("c2pa", reason="the extra [c2pa] is not installed")
from signed_pictures import ISSUER, generated, picture, signed


@pytest.fixture(scope="module")
def made_by_a_model() -> bytes:
    return signed(generated("a <b>bold</b> title.jpg"))


def test_what_a_signed_picture_says(made_by_a_model: bytes) -> None:
    found = read_credentials(made_by_a_model)
    assert found is not None
    assert found.state == "valid"
    assert found.title == "a <b>bold</b> title.jpg"
    assert found.generator == "Test editor 1.0"
    assert found.issuer == ISSUER
    assert found.actions == ("c2pa.created", "c2pa.edited")
    assert found.sources == ("trainedAlgorithmicMedia",)
    assert found.problems == ("signingCredential.untrusted",)
    assert found.sentence.startswith("The signer says that a generative model made this picture")
    assert f"The signature of {ISSUER} fits the file" in found.sentence
    assert "does not prove" in found.sentence


def test_a_picture_that_was_changed_after_it_was_signed_is_invalid(made_by_a_model: bytes) -> None:
    changed = bytearray(made_by_a_model)
    changed[-20] ^= 5
    found = read_credentials(bytes(changed))
    assert found is not None
    assert found.state == "invalid"
    assert "assertion.dataHash.mismatch" in found.problems
    assert "Do not rely on them" in found.sentence


def test_a_plain_picture_has_none() -> None:
    assert read_credentials(picture()) is None
    assert read_credentials(b"c2pa, but no picture") is None


@pytest.mark.parametrize("at", [30, 60, 120, 200])
def test_damaged_credentials_say_nothing(made_by_a_model: bytes, at: int) -> None:
    start = made_by_a_model.index(b"c2pa") + at
    damaged = made_by_a_model[:start] + b"\0" * 30 + made_by_a_model[start + 30 :]
    found = read_credentials(damaged)
    assert found is None or found.state in ("invalid", "unreadable")


def test_nothing_is_fetched_from_the_address_in_a_file() -> None:
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)

        def wait() -> None:
            try:
                server.accept()
                asked.set()
            except OSError:
                pass  # the server was closed, and nobody came

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/manifest.c2pa"
        found = read_credentials(signed(generated("elsewhere.jpg"), remote=address))
        assert not asked.is_set()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert found is not None
    assert found.state == "elsewhere"
    assert "did not ask there" in found.sentence


def test_a_file_that_is_too_large_is_not_read(
    made_by_a_model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "LIMITS", Limits(max_bytes=1000))
    assert read_credentials(made_by_a_model) is None


def test_reading_that_takes_too_long_is_ended(
    made_by_a_model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "SECONDS", 0.5)
    monkeypatch.setattr(credentials, "PROGRAM", "import time; {path!r}; time.sleep(60)")
    assert read_credentials(made_by_a_model) == Credentials("unreadable")


def test_a_reader_that_crashes_costs_only_its_own_process(
    made_by_a_model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "PROGRAM", "import os; {path!r}; os.abort()")
    assert read_credentials(made_by_a_model) == Credentials("unreadable")


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "can_read_credentials", lambda: False)
    with pytest.raises(ExtraError, match=r"originid\[c2pa\]"):
        read_credentials(b"")


VALUES = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=8,
)
FIELDS = ("title", "claim_generator_info", "claim_generator", "assertions", "signature_info")


@given(strategies.dictionaries(strategies.sampled_from(FIELDS), VALUES), VALUES)
def test_a_manifest_of_any_values_becomes_texts(manifest: dict[str, Any], problems: Any) -> None:
    store = {"active_manifest": "a", "manifests": {"a": manifest}, "validation_status": problems}
    found = summary(store)
    assert set(found) == set(Credentials.__dataclass_fields__)
    for value in found.values():
        texts = value if isinstance(value, list) else [value]
        assert all(isinstance(text, str) and len(text) <= 200 for text in texts)


@pytest.mark.parametrize(
    ("source", "begins"),
    [
        ("trainedAlgorithmicMedia", "The signer says that a generative model made this picture"),
        ("digitalCapture", "The signer says that a camera took this picture."),
        ("", "The signer does not say whether a model or a camera made this picture."),
    ],
)
def test_the_source_in_words(source: str, begins: str) -> None:
    assert Credentials("valid", sources=(source,)).sentence.startswith(begins)
