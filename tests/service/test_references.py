"""References: listed, looked at, added and removed."""

import hashlib
import io
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image as Pillow

from descriptions import write_described
from originid.collection.adding import store_images
from originid.collection.collection import open_collection
from originid.finder import Finder
from originid.fingerprinting import Fingerprinted, of_images
from originid.images.decode import decode
from originid.latents.sources import Source
from originid.testing import textured_image
from served import PHOTOS, Serve


def new_picture(seed: int = 500) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(textured_image(seed, 64, 64)).save(file, "PNG")
    return file.getvalue()


def test_all_are_listed_page_by_page(client: TestClient, finder: Finder) -> None:
    names, after = [], 0
    while after is not None:
        found = client.get("/v1/references", params={"limit": 3, "after": after}).json()
        assert found["total"] == PHOTOS + 1
        names += [each["reference"] for each in found["references"]]
        after = found["next"]
    assert names == [row.shown for row in finder.collection.references()]
    for wrong in ("limit=0", "limit=201", "after=-1", f"after={2**63}", "q=" + "x" * 201):
        assert client.get(f"/v1/references?{wrong}").status_code == 422


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("000", PHOTOS),
        ("0003.PNG", 1),
        ("größenWAHN", 1),
        ("gr_ß", 0),
        ("%", 0),
        ("'; DROP TABLE reference", 0),
        ("x" * 200, 0),
    ],
)
def test_names_and_captions_are_searched(client: TestClient, text: str, count: int) -> None:
    found = client.get("/v1/references", params={"q": text, "limit": 2}).json()
    seen = found["references"]
    while found["next"] is not None:
        parameters = {"q": text, "limit": 2, "after": found["next"]}
        found = client.get("/v1/references", params=parameters).json()
        seen += found["references"]
    assert len(seen) == count


def test_one_is_shown_with_its_pictures(
    client: TestClient, finder: Finder, photos: list[Path]
) -> None:
    row = list(finder.collection.references())[-1]
    shown = client.get(f"/v1/references/{row.id}").json()
    assert shown == {
        "id": row.id,
        "reference": row.shown,
        "name": "pier.jpg",
        "width": 64,
        "height": 96,
        "bytes": photos[-1].stat().st_size,
        "added_at": row.added_at,
        "sha256": hashlib.sha256(photos[-1].read_bytes()).hexdigest(),
        "exists": True,
        "description": {
            "caption": "Ein Größenwahn",
            "credit": "An Agency",
            "licence": "",
            "date": "",
            "link": "",
        },
        "thumbnail": f"/v1/references/{row.id}/thumbnail",
    }
    picture = client.get(shown["thumbnail"])
    assert decode(picture.content).image.shape == (96, 64, 3)
    assert picture.headers["cache-control"].startswith("private")
    again = client.get(shown["thumbnail"], headers={"If-None-Match": picture.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"/v1/references/{row.id}/picture").status_code == 200
    for missing in ("99", str(2**63 - 1)):
        assert client.get(f"/v1/references/{missing}").status_code == 404
        assert client.get(f"/v1/references/{missing}/thumbnail").status_code == 404
    for wrong in ("x", "-1", str(2**63)):
        assert client.get(f"/v1/references/{wrong}").status_code == 422


def test_a_small_picture_that_is_stored_stands_for_a_file_that_is_gone(
    client: TestClient, finder: Finder, photos: list[Path]
) -> None:
    row = next(finder.collection.references())
    photos[0].rename(photos[0].with_suffix(".away"))
    assert client.get(f"/v1/references/{row.id}/thumbnail").status_code == 404
    assert client.get(f"/v1/references/{row.id}/picture").status_code == 404
    photos[0].with_suffix(".away").rename(photos[0])
    store_images(finder.collection, photos, thumbnails=True)
    row = next(row for row in finder.collection.references() if row.location == str(photos[0]))
    photos[0].unlink()
    assert client.get(f"/v1/references/{row.id}/thumbnail").status_code == 200
    assert client.get(f"/v1/references/{row.id}/picture").status_code == 200


def test_what_is_added_is_found_kept_and_described(
    client: TestClient, finder: Finder, tmp_path: Path
) -> None:
    data = new_picture()
    texts = {"caption": "A <b>pier</b>", "link": "https://example.org/1", "credit": "Me"}
    answer = client.post(
        "/v1/references", files={"image": ("../../etc/pass wd.png", data)}, data=texts
    )
    assert answer.status_code == 201
    made = answer.json()
    assert made["added"] is True
    assert made["name"] == "pass wd.png"
    assert made["description"]["caption"] == "A <b>pier</b>"
    kept = Path(made["reference"])
    assert kept.read_bytes() == data
    assert kept.is_relative_to(tmp_path / "collection" / "added")
    found = client.post("/v1/find", files={"image": data}).json()
    assert found["matches"][0]["id"] == made["id"]
    # The same again: what is there stays, and what is said of it is added.
    again = client.post("/v1/references", files={"image": data}, data={"licence": "CC0"}).json()
    assert (again["added"], again["id"]) == (False, made["id"])
    assert again["description"] == {**made["description"], "licence": "CC0"}
    assert len(finder.collection) == PHOTOS + 2
    with open_collection(finder.collection.path) as other:  # it is on the disk
        assert len(other) == PHOTOS + 2
        assert list(other.verify()) == []


def test_what_is_no_picture_is_not_added(
    client: TestClient, finder: Finder, tmp_path: Path
) -> None:
    for data in (b"", b"x", new_picture()[:-200]):
        answer = client.post("/v1/references", files={"image": data})
        assert answer.status_code == 422
    assert len(finder.collection) == PHOTOS + 1
    assert [path for path in (tmp_path / "collection" / "added").rglob("*") if path.is_file()] == []
    long = client.post("/v1/references", files={"image": new_picture()}, data={"link": "x" * 2001})
    assert long.status_code == 422


def test_what_was_sent_is_deleted_with_its_reference_and_other_files_stay(
    client: TestClient, finder: Finder, photos: list[Path]
) -> None:
    made = client.post("/v1/references", files={"image": ("a.png", new_picture())}).json()
    assert client.delete(f"/v1/references/{made['id']}").status_code == 204
    assert not Path(made["reference"]).exists()
    row = next(finder.collection.references())
    assert client.delete(f"/v1/references/{row.id}").status_code == 204
    assert photos[0].exists()
    assert client.delete(f"/v1/references/{row.id}").status_code == 404
    assert len(finder.collection) == PHOTOS


def test_it_sees_what_other_processes_add_and_remove(
    client: TestClient, finder: Finder, tmp_path: Path, photos: list[Path]
) -> None:
    new = write_described(tmp_path / "new.jpg", 900, "Later")
    with open_collection(finder.collection.path) as other:
        store_images(other, [new])
        other.remove([str(photos[0])])
    found = client.post("/v1/find", files={"image": new.read_bytes()}).json()
    assert found["matches"][0]["description"]["caption"] == "Later"
    found = client.post("/v1/find", files={"image": photos[0].read_bytes()}).json()
    assert found["matches"][0]["reference"] != str(photos[0])


def test_a_service_that_is_read_only_changes_nothing(serve: Serve, finder: Finder) -> None:
    client = serve(read_only=True)
    row = next(finder.collection.references())
    picture = {"image": new_picture()}
    assert client.post("/v1/references", files=picture).status_code == 403
    assert client.delete(f"/v1/references/{row.id}").status_code == 403
    decision = {"reference": row.id, "decision": "yes"}
    assert client.post("/v1/decisions", files=picture, data=decision).status_code == 403
    assert client.get("/v1/stats").json()["writable"] is False
    assert client.post("/v1/find", files=picture).status_code == 200
    assert len(finder.collection) == PHOTOS + 1


def test_a_picture_that_was_known_by_its_fingerprint_is_added(
    client: TestClient, finder: Finder, tmp_path: Path
) -> None:
    data = new_picture(700)
    (made,) = of_images(finder.collection.model, [Source("partner.png", data)])
    assert isinstance(made, Fingerprinted)
    table = tmp_path / "partner.csv"
    link = "https://partner.example/1"
    table.write_text(f"fingerprint,link,sha256\n{made.fingerprint.text},{link},{made.sha256}\n")
    store_images(finder.collection, [table])
    found = client.post("/v1/find", files={"image": data}).json()["matches"][0]
    assert (found["reference"], found["exists"]) == (link, False)
    assert client.get(found["thumbnail"]).status_code == 404
    added = client.post("/v1/references", files={"image": data}).json()
    assert added["added"] is True
    assert added["reference"] != link


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of an open file")
def test_a_collection_that_was_moved_takes_nothing_and_is_not_ready(
    client: TestClient, finder: Finder, tmp_path: Path
) -> None:
    folder, elsewhere = tmp_path / "collection", tmp_path / "elsewhere"
    new = {"image": ("new.png", new_picture(), "image/png")}
    assert client.get("/ready").status_code == 200
    folder.rename(elsewhere)
    for _ in range(2):  # gone; and then replaced by a copy
        assert client.get("/ready").status_code == 503
        answer = client.post("/v1/references", files=new)
        assert answer.status_code == 503
        assert "is not the one that was opened there" in answer.json()["error"]["given"]
        if not folder.exists():
            shutil.copytree(elsewhere, folder)
    shutil.rmtree(folder)
    elsewhere.rename(folder)  # as the error advises
    assert client.get("/ready").status_code == 200
    assert client.post("/v1/references", files=new).status_code == 201


def test_of_those_who_send_one_picture_at_once_one_has_added_it(serve: Serve) -> None:
    client = serve(workers=4)
    new = {"image": ("new.png", new_picture(), "image/png")}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/references", files=new), range(8)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum(answer.json()["added"] for answer in answers) == 1


def test_a_picture_that_is_refused_leaves_nothing(client: TestClient, tmp_path: Path) -> None:
    broken = {"image": ("broken.png", new_picture()[:300], "image/png")}
    assert client.post("/v1/references", files=broken).status_code == 422
    assert not list((tmp_path / "collection" / "added").glob("*"))
