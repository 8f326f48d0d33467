"""Asking for the origin of pictures, and for evidence."""

import base64
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as Pillow

from originid.finder import Finder
from originid.fingerprinting import Fingerprinted, of_images
from originid.images.decode import decode
from originid.index.fingerprint import PREFIX
from originid.latents.sources import Source
from served import PHOTOS, Serve


def test_the_answer_is_that_of_find(client: TestClient, finder: Finder, photos: list[Path]) -> None:
    for photo in (photos[2], photos[-1]):
        answer = client.post(
            "/v1/find", files={"image": ("../../a/q.png", photo.read_bytes())}, data={"top": "3"}
        )
        assert answer.status_code == 200
        found, known = answer.json(), json.loads(json.dumps(finder.find(str(photo), 3).to_json()))
        content = hashlib.sha256(photo.read_bytes()).hexdigest()
        assert (found.pop("query_sha256"), found.pop("query")) == (content, "q.png")
        for match in found["matches"]:
            assert match.pop("thumbnail") == f"/v1/references/{match['id']}/thumbnail"
        assert known.pop("query") == str(photo)
        assert found == known
        assert len(found["matches"]) == 3
    assert found["matches"][0]["description"]["caption"] == "Ein Größenwahn"


def test_a_reference_can_be_asked_for_by_its_number(client: TestClient, finder: Finder) -> None:
    row = list(finder.collection.references())[1]
    for answer in (
        client.get("/v1/find", params={"reference": row.id, "effort": "quick"}),
        client.post("/v1/find", data={"reference": str(row.id), "effort": "quick"}),
    ):
        assert answer.status_code == 200
        assert answer.json()["matches"][0]["id"] == row.id
    assert client.get("/v1/find", params={"reference": 99}).status_code == 404
    assert client.get("/v1/find", params={"reference": 2**70}).status_code == 404


def test_exactly_one_picture_is_asked_about(client: TestClient, photos: list[Path]) -> None:
    picture = {"image": photos[0].read_bytes()}
    assert client.post("/v1/find", files=picture, data={"reference": "1"}).status_code == 422
    assert client.post("/v1/find", data={"top": "3"}).status_code == 422


def test_a_fingerprint_is_asked_for_in_the_place_of_its_picture(
    client: TestClient, photos: list[Path], finder: Finder
) -> None:
    made = client.post("/v1/fingerprint", files={"image": ("q.png", photos[1].read_bytes())})
    assert made.status_code == 200
    text = made.json()["fingerprint"]
    (known,) = of_images(finder.collection.model, [Source(str(photos[1]))])
    assert isinstance(known, Fingerprinted)
    assert text == known.fingerprint.text
    posted = client.post("/v1/find", data={"fingerprint": text, "top": "2"})
    got = client.get("/v1/find", params={"fingerprint": text, "top": 2})
    for answer in (posted, got):
        assert answer.status_code == 200
        found = answer.json()
        assert (found["query"], found["query_sha256"]) == (text, None)
        assert len(found["matches"]) == 2
        assert found["matches"][0]["reference"] == str(photos[1])
        assert found["matches"][0]["score"] == pytest.approx(1, abs=1e-3)
    both = {"fingerprint": text, "reference": "1"}
    assert client.get("/v1/find", params=both).status_code == 422
    assert client.get("/v1/find").status_code == 422
    assert client.post("/v1/find", data=both).status_code == 422


def test_what_is_no_fingerprint_is_never_taken_for_a_path(
    client: TestClient, photos: list[Path]
) -> None:
    for text in (str(photos[0]), "-", "", "/etc/passwd", f"{PREFIX}AAAA", "io.originid.signs.2:A"):
        answers = (
            client.get("/v1/find", params={"fingerprint": text}),
            client.post("/v1/find", data={"fingerprint": text}),
        )
        for answer in answers:
            assert (answer.status_code, text) == (422, text)
    for data in (b"", b"x" * 100, photos[0].read_bytes()[:-300]):
        assert client.post("/v1/fingerprint", files={"image": data}).status_code == 422


@pytest.mark.parametrize(
    "data",
    [{"top": "0"}, {"top": "101"}, {"top": "x"}, {"effort": "more"}, {"false_matches": "0.5"}],
)
def test_values_out_of_range_are_named(
    client: TestClient, photos: list[Path], data: dict[str, str]
) -> None:
    answer = client.post("/v1/find", files={"image": photos[0].read_bytes()}, data=data)
    assert answer.status_code == 422
    assert next(iter(data)) in answer.json()["error"]["given"]


@pytest.mark.parametrize(
    ("fields", "given", "expected"),
    [
        ({"top": "many"}, "top 'many'", "expected a valid integer"),
        ({"top": "0"}, "top '0'", "expected greater than or equal to 1"),
        ({"effort": "full"}, "effort 'full'", "expected 'quick', 'normal' or 'thorough'"),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(
    client: TestClient, fields: dict[str, str], given: str, expected: str
) -> None:
    answer = client.post("/v1/find", data={"reference": "1", **fields})
    error = answer.json()["error"]
    assert (answer.status_code, error["given"], error["expected"]) == (422, given, expected)


def test_a_missing_field_is_named(client: TestClient) -> None:
    error = client.post("/v1/fingerprint").json()["error"]
    assert (error["given"], error["expected"]) == (
        "a request without image",
        "expected the field image",
    )


def test_a_misspelt_field_is_refused_and_not_passed_over(client: TestClient) -> None:
    for answer in (
        client.post("/v1/find", data={"reference": "1", "efort": "quick"}),
        client.get("/v1/find", params={"reference": 1, "efort": "quick"}),
    ):
        error = answer.json()["error"]
        assert answer.status_code == 422
        assert error["given"] == "an unknown field 'efort'"
        assert error["todo"] == "did you mean effort?"
        assert "false_matches" in error["expected"]
    error = client.get("/v1/decisions", params={"all": "1"}).json()["error"]
    assert (error["expected"], error["todo"]) == ("expected none here", "leave it out")


def test_pictures_that_cannot_be_read_are_told_in_the_one_shape(
    client: TestClient, photos: list[Path]
) -> None:
    whole = photos[0].read_bytes()
    for data, part in ((b"", "empty"), (b"x" * 100, "not an image"), (whole[:-300], "broken")):
        answer = client.post("/v1/find", files={"image": ("q.png", data)})
        assert answer.status_code == 422
        error = answer.json()["error"]
        assert error["code"] == "not_usable"
        assert part in error["given"]
        assert set(error) == {"code", "given", "expected", "todo"}


def test_large_pictures_are_refused_before_they_are_decoded(serve: Serve) -> None:
    file = io.BytesIO()
    Pillow.fromarray(np.zeros((100, 101, 3), np.uint8)).save(file, "PNG")
    client = serve(max_pixels=10_000, max_bytes=5_000)
    answer = client.post("/v1/find", files={"image": file.getvalue()})
    assert answer.status_code == 413
    assert "101 x 100 pixels" in answer.json()["error"]["given"]
    answer = client.post("/v1/find", files={"image": b"x" * 100_000})
    assert answer.status_code == 413
    assert "5,000 bytes" in answer.json()["error"]["expected"]


def test_evidence_as_numbers_as_a_picture_and_as_a_page(
    client: TestClient, finder: Finder, photos: list[Path]
) -> None:
    row = next(finder.collection.references())
    request = {"files": {"image": ("q.png", photos[0].read_bytes())}, "data": {"reference": row.id}}
    found = client.post("/v1/explain", **request).json()  # type: ignore[arg-type]
    assert found["reference"] == row.shown
    assert found["verdict"] == "origin"
    pictures = {
        name: decode(base64.b64decode(address.partition(",")[2])).image
        for name, address in found["pictures"].items()
    }
    assert {"query", "reference", "aligned", "checkerboard", "heat"} <= set(pictures)
    # The query is its reference: laid over it, it is the same picture.
    difference = np.abs(pictures["aligned"].astype(float) - pictures["reference_plain"])
    assert difference.mean() < 3
    picture = client.post("/v1/explain?format=png", **request)  # type: ignore[arg-type]
    assert picture.headers["content-type"] == "image/png"
    assert decode(picture.content).width == 1020
    page = client.post("/v1/explain?format=html", **request)  # type: ignore[arg-type]
    assert page.text.startswith("<!doctype html>")
    assert page.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in page.headers["content-security-policy"]


def test_a_reference_that_is_not_found_is_explained_too(
    serve: Serve, finder: Finder, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("originid.service.asking.MOST_MATCHES", 1)
    client = serve()
    row = list(finder.collection.references())[3]
    answer = client.post(
        "/v1/explain", files={"image": photos[0].read_bytes()}, data={"reference": row.id}
    )
    assert answer.status_code == 200
    assert answer.json()["reference"] == row.shown
    gone = client.post(
        "/v1/explain", files={"image": photos[0].read_bytes()}, data={"reference": 99}
    )
    assert gone.status_code == 404


def test_the_file_of_a_reference_may_be_gone(
    client: TestClient, finder: Finder, photos: list[Path]
) -> None:
    row = next(finder.collection.references())
    data = photos[0].read_bytes()
    photos[0].unlink()
    assert client.get("/v1/find", params={"reference": row.id}).status_code == 404
    found = client.post("/v1/find", files={"image": data}).json()
    assert (found["matches"][0]["id"], found["matches"][0]["exists"]) == (row.id, False)
    answer = client.post("/v1/explain", files={"image": data}, data={"reference": row.id})
    assert answer.status_code == 404
    assert answer.json()["error"]["given"] == f"the file of reference {row.id} is not there"


def test_pictures_that_are_asked_about_are_not_stored(
    client: TestClient, finder: Finder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr("tempfile.TemporaryFile", lambda *a, **k: made.append(a))
    before = sorted(tmp_path.rglob("*"))
    pixels = np.random.default_rng(0).integers(0, 255, (1500, 1500, 3), np.uint8)
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, "BMP")  # 7 MB, more than a form keeps in memory by itself
    answer = client.post("/v1/find", files={"image": file.getvalue()}, data={"effort": "quick"})
    assert answer.status_code == 200
    assert sorted(tmp_path.rglob("*")) == before
    assert made == []
    assert len(finder.collection) == PHOTOS + 1


def test_a_second_picture_is_not_dropped(client: TestClient, photos: list[Path]) -> None:
    both = [("image", ("a.png", path.read_bytes())) for path in photos[:2]]
    answer = client.post("/v1/find", files=both)
    assert answer.status_code == 422
    assert answer.json()["error"]["given"] == "the field 'image' 2 times"
    picture = {"image": photos[0].read_bytes()}
    twice = client.post("/v1/find", files=picture, data={"top": ["1", "2"]})
    assert twice.json()["error"]["given"] == "the field 'top' 2 times"
    assert client.get("/v1/find", params={"reference": ["1", "2"]}).status_code == 422


@pytest.mark.parametrize("kind", ["application/json", "image/jpeg; charset=utf-8", "nonsense"])
def test_a_body_that_is_no_form_is_told_so(
    client: TestClient, photos: list[Path], kind: str
) -> None:
    body = photos[0].read_bytes()
    answer = client.post("/v1/find", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 415
    error = answer.json()["error"]
    assert error["code"] == "wrong_type"
    assert kind.partition(";")[0] in error["given"]
    assert "multipart/form-data" in error["expected"]
