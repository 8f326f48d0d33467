"""The C2PA Soft Binding Resolution API: what each route answers, by the specification."""

import base64
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image as Pillow

pytest.importorskip("c2pa", reason="needs the extra [c2pa]")

import c2pa

from image_files import broken_files
from originid.collection.adding import store_images
from originid.collection.collection import create_collection
from originid.finder import Finder
from originid.images.manifest_store import manifest_store
from originid.index.fingerprint import ALGORITHM, read_fingerprint
from originid.model import Model
from originid.service.app import create_app
from originid.service.settings import Settings
from originid.service.softbinding import similarity
from originid.testing import write_photos
from signed_pictures import generated, signed

BINDING = "/c2pa/v1/matches/byBinding"
CONTENT = "/c2pa/v1/matches/byContent"
PNG = {"Content-Type": "image/png"}


def label(number: int) -> str:
    return f"urn:c2pa:00000000-0000-4000-8000-{number:012}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos, of which the first two carry content credentials, and the third damaged ones."""
    folder = tmp_path_factory.mktemp("signed")
    photos = write_photos(folder, 6)
    for number, photo in enumerate(photos[:3]):
        photo.write_bytes(
            signed(generated("a"), data=photo.read_bytes(), kind="png", label=label(number))
        )
    # A byte more, and the signature does not fit any more.
    photos[2].write_bytes(photos[2].read_bytes() + b"\0")
    return folder


@pytest.fixture(scope="module")
def finder(
    tmp_path_factory: pytest.TempPathFactory, model: Model, folder: Path
) -> Iterator[Finder]:
    with create_collection(tmp_path_factory.mktemp("c2pa") / "c", model) as collection:
        store_images(collection, [folder])
        yield Finder(collection)


@pytest.fixture(scope="module")
def client(finder: Finder) -> Iterator[TestClient]:
    app = create_app(finder, Settings(workers=2))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def stripped(folder: Path, number: int) -> bytes:
    """A photo that lost its credentials on the way: saved again, a little smaller."""
    with Pillow.open(folder / f"{number:04}.png") as image:
        small = image.convert("RGB").resize((image.width * 3 // 4, image.height * 3 // 4))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=80)
    assert b"c2pa" not in file.getvalue()
    return file.getvalue()


def fingerprint(client: TestClient, data: bytes) -> str:
    made = client.post("/v1/fingerprint", files={"image": data}).json()["fingerprint"]
    assert isinstance(made, str)
    return made


def value_of(text: str) -> str:
    """The soft binding of a fingerprint: base64 with + and /, and padding."""
    raw = text.partition(":")[2]
    return base64.b64encode(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))).decode()


def test_the_algorithm_is_told_to_everybody(client: TestClient) -> None:
    answer = client.get("/c2pa/v1/services/supportedAlgorithms")
    assert answer.json() == {"watermarks": [], "fingerprints": [{"alg": "io.originid.signs.1"}]}


def test_a_picture_without_credentials_gets_back_those_of_its_origin(
    client: TestClient, folder: Path
) -> None:
    data = stripped(folder, 1)
    asked = {"alg": ALGORITHM, "value": value_of(fingerprint(client, data))}
    answers = [
        client.get(BINDING, params=asked),
        client.post(BINDING, json=asked),
        client.post(CONTENT, content=data, headers={"Content-Type": "image/jpeg; x=y"}),
        client.post(f"{CONTENT}?alg={ALGORITHM}&maxResults=1", content=data, headers=PNG),
        client.post(f"{CONTENT}?hintAlg=org.other.1&hintValue=AA==", content=data, headers=PNG),
    ]
    for answer in answers:
        assert answer.status_code == 200
        (match,) = answer.json()["matches"]
        assert set(match) == {"manifestId", "similarityScore"}
        assert match["manifestId"] == label(1)
        assert 80 <= match["similarityScore"] <= 100
    answer = client.get(f"/c2pa/v1/manifests/{label(1)}")
    assert answer.headers["content-type"] == "application/c2pa"
    assert answer.content == manifest_store((folder / "0001.png").read_bytes())
    # A client reads it by the library of the C2PA.
    read = c2pa.Reader("application/c2pa", io.BytesIO(answer.content))
    assert label(1) in read.json()


def test_what_has_no_credentials_or_damaged_ones_matches_nothing(
    client: TestClient, folder: Path, tmp_path: Path
) -> None:
    stranger = write_photos(tmp_path, 1, first=70)[0].read_bytes()
    for data in (stripped(folder, 2), stripped(folder, 5), stranger):
        answer = client.post(CONTENT, content=data, headers=PNG)
        assert (answer.status_code, answer.json()) == (200, {"matches": []})
    assert client.get(f"/c2pa/v1/manifests/{label(2)}").status_code == 404


def test_a_value_in_either_alphabet_of_base64_is_the_same(client: TestClient, folder: Path) -> None:
    text = fingerprint(client, (folder / "0000.png").read_bytes())
    for value in (value_of(text), value_of(text).rstrip("="), text.partition(":")[2]):
        answer = client.get(BINDING, params={"alg": ALGORITHM, "value": value})
        assert answer.json() == {"matches": [{"manifestId": label(0), "similarityScore": 100}]}


def test_the_active_manifest_alone_is_a_store(client: TestClient) -> None:
    address = f"/c2pa/v1/manifests/{label(0)}"
    whole = client.get(address, params={"returnActiveManifest": "false"}).content
    part = client.get(address, params={"returnActiveManifest": "true"}).content
    assert part == whole  # it has one manifest only
    assert client.get(address, params={"returnActiveManifest": "x"}).status_code == 400


@pytest.mark.parametrize(
    "given",
    [
        {"alg": ALGORITHM},
        {"value": "AAAA"},
        {"alg": "com.adobe.trustmark.P", "value": "AAAA"},
        {"alg": "io.originid.signs.2", "value": "AAAA"},
        {"alg": ALGORITHM, "value": ""},
        {"alg": ALGORITHM, "value": "AAAA"},
        {"alg": ALGORITHM, "value": "/etc/passwd"},
        {"alg": ALGORITHM, "value": "ÄÖÜ"},
        {"alg": ALGORITHM, "value": "\0"},
        {"alg": "", "value": ""},
        {"alg": "x" * 300, "value": "AAAA"},
    ],
)
def test_a_binding_that_is_none_is_refused_by_400(
    client: TestClient, given: dict[str, str]
) -> None:
    for answer in (client.get(BINDING, params=given), client.post(BINDING, json=given)):
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "bad_request"


def test_other_bodies_and_numbers_are_refused_by_400(client: TestClient, folder: Path) -> None:
    value = value_of(fingerprint(client, (folder / "0000.png").read_bytes()))
    sound = {"alg": ALGORITHM, "value": value}
    bodies: tuple[object, ...] = ([], "x", None, 3, {**sound, "value": 3}, {"alg": [ALGORITHM]})
    for body in bodies:
        assert client.post(BINDING, json=body).status_code == 400
    assert client.post(BINDING, content=b"\xff{").status_code == 400
    for number in ("0", "-1", "x", "1.5", ""):
        assert client.get(BINDING, params={**sound, "maxResults": number}).status_code == 400
    # The specification has no upper limit.
    assert client.get(BINDING, params={**sound, "maxResults": 10**9}).status_code == 200


def test_a_value_changed_by_one_character_or_of_another_model_is_refused(
    client: TestClient, folder: Path
) -> None:
    text = fingerprint(client, (folder / "0000.png").read_bytes())
    value = text.partition(":")[2]
    changed = value[:40] + ("A" if value[40] != "A" else "B") + value[41:]
    answer = client.get(BINDING, params={"alg": ALGORITHM, "value": changed})
    assert answer.status_code == 400
    assert "whole and unchanged" in answer.json()["error"]["expected"]
    made = read_fingerprint(text)
    other = type(made)("0" * 16, made.dim, made.signs, made.information).text
    answer = client.get(BINDING, params={"alg": ALGORITHM, "value": value_of(other)})
    assert answer.status_code == 400
    assert "is of model 0000000000000000" in answer.json()["error"]["given"]


def test_a_value_that_is_too_long_for_an_address_may_be_sent_by_post(client: TestClient) -> None:
    given = {"alg": ALGORITHM, "value": "A" * 5000}
    answer = client.get(BINDING, params=given)
    assert (answer.status_code, answer.json()["error"]["code"]) == (414, "too_long")
    assert client.post(BINDING, json=given).status_code == 400  # it is no fingerprint


@pytest.mark.parametrize("kind", ["video/mp4", "text/plain", "application/pdf", "image", ""])
def test_what_is_no_picture_by_its_type_is_refused_by_415(
    client: TestClient, folder: Path, kind: str
) -> None:
    data = (folder / "0000.png").read_bytes()
    answer = client.post(CONTENT, content=data, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "wrong_type")


def test_files_that_cannot_be_read_are_refused(client: TestClient) -> None:
    for name, data in broken_files().items():
        answer = client.post(CONTENT, content=data, headers=PNG)
        assert answer.status_code in (200, 400, 413, 415), name
    assert client.post(CONTENT, content=b"", headers=PNG).status_code == 400
    unknown = client.post(f"{CONTENT}?alg=org.other.1", content=b"x", headers=PNG)
    assert unknown.status_code == 400


@pytest.mark.parametrize(
    ("id", "status"),
    [
        (label(99), 404),
        ("1", 404),
        ("a%20b", 400),
        ("x" * 201, 400),
        ("%00", 400),
        ("%C3%A4", 400),
        ("..%2F..%2Fetc", 404),  # no route has so many parts
        ("';--", 404),
    ],
)
def test_identifiers_of_no_manifest(client: TestClient, id: str, status: int) -> None:
    assert client.get(f"/c2pa/v1/manifests/{id}").status_code == status


def test_several_manifests_come_best_first_and_bounded(
    tmp_path: Path, model: Model, folder: Path
) -> None:
    """One picture that two houses signed: both speak of it."""
    plain, query = (folder / "0003.png").read_bytes(), stripped(folder, 3)
    for name, number in (("a.png", 7), ("b.png", 8)):
        data = signed(generated(name), data=plain, kind="png", label=label(number))
        (tmp_path / name).write_bytes(data)
    with create_collection(tmp_path / "c", model) as collection:
        store_images(collection, [folder, tmp_path / "a.png", tmp_path / "b.png"])
        app = create_app(Finder(collection), Settings(workers=1))
        with TestClient(app, base_url="http://localhost") as client:
            found = client.post(CONTENT, content=query, headers=PNG).json()["matches"]
            assert [match["manifestId"] for match in found] == [label(7), label(8)]
            one = client.post(f"{CONTENT}?maxResults=1", content=query, headers=PNG).json()
            assert one["matches"] == found[:1]
            # Matches of the API of originid say that there are some.
            best = client.post("/v1/find", files={"image": query}).json()["matches"][0]
            assert best["credentials"] is True


def test_a_cosine_becomes_a_whole_number() -> None:
    assert [similarity(score) for score in (-1, -0.1, 0, 0.494, 0.5, 0.996, 1, 1.0001)] == [
        0, 0, 0, 49, 50, 100, 100, 100
    ]  # fmt: skip


def test_the_entry_for_the_public_list_is_as_its_schema_says() -> None:
    """The rules of softbinding-algorithm-list.schema.json of the C2PA, as of July 2026."""
    page = Path(__file__).parent.parent.parent / "docs" / "c2pa-algorithm.json"
    (entry,) = json.loads(page.read_text(encoding="utf-8"))
    assert set(entry) == {"identifier", "alg", "type", "decodedMediaTypes", "entryMetadata"}
    assert 0 <= entry["identifier"] <= 65535
    name = r"^[A-Za-z]{2,63}(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+\.?$"
    assert re.match(name, entry["alg"])
    assert (entry["alg"], entry["type"]) == (ALGORITHM, "fingerprint")
    assert entry["decodedMediaTypes"] == ["image"]
    data = entry["entryMetadata"]
    assert set(data) == {"description", "dateEntered", "contact", "informationalUrl"}
    assert datetime.fromisoformat(data["dateEntered"].replace("Z", "+00:00")).tzinfo
    assert re.fullmatch(r"[^@\s]+@[^@\s]+", data["contact"])
    assert data["informationalUrl"].startswith("https://")
