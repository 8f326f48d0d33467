"""Plug-and-Play: what is injected, and that injecting everything reproduces the origin."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers")
pytest.importorskip("torch")

import diffusers
import torch

import tiny_generators
from originid.generation.diffusion.plug_and_play import (
    Injection,
    authors_injections,
    draw,
    edit,
    invert,
)
from originid.generation.diffusion.presets import GENERATORS
from originid.generation.diffusion.stable_diffusion import StableDiffusion
from originid.generation.diffusion.tasks import Task
from originid.testing import textured_image

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:diffusers")
PROMPTS = ["a cat", "snow"]
# The last module of the decoder: what follows it sees nothing else.
EVERYTHING = (Injection(("up_blocks.1.attentions.1",), until=1.0),)


@pytest.fixture(scope="module")
def pipeline() -> Any:
    """A random Stable Diffusion in double precision.

    Its noise changes about as much as the latents do, as that of a trained network: a random one's
    changes several times as much.
    """
    torch.manual_seed(0)
    made = tiny_generators.sd_text(Path()).to(torch.float64)
    made.unet.conv_out.weight.data.mul_(0.25)
    return made


@pytest.fixture(scope="module")
def model(pipeline: Any) -> StableDiffusion:
    return StableDiffusion(pipeline)


@pytest.fixture(scope="module")
def clean(model: StableDiffusion) -> torch.Tensor:
    with torch.inference_mode():
        return model.encode([textured_image(i, 16, 16) for i in range(2)])


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())


def test_full_injection_reproduces_the_origin(model: StableDiffusion, clean: torch.Tensor) -> None:
    steps = model.steps(10)
    with torch.inference_mode():
        origins = invert(clean, steps, model.plain(model.texts(["", ""])), refinements=12)
        same = edit(model, origins, steps, PROMPTS, 7.5, EVERYTHING)
        free = edit(model, origins, steps, PROMPTS, 7.5, ())
    assert relative(same, clean) < 1e-4
    assert relative(free, clean) > 0.05


def test_more_injection_is_nearer_to_the_origin(
    model: StableDiffusion, clean: torch.Tensor
) -> None:
    steps = model.steps(4)
    with torch.inference_mode():
        origins = invert(clean, steps, model.plain(model.texts(["", ""])), refinements=12)
        gaps = []
        for until in (0.0, 0.5, 1.0):
            shares = [dataclasses.replace(each, until=until) for each in EVERYTHING]
            gaps.append(relative(edit(model, origins, steps, PROMPTS, 7.5, shares), clean))
    assert gaps[0] > gaps[1] > gaps[2]


def test_refinements_make_the_inversion_exact(model: StableDiffusion, clean: torch.Tensor) -> None:
    steps = model.steps(10)
    gaps = []
    with torch.inference_mode():
        noise = model.plain(model.texts(PROMPTS))
        for refinements in (1, 3, 12):
            levels = invert(clean, steps, noise, refinements)
            assert len(levels) == 11
            latents = levels[0]
            for step in steps:
                latents = step.scale * latents + step.shift * noise(latents, step.time)
            gaps.append(relative(latents, clean))
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-5


def test_the_authors_inject_one_residual_layer_and_eight_attentions() -> None:
    unet = diffusers.UNet2DConditionModel(  # the layout of Stable Diffusion 1 and 2
        block_out_channels=(4, 4, 4, 4),
        norm_num_groups=2,
        cross_attention_dim=4,
        attention_head_dim=2,
    )
    layout, shapes = authors_injections(unet)
    assert (layout.until, shapes.until) == (0.8, 0.5)
    assert layout.modules == ("up_blocks.1.resnets.1.conv2",)
    layers = [(1, 1), (1, 2), *((block, i) for block in (2, 3) for i in range(3))]
    assert sorted(shapes.modules) == sorted(
        f"up_blocks.{block}.attentions.{i}.transformer_blocks.0.attn1.{part}"
        for block, i in layers
        for part in ("to_q", "to_k")
    )
    for name in (*layout.modules, *shapes.modules):
        unet.get_submodule(name)


def test_nothing_stays_injected(model: StableDiffusion, clean: torch.Tensor) -> None:
    steps = model.steps(2)
    with torch.inference_mode():
        noise = model.plain(model.texts(PROMPTS))
        before = noise(clean, 500)
        edit(model, [clean] * 3, steps, PROMPTS, 7.5, authors_injections(model.unet))
        assert torch.equal(noise(clean, 500), before)
    assert not any(module._forward_hooks for module in model.unet.modules())


def test_an_edit_is_another_image(pipeline: Any, model: StableDiffusion) -> None:
    generator = dataclasses.replace(GENERATORS["plug-and-play"], steps=10)
    origin = textured_image(4, 32, 32)
    tasks = [Task(origin, prompt, None, seed=0) for prompt in ("", "a cat", "snow")]
    with torch.inference_mode():
        decoded = np.asarray(model.decode(model.encode([origin]))[0], np.int64)
    same, *edited = (np.asarray(made) for made in draw(pipeline, generator, tasks))
    assert np.abs(same - decoded).mean() < 5  # the inversion is refined, not exact
    assert all(np.abs(image - decoded).mean() > 1 for image in edited)
