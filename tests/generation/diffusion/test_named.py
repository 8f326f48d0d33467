"""A generator by its name: presets, folders of diffusers, and names that are neither."""

import json
from pathlib import Path
from typing import Any

import pytest

from originid.errors import InputError, UsageError
from originid.generation.diffusion.chosen import choose
from originid.generation.diffusion.named import generator_named
from originid.generation.diffusion.presets import BATCH, EDITORS, GENERATORS, IMAGE_TO_IMAGE
from originid.generation.diffusion.sources import read_json


def write_model(folder: Path, pipeline: object, **parts: object) -> Path:
    """A folder as diffusers writes it, with the configuration of some parts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    for part, config in parts.items():
        (folder / part).mkdir()
        (folder / part / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("name", GENERATORS)
def test_a_preset_is_found_by_its_name(name: str) -> None:
    assert generator_named(name) is GENERATORS[name]
    chosen = choose(name)
    assert (chosen.generator, chosen.seed, chosen.batch) == (GENERATORS[name], 0, BATCH)


@pytest.mark.parametrize(
    ("given", "pipeline"),
    [
        ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"),
        ("StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLImg2ImgPipeline"),
        ("FluxPipeline", "FluxImg2ImgPipeline"),
    ],
)
def test_other_models_are_run_from_image_to_image(
    given: str, pipeline: str, tmp_path: Path
) -> None:
    found = generator_named(str(write_model(tmp_path / "m", given)))
    assert (found.kind, found.pipeline) == (IMAGE_TO_IMAGE, pipeline)
    assert (found.strength, found.source) == (0.7, str(tmp_path / "m"))


@pytest.mark.parametrize("given", EDITORS)
def test_an_editor_has_no_strength(given: str, tmp_path: Path) -> None:
    found = generator_named(str(write_model(tmp_path / "m", given)))
    assert (found.kind, found.pipeline, found.strength) == (EDITORS[given], given, None)


@pytest.mark.parametrize(
    ("parts", "size"),
    [
        ({"unet": {"sample_size": 64}, "vae": {"block_out_channels": [1, 2, 4, 4]}}, 512),
        ({"unet": {"sample_size": 128}, "vae": {"block_out_channels": [8]}}, 128),
        ({"unet": {"sample_size": 64}}, 1024),
        ({"vae": {"block_out_channels": [1, 2]}}, 1024),
        ({"unet": {"sample_size": [64, 96]}, "vae": {"block_out_channels": [1]}}, 1024),
        ({"unet": {"sample_size": 64}, "vae": {"block_out_channels": 4}}, 1024),
        ({"unet": [64], "vae": "x"}, 1024),
        ({}, 1024),
    ],
)
def test_the_size_a_model_was_trained_at(parts: dict[str, Any], size: int, tmp_path: Path) -> None:
    assert generator_named(str(write_model(tmp_path / "m", "XPipeline", **parts))).size == size


def test_a_folder_of_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path / "m", "XPipeline")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = generator_named("~/m")
    assert (found.name, found.source) == ("~/m", str(tmp_path / "m"))


def test_links_are_followed(tmp_path: Path) -> None:
    write_model(tmp_path / "m", "XPipeline")
    (tmp_path / "link").symlink_to(tmp_path / "m")
    assert generator_named(str(tmp_path / "link")).source == str(tmp_path / "m")


@pytest.mark.parametrize(
    "name",
    ["", "sd-2", "a/b/c", "/a/b", "./a", "~nobody-here/model", "a\0b", "x" * 300, "-a/b", "a b/c"],
)
def test_a_name_that_is_none_is_wrong_usage(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        generator_named(name)
    assert caught.value.given == f"generator {name!r}"
    assert all(preset in caught.value.expected for preset in GENERATORS)
    assert caught.value.todo.endswith("did you mean sd2?" if name == "sd-2" else "--list")
    (tmp_path / "own.json").write_text(json.dumps({"generator": name}))
    if name:  # the empty name is the folder of the file, which is no model
        with pytest.raises(UsageError):
            choose(str(tmp_path / "own.json"))


@pytest.mark.parametrize("pipeline", [None, 3, "", "UNet2DConditionModel", ["XPipeline"]])
def test_a_folder_without_a_pipeline_is_named(pipeline: object, tmp_path: Path) -> None:
    folder = str(write_model(tmp_path / "m", pipeline))
    with pytest.raises(InputError) as caught:
        generator_named(folder)
    assert caught.value.given == f"generator {folder!r} has no pipeline"
    assert "model_index.json" in caught.value.expected
    assert caught.value.todo.startswith("name the folder or hub id")


@pytest.mark.parametrize("content", [b"", b"[1]", b"null", b"\xff", b"{"])
def test_a_file_without_an_object_counts_as_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(content)
    assert read_json(str(tmp_path), "c.json") is None
    assert read_json(str(tmp_path), "none.json") is None


def test_a_file_changes_what_it_states_and_nothing_else(tmp_path: Path) -> None:
    stated = {"generator": "sd2", "seed": 7, "batch": 2, "steps": 9, "guidance": 0, "size": 8}
    (tmp_path / "my.own.json").write_text(json.dumps({**stated, "options": {"eta": 1}}))
    chosen = choose(str(tmp_path / "my.own.json"))
    made, preset = chosen.generator, GENERATORS["sd2"]
    assert (chosen.seed, chosen.batch, made.name) == (7, 2, "my.own")
    assert (made.steps, made.guidance, made.size, made.options) == (9, 0, 8, {"eta": 1})
    assert (made.source, made.pipeline, made.strength) == (
        preset.source,
        preset.pipeline,
        preset.strength,
    )


def test_a_folder_may_end_like_a_file(tmp_path: Path) -> None:
    folder = str(write_model(tmp_path / "m.json", "XPipeline"))
    assert choose(folder).generator.name == folder
