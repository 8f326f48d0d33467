"""An audit: queries become cases, and one that was interrupted goes on."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PILImage

from fixture_types import WritePhotos
from originid import add_images, create_collection
from originid.answer import Answer, Match
from originid.finder import Finder
from originid.latents.sources import Source
from originid.model import Model
from originid.report import case
from originid.report.audit import audit
from originid.report.case import make_case, sha256_of
from originid.report.recording import Asked
from originid.testing import textured_image
from originid.types import Description, Verdict


@pytest.fixture
def collection(tmp_path: Path, model: Model, write_photos: WritePhotos) -> Path:
    """A collection of 20 photos."""
    photos = write_photos(20)
    with create_collection(tmp_path / "c", model) as made:
        add_images(made, photos)
    return tmp_path / "c"


@pytest.fixture
def queries(tmp_path: Path) -> list[str]:
    """Two photos of the collection saved again, a part of one, a stranger and no image."""
    folder = tmp_path / "queries"
    folder.mkdir()
    for seed in (3, 4):
        PILImage.fromarray(textured_image(seed)).save(folder / f"{seed}.jpg", quality=70)
    PILImage.fromarray(textured_image(900)).save(folder / "stranger.png")
    (folder / "no image.jpg").write_bytes(b"no image")
    return [str(folder / name) for name in ("3.jpg", "4.jpg", "stranger.png", "no image.jpg")]


def told(path: Path) -> Any:
    return json.loads(path.with_suffix(".json").read_bytes())


def test_a_report_of_four_queries(collection: Path, queries: list[str], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    output = tmp_path / "r.html"
    with Finder.open(collection) as finder:
        done = audit(finder, queries, output, progress=lambda *each: seen.append(each))
        fingerprint = finder.collection.model.fingerprint
        answers = [answer.to_json() for answer in finder.find(queries, top=10)]
    assert done.files == (output, tmp_path / "r.json", tmp_path / "r.csv")
    assert done.counts["unreadable"] == 1
    assert done.counts["origin"] >= 2
    assert sum(done.counts.values()) == 4
    assert seen[-1] == (4, 4)
    report = told(output)
    assert report["about"]["fingerprint"] == fingerprint
    assert report["about"]["references"] == 20
    assert report["about"]["counts"] == done.counts
    for written, answer in zip(report["cases"], answers, strict=True):
        assert {name: written[name] for name in answer} == answer
    first, *_, last = report["cases"]
    assert first["sha256"] == hashlib.sha256(Path(queries[0]).read_bytes()).hexdigest()
    assert first["evidence"]["sentence"].startswith("The query agrees with the reference")
    assert first["evidence"]["outline"] is None
    assert last["verdict"] is None
    assert "not an image" in last["error"]
    lines = "".join(f"{each['sha256']}  {each['query']}\n" for each in report["cases"])
    assert report["about"]["queries_sha256"] == hashlib.sha256(os.fsencode(lines)).hexdigest()
    assert not output.with_name("r.html.unfinished").exists()


def test_a_part_of_a_reference_has_its_outline(collection: Path, tmp_path: Path) -> None:
    image = textured_image(5)
    height, width = image.shape[:2]
    part = tmp_path / "part.png"
    PILImage.fromarray(image[: 3 * height // 4, : 3 * width // 4]).save(part)
    reference = str(tmp_path / "photos" / "0005.png")
    match = Match(
        1, reference, 0.9, 1e-5, "as the upper left part of the reference", box=(0, 0, 0.75, 0.75)
    )
    answer = Answer(str(part), Verdict.ORIGIN, (match,), "certain")
    with Finder.open(collection) as finder:
        found = make_case(finder, Source(str(part)), answer, None)
    (left, top), _, (right, bottom), _ = found["evidence"]["outline"]
    assert (left, top) == pytest.approx((0, 0), abs=0.02)
    assert (right, bottom) == pytest.approx((0.75, 0.75), abs=0.02)
    assert set(found["pictures"]) == {
        "query", "reference", "query_large", "reference_large", "aligned", "heat",
    }  # fmt: skip


def test_only_a_page_has_pictures(
    collection: Path, queries: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case, "small_picture", pytest.fail)
    monkeypatch.setattr(case, "evidence_pictures", pytest.fail)
    with Finder.open(collection) as finder:
        audit(finder, queries, tmp_path / "r.csv")


def test_what_is_known_of_a_reference_is_told(
    collection: Path, queries: list[str], tmp_path: Path
) -> None:
    said = Description("it is 0003.png", link="https://example.org/3")
    with Finder.open(collection) as finder:
        database = finder.collection.database
        row = next(row for row in database.all_rows() if row.location.endswith("0003.png"))
        with database.writing():
            database.describe(row.id, said)
        audit(finder, queries, tmp_path / "r.html")
    cases = told(tmp_path / "r.html")["cases"]
    assert cases[0]["described"] == {"Caption": "it is 0003.png", "Link": "https://example.org/3"}
    assert cases[3]["described"] == {}
    assert "it is 0003.png" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_reference_that_is_gone_costs_only_its_pictures(
    collection: Path, queries: list[str], tmp_path: Path
) -> None:
    (tmp_path / "photos" / "0003.png").unlink()
    with Finder.open(collection) as finder:
        audit(finder, queries[:1], tmp_path / "r.html")
    (found,) = told(tmp_path / "r.html")["cases"]
    assert found["verdict"] == "origin"
    assert found["evidence"]["sentence"].startswith("There are no pictures of it: ")
    assert not found["matches"][0]["exists"]


KILLED = """
import os, signal, sys
from pathlib import Path
from originid.finder import Finder
from originid.report.audit import audit

def progress(done, total):
    if done == 2:
        os.kill(os.getpid(), signal.SIGKILL)

with Finder.open(sys.argv[1]) as finder:
    audit(finder, sys.argv[3:], Path(sys.argv[2]), progress=progress)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_an_audit_that_was_killed_goes_on(
    collection: Path, queries: list[str], tmp_path: Path
) -> None:
    output, whole = tmp_path / "r.html", tmp_path / "whole.html"
    command = [sys.executable, "-c", KILLED, str(collection), str(output), *queries]
    killed = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not output.exists()
    said: list[str] = []
    with Finder.open(collection) as finder:
        done = audit(finder, queries, output, tell=said.append)
        audit(finder, queries, whole)
    assert done.resumed == 2
    assert said == [
        "an earlier run was interrupted; 2 answers of it are taken where a query is the same"
    ]
    assert told(output)["cases"] == told(whole)["cases"]
    assert [path.name for path in tmp_path.glob("*.unfinished")] == []


def interrupted(finder: Finder, queries: list[str], output: Path, asked: Asked) -> None:
    """Begin an audit, and end it behind the first query."""

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit(finder, queries, output, asked, progress=stop)


def test_a_query_that_has_changed_is_asked_again(
    collection: Path, queries: list[str], tmp_path: Path
) -> None:
    with Finder.open(collection) as finder:
        interrupted(finder, queries, tmp_path / "r.json", Asked())
        PILImage.fromarray(textured_image(7)).save(queries[0])
        done = audit(finder, queries, tmp_path / "r.json")
    assert done.resumed == 0
    assert told(tmp_path / "r.json")["cases"][0]["matches"][0]["reference"].endswith("0007.png")


@pytest.mark.parametrize("change", ["options", "references"])
def test_other_options_or_references_start_anew(
    collection: Path, queries: list[str], tmp_path: Path, change: str
) -> None:
    said: list[str] = []
    with Finder.open(collection) as finder:
        interrupted(finder, queries, tmp_path / "r.json", Asked())
        if change == "references":
            finder.collection.remove([str(tmp_path / "photos" / "0009.png")])
        asked = Asked(false_matches=0.01) if change == "options" else Asked()
        done = audit(finder, queries, tmp_path / "r.json", asked, tell=said.append)
    assert done.resumed == 0
    assert said == [
        f"an earlier run was interrupted; this one starts anew, as this has changed: {change}"
    ]


def test_another_order_of_the_queries_is_kept(
    collection: Path, queries: list[str], tmp_path: Path
) -> None:
    with Finder.open(collection) as finder:
        interrupted(finder, queries, tmp_path / "r.json", Asked())
        done = audit(finder, queries[::-1], tmp_path / "r.json")
    assert done.resumed == 1
    assert [each["query"] for each in told(tmp_path / "r.json")["cases"]] == queries[::-1]


def test_the_hash_of_a_query(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(Source(str(tmp_path / "a"))) == abc
    assert sha256_of(Source("-", b"abc")) == abc
    assert sha256_of(Source(str(tmp_path))) is None
    assert sha256_of(Source(str(tmp_path / "missing"))) is None
    assert sha256_of(Source("a\0b")) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert sha256_of(Source(str(tmp_path / "pipe"))) is None


def test_without_the_extra_the_report_says_that_credentials_were_not_looked_for(
    collection: Path, queries: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case, "can_read_credentials", lambda: False)
    with Finder.open(collection) as finder:
        audit(finder, queries[:1], tmp_path / "r.json")
    (found,) = told(tmp_path / "r.json")["cases"]
    assert found["credentials"]["state"] == "not looked for"
    assert "[c2pa]" in found["credentials"]["sentence"]


def test_credentials_of_a_query_are_told(collection: Path, tmp_path: Path) -> None:
    pytest.importorskip("c2pa", reason="the extra [c2pa] is not installed")
    from signed_pictures import generated, signed

    (tmp_path / "signed.jpg").write_bytes(signed(generated("x.jpg")))
    with Finder.open(collection) as finder:
        audit(finder, [str(tmp_path / "signed.jpg")], tmp_path / "r.html")
    (found,) = told(tmp_path / "r.html")["cases"]
    assert found["credentials"]["sources"] == ["trainedAlgorithmicMedia"]
    assert found["credentials"]["state"] == "valid"
    assert "fits the file" in found["credentials"]["sentence"]
