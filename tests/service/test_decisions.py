"""Decisions made through the service are those of the command line."""

import hashlib
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from originid.finder import Finder


def test_a_decision_is_made_listed_used_and_taken_back(
    client: TestClient, finder: Finder, photos: list[Path]
) -> None:
    query = photos[0].read_bytes()
    row = list(finder.collection.references())[2]
    answer = client.post(
        "/v1/decisions",
        files={"image": ("q.png", query)},
        data={"reference": row.id, "decision": "yes", "note": "seen on the agency's page"},
    )
    assert answer.status_code == 201
    made = answer.json()
    assert (made["query"], made["reference"], made["decision"]) == ("q.png", row.shown, "yes")
    assert made["query_sha256"] == hashlib.sha256(query).hexdigest()
    assert client.get("/v1/decisions").json() == {"decisions": [made]}
    found = client.post("/v1/find", files={"image": query}).json()
    assert found["matches"][0]["id"] == row.id
    assert found["reason"].startswith("confirmed on ")
    assert "seen on the agency's page" in found["reason"]
    which = {name: made[name] for name in ("query_sha256", "reference_sha256")}
    assert client.delete("/v1/decisions", params=which).status_code == 204
    assert client.get("/v1/decisions").json() == {"decisions": []}
    assert client.delete("/v1/decisions", params=which).status_code == 404


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"reference": "99", "decision": "yes"}, 404),
        ({"reference": "1", "decision": "maybe"}, 422),
        ({"reference": "1"}, 422),
        ({"reference": "1", "decision": "no", "note": "x" * 2001}, 422),
    ],
)
def test_what_cannot_be_decided_is_refused(
    client: TestClient, photos: list[Path], data: dict[str, str], status: int
) -> None:
    files = {"image": photos[0].read_bytes()}
    assert client.post("/v1/decisions", files=files, data=data).status_code == status
    assert client.get("/v1/decisions").json() == {"decisions": []}


def test_digits_must_be_those_of_a_content(client: TestClient) -> None:
    which = {"query_sha256": "../../etc/passwd", "reference_sha256": "0" * 64}
    assert client.delete("/v1/decisions", params=which).status_code == 422
