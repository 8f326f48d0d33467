"""Every preset on a tiny random pipeline of its class, and what all makers promise."""

import dataclasses
import importlib.util
import json
import logging
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.errors import InputError
from originid.generation.diffusion.named import generator_named
from originid.generation.diffusion.packed import PREFIX
from originid.generation.diffusion.presets import (
    GENERATORS,
    IMAGE_TO_IMAGE,
    INSTRUCT_PIX2PIX,
    IP_ADAPTER,
    Generator,
)
from originid.generation.diffusion.tasks import Task
from originid.testing import textured_image
from originid.types import Image

pytest.importorskip("diffusers")
pytest.importorskip("sentencepiece")
pytest.importorskip("torch")

import huggingface_hub
import torch
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

import tiny_generators
from originid.generation.diffusion import making, pipelines
from originid.generation.diffusion.making import fault, fit, open_maker

# Deprecations inside the libraries, such as numpy's in a scheduler of diffusers.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{kind}Warning:{library}")
    for kind in ("Deprecation", "Future")
    for library in ("diffusers", "transformers")
] + [pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")]
NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name == "qwen-image-edit" and importlib.util.find_spec("torchvision") is None,
            reason="its processor, transformers' Qwen2VLProcessor, needs torchvision",
        ),
    )
    for name in GENERATORS
]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Generator]:
    """A preset whose source is a tiny random pipeline of few steps."""
    built: dict[str, Path] = {}

    def build(name: str) -> Generator:
        preset = GENERATORS[name]
        if preset.source.startswith(PREFIX):
            return preset  # small as it is
        if name not in built:
            built[name] = tmp_path_factory.mktemp(name)
            tiny_generators.save_generator(name, built[name], preset.variant)
        return dataclasses.replace(
            preset,
            source=str(built[name] / "model"),
            adapter=str(built[name] / "adapter") if preset.kind == IP_ADAPTER else "",
            size=tiny_generators.SIZE,
            # Fewer would start pipelines of flow matching from pure noise; of the slow one, whose
            # input always has a megapixel, one is enough.
            steps=1 if name == "qwen-image-edit" else 5,
        )

    return build


def tasks_for(generator: Generator, prompts: tuple[str, ...] = ("a cat", "snow")) -> list[Task]:
    return [
        Task(textured_image(i, 40, 40), prompt, generator.strength, seed=i)
        for i, prompt in enumerate(prompts)
    ]


def images(made: list[Image | str]) -> list[Image]:
    assert not [reason for reason in made if isinstance(reason, str)]
    return [image for image in made if not isinstance(image, str)]


def distance(a: Image | str, b: Image | str) -> float:
    """Mean difference in grey levels."""
    return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).mean())


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_makes_images_that_are_the_same_in_any_batch(
    name: str, tiny: Callable[[str], Generator]
) -> None:
    generator = tiny(name)
    if not generator.source.startswith(PREFIX):
        assert tiny_generators.class_of(Path(generator.source)) == generator.pipeline
    maker = open_maker(generator, device="cpu")
    tasks = tasks_for(generator, ("a much longer prompt than the other", "snow"))
    image = images(maker.make([tasks[1]]))[0]
    assert image.shape == (maker.size, maker.size, 3)
    assert image.dtype == np.uint8
    assert image.std() > 0
    other = dataclasses.replace(tasks[1], origin=textured_image(9, 40, 40))
    assert distance(images(maker.make([other]))[0], image) > 0.001
    if name != "qwen-image-edit":  # the slow one
        # What a batch changes is the order of sums.
        assert distance(image, maker.make(tasks)[1]) < 0.01


def test_all_presets_of_the_issue_are_there() -> None:
    names = "sd2 sdxl opendalle colorfulxl kandinsky3 sd3 kolors instruct-pix2pix ip-adapter edict"
    assert {*names.split(), "plug-and-play", "flux-kontext", "qwen-image-edit"} <= set(GENERATORS)
    assert all(key == generator.name for key, generator in GENERATORS.items())


def test_the_papers_strengths_and_guidance() -> None:
    stated = {"sd2": 0.9, "sdxl": 0.8, "opendalle": 0.7, "colorfulxl": 0.7, "kandinsky3": 0.6}
    stated |= {"sd3": 0.8, "kolors": 0.7}
    assert {name: GENERATORS[name].strength for name in stated} == stated
    assert {GENERATORS[name].guidance for name in stated} == {7.5}


def test_presets_load_nothing_heavy() -> None:
    code = "import sys, originid.generation.diffusion.named as n; n.generator_named('sd2')"
    code += "; assert not {'torch', 'diffusers', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_seed_is_all_the_randomness(tiny: Callable[[str], Generator]) -> None:
    maker = open_maker(tiny("sd2"), device="cpu")
    task = tasks_for(maker.generator)[0]  # type: ignore[attr-defined]
    made = images(maker.make([task, dataclasses.replace(task, seed=7)]))
    torch.manual_seed(5)
    assert distance(images(maker.make([task]))[0], made[0]) < 0.01
    assert distance(made[0], made[1]) > 1


def test_strengths_and_shapes_may_be_mixed(tiny: Callable[[str], Generator]) -> None:
    generator = dataclasses.replace(tiny("sd2"), size=96, steps=3)
    maker = open_maker(generator, device="cpu")
    wide = Task(textured_image(0, 50, 100), "a cat", 0.4, seed=0)
    tasks = [wide, dataclasses.replace(wide, strength=0.9)]
    tasks.append(dataclasses.replace(wide, origin=textured_image(1, 90, 90)))
    made = images(maker.make(tasks))
    assert [image.shape for image in made] == [(64, 128, 3), (64, 128, 3), (128, 128, 3)]
    assert distance(made[0], made[1]) > 1
    assert distance(images(maker.make([tasks[1]]))[0], made[1]) < 0.01


@pytest.mark.parametrize("name", ["edict", "instruct-pix2pix"])
def test_a_refusal_is_a_reason(name: str, tiny: Callable[[str], Generator]) -> None:
    generator = tiny(name)
    maker = open_maker(generator, device="cpu")
    checker = maker.pipeline.safety_checker  # type: ignore[attr-defined]
    checker.concept_embeds_weights.data.fill_(-2.0)  # cosines are at least -1
    assert maker.make(tasks_for(generator)) == [pipelines.REFUSED] * 2


def test_pixels_that_are_not_finite_are_a_reason() -> None:
    pixels = np.array([0.0, np.nan, 1.0], np.float32).reshape(3, 1, 1, 1).repeat(3, axis=3)
    black, lost, refused = pipelines.as_images(pixels, [False, False, True])
    assert np.asarray(black).tolist() == [[[0, 0, 0]]]
    assert (lost, refused) == (pipelines.NOT_FINITE, pipelines.REFUSED)


CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB"
CPU = "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError(CUDA), RuntimeError(CPU), MemoryError()], ids=repr
)
def test_a_batch_out_of_memory_is_made_one_by_one(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def draw(_pipeline: Any, _generator: Generator, tasks: list[Task]) -> list[Image | str]:
        sizes.append(len(tasks))
        if len(tasks) > 1 or tasks[0].prompt == "huge":
            raise error
        return [tasks[0].origin]

    monkeypatch.setattr(pipelines, "draw", draw)
    generator = GENERATORS["sd2"]
    made = making._Maker(generator, None).make(tasks_for(generator, ("a", "huge", "b")))
    assert [isinstance(image, str) for image in made] == [False, True, False]
    assert made[1] == making.OUT_OF_MEMORY
    assert sizes == [3, 1, 1, 1]


def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(_pipeline: Any, _generator: Generator, _tasks: list[Task]) -> list[Image | str]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(pipelines, "draw", draw)
    generator = GENERATORS["sd2"]
    with pytest.raises(RuntimeError, match="a bug"):
        making._Maker(generator, None).make(tasks_for(generator))


@pytest.mark.parametrize(
    ("name", "prompt", "strength", "reason"),
    [
        ("sd2", "a cat", 0.5, None),
        ("sd2", "a cat", 1.0, None),
        ("sd2", " ", 0.5, "the prompt is empty"),
        ("sd2", "a cat", None, "strength None is not in (0, 1]"),
        ("sd2", "a cat", 0.0, "strength 0.0 is not in (0, 1]"),
        ("sd2", "a cat", 1.1, "strength 1.1 is not in (0, 1]"),
        ("sd2", "a cat", math.nan, "strength nan is not in (0, 1]"),
        ("sd2", "a cat", 0.01, "strength 0.01 of 50 steps is not a whole step"),
        ("instruct-pix2pix", "make it snow", None, None),
        ("instruct-pix2pix", "make it snow", 0.5, "instruct-pix2pix knows no strength"),
    ],
)
def test_tasks_that_a_generator_cannot_do(
    name: str, prompt: str, strength: float | None, reason: str | None
) -> None:
    task = Task(textured_image(0), prompt, strength, seed=0)
    assert fault(task, GENERATORS[name]) == reason
    if reason is not None:
        assert making._Maker(GENERATORS[name], None).make([task]) == [reason]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([32, 256, 512, 768, 1024]))
def test_a_fitted_origin_has_sides_that_pipelines_take(h: int, w: int, size: int) -> None:
    height, width = fit(np.zeros((h, w, 3), np.uint8), size).shape[:2]
    step = min(64, size)
    assert height % step == width % step == 0
    assert 0.45 <= height / width <= 2.2 or size < 256
    assert 0.8 <= math.sqrt(height * width) / size <= 1.2 or size < 256


def test_fitting_by_hand() -> None:
    assert fit(textured_image(0, 100, 100), 512).shape == (512, 512, 3)
    assert fit(textured_image(0, 300, 400), 1024).shape == (896, 1152, 3)
    assert fit(textured_image(0, 4, 400), 512).shape == (384, 704, 3)  # 100 to 1 is squashed
    square = textured_image(3, 128, 128)
    assert np.array_equal(fit(square, 128), square)


def test_half_precision_is_close_to_single(tiny: Callable[[str], Generator]) -> None:
    for name in ("sd3", "edict"):
        generator = dataclasses.replace(tiny(name), half="bfloat16")
        tasks = tasks_for(generator)[:1]
        single = images(open_maker(generator, device="cpu").make(tasks))
        half = images(open_maker(generator, device="cpu", half=True).make(tasks))
        assert 0 < distance(single[0], half[0]) < 12


def test_any_folder_is_a_generator(
    tiny: Callable[[str], Generator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny("edict").source  # text to image
    monkeypatch.chdir(Path(folder).parent)
    generator = generator_named("model")
    assert (generator.source, generator.kind) == (folder, IMAGE_TO_IMAGE)
    assert generator.pipeline == "StableDiffusionImg2ImgPipeline"
    assert generator.size == tiny_generators.SIZE
    generator = dataclasses.replace(generator, steps=3)
    assert images(open_maker(generator, device="cpu").make(tasks_for(generator)))
    editor = generator_named(tiny("instruct-pix2pix").source)
    assert (editor.kind, editor.strength) == (INSTRUCT_PIX2PIX, None)
    assert generator_named(tiny("sd3").source).pipeline == "StableDiffusion3Img2ImgPipeline"


@pytest.mark.parametrize("name", ["sd-2", "../nowhere", "/", "", "a b/c", "a//b", "a/b/c"])
def test_unknown_names_are_input_errors(name: str) -> None:
    with pytest.raises(InputError) as error:
        generator_named(name)
    assert name in error.value.given


@pytest.mark.parametrize("name", ["nothing", "cuda:99", "meta:x"])
def test_unknown_devices_are_input_errors(name: str) -> None:
    with pytest.raises(InputError, match="device"):
        open_maker(GENERATORS["sd2"], device=name)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"_class_name": "UNet2DConditionModel"}'])
def test_folders_without_a_pipeline_are_input_errors(content: str, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(content)
    with pytest.raises(InputError, match="has no pipeline"):
        generator_named(str(tmp_path))


def test_a_hub_id_is_asked_for_its_pipeline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = {"model_index.json": {"_class_name": "FluxPipeline"}}

    def download(source: str, file: str) -> str:
        assert source == "someone/model"
        if file not in files:
            raise EntryNotFoundError(file)
        (tmp_path / file).write_text(json.dumps(files[file]))
        return str(tmp_path / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    generator = generator_named("someone/model")
    assert (generator.pipeline, generator.size) == ("FluxImg2ImgPipeline", 1024)


def test_no_connection_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(source: str, file: str) -> str:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(InputError, match="the hub did not give it"):
        generator_named("someone/model")


def test_retries_of_the_hub_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(source: str, file: str) -> str:
        logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 1s")
        raise LocalEntryNotFoundError("no connection")

    said: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", said.append)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    logger = logging.getLogger("huggingface_hub")
    logger.addHandler(handler)
    try:
        before = logger.level
        with pytest.raises(InputError):
            generator_named("someone/model")
        assert (said, logger.level) == ([], before)
    finally:
        logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (LocalEntryNotFoundError("see above"), "the hub cannot be reached"),
        (type("ConnectError", (OSError,), {"__module__": "httpx2"})(), "the hub cannot be reached"),
        (type("GatedRepoError", (OSError,), {})("401"), "does not give it without a login"),
        (ValueError(""), "ValueError"),
    ],
)
def test_what_the_hub_does_not_give_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, cause: Exception, said: str
) -> None:
    def read(*arguments: object) -> None:
        try:
            raise cause
        except OSError as error:
            raise OSError("pages of\na library") from error

    monkeypatch.setattr(pipelines, "_read", read)
    with pytest.raises(InputError) as error:
        open_maker(GENERATORS["sd2"], device="cpu")
    assert said in error.value.given
    assert "library" not in str(error.value)
    assert str(error.value).count("\n") == 2


def test_what_cannot_be_loaded_is_an_input_error(
    tiny: Callable[[str], Generator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = tiny("sd2")
    gated = dataclasses.replace(generator, source=str(tmp_path), gated=True)
    with pytest.raises(InputError, match="accept its licence"):
        open_maker(gated, device="cpu")
    with pytest.raises(InputError, match="this diffusers has no Nothing"):
        open_maker(dataclasses.replace(generator, pipeline="NothingPipeline"), device="cpu")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match="torchvision"):
        open_maker(GENERATORS["qwen-image-edit"], device="cpu")


def test_what_a_device_cannot_hold_waits_in_the_main_memory() -> None:
    class Large:
        asked: ClassVar[list[str]] = []

        def set_progress_bar_config(self, disable: bool) -> None: ...

        def to(self, device: torch.device | str) -> None:
            self.asked.append(f"to {device}")
            if str(device) == "cuda":
                raise torch.OutOfMemoryError

        def enable_model_cpu_offload(self, device: torch.device) -> None:
            self.asked.append(f"offload from {device}")

    pipelines._placed(Large(), torch.device("cuda"))
    assert Large.asked == ["to cuda", "to cpu", "offload from cuda"]


def test_no_pickle_is_loaded(tiny: Callable[[str], Generator], tmp_path: Path) -> None:
    source = tmp_path / "pickled"
    shutil.copytree(tiny("sd2").source, source)
    weights = source / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(InputError, match="safetensors"):
        open_maker(dataclasses.replace(tiny("sd2"), source=str(source)), device="cpu")
