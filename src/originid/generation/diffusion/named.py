"""The generator that a name stands for: a preset, or any model of diffusers."""

import os
import re

from originid.errors import InputError, UsageError
from originid.generation.diffusion.presets import EDITORS, GENERATORS, IMAGE_TO_IMAGE, Generator
from originid.generation.diffusion.sources import read_json
from originid.system.text import closest

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def generator_named(name: str) -> Generator:
    """Return a preset, or a generator of any diffusers model with the pipeline that suits it.

    A model that is no preset runs at its own size with strength 0.7, guidance 7.5 and 50 steps; use
    `dataclasses.replace` to change them. The pipeline of a hub id is read from the hub, which needs
    a connection.

    Args:
        name: The name of a preset, a folder that diffusers wrote, or a hub id.

    Raises:
        UsageError: The name cannot be a preset, a folder or a hub id.
        InputError: The folder or hub id holds no pipeline, or there is no connection.
        ExtraError: The name is a hub id, and the extra [generate] is not installed.
    """
    if name in GENERATORS:
        return GENERATORS[name]
    folder = os.path.expanduser(name)
    if os.path.isdir(folder):
        return _described(name, os.path.realpath(folder))
    if name.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(name):
        raise UsageError(
            f"generator {name!r}",
            f"expected one of {', '.join(GENERATORS)}, or a folder or hub id of diffusers",
            closest(name, GENERATORS, "see what there is: originid generate --list"),
        )
    return _described(name, name)


def _described(name: str, source: str) -> Generator:
    """Return a generator by what the ``model_index.json`` of a model says."""
    index = read_json(source, "model_index.json")
    given = str((index or {}).get("_class_name", ""))
    if index is None or not given.endswith("Pipeline"):
        raise InputError(
            f"generator {name!r} has no pipeline",
            "expected a model_index.json that diffusers' save_pretrained wrote",
            "name the folder or hub id of a whole pipeline",
        )
    # An editor takes the origin itself and has no strength. Other models are run from image to
    # image, by the pipeline that diffusers names after theirs.
    if given in EDITORS:
        return Generator(name, source, EDITORS[given], given, _native_size(source), None)
    pipeline = given if "Img2Img" in given else given.replace("Pipeline", "Img2ImgPipeline")
    return Generator(name, source, IMAGE_TO_IMAGE, pipeline, _native_size(source), strength=0.7)


def _native_size(source: str) -> int:
    """Return the side of the squares that a model was trained on, in pixels, or else 1,024."""
    unet, vae = (read_json(source, f"{part}/config.json") or {} for part in ("unet", "vae"))
    sample, blocks = unet.get("sample_size"), vae.get("block_out_channels")
    # The latent's side, times 2 for each of the VAE's reductions.
    if isinstance(sample, int) and isinstance(blocks, list):
        return int(sample * 2 ** (len(blocks) - 1))
    return 1024
