"""Sets of pairs: what they hold, how they grow, and what they refuse."""

import os
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as PILImage

from fake_maker import SETTINGS, FakeMaker, files, make, table
from fixture_types import WritePhotos
from originid.datasets.pairs import read_pairs
from originid.errors import InputError, UsageError
from originid.generation.diffusion.tasks import task_key, task_seed
from originid.generation.prompts import TemplatePrompts, open_prompts
from originid.generation.prompts.file import FilePrompts
from originid.generation.sets.job import JobSettings
from originid.generation.sets.plan import plan_job
from originid.generation.sets.run import find_inputs
from originid.generation.sets.shards import ImageSet, SetSettings
from originid.images.decode import decode, read_bytes
from originid.system.csv_rows import write_rows
from originid.testing import textured_image


def test_a_set_is_a_manifest_with_its_images(tmp_path: Path, photos: Path) -> None:
    done = make(tmp_path / "set", photos, FakeMaker())
    assert (done.outcome.made, done.outcome.failed, done.counts.pairs) == (28, 0, 28)
    pairs = read_pairs(tmp_path / "set" / "pairs.csv")
    assert {pair.origin for pair in pairs} == set(photos.iterdir())
    assert len({pair.query for pair in pairs}) == 28
    assert Counter(pair.group for pair in pairs).most_common()[0][1] == 4
    for pair in pairs:
        assert decode(read_bytes(pair.query)).image.shape == (16, 16, 3)
    stated = {"generator": "fake", "strength": "0.5", "kind": "image-to-image", "split": "train"}
    assert stated.items() <= pairs[0].fields.items()
    assert done.sheet == tmp_path / "set" / "sheet.jpg"
    with PILImage.open(tmp_path / "set" / "sheet.jpg") as sheet:
        assert sheet.width > 400
    assert not (tmp_path / "set" / "test.csv").exists()
    assert table(tmp_path / "set" / "failures.csv") == []


def test_an_image_depends_on_its_task_alone(tmp_path: Path, photos: Path) -> None:
    make(tmp_path / "a", photos, FakeMaker())
    make(tmp_path / "b", photos, FakeMaker(), replace(SETTINGS, batch=5))
    images = files(tmp_path / "a" / "images")
    assert images == files(tmp_path / "b" / "images")
    assert len(set(images.values())) == 28


def test_a_set_grows_by_origins_prompts_strengths_and_generators(
    tmp_path: Path, photos: Path, write_photos: WritePhotos
) -> None:
    output = tmp_path / "set"
    make(output, photos, FakeMaker(), prompts=TemplatePrompts(1))
    write_photos(1, first=50)
    for settings, expected in (
        (SETTINGS, 8),
        (replace(SETTINGS, strengths=(0.5, 0.25)), 16),
        (replace(SETTINGS, generator="other", strengths=(None,)), 24),
    ):
        done = make(output, photos, FakeMaker(), settings, TemplatePrompts(1))
        assert done.counts.pairs == expected
    strengths = Counter(row["strength"] for row in table(output / "pairs.csv"))
    assert strengths == {"0.5": 8, "0.25": 8, "": 8}


def test_a_batch_has_one_strength(tmp_path: Path, photos: Path) -> None:
    maker = FakeMaker()
    make(tmp_path / "set", photos, maker, replace(SETTINGS, strengths=(0.1, 0.2, 0.3)))
    assert {len({task.strength for task in batch}) for batch in maker.batches} == {1}
    assert sum(len(batch) == 3 for batch in maker.batches) == 27  # 9 full ones of each


def test_a_batch_has_one_shape_where_others_are_near(tmp_path: Path, photos: Path) -> None:
    for seed in range(60):
        sides = (32, 48) if seed % 2 else (48, 32 + seed % 8)
        PILImage.fromarray(textured_image(seed, *sides)).save(photos / f"odd{seed}.png")
    maker = FakeMaker()
    done = make(tmp_path / "set", photos, maker, prompts=TemplatePrompts(1))
    assert done.counts.pairs == 67
    shapes = [{task.origin.shape for task in batch} for batch in maker.batches]
    assert {len(shape) for shape in shapes} == {1}
    assert sum(len(batch) == 3 for batch in maker.batches) >= 10


def test_what_fails_is_a_row(tmp_path: Path, photos: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (photos / "empty.png").write_bytes(b"")
    shutil.copy(photos / "0000.png", photos / "copy.png")
    maker = FakeMaker(refused="oil painting")
    done = make(tmp_path / "set", photos, maker, prompts=TemplatePrompts(40))
    rows = table(tmp_path / "set" / "failures.csv")
    assert len(rows) == done.counts.failures == 9
    assert Counter(row["reason"] for row in rows)["refused"] == 7
    assert all("oil painting" in row["prompt"] for row in rows if row["reason"] == "refused")
    names = {Path(row["origin"]).name for row in rows if row["reason"] != "refused"}
    assert names == {"broken.jpg", "empty.png"}
    assert done.counts.pairs == 7 * 39


def test_refusals_are_asked_for_again_when_their_file_is_gone(tmp_path: Path, photos: Path) -> None:
    output, prompts = tmp_path / "set", TemplatePrompts(40)
    make(output, photos, FakeMaker(refused="oil painting"), prompts=prompts)
    maker = FakeMaker()
    done = make(output, photos, maker, prompts=prompts)
    assert (maker.made, done.counts.failures) == (0, 7)
    (output / "failures.csv").unlink()
    done = make(output, photos, maker, prompts=prompts)
    assert (maker.made, done.counts.failures, done.counts.pairs) == (7, 0, 280)


def test_an_origin_that_was_mended_leaves_the_failures(tmp_path: Path, photos: Path) -> None:
    captions = tmp_path / "prompts.csv"
    captions.write_text("path,prompt\nphotos/0000.png,a cat\n", encoding="utf-8")
    source = open_prompts(str(captions), 2, tmp_path)
    done = make(tmp_path / "set", photos, FakeMaker(), prompts=source)
    assert (done.counts.pairs, done.counts.failures) == (1, 6)
    done = make(tmp_path / "set", photos, FakeMaker())
    assert (done.counts.pairs, done.counts.failures) == (29, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_odd_names_go_through_or_are_rows(tmp_path: Path, photos: Path) -> None:
    for number, name in enumerate([b'a,b\n\r"c\xc3\xa9.png', b"\xff\xfe.png", b" .png"]):
        data = (photos / f"000{number}.png").read_bytes()
        (photos / f"000{number}.png").unlink()
        Path(os.fsdecode(bytes(photos) + b"/" + name)).write_bytes(data)
    done = make(tmp_path / "set", photos, FakeMaker())
    assert (done.counts.pairs, done.counts.failures) == (24, 1)
    assert all(pair.origin.exists() for pair in read_pairs(tmp_path / "set" / "pairs.csv"))


def test_a_folder_of_others_is_left_alone(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    for output, said in ((tmp_path, "exists"), (photos, "is in"), (photos / "set", "is in")):
        with pytest.raises(InputError, match=said):
            make(output, photos, FakeMaker())
    assert not (photos / "set").exists()


def test_a_set_keeps_its_settings(tmp_path: Path) -> None:
    ImageSet.open(tmp_path / "set", SetSettings(test=0.25)).begin()
    ImageSet.open(tmp_path / "set", SetSettings(test=0.25)).begin()
    with pytest.raises(InputError, match="other settings"):
        ImageSet.open(tmp_path / "set", SetSettings())
    (tmp_path / "set" / "set.json").write_text("{")
    with pytest.raises(InputError, match=r"set\.json"):
        ImageSet.open(tmp_path / "set", SetSettings())


@pytest.mark.parametrize("test", [-0.1, 1.0, 1.5, float("nan")])
def test_odd_test_shares_are_refused(test: float) -> None:
    with pytest.raises(UsageError) as error:
        SetSettings(test)
    assert error.value.given == f"a test share of {test:g}"


@pytest.mark.parametrize("strengths", [(), (0.0,), (1.1,), (float("nan"),)])
def test_odd_strengths_are_refused(strengths: tuple[float, ...]) -> None:
    with pytest.raises(UsageError):
        JobSettings("fake", "image-to-image", strengths)


@pytest.mark.parametrize(("batch", "seed"), [(0, 0), (1, -1)])
def test_odd_batches_and_seeds_are_refused(batch: int, seed: int) -> None:
    with pytest.raises(UsageError, match="a batch of"):
        replace(SETTINGS, batch=batch, seed=seed)


def test_another_seed_makes_other_images(tmp_path: Path, photos: Path) -> None:
    output, other = tmp_path / "set", replace(SETTINGS, seed=1)
    make(output, photos, FakeMaker())
    inputs = find_inputs([photos], output, SetSettings(), TemplatePrompts(4), other)
    assert plan_job(inputs, 16).made == 0
    done = make(output, photos, FakeMaker(), other)
    assert (done.outcome.made, done.counts.pairs) == (28, 56)
    assert Counter(row["seed"] for row in table(output / "pairs.csv")) == {"0": 28, "1": 28}
    assert len(set(files(output / "images").values())) == 56


def test_a_set_has_one_generator_of_a_name(tmp_path: Path, photos: Path) -> None:
    output, known = tmp_path / "set", replace(SETTINGS, how={"steps": 2, "options": {}})
    other = replace(known, how={"steps": 20, "options": {}})
    make(output, photos, FakeMaker(), known)
    before = files(output)
    with pytest.raises(InputError, match="steps = 20") as error:
        make(output, photos, FakeMaker(), other)
    assert "steps = 2" in error.value.expected
    assert files(output) == before
    assert make(output, photos, FakeMaker(), known).outcome.made == 0
    named = replace(other, generator="an/other")  # as the advice says
    assert make(output, photos, FakeMaker(), named).outcome.made == 28
    # Where two processes begin a set at once, the second one is refused as it begins its work.
    with pytest.raises(InputError, match="steps = 3"):
        ImageSet.open(output, SetSettings()).keep_generator("fake", {"steps": 3, "options": {}})


def test_a_set_of_an_earlier_version_takes_the_generator_as_it_is(
    tmp_path: Path, photos: Path
) -> None:
    output = tmp_path / "set"
    make(output, photos, FakeMaker())
    shutil.rmtree(output / "generators")
    done = make(output, photos, FakeMaker(), replace(SETTINGS, how={"steps": 2}))
    assert (done.outcome.made, done.outcome.known) == (0, 28)


def test_a_task_is_known_by_what_it_is() -> None:
    key = task_key("00ff", "a cat", "sd2", 0.9)
    assert key == "5479c76ed49a60dee9811358e1e6a00273ee564a7582617c2b8f9cb5c9be470f"
    assert task_seed(key) == int(key[:16], 16) // 2 < 2**63
    others = [
        task_key("00fe", "a cat", "sd2", 0.9),
        task_key("00ff", "a dog", "sd2", 0.9),
        task_key("00ff", "a cat", "sdxl", 0.9),
        task_key("00ff", "a cat", "sd2", 0.8),
        task_key("00ff", "a cat", "sd2", None),
        task_key("00ff", "a cat", "sd2", 0.9, seed=1),
    ]
    assert len({key, *others}) == 7


def test_the_plan_counts_before_and_after(tmp_path: Path, photos: Path) -> None:
    output, settings = tmp_path / "set", replace(SETTINGS, strengths=(0.5, 0.6))
    inputs = find_inputs([photos], output, SetSettings(), TemplatePrompts(4), settings)
    plan = plan_job(inputs, 1000)
    assert (plan.origins, plan.images, plan.made) == (7, 56, 0)
    assert (plan.seconds, plan.bytes, plan.cost) == (None, 56 * 420_000, None)
    assert plan.free > 0
    assert not output.exists()
    make(output, photos, FakeMaker())
    plan = plan_job(inputs, 1000)
    assert (plan.images, plan.made) == (56, 28)
    assert plan.seconds is not None
    assert plan.bytes < 28 * 4000
    others = replace(inputs, settings=replace(settings, generator="other"))
    assert plan_job(others, 1000).made == 0


def test_prompts_of_strangers_are_no_formulas_and_come_back(tmp_path: Path, photos: Path) -> None:
    texts = ['=HYPERLINK("http://x.example")', "+1 more cat", "@home", "-0.5", "'=quoted"]
    rows = [("path", "prompt"), *(("photos/0000.png", text) for text in texts)]
    write_rows(tmp_path / "prompts.csv", rows)
    prompts = FilePrompts(tmp_path / "prompts.csv", 5)
    one = photos / "0000.png"
    assert make(tmp_path / "set", one, FakeMaker(), prompts=prompts).counts.pairs == 5
    pairs = read_pairs(tmp_path / "set" / "pairs.csv")
    assert {pair.fields["prompt"] for pair in pairs} == set(texts)
    raw = {row["prompt"] for row in table(tmp_path / "set" / "pairs.csv")}
    guarded = {"'" + text for text in texts if text != "-0.5"}
    assert raw == guarded | {"-0.5"}
