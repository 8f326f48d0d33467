"""The trained parts as a diffusers folder, and a sheet of what it makes."""

import copy
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionImg2ImgPipeline
from PIL import Image as Pillow

from originid.images.contact_sheet import Tile, write_sheet
from originid.images.decode import decode, read_bytes
from small_diffusion.photos import SIZE

STRENGTHS = (0.3, 0.5, 0.7, 0.9)
STEPS = 20
GUIDANCE = 1.5
PROMPTS = {
    "car": "a bus on the street",
    "cat": "a dog",
    "cat-lying": "a pencil drawing of a cat",
    "coffee": "an oil painting of food on the table",
    "colosseum": "house at night",
    "dog": "a cat",
    "lake": "a boat on the water at sunset",
    "owl": "a black and white photo of a bird",
    "parrot": "a cartoon of a bird",
    "singapore": "a city in the fog",
    "sunflower": "a yellow flower",
    "wren": "a bird is on a branch",
}
"""Photos of the demo, by name, and what to make of them."""


def export(parts: dict[str, Any], folder: Path) -> None:
    """Write a pipeline's parts in half precision, in place of what is at ``folder``.

    Args:
        parts: ``vae``, ``text_encoder``, ``tokenizer``, ``unet`` and ``scheduler``.
        folder: which ``StableDiffusionImg2ImgPipeline.from_pretrained`` loads afterwards.
    """
    pipeline = StableDiffusionImg2ImgPipeline(
        **copy.deepcopy(parts),  # training goes on in full precision
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    pipeline.to(dtype=torch.float16).save_pretrained(fresh)
    _load_in_full(fresh / "text_encoder" / "config.json")
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(fresh, folder)


def _load_in_full(config: Path) -> None:
    """Have transformers load half-precision weights in full, as diffusers does with its parts.

    Left alone it keeps them in half, and a pipeline of two precisions makes no image.
    """
    settings = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**settings, "dtype": "float32"}, indent=2), encoding="utf-8")


def draw_samples(folder: Path, photos: Path, sheet: Path, device: str) -> None:
    """Write a sheet of edits of the demo's photos: origin, reconstruction, STRENGTHS.

    Args:
        folder: of a pipeline.
        photos: the folder that holds the photos of PROMPTS.
        sheet: path of a PNG.
        device: where the pipeline runs.
    """
    pipeline = StableDiffusionImg2ImgPipeline.from_pretrained(folder).to(device)
    pipeline.set_progress_bar_config(disable=True)
    rows = [
        _row(pipeline, decode(read_bytes(photos / f"{name}.jpg"), SIZE).image, prompt)
        for name, prompt in PROMPTS.items()
    ]
    write_sheet(sheet, "origin, reconstruction, edits by strength", rows, columns=2)


def _row(pipeline: Any, origin: Any, prompt: str) -> Sequence[Tile]:
    image = Pillow.fromarray(origin)
    given = pipeline.image_processor.preprocess(image).to(pipeline.device)
    with torch.no_grad():
        back = pipeline.vae.decode(pipeline.vae.encode(given).latents).sample
    tiles = [Tile(origin, (prompt,)), Tile(_array(pipeline, back), ("reconstruction",))]
    for strength in STRENGTHS:
        made = pipeline(
            prompt,
            image,
            strength=strength,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            generator=torch.Generator().manual_seed(0),
        ).images[0]
        tiles.append(Tile(np.asarray(made), (f"strength {strength}",)))
    return tiles


def _array(pipeline: Any, tensor: Any) -> Any:
    return np.asarray(pipeline.image_processor.postprocess(tensor)[0])
