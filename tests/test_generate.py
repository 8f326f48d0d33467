"""Making sets of pairs: complete, each image once, whatever dies in between."""

import csv
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from PIL import Image as PILImage

from originid.datasets.pairs import read_pairs
from originid.errors import InputError, UsageError
from originid.generation.diffusion.chosen import choose
from originid.generation.diffusion.presets import GENERATORS
from originid.generation.diffusion.tasks import Task, task_key, task_seed
from originid.generation.prompts import PromptSource, TemplatePrompts, open_prompts
from originid.generation.sets.job import JobSettings
from originid.generation.sets.origins import find_origins, split_origins
from originid.generation.sets.plan import plan_job
from originid.generation.sets.run import SetSummary, find_inputs, make_set
from originid.generation.sets.shards import ImageSet, SetSettings
from originid.images.decode import decode, read_bytes
from originid.model import Model, open_model
from originid.testing import textured_image
from originid.types import Image

WritePhotos = Callable[..., list[Path]]
Run = Callable[..., tuple[int, str, str]]
SETTINGS = JobSettings("fake", "image-to-image", (0.5,), batch=3)
KILLS = 10


@dataclass
class FakeMaker:
    """Noise that depends on the seed alone; refuses prompts with a word in them."""

    refused: str = "no such word"
    batches: list[list[Task]] = field(default_factory=list)
    size: int = 16

    def make(self, tasks: Sequence[Task]) -> list[Image | str]:
        self.batches.append(list(tasks))
        return [
            "refused" if self.refused in task.prompt else textured_image(task.seed, 16, 16)
            for task in tasks
        ]

    @property
    def made(self) -> int:
        return sum(map(len, self.batches))


def make(
    output: Path,
    photos: Path,
    maker: FakeMaker,
    settings: JobSettings = SETTINGS,
    prompts: PromptSource | None = None,
    test: float = 0.0,
    model: Model | None = None,
) -> SetSummary:
    source = prompts or TemplatePrompts(4)
    inputs = find_inputs([photos], output, SetSettings(test), source, settings)
    return make_set(inputs, lambda: maker, model)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> dict[str, bytes]:
    """All that a set holds for its users, by name: no rows, which say how long an image took."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "rows.jsonl"
    }


@pytest.fixture
def photos(tmp_path: Path, write_photos: WritePhotos) -> Path:
    return write_photos(7)[0].parent


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


def test_a_second_run_makes_nothing(tmp_path: Path, photos: Path) -> None:
    make(tmp_path / "set", photos, FakeMaker())
    before = files(tmp_path / "set")
    maker = FakeMaker()
    done = make(tmp_path / "set", photos, maker)
    assert (maker.made, done.outcome.made, done.outcome.known) == (0, 0, 28)
    assert files(tmp_path / "set") == before


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


def test_torn_rows_and_images_without_rows_are_mended(tmp_path: Path, photos: Path) -> None:
    output = tmp_path / "set"
    make(output, photos, FakeMaker())
    before = files(output)
    for shard, rows in enumerate(sorted(output.rglob("rows.jsonl"))):
        data = rows.read_bytes()
        rows.write_bytes((data[:-5], b"", b"\0" * 300 + b"\n" + data[10:])[shard % 3])
        (rows.parent / ".half.jpg.tmp").write_bytes(b"\xff\xd8")
    maker = FakeMaker()
    done = make(output, photos, maker)
    assert (maker.made, done.counts.pairs) == (0, 28)
    assert files(output) == before


def test_a_lost_image_is_made_again(tmp_path: Path, photos: Path) -> None:
    output = tmp_path / "set"
    make(output, photos, FakeMaker())
    before = files(output)
    lost = [name for name in before if name.startswith("images")][:2]
    for name in lost:
        (output / name).unlink()
    maker = FakeMaker()
    make(output, photos, maker)
    assert maker.made == 2
    assert files(output) == before


def test_two_processes_never_work_at_one_shard(tmp_path: Path, photos: Path) -> None:
    origins, _ = find_origins([photos])
    other = ImageSet.open(tmp_path / "set", SetSettings())
    other.begin()
    held = other.claim(origins[0].shard)
    assert held is not None
    assert other.claim(origins[0].shard) is None
    done = make(tmp_path / "set", photos, FakeMaker())
    assert (done.outcome.busy, done.counts.pairs) == (1, 24)
    held.close()
    done = make(tmp_path / "set", photos, FakeMaker())
    assert (done.outcome.busy, done.counts.pairs) == (0, 28)


def test_a_failing_generator_keeps_what_was_made(tmp_path: Path, photos: Path) -> None:
    class Failing(FakeMaker):
        def make(self, tasks: Sequence[Task]) -> list[Image | str]:
            if len(self.batches) == 4:
                raise KeyboardInterrupt
            return super().make(tasks)

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "set", photos, Failing())
    assert len(read_pairs(tmp_path / "set" / "pairs.csv")) == 12
    maker = FakeMaker()
    make(tmp_path / "set", photos, maker)
    assert maker.made == 16


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_generate import FakeMaker, make

class Telling(FakeMaker):
    def make(self, tasks):
        for task in tasks:
            print(end=".", flush=True)
        return super().make(tasks)

make(Path(sys.argv[2]), Path(sys.argv[3]), Telling())
print("done", flush=True)
"""


def test_killed_at_random_it_ends_as_if_nothing_had_happened(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    photos = write_photos(60)[0].parent
    make(tmp_path / "sound", photos, FakeMaker())
    output, rng = tmp_path / "killed", random.Random(0)
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(output), str(photos)]
    asked = kills = 0
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            head = process.stdout.read(rng.randint(3, 20))
            process.kill()
            kills += b"done" not in head
            asked += (head + process.stdout.read()).count(b".")
    assert kills == KILLS
    told = subprocess.run(command, capture_output=True, check=True).stdout
    assert told.endswith(b"done\n")
    assert files(output) == files(tmp_path / "sound")
    assert asked + told.count(b".") <= 240 + kills * SETTINGS.batch  # what each kill lost
    queries = [row["query"] for row in table(output / "pairs.csv")]
    assert len(queries) == len(set(queries)) == 240
    for query in queries:
        decode(read_bytes(output / query))
    assert not list(output.rglob(".*"))


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


def test_a_generator_that_cannot_be_loaded_leaves_nothing(tmp_path: Path, photos: Path) -> None:
    def fail() -> FakeMaker:
        raise InputError("no weights", "expected some", "get them")

    inputs = find_inputs([photos], tmp_path / "set", SetSettings(), TemplatePrompts(4), SETTINGS)
    with pytest.raises(InputError, match="no weights"):
        make_set(inputs, fail)
    assert not (tmp_path / "set").exists()
    make(tmp_path / "set", photos, FakeMaker())
    before = files(tmp_path / "set")
    assert make_set(inputs, fail).outcome.known == 28  # where nothing is missing none is loaded
    more = replace(inputs, prompts=TemplatePrompts(5))
    with pytest.raises(InputError, match="no weights"):
        make_set(more, fail)
    assert files(tmp_path / "set") == before


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


def test_sides_follow_from_content_and_stay(tmp_path: Path, write_photos: WritePhotos) -> None:
    write_photos(40)
    few, _ = find_origins([tmp_path / "photos"])
    write_photos(40, first=40)
    (tmp_path / "photos").rename(tmp_path / "renamed")
    many, _ = find_origins([tmp_path / "renamed"])
    before, after = split_origins(few, 0.25)[0], split_origins(many, 0.25)[0]
    assert before == {sha256: after[sha256] for sha256 in before}
    assert 10 <= Counter(after.values())["test"] <= 30
    assert set(split_origins(few, 0.0)[0].values()) == {"train"}


def test_near_duplicates_are_on_one_side(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(Path(sys.modules["originid"].__path__[0]) / "data" / "demo_photos", photos)
    (photos / "SOURCES.md").unlink()
    for photo in sorted(photos.glob("*.jpg")):
        with PILImage.open(photo) as picture:
            smaller = picture.resize((picture.width // 2, picture.height // 2))
        smaller.save(photos / f"{photo.stem}-small.jpg", quality=60)
    origins, _ = find_origins([photos])
    name = {origin.sha256: Path(origin.path).stem.removesuffix("-small") for origin in origins}
    plain, none = split_origins(origins, 0.5)
    assert none == 0
    torn = {name[key] for key, side in plain.items() if side == "train"}
    assert torn & {name[key] for key, side in plain.items() if side == "test"}
    sides, leaks = split_origins(origins, 0.5, open_model())
    train, test = ({name[k] for k, side in sides.items() if side == s} for s in ("train", "test"))
    assert not train & test
    assert leaks == sum(plain[key] != side for key, side in sides.items()) > 0
    assert test


def test_each_side_has_a_manifest(tmp_path: Path, write_photos: WritePhotos) -> None:
    photos = write_photos(20)[0].parent
    done = make(tmp_path / "set", photos, FakeMaker(), test=0.3)
    train, test = (read_pairs(tmp_path / "set" / f"{side}.csv") for side in ("train", "test"))
    assert (len(train), len(test)) == (done.counts.train, done.counts.test)
    assert len(train) + len(test) == done.counts.pairs == 80
    assert not {pair.origin for pair in train} & {pair.origin for pair in test}
    assert not {pair.group for pair in train} & {pair.group for pair in test}


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


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> FakeMaker:
    """What the command opens in place of Stable Diffusion."""
    pytest.importorskip("torch")
    from originid.generation.diffusion import making

    fake = FakeMaker()
    monkeypatch.setattr(making, "open_maker", lambda *arguments, **options: fake)
    return fake


def test_the_command(tmp_path: Path, photos: Path, run: Run, maker: FakeMaker) -> None:
    where = ("-o", tmp_path / "set", "--generator", "sd2")
    command = ("generate", photos, *where, "--prompts", "names:2")
    status, out, _ = run(*command, "--plan", "--json")
    assert status == 0
    assert json.loads(out)["images"] == 14
    assert not (tmp_path / "set").exists()
    status, out, err = run(*command, "--test", 0.3, "--strength", "0.4,0.8")
    assert status == 0
    assert "28 made, 0 known, 0 failed" in out
    assert "for tests" in out
    assert "7 origins, 28 images, 0 of them made" in err
    status, out, _ = run(*command, "--test", 0.3, "--strength", "0.4,0.8", "--json")
    done = json.loads(out)
    assert (status, done["made"], done["known"], done["pairs"]) == (0, 0, 28, 28)
    assert {row["strength"] for row in table(tmp_path / "set" / "pairs.csv")} == {"0.4", "0.8"}
    assert {task.strength for batch in maker.batches for task in batch} == {0.4, 0.8}


def test_the_command_lists_generators(run: Run) -> None:
    status, out, _ = run("generate", "--list")
    assert status == 0
    for name in ("sd2", "sdxl", "kolors", "instruct-pix2pix", "plug-and-play"):
        assert f"\n{name} " in out
    header, *rows = out.splitlines()
    for row in rows:  # no cell runs into the next column
        assert row[header.index("source") - 2 : header.index("source")].isspace()
        assert row[header.index("licence") - 2 : header.index("licence")].isspace()
    assert "not known" not in out
    assert "to be checked" not in out
    status, out, _ = run("generate", "--list", "--json")
    assert {"sd2", "z-image"} <= {one["name"] for one in json.loads(out)["generators"]}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "missing: -o OUTPUT, --generator NAME expected"),
        (["--generator", "sd2"], 2, "missing: -o OUTPUT expected"),
        (["-o", "set"], 2, "missing: --generator NAME expected"),
        (["-o", "set", "--generator", "sd2", "--strength", "high"], 2, "numbers"),
        (["-o", "set", "--generator", "sd2", "--strength", "1.5"], 2, "up to 1"),
        (["-o", "set", "--generator", "instruct-pix2pix", "--strength", "0.5"], 2, "no strength"),
        (["-o", "set", "--generator", "sd2", "--prompts", "what"], 2, "names, chat:MODEL"),
        (["-o", "set", "--generator", "sd2", "--prompts", "names:99"], 2, "1 to 40"),
        (["-o", "set", "--generator", "sd2", "--prompts", "names:0"], 2, "1 or more"),
        (["-o", "set", "--generator", "sd2", "--test", "1.5"], 2, "error: a test share of 1.5"),
        (["-o", "set", "--generator", "sd2", "--test", "much"], 2, "'--test'"),
        (["-o", "set", "--generator", "sd-2"], 2, "plug-and-play"),
        (["-o", "set", "--generator", "none.json"], 1, "expected a JSON file"),
        (["-o", "photos/set", "--generator", "sd2"], 1, "outside of the origins"),
    ],
)
def test_wrong_usage(
    tmp_path: Path,
    photos: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run("generate", "photos", *arguments)
    assert code == status
    assert said in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "set").exists()


def test_a_folder_is_missing_too(run: Run) -> None:
    status, _, err = run("generate", "--generator", "sd2")
    assert status == 2
    assert "missing: FOLDER..., -o OUTPUT\n" in err


def test_a_file_of_settings_is_a_generator(
    tmp_path: Path, photos: Path, run: Run, maker: FakeMaker
) -> None:
    file = tmp_path / "quick.json"
    file.write_text('{"generator": "sd2", "seed": 7, "batch": 5, "steps": 9, "size": 512}')
    command = ("generate", photos, "-o", tmp_path / "set", "--prompts", "names:5")
    status, _, err = run(*command, "--generator", file)
    assert status == 0, err
    rows = table(tmp_path / "set" / "pairs.csv")
    assert {(row["generator"], row["seed"]) for row in rows} == {("quick", "7")}
    assert [len(batch) for batch in maker.batches] == [5] * 7
    chosen = choose(str(file))
    assert (chosen.generator.steps, chosen.generator.size) == (9, 512)
    assert chosen.generator.source == GENERATORS["sd2"].source


def test_a_file_of_settings_names_a_folder_beside_it(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    (tmp_path / "mine.json").write_text('{"generator": "model", "guidance": 3}')
    generator = choose(str(tmp_path / "mine.json")).generator
    assert generator.source == str((tmp_path / "model").resolve())
    assert (generator.name, generator.guidance) == ("mine", 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "expected a JSON file"),
        ("[]", "states list"),
        ("{}", "states nothing"),
        ('{"seed": 1}', "states seed"),
        ('{"generator": "sd2", "sede": 1}', "seed, batch"),
        ('{"generator": 2}', "generator = 2"),
        ('{"generator": "sd2", "seed": -1}', "at least 0"),
        ('{"generator": "sd2", "seed": true}', "seed = True"),
        ('{"generator": "sd2", "batch": 0}', "at least 1"),
        ('{"generator": "sd2", "steps": 2.5}', "whole number"),
        ('{"generator": "sd2", "guidance": NaN}', "guidance"),
        ('{"generator": "sd2", "size": 100}', "multiple of 8"),
        ('{"generator": "sd2", "options": []}', "an object"),
        ('{"generator": "sd-2"}', "--list"),
    ],
)
def test_odd_files_of_settings_are_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "odd.json"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        choose(str(file))


def test_nothing_made_is_a_failure(tmp_path: Path, run: Run, maker: FakeMaker) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"text")
    command = ("generate", tmp_path / "photos", "-o", tmp_path / "set", "--generator", "sd2")
    assert run(*command)[0] == 1
    assert len(table(tmp_path / "set" / "failures.csv")) == 1
