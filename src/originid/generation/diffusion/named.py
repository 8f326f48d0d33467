"""The generator of a name: a preset, or what a model of diffusers says of itself."""

import re
from pathlib import Path

from originid.errors import InputError, UsageError
from originid.generation.diffusion.presets import EDITORS, GENERATORS, IMAGE_TO_IMAGE, Generator
from originid.generation.diffusion.sources import read_json

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def generator_named(name: str) -> Generator:
    """A preset, or any folder or hub id of diffusers with the pipeline that suits its model.

    Such a model runs at its own size, strength 0.7, guidance 7.5 and 50 steps;
    `dataclasses.replace` makes others. A hub id is asked for its pipeline: needs a connection.

    Raises:
        UsageError: what can be no preset, folder or hub id.
        InputError: no folder or hub id of a pipeline, or no connection.
        ExtraError: a hub id without the extra [generate].
    """
    if name in GENERATORS:
        return GENERATORS[name]
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return _described(name, str(folder.resolve()))
    if name.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(name):
        raise UsageError(
            f"generator {name!r}",
            f"expected one of {', '.join(GENERATORS)}, or a folder or hub id of diffusers",
            "see `originid generate --list`",
        )
    return _described(name, name)


def _described(name: str, source: str) -> Generator:
    """A generator by what its model_index.json says."""
    index = read_json(source, "model_index.json")
    given = str((index or {}).get("_class_name", ""))
    if index is None or not given.endswith("Pipeline"):
        raise InputError(
            f"generator {name!r} has no pipeline",
            "expected a model_index.json that diffusers' save_pretrained wrote",
            "give the folder or hub id of a whole pipeline",
        )
    if given in EDITORS:
        return Generator(name, source, EDITORS[given], given, _native_size(source), None)
    pipeline = given if "Img2Img" in given else given.replace("Pipeline", "Img2ImgPipeline")
    return Generator(name, source, IMAGE_TO_IMAGE, pipeline, _native_size(source), strength=0.7)


def _native_size(source: str) -> int:
    """Pixels of the square that a model was trained on; 1,024 if it does not say."""
    unet, vae = (read_json(source, f"{part}/config.json") or {} for part in ("unet", "vae"))
    sample, blocks = unet.get("sample_size"), vae.get("block_out_channels")
    if isinstance(sample, int) and isinstance(blocks, list):
        return int(sample * 2 ** (len(blocks) - 1))
    return 1024
