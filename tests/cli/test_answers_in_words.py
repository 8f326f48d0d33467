"""What find, show, decide and index say in words: reasons, copies, efforts and summaries."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from fixture_types import Run, WritePhotos
from originid.answer import Answer, Match
from originid.cli.find import _print as print_answer
from originid.model import Model
from originid.testing import textured_image
from originid.types import Verdict
from originid.verdict.presets import PRESETS


@pytest.fixture
def photos(indexed: Path) -> Path:
    """The folder of the 30 photos that are indexed."""
    return indexed.parent / "photos"


@pytest.fixture
def ask(run: Run, indexed: Path) -> Callable[..., Any]:
    """Asks for one query in JSON, whatever the exit status is."""

    def call(query: Path, *options: object) -> Any:
        _, out, _ = run("find", query, "--in", indexed, "--json", *options)
        (line,) = out.splitlines()
        return json.loads(line)

    return call


def saved(image: Pillow.Image, path: Path) -> Path:
    image.save(path)
    return path


# find


@pytest.mark.parametrize("count", [1, 2, 11])
def test_copies_are_one_match_with_their_number(
    count: int, indexed: Path, photos: Path, run: Run, ask: Callable[..., Any]
) -> None:
    original = photos / "0004.png"
    copies = [photos / f"copy-of-0004-{number:02}.png" for number in range(count)]
    for copy in copies:
        shutil.copy(original, copy)
    assert run("index", photos, "--into", indexed)[0] == 0
    status, out, _ = run("find", original, "--in", indexed, "--top", 2)
    assert status == 0
    first, best, group, *second = out.splitlines()
    assert first == f"{original}: origin: the same file"
    assert best == f"   1  score 1.000  {original}"
    of = "a copy:" if count == 1 else f"{count} copies, such as"
    assert group == f"      and {of} {copies[0]}"
    assert len(second) == 1
    answer = ask(original, "--top", 2)
    assert answer["matches"][0]["copies"] == [str(copy) for copy in copies]
    assert answer["matches"][1]["copies"] == []


def test_the_tidy_path_names_a_picture_with_copies(
    indexed: Path, photos: Path, run: Run, ask: Callable[..., Any]
) -> None:
    untidy = photos / "a" / "#recycle" / "0004.png"
    untidy.parent.mkdir(parents=True)
    shutil.copy(photos / "0004.png", untidy)
    assert run("index", photos, "--into", indexed, "--all-folders")[0] == 0
    (best,) = ask(untidy, "--top", 1)["matches"]
    assert (best["reference"], best["copies"]) == (str(photos / "0004.png"), [str(untidy)])


def test_a_picture_saved_again_is_called_the_same_picture(
    photos: Path, tmp_path: Path, ask: Callable[..., Any]
) -> None:
    with Pillow.open(photos / "0005.png") as picture:
        again = tmp_path / "again.jpg"
        picture.convert("RGB").save(again, quality=90)
    answer = ask(again, "--top", 1)
    assert (answer["verdict"], answer["reason"]) == ("origin", "the same picture, saved again")
    assert answer["matches"][0]["reference"] == str(photos / "0005.png")
    assert 0 < answer["matches"][0]["false_match_rate"] <= PRESETS["balanced"]


def test_text_and_json_give_one_reason(
    indexed: Path, stranger: Path, run: Run, ask: Callable[..., Any]
) -> None:
    """The verdict is not said twice where the reason begins with it."""
    answer = ask(stranger)
    status, out, _ = run("find", stranger, "--in", indexed)
    assert status == 3
    assert answer["verdict"] == "none"
    assert answer["reason"].startswith("none: the best of 30 strangers would score as high ")
    assert out.splitlines()[0] == f"{stranger}: {answer['reason']}"


def test_a_blank_query_says_that_there_is_too_little(
    tmp_path: Path, indexed: Path, run: Run
) -> None:
    blank = saved(Pillow.new("RGB", (90, 70), "white"), tmp_path / "blank.png")
    status, out, _ = run("find", blank, "--in", indexed, "--top", 1)
    assert status == 3
    assert out.splitlines()[0] == f"{blank}: none: too little in this picture to tell"


def test_a_mirrored_query_needs_more_effort_than_quick(
    photos: Path, tmp_path: Path, ask: Callable[..., Any]
) -> None:
    with Pillow.open(photos / "0006.png") as picture:
        query = saved(ImageOps.mirror(picture.convert("RGB")), tmp_path / "mirrored.png")
    quick, normal = (ask(query, "--effort", effort, "--top", 1) for effort in ("quick", "normal"))
    assert quick["verdict"] != "origin"
    assert quick["matches"][0]["view"] == "full"
    assert normal["verdict"] == "origin"
    assert normal["matches"][0]["reference"] == str(photos / "0006.png")
    assert normal["matches"][0]["view"] == "mirrored"
    assert "mirrored" in normal["reason"]


def test_more_effort_never_raises_the_rate_of_an_answer_by_more_than_its_share(
    photos: Path, stranger: Path, ask: Callable[..., Any]
) -> None:
    """Looks share the stated rate: that of the query as it is grows by 1 / 0.6 at most."""
    quick, normal, thorough = (
        ask(stranger, "--effort", effort, "--top", 1)["matches"][0]["false_match_rate"]
        for effort in ("quick", "normal", "thorough")
    )
    for rate in (normal, thorough):
        assert rate <= min(1, quick / 0.6) * (1 + 1e-9)
    same = ask(photos / "0001.png", "--effort", "thorough", "--top", 1)
    assert (same["reason"], same["matches"][0]["false_match_rate"]) == ("the same file", 0)


@pytest.mark.parametrize(("word", "number"), list(PRESETS.items()))
def test_a_word_for_a_rate_is_its_number(
    word: str, number: float, photos: Path, tmp_path: Path, ask: Callable[..., Any]
) -> None:
    with Pillow.open(photos / "0007.png") as picture:
        noise = np.random.default_rng(0).normal(0, 60, (picture.height, picture.width, 3))
        noisy = np.clip(np.asarray(picture.convert("RGB")) + noise, 0, 255).astype(np.uint8)
    query = saved(Pillow.fromarray(noisy), tmp_path / "noisy.png")
    by_word, by_number = ask(query, "--false-matches", word), ask(query, "--false-matches", number)
    assert by_word == by_number
    rate = by_word["matches"][0]["false_match_rate"]
    assert (by_word["verdict"] == "origin") == (rate <= number)
    for match in by_word["matches"]:
        assert match["confidence"] == 1 - match["false_match_rate"]


def test_an_answer_cannot_write_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    match = Match(1, "r\x1b[2J.png", -0.25, 0.5, copies=("c\n1.png", "c2.png"))
    print_answer(Answer("q\x07.png", Verdict.UNCERTAIN, (match,), "uncertain: \x1b[1mx"))
    print_answer(Answer("q\r.png", None, error="no\nimage"))
    output = capsys.readouterr()
    assert output.out.splitlines() == [
        "q\\x07.png: uncertain: \\x1b[1mx",
        "   1  score -0.250  r\\x1b[2J.png",
        "      and 2 copies, such as c\\n1.png",
    ]
    assert output.err == "q\\r.png: error: no\\nimage\n"


@pytest.mark.parametrize("options", [["--effort", "some"], ["--false-matches", "often"]])
def test_options_that_there_are_not_are_refused(
    options: list[str], indexed: Path, photos: Path, run: Run
) -> None:
    status, out, err = run("find", photos / "0001.png", "--in", indexed, *options)
    assert (status, out) == (2, "")
    assert options[1] in err
    assert "Traceback" not in err


# decide


def test_a_confirmation_is_the_reason_in_text_with_its_date(
    indexed: Path, photos: Path, stranger: Path, run: Run
) -> None:
    command = ("decide", stranger, photos / "0009.png", "--in", indexed, "--yes", "--note", "a b")
    assert run(*command)[0] == 0
    status, out, _ = run("find", stranger, "--in", indexed, "--top", 1)
    assert status == 0
    first, best = out.splitlines()
    said = re.fullmatch(r"(.+): origin: confirmed on \d{4}-\d\d-\d\d: a b", first)
    assert said
    assert said[1] == str(stranger)
    assert best.endswith(str(photos / "0009.png"))


def test_a_rejected_reference_is_not_shown_under_another_name(
    indexed: Path, photos: Path, run: Run, ask: Callable[..., Any]
) -> None:
    """Copies are the same picture, so that a decision on one is one on all."""
    query, copy = photos / "0010.png", photos / "copy.png"
    shutil.copy(query, copy)
    run("index", photos, "--into", indexed)
    assert run("decide", query, copy, "--no", "--in", indexed)[0] == 0
    answer = ask(query, "--top", 30)
    shown = {match["reference"] for match in answer["matches"]}
    assert not shown & {str(query), str(copy)}
    assert len(shown) == 29
    assert answer["verdict"] != "origin"


# index and show


def test_index_counts_what_it_did_to_each_file(
    indexed: Path, photos: Path, run: Run, write_photos: WritePhotos
) -> None:
    Pillow.fromarray(textured_image(700)).save(photos / "0000.png")  # another picture
    (photos / "0001.png").rename(photos / "elsewhere.png")
    (photos / "broken.jpg").write_bytes(b"no image")
    write_photos(3, first=40)
    status, out, err = run("index", photos, "--into", indexed)
    assert status == 0
    said = r"3 added, 1 updated, 1 moved, 28 unchanged, 1 skipped in \d+\.\d s; 33 references"
    assert re.fullmatch(rf"{re.escape(str(indexed))}: {said}", out.strip())
    assert err.startswith(f"skipped {photos / 'broken.jpg'}: ")
    shown = run("show", indexed)
    assert shown[2] == err  # the file is remembered as skipped
    assert re.search(r"^pictures +33$", shown[1], re.MULTILINE)


@pytest.mark.parametrize("folders", [1, 2])
def test_folders_that_are_passed_over_are_counted(
    folders: int, indexed: Path, photos: Path, run: Run
) -> None:
    for name in ("@eaDir", ".thumbnails")[:folders]:
        (photos / name).mkdir()
        shutil.copy(photos / "0002.png", photos / name)
    lines = run("index", photos, "--into", indexed)[1].splitlines()
    counted = "1 folder" if folders == 1 else "2 folders"
    assert "; 30 references" in lines[0]
    assert lines[1:] == [
        f"{counted} passed over (recycle bins and thumbnails): --all-folders takes them"
    ]


@pytest.mark.parametrize("count", [1, 23, 24])
def test_show_says_by_which_photos_a_verdict_comes(
    count: int, tmp_path: Path, model: Model, write_photos: WritePhotos, run: Run
) -> None:
    write_photos(count)
    collection = tmp_path / "c"
    run("index", tmp_path / "photos", "--into", collection, "--model", model.folder)
    said = next(
        line[19:]
        for line in run("show", collection)[1].splitlines()
        if line.startswith("origin from")
    )
    scores, by = said.split(", ", 1)
    found = re.fullmatch(r"score (\d\.\d\d)(?: \((\d\.\d\d) to (\d\.\d\d)\))?", scores)
    assert found
    middle, few, many = (float(each or found[1]) for each in found.groups())
    assert few <= middle <= many
    assert (few < many) == ("to" in scores)
    if count < 24:
        assert by == "by the photos of the model, as there are few references"
    else:
        assert by == "by 24 references of its own"


def test_show_counts_what_tells_too_little(indexed: Path, photos: Path, run: Run) -> None:
    for number, colour in enumerate(("white", "red", "black")):
        saved(Pillow.new("RGB", (80, 60), colour), photos / f"blank{number}.png")
    run("index", photos, "--into", indexed)
    assert re.search(r"^too little to tell +3$", run("show", indexed)[1], re.MULTILINE)


def test_show_finds_a_reference_that_has_gone(indexed: Path, photos: Path, run: Run) -> None:
    (photos / "0011.png").unlink()
    status, out, _ = run("show", indexed, "--verify")
    assert status == 1
    assert f"problem: {photos / '0011.png'}: " in out
    assert "no problems" not in out
