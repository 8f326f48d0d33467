"""EDICT: its inversion is exact, and its steps are those of DDIM."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("diffusers")
pytest.importorskip("torch")

import diffusers
import torch

import tiny_generators
from originid.generation.diffusion.edict import denoise, draw, invert
from originid.generation.diffusion.presets import GENERATORS
from originid.generation.diffusion.stable_diffusion import (
    DdimStep,
    StableDiffusion,
    ddim_steps,
    guide,
)
from originid.generation.diffusion.tasks import Task
from originid.testing import textured_image

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:diffusers")


@pytest.fixture(scope="module")
def pipeline() -> Any:
    """A random Stable Diffusion in double precision."""
    torch.manual_seed(0)
    return tiny_generators.sd_text(Path()).to(torch.float64)


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())


def test_the_inversion_is_exact_on_a_network(pipeline: Any) -> None:
    model = StableDiffusion(pipeline)
    steps = model.steps(20)
    with torch.inference_mode():
        clean = model.encode([textured_image(0, 16, 16)])
        noise = model.plain(model.texts(["a cat"]))
        noisy = invert((clean, clean), steps, noise)
        again = denoise(noisy, steps, noise)
        assert relative(noisy[0], clean) > 0.1  # it leads somewhere
        assert max(relative(copy, clean) for copy in again) < 1e-4


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 20), st.floats(0.7, 1.0), st.floats(0.1, 3.0))
def test_the_inversion_is_exact_on_any_function(
    seed: int, count: int, mixing: float, size: float
) -> None:
    rng = torch.Generator().manual_seed(seed)
    x, y, weight = (torch.randn(1, 1, 4, 4, generator=rng).double() for _ in range(3))
    steps = ddim_steps(signal(), count)

    def noise(latents: torch.Tensor, time: int) -> torch.Tensor:
        return size * torch.sin(latents @ weight + time)

    there_and_back = denoise(invert((x, y), steps, noise, mixing), steps, noise, mixing)
    back_and_there = invert(denoise((x, y), steps, noise, mixing), steps, noise, mixing)
    for copies in (there_and_back, back_and_there):
        assert relative(copies[0], x) < 1e-4
        assert relative(copies[1], y) < 1e-4


def test_two_steps_by_hand() -> None:
    steps = [DdimStep(time=2, scale=2.0, shift=-1.0), DdimStep(time=1, scale=1.0, shift=-0.5)]
    start = (torch.tensor(3.0), torch.tensor(5.0))

    def noise(latents: torch.Tensor, time: int) -> torch.Tensor:
        return latents * time

    # x goes first: 2 * 3 - 5 * 2 = -4 and 2 * 5 + 4 * 2 = 18; mixed by halves 7 and 12.5.
    # Then y: 12.5 - 7 / 2 = 9 and 7 - 9 / 2 = 2.5; mixed by halves 5.75 and 4.125.
    x, y = denoise(start, steps, noise, mixing=0.5)
    assert (float(x), float(y)) == (4.125, 5.75)
    back = invert((x, y), steps, noise, mixing=0.5)
    assert [float(copy) for copy in back] == pytest.approx([3.0, 5.0])


def signal() -> torch.Tensor:
    """alpha_bar of Stable Diffusion."""
    return torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000).double() ** 2, dim=0)


@pytest.mark.parametrize("count", [1, 7, 50])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_steps_are_those_of_the_scheduler(count: int, prediction: str) -> None:
    scheduler = tiny_generators.stable_diffusion(prediction=prediction)["scheduler"]
    scheduler.set_timesteps(count)
    steps = ddim_steps(signal(), count)
    assert [step.time for step in steps] == scheduler.timesteps.tolist()
    rng = torch.Generator().manual_seed(0)
    mine = its = torch.randn(1, 4, 8, 8, generator=rng).double()
    for step in steps:
        alpha = signal()[step.time]
        noise = torch.randn(mine.shape, generator=rng).double()
        velocity = (noise - (1 - alpha).sqrt() * its) / alpha.sqrt()
        output = noise if prediction == "epsilon" else velocity
        its = scheduler.step(output, step.time, its).prev_sample
        mine = step.scale * mine + step.shift * noise
    assert relative(mine, its) < 1e-5


def test_a_velocity_is_turned_into_noise() -> None:
    torch.manual_seed(0)
    parts = tiny_generators.stable_diffusion(prediction="v_prediction")
    pipeline = diffusers.StableDiffusionPipeline(**parts, requires_safety_checker=False)
    model = StableDiffusion(pipeline)
    latents = torch.randn(1, 4, 8, 8).double()
    alpha = float(pipeline.scheduler.alphas_cumprod[500])
    with torch.inference_mode():
        texts = model.texts(["a cat"])
        velocity = pipeline.unet(latents.float(), 500, texts).sample.double()
        noise = model.predict(latents, 500, texts)
    assert relative(noise, alpha**0.5 * velocity + (1 - alpha) ** 0.5 * latents) < 1e-6


def test_guidance_by_hand() -> None:
    assert guide(torch.tensor([1.0, 2.0, 3.0, 2.0]), 7.5).tolist() == [16.0, 2.0]


def test_without_a_prompt_the_origin_comes_back(pipeline: Any) -> None:
    generator = dataclasses.replace(GENERATORS["edict"], steps=10)
    origin = textured_image(4, 32, 32)
    empty, prompt = (Task(origin, text, 0.8, seed=0) for text in ("", "a cat"))
    model = StableDiffusion(pipeline)
    with torch.inference_mode():
        decoded = np.asarray(model.decode(model.encode([origin]))[0], np.int64)
    same, edited = (np.asarray(made) for made in draw(pipeline, generator, [empty, prompt]))
    assert np.abs(same - decoded).max() <= 1
    assert np.abs(edited - decoded).mean() > 1
