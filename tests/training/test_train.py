"""Training and evaluation from files: by their effect, and on material with holes."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage
from PIL import ImageFilter

from originid.datasets.pairs import read_pairs
from originid.encoders import open_encoder
from originid.encoders.pixels import PixelsEncoder
from originid.errors import InputError
from originid.evaluation.encoded_pairs import encode_all, examples_of
from originid.evaluation.projection import tail_size
from originid.evaluation.protocol import Protocol
from originid.evaluation.run import cross_validate, evaluate_model
from originid.images.decode import decode
from originid.latents.stores import ArrayStore
from originid.model import Model, open_model
from originid.testing import textured_image
from originid.training.closed_form import ClosedForm
from originid.training.examples import PairExamples, natural_mean
from originid.training.fitting import FULL, NoMap, fit_map, read_map_settings
from originid.training.metric.settings import PRESETS, MetricLearning
from originid.training.train import train_model

SETTINGS = ClosedForm(cutoff=8, rank=16)
NO_MAP = NoMap(subtract_mean=True)
Run = Callable[..., tuple[int, str, str]]


def edit(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What an edit does to a photo: another tint, other details, the same layout."""
    blurred = np.asarray(PILImage.fromarray(image).filter(ImageFilter.GaussianBlur(4)))
    tinted = blurred * rng.uniform(0.3, 1, 3) + rng.uniform(0, 80, 3)
    return np.clip(tinted + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 origins of 4 sources with 2 edits each, 150 other photos, and a manifest."""
    folder = tmp_path_factory.mktemp("material")
    rng = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for seed in range(150):
        PILImage.fromarray(textured_image(seed + 500)).save(folder / "photos" / f"{seed}.png")
    with open(folder / "pairs.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["origin", "query", "origin_group", "kind", "source"])
        for i in range(24):
            origin = textured_image(i)
            PILImage.fromarray(origin).save(folder / f"o{i}.png")
            for k in range(2):
                PILImage.fromarray(edit(origin, rng)).save(folder / f"q{i}-{k}.png")
                writer.writerow([f"o{i}.png", f"q{i}-{k}.png", i, "ab"[k], f"source{i % 4}"])
    return folder


def test_a_trained_model_beats_no_map(material: Path, tmp_path: Path) -> None:
    pairs = read_pairs(material / "pairs.csv")
    encoder = open_encoder("pixels")
    protocol = Protocol(population=1000)
    plain = cross_validate(pairs, material / "photos", encoder, NO_MAP, protocol).report
    mapped = cross_validate(pairs, material / "photos", encoder, SETTINGS, protocol).report
    assert mapped.references == plain.references == 174
    assert mapped.averages.values["acc"] > plain.averages.values["acc"] + 0.1
    assert mapped.averages.values["acc"] > 0.9


def test_one_pass_over_files_equals_latents_in_memory(material: Path, tmp_path: Path) -> None:
    pairs = read_pairs(material / "pairs.csv")
    encoder = open_encoder("pixels")
    model, failures = train_model(tmp_path / "m", pairs, [material / "photos"], encoder, SETTINGS)
    assert failures == []
    assert model.training["pairs"] == 48
    assert model.training["natural_images"] == 174

    def latents(paths: list[Path]) -> np.ndarray:
        return encoder.encode(
            np.stack([decode(path.read_bytes(), encoder.size).image for path in paths])
        )

    photos = sorted((material / "photos").iterdir())
    files = list(
        dict.fromkeys([*(p for pair in pairs for p in (pair.origin, pair.query)), *photos])
    )
    row = {path: number for number, path in enumerate(files)}
    origins = np.array([row[pair.origin] for pair in pairs])
    queries = np.array([row[pair.query] for pair in pairs])
    natural = np.array([*dict.fromkeys(origins.tolist()), *(row[path] for path in photos)])
    store = ArrayStore(latents(files))
    examples = PairExamples(store, origins, queries, [pair.group for pair in pairs], natural)
    expected = fit_map(examples, encoder, SETTINGS)
    some = latents(photos[:5])
    assert np.allclose(model.map.apply(some), expected.apply(some), rtol=1e-2, atol=1e-2)


def test_training_twice_gives_the_same_bytes(material: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        train_model(
            tmp_path / name,
            read_pairs(material / "pairs.csv"),
            [material / "photos"],
            open_encoder("pixels"),
            SETTINGS,
        )
    for file in ("map.safetensors", "model.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_origins_and_queries_among_the_photos_are_no_strangers(
    material: Path, tmp_path: Path
) -> None:
    shutil.copytree(material / "photos", tmp_path / "photos")
    for path in (*material.glob("o*.png"), *material.glob("q*.png")):
        shutil.copy(path, tmp_path / "photos")
    models = [
        train_model(
            tmp_path / f"m{i}",
            read_pairs(material / "pairs.csv"),
            [photos],
            open_encoder("pixels"),
            SETTINGS,
        )[0]
        for i, photos in enumerate([material / "photos", tmp_path / "photos"])
    ]
    assert models[0].calibration == models[1].calibration


def test_files_with_holes_are_reported_and_passed_over(
    material: Path, tmp_path: Path, run: Run
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(material, folder)
    (folder / "o0.png").unlink()
    (folder / "q1-0.png").write_bytes(b"")
    (folder / "photos" / "3.png").write_bytes(b"torn")
    status, out, _ = run(
        "train", folder / "pairs.csv", "--origins", folder / "photos", "--encoder", "pixels",
        "--map", "structured", "-o", tmp_path / "m", "--json",
    )  # fmt: skip
    done = json.loads(out)
    assert status == 0
    assert done["pairs"] == 45
    assert {Path(row["path"]).name for row in done["skipped"]} == {"o0.png", "q1-0.png", "3.png"}
    status, out, _ = run(
        "evaluate", folder / "pairs.csv", "--references", folder / "photos",
        "--model", tmp_path / "m", "--json",
    )  # fmt: skip
    report = json.loads(out)
    assert status == 0
    assert (report["queries"], report["references"]) == (45, 23 + 149)
    assert len(report["skipped"]) == 3


def test_evaluate_prints_the_contract(material: Path, tmp_path: Path, run: Run) -> None:
    sheet = tmp_path / "pictures" / "failures.png"
    status, out, _ = run(
        "evaluate", material / "pairs.csv", "--references", material / "photos",
        "--encoder", "pixels", "--map", "none", "--json", "--pictures", sheet.parent,
    )  # fmt: skip
    report = json.loads(out)
    assert status == 0
    assert {"queries", "groups", "references", "mAP", "acc", "recall", "ci95", "projected",
            "by", "skipped"} <= set(report)  # fmt: skip
    assert (report["queries"], report["groups"], report["references"]) == (48, 24, 174)
    assert set(report["recall"]) == {"5", "10"}
    assert {"kind", "source"} <= set(report["by"])
    assert set(report["by"]["kind"]) == {"a", "b"}
    assert 0 <= report["acc"] <= report["mAP"] <= 100
    assert report["ci95"]["acc"][0] <= report["acc"] <= report["ci95"]["acc"][1]
    with PILImage.open(sheet) as picture:
        assert picture.size[0] > 100


def test_evaluate_prints_a_table(material: Path, run: Run) -> None:
    status, out, _ = run(
        "evaluate", material / "pairs.csv", "--references", material / "photos",
        "--encoder", "pixels",
    )  # fmt: skip
    assert status == 0
    about, _, table = out.partition("\n")
    assert about == f"{material / 'pairs.csv'}: encoder pixels, map full, learned from other pairs"
    assert table.startswith("48 queries of 24 origin groups, 174 references")
    assert "kind a" in out
    assert "fitted to" not in out
    assert "nan" not in out
    assert tail_size(400) > 0 == tail_size(174)
    assert "n/a: too few references to project from; some 400 are needed\n" in out


def test_evaluate_says_that_a_model_may_know_the_pairs(
    material: Path, model: Model, run: Run
) -> None:
    command = ["evaluate", material / "pairs.csv", "--references", material / "photos"]
    status, out, _ = run(*command)  # the packaged model
    assert status == 0
    known = open_model().training["pairs"]
    assert f"was fitted to {known} pairs. If these are among them, figures say little" in out
    status, out, _ = run(*command, "--model", model.folder)
    assert status == 0
    assert "fitted to" not in out


def test_folders_of_origins_may_follow_the_manifest(
    material: Path, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "none").mkdir()
    arguments = ["--encoder", "pixels", "--map", "structured", "--json", "-o", tmp_path / "m"]
    status, out, _ = run(
        "train", material / "pairs.csv", "--origins", tmp_path / "none", material / "photos",
        *arguments,
    )  # fmt: skip
    assert status == 0
    assert json.loads(out)["natural_images"] == 174


def test_fewer_dims_make_shorter_vectors(material: Path, tmp_path: Path, run: Run) -> None:
    status, _, err = run(
        "train", material / "pairs.csv", "--origins", material / "photos", "--encoder", "pixels",
        "--dim", "40", "-o", tmp_path / "m",
    )  # fmt: skip
    assert (status, err) == (0, "")
    outcome = evaluate_model(
        read_pairs(material / "pairs.csv"),
        material / "photos",
        open_model(tmp_path / "m"),
        Protocol(population=1000),
    )
    assert open_model(tmp_path / "m").dim == 40
    assert outcome.report.averages.values["acc"] > 0.9


def test_nothing_readable_is_said(material: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("origin,query,source\na.png,b.png,s\n")
    pairs = read_pairs(tmp_path / "pairs.csv")
    with pytest.raises(InputError, match="none of 1 pairs can be read"):
        evaluate_model(pairs, material / "photos", open_model(), Protocol())
    many, photos = pairs * 40, [material / "photos"]
    with pytest.raises(InputError, match="none of 40 pairs can be read") as error:
        train_model(tmp_path / "m", many, photos, open_encoder("pixels"), SETTINGS)
    assert error.value.todo.startswith(f"first reason: {tmp_path / 'a.png'}: No such file")
    assert not (tmp_path / "m").exists()


def test_an_existing_model_is_not_overwritten(material: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine").write_text("x")
    status, _, err = run(
        "train", material / "pairs.csv", "--origins", material / "photos", "--encoder", "pixels",
        "-o", tmp_path / "m",
    )  # fmt: skip
    assert status == 1
    assert "exists" in err


def test_a_copy_of_an_origin_among_the_references_is_not_a_wrong_answer(
    material: Path, tmp_path: Path
) -> None:
    shutil.copytree(material / "photos", tmp_path / "photos")
    for path in material.glob("o*.png"):
        shutil.copy(path, tmp_path / "photos")
    pairs, encoder = read_pairs(material / "pairs.csv"), open_encoder("pixels")
    reports = [
        cross_validate(pairs, photos, encoder, NO_MAP, Protocol(population=1000)).report
        for photos in (material / "photos", tmp_path / "photos")
    ]
    assert reports[0].to_json() == reports[1].to_json()


def test_a_missing_folder_is_said(material: Path, tmp_path: Path, run: Run) -> None:
    pairs = material / "pairs.csv"
    for arguments in (
        ["evaluate", pairs, "--references", tmp_path / "no", "--encoder", "pixels"],
        ["train", pairs, "--origins", tmp_path / "no", "-o", tmp_path / "m"],
    ):
        status, out, err = run(*arguments)
        assert (status, out) == (1, "")
        assert "no folder" in err


def test_pictures_need_a_folder(material: Path, run: Run) -> None:
    manifest = material / "pairs.csv"
    status, out, _ = run("evaluate", manifest, "--references", material, "--pictures", manifest)
    assert (status, out) == (2, "")


def small_settings(folder: Path, **changes: object) -> Path:
    """A file of settings for metric learning in a second."""
    settings = {
        "preset": "cosface", "dim": 24, "epochs": 3, "steps_per_epoch": 6, "warmup": 1, "hold": 2,
        **changes,
    }  # fmt: skip
    path = folder / "settings.json"
    path.write_text(json.dumps(settings))
    return path


def test_metric_learning_may_start_from_the_best_closed_form(material: Path) -> None:
    pytest.importorskip("pytorch_metric_learning")
    pytest.importorskip("accelerate")
    encoder = open_encoder("pixels")
    latents = encode_all(read_pairs(material / "pairs.csv"), [material / "photos"], encoder)
    examples = examples_of(latents, latents.pairs, latents.references)
    settings = PRESETS["full+cosface"]
    best, start = (fit_map(examples, encoder, s) for s in (FULL, replace(settings, epochs=0)))
    assert best.pack()[1] == start.pack()[1]
    for name, array in best.pack()[0].items():
        assert np.array_equal(array, start.pack()[0][name]), name
    learned = fit_map(examples, encoder, replace(settings, epochs=2, steps_per_epoch=3))
    some = latents.store.take(np.arange(9))
    assert np.isfinite(learned.apply(some)).all()
    assert not np.array_equal(learned.apply(some), best.apply(some))


def test_the_mean_of_natural_images_is_that_of_their_latents(material: Path) -> None:
    encoder = open_encoder("pixels")
    latents = encode_all(read_pairs(material / "pairs.csv"), [material / "photos"], encoder)
    photos = latents.references[-7:]
    mean = natural_mean(examples_of(latents, latents.pairs, photos))
    assert mean.dtype == np.float32
    assert np.allclose(mean, latents.take(photos).mean(axis=0), atol=1e-6)
    assert not natural_mean(examples_of(latents, latents.pairs, [])).any()


def test_metric_learning_goes_on_where_it_was_cut_off(
    material: Path, tmp_path: Path, run: Run
) -> None:
    pytest.importorskip("pytorch_metric_learning")
    pytest.importorskip("accelerate")
    command = [
        "train", material / "pairs.csv", "--origins", material / "photos", "--encoder", "pixels",
        "--map", small_settings(tmp_path), "-o",
    ]  # fmt: skip
    status, out, err = run(*command, tmp_path / "whole")
    assert (status, err) == (0, "")
    assert "3072 -> 24, from 48 pairs" in out
    assert not (tmp_path / "whole.training" / "latents").exists()
    assert (tmp_path / "whole.training" / "log.csv").read_text().count("\n") == 1 + 18

    def cut(done: int, total: int) -> None:
        if done == 15:
            raise KeyboardInterrupt

    settings = read_map_settings(str(tmp_path / "settings.json"))
    assert isinstance(settings, MetricLearning)
    with pytest.raises(KeyboardInterrupt):
        train_model(
            tmp_path / "cut",
            read_pairs(material / "pairs.csv"),
            [material / "photos"],
            open_encoder("pixels"),
            settings,
            learning=cut,
        )
    assert not (tmp_path / "cut").exists()
    assert (tmp_path / "cut.training" / "latents").exists()
    assert run(*command, tmp_path / "cut")[0] == 0
    maps = [(tmp_path / name / "map.safetensors").read_bytes() for name in ("whole", "cut")]
    assert maps[0] == maps[1]


def test_other_settings_in_the_same_place_are_refused(
    material: Path, tmp_path: Path, run: Run
) -> None:
    pytest.importorskip("pytorch_metric_learning")
    pytest.importorskip("accelerate")
    command = [
        "train", material / "pairs.csv", "--origins", material / "photos", "--encoder", "pixels",
        "-o", tmp_path / "m",
    ]  # fmt: skip
    assert run(*command, "--map", small_settings(tmp_path))[0] == 0
    shutil.rmtree(tmp_path / "m")
    status, _, err = run(*command, "--map", small_settings(tmp_path, dim=25))
    assert status == 1
    assert "dim" in err
    assert not (tmp_path / "m").exists()


def test_latents_that_are_kept_are_not_made_again(
    material: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [material / "pairs.csv", "--encoder", "pixels", "--latents", tmp_path / "latents"]
    train = ["train", *command, "--origins", material / "photos", "-o"]
    assert run(*train, tmp_path / "a")[0] == 0

    def no_encoding(self: object, images: object) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr(PixelsEncoder, "encode", no_encoding)
    assert run(*train, tmp_path / "b")[0] == 0
    assert (tmp_path / "latents").exists()
    status, out, _ = run("evaluate", *command, "--references", material / "photos", "--json")
    assert status == 0
    assert json.loads(out)["acc"] > 90
    status, _, err = run(*train, tmp_path / "c", "--half")
    assert status == 1
    assert "float32" in err


def official_folder(folder: Path, origins: int = 60, images: int = 4) -> Path:
    """Latents of origins and their edits, as the paper's code stores them."""
    rng, encoder = np.random.default_rng(0), open_encoder("pixels")
    folder.mkdir()
    for i in range(origins):
        origin = textured_image(i)
        files = [origin, *(edit(origin, rng) for _ in range(images - 1))]
        for k, latent in enumerate(encoder.encode(np.stack(files))):
            np.save(folder / f"T{i:06}_{k}.npy", latent)
    return folder


def test_latents_of_the_official_layout_train_a_model(
    material: Path, tmp_path: Path, run: Run
) -> None:
    folder = official_folder(tmp_path / "latents")
    np.save(folder / "T999999_0.npy", np.load(folder / "T000000_1.npy"))
    command = ["train", folder, "--encoder", "pixels", "-o", tmp_path / "m"]
    status, out, err = run(*command, "--map", "structured")
    assert (status, err) == (0, "")
    assert "from 241 images of 61 origins" in out
    assert open_model(tmp_path / "m").training["lone"] == 1
    arguments = ["--references", material / "photos", "--json"]
    status, out, _ = run("evaluate", material / "pairs.csv", *arguments, "--model", tmp_path / "m")
    assert json.loads(out)["acc"] > 90
    status, _, err = run("train", folder, "--encoder", "edges", "-o", tmp_path / "n")
    assert status == 1
    assert "latents of 3072 components" in err


def test_few_pairs_and_repeated_pairs_do_not_break(
    material: Path, tmp_path: Path, run: Run
) -> None:
    lines = (material / "pairs.csv").read_text().splitlines()
    for rows in ([1], [1, 2, 3, 3, 3]):
        manifest = material / "few.csv"
        manifest.write_text("\n".join([lines[0], *(lines[row] for row in rows)]) + "\n")
        model = tmp_path / f"m{len(rows)}"
        status, _, err = run(
            "train", manifest, "--origins", material / "photos", "--encoder", "pixels",
            "-o", model,
        )  # fmt: skip
        manifest.unlink()
        if len(rows) == 1:  # too little to tell chance from a match
            assert status == 1
            assert "give more pairs, or photos" in err
            assert not model.exists()
        else:
            assert (status, err) == (0, "")
            assert np.isfinite(open_model(model).encode(textured_image(1)[None])).all()


def test_an_unknown_map_is_said(material: Path, tmp_path: Path, run: Run) -> None:
    status, _, err = run("train", material / "pairs.csv", "--map", "fuller", "-o", tmp_path / "m")
    assert status == 2
    assert "structured" in err
    assert "cosface" in err
