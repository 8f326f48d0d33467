"""A service goes over to the new model of its collection, while it runs."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from originid import finder as finder_module
from originid.errors import ModelChangedError
from originid.finder import Finder
from originid.model import Model
from originid.upgrading import upgrade_collection


def test_requests_after_an_upgrade_are_answered_with_the_new_model(
    client: TestClient, finder: Finder, photos: list[Path], other_model: Model
) -> None:
    picture = {"image": photos[2].read_bytes()}
    before = client.post("/v1/find", files=picture).json()
    assert upgrade_collection(finder.collection.place, other_model).finished
    assert client.get("/ready").status_code == 200
    assert client.get("/v1/stats").json()["fingerprint"] == other_model.fingerprint
    after = client.post("/v1/find", files=picture).json()
    assert after["matches"][0]["id"] == before["matches"][0]["id"]
    made = client.post("/v1/references", files={"image": ("new.png", photos[-1].read_bytes())})
    assert made.status_code in (200, 201)


def test_a_request_that_the_change_interrupts_may_be_sent_again(
    client: TestClient, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(*arguments: object) -> None:
        raise ModelChangedError("the collection got another model", "expected one", "again")

    monkeypatch.setattr(finder_module, "answers", changed)
    answer = client.post("/v1/find", files={"image": photos[2].read_bytes()})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    monkeypatch.undo()
    assert client.post("/v1/find", files={"image": photos[2].read_bytes()}).status_code == 200
