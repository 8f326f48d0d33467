"""originid fingerprint, find by a fingerprint, and index of a partner's list."""

import json
from pathlib import Path

import pytest

from fixture_types import Run
from originid.index.fingerprint import read_fingerprint
from originid.system.csv_rows import read_rows

CAT = Path(__file__).parents[2] / "src" / "originid" / "data" / "demo_photos" / "cat.jpg"
OF_CAT = (
    "io.originid.signs.1:s0yC2inHRyYIOsnBEzF9PGYcMMWlezb-CgSeOOYYUaX6niGQAyFw-Q77ytu5"
    "iwkS1rqE7s_NFYL6Ji1AGl0hOfbFxnsioY7V-mXoawURK2TCBwu-wZ6PT6TCmxdAJUUVAJt3b9h6Rvq_"
    "VVv3Jy63haO5SE_y22j3a48xmIkd30rLEt2-ckwiZtUGx2Qr_z6ByTLGyYWI2JnifCU_WbxeclSYgBN3"
    "b7u3vH2E4AJab1p-DADOnfMH-O-BeTvPTTyPUPLpKYUTt8odPFCHGFZIisDSVpSA2cmzeH_tbGMmqrRr"
    "NfQxOH_-VMLHEG1g94p3fPbZlp8f8rxF7ZeQjHk2_MpAfIxjG6V9ITFChDayM8IXTAK3sqxm"
)


def test_the_fingerprint_of_a_packaged_picture_is_frozen(run: Run) -> None:
    status, out, err = run("fingerprint", CAT)
    assert (status, err) == (0, "")
    text, name = out.removesuffix("\n").split("  ")
    assert name == str(CAT)
    made, frozen = read_fingerprint(text), read_fingerprint(OF_CAT)
    assert (made.model, made.dim, len(text)) == (frozen.model, 2106, 392)
    assert "a text of 392 characters" in run("fingerprint", "--help")[1].replace("\n", " ")
    # Another version of a JPEG decoder may round a pixel otherwise.
    differ = int.from_bytes(made.signs, "big") ^ int.from_bytes(frozen.signs, "big")
    assert differ.bit_count() <= 10
    assert made.information == pytest.approx(frozen.information, abs=0.01)


def test_a_partner_sends_fingerprints_and_asks_by_them(
    indexed: Path, tmp_path: Path, run: Run
) -> None:
    photos, listed = tmp_path / "photos", tmp_path / "ours.csv"
    status, out, _ = run("fingerprint", "--in", indexed, "-o", listed)
    assert (status, out) == (0, f"{listed}: 30 fingerprints\n")
    rows = [cells for _, cells in read_rows(listed)]
    said = ["caption", "credit", "licence", "date"]
    assert rows[0] == ["fingerprint", "name", "link", "sha256", *said]
    assert [cells[1] for cells in rows[1:]] == [str(photos / f"{n:04}.png") for n in range(30)]
    # The same come of the files, by the model of a collection.
    lines = run("fingerprint", photos, "--in", indexed)[1].splitlines()
    assert lines == [f"{cells[0]}  {cells[1]}" for cells in rows[1:]]

    theirs = tmp_path / "theirs"
    status, out, err = run("index", listed, "--into", theirs, "--model", indexed / "model")
    assert (status, err) == (0, "")
    assert "30 added" in out
    status, out, err = run("find", photos / "0004.png", "--in", theirs, "--top", "1")
    assert status == 0
    where = f"fingerprint:{photos / '0004.png'}"
    assert out.endswith(f"  {where}  (the picture is with its owner)\n")

    text = rows[5][0]
    status, out, err = run("find", text, "--in", indexed, "--top", "1")
    assert (status, err) == (0, "")
    assert out.startswith(f"{text[:32]}...: origin: ")
    assert str(photos / "0004.png") in out
    shown = run("show", theirs, "--verify")[1]
    assert "by fingerprint     30" in shown
    assert "nothing of 30 pictures known by fingerprint" in shown
    # A decision on such a reference is remembered, and its picture is not looked for.
    assert run("decide", photos / "0004.png", where, "--no", "--in", theirs)[0] == 0
    assert where not in run("find", photos / "0004.png", "--in", theirs)[1]
    status, _, err = run("explain", photos / "0004.png", where, "--in", theirs, "-o", "e.png")
    assert status == 1
    assert "its picture is with its owner" in err
    assert run("remove", where, "--from", theirs)[0] == 0


def test_what_is_said_of_pictures_travels_with_their_fingerprints(
    indexed: Path, tmp_path: Path, run: Run
) -> None:
    table, listed, theirs = (tmp_path / name for name in ("said.csv", "ours.csv", "theirs"))
    for caption in ("A pier", "A bridge"):
        table.write_text(
            f"file,caption,credit,link\nphotos/0004.png,{caption},Me,https://example.org/4\n"
        )
        assert run("index", tmp_path / "photos", "--into", indexed, "--metadata", table)[0] == 0
        assert run("fingerprint", "--in", indexed, "-o", listed)[0] == 0
        status = run("index", listed, "--into", theirs, "--model", indexed / "model")[0]
        assert status == 0
        answer = run("find", tmp_path / "photos" / "0004.png", "--in", theirs, "--json")[1]
        (best, *_) = json.loads(answer)["matches"]
        assert best["reference"] == "https://example.org/4"
        assert best["description"]["caption"] == caption
        assert (best["description"]["credit"], best["exists"]) == ("Me", False)


def test_fingerprints_and_images_may_stand_in_one_list(
    indexed: Path, tmp_path: Path, run: Run
) -> None:
    photo = tmp_path / "photos" / "0001.png"
    text = run("fingerprint", photo, "--in", indexed)[1].split("  ")[0]
    listed = tmp_path / "list.txt"
    listed.write_text(f"{text}\n{photo}\n{text[:-2]}\n{OF_CAT}\n")
    status, out, _ = run("find", "--list", listed, "--in", indexed, "--json")
    assert status == 0
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["query"] for answer in answers] == [text, str(photo), text[:-2], OF_CAT]
    best = [answer["matches"][0]["reference"] for answer in answers[:2]]
    assert best == [str(photo), str(photo)]
    assert "characters behind the colon" in answers[2]["error"]
    assert "expected one of model" in answers[3]["error"]


def test_a_fingerprint_without_an_origin_says_what_a_picture_would_add(
    indexed: Path, stranger: Path, run: Run
) -> None:
    text = run("fingerprint", stranger, "--in", indexed)[1].split("  ")[0]
    status, out, _ = run("find", text, "--in", indexed)
    assert status == 3
    assert "a fingerprint is compared as it is only" in out.splitlines()[0]


def test_images_that_cannot_be_read_are_told(tmp_path: Path, run: Run) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    status, out, err = run("fingerprint", broken, CAT)
    assert status == 1
    assert len(out.splitlines()) == 1
    assert err.startswith(f"skipped {broken}: ")
    status, out, _ = run("fingerprint", broken, "--json")
    line = json.loads(out)
    assert (status, line["image"], line["fingerprint"]) == (1, str(broken), None)
    assert line["error"]


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ((), "no image"),
        (("",), "an empty name"),
        ((CAT, "--in", "c", "--model", "default"), "--in with --model"),
        ((CAT, "-o", "x.csv", "--json"), "-o with --json"),
        ((CAT, "-o", "x.txt"), "-o x.txt"),
        ((CAT, "--model", "defualt"), "no model at 'defualt'"),
        ((CAT, "--in", "missing"), "missing"),
    ],
)
def test_wrong_use_is_told(arguments: tuple[object, ...], given: str, run: Run) -> None:
    status, out, err = run("fingerprint", *arguments)
    assert status in (1, 2)
    assert out == ""
    assert given in err.splitlines()[0]


@pytest.mark.parametrize("command", ["explain", "decide"])
def test_what_needs_a_picture_says_so(
    command: str, indexed: Path, tmp_path: Path, run: Run
) -> None:
    photo = tmp_path / "photos" / "0001.png"
    more = ("-o", tmp_path / "e.png") if command == "explain" else ("--yes",)
    status, _, err = run(command, OF_CAT, photo, "--in", indexed, *more)
    assert status == 1
    assert err.startswith(f"error: the fingerprint {OF_CAT[:32]}..., which holds no picture")


def test_a_decision_on_a_picture_holds_for_its_fingerprint(
    indexed: Path, stranger: Path, tmp_path: Path, run: Run
) -> None:
    photo = tmp_path / "photos" / "0001.png"
    assert run("decide", stranger, photo, "--yes", "--in", indexed)[0] == 0
    text = run("fingerprint", stranger, "--in", indexed)[1].split("  ")[0]
    status, out, _ = run("find", text, "--in", indexed, "--json")
    answer = json.loads(out)
    assert (status, answer["verdict"]) == (0, "origin")
    assert answer["matches"][0]["reference"] == str(photo)
    assert "confirmed" in answer["reason"]
