"""The pipelines of diffusers: loading one, and making the images of a batch of tasks with it."""

import importlib.util
import inspect
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from originid.errors import ExtraError, InputError
from originid.generation.diffusion.packed import local_folder
from originid.generation.diffusion.presets import IP_ADAPTER, Generator
from originid.generation.diffusion.sources import LOGGERS, SILENT
from originid.generation.diffusion.tasks import Task
from originid.system.quiet import quiet
from originid.types import Image

try:
    import diffusers
    import torch
    import transformers
except ImportError as error:
    raise ExtraError("generation", "generate") from error

REFUSED = "the safety checker refused the image"
NOT_FINITE = "the generator's output has values that are not finite"
ALONE = (
    "Kandinsky3Img2ImgPipeline",  # averages the text over the longest prompt of a batch
    "QwenImageEditPipeline",  # takes several images as several views of one task
    "QwenImageEditPlusPipeline",
    "Flux2KleinPipeline",
)
"""Pipelines in which the images of a batch would depend on each other."""
# The weight of the origin's features beside those of the text. With 1 the prompt has no effect.
_ADAPTER_SCALE = 0.6
_ADAPTER_WEIGHTS = "ip-adapter_sd15.safetensors"


def draws_alone(generator: Generator) -> bool:
    """Return whether a generator must make its images one at a time.

    Args:
        generator: The generator.
    """
    return generator.pipeline in ALONE or generator.kind == IP_ADAPTER


def open_pipeline(generator: Generator, device: "torch.device", half: bool) -> Any:
    """Load the pipeline of a generator. No pickle is read.

    The parts of a pipeline that is too large for the device stay in main memory, and each is moved
    to the device when it runs.

    Args:
        generator: The generator whose pipeline is loaded.
        device: The torch device on which it runs.
        half: Whether its weights have 16 bits.

    Raises:
        InputError: The model, its pipeline class or its weights are missing, or a package that it
            needs is not installed.
    """
    try:
        with _quiet(), local_folder(generator.source) as source:
            local = replace(generator, source=source)
            return _placed(_read(_class(generator), local, half), device)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        login = "accept its licence on the hub, `hf auth login`, and " if generator.gated else ""
        raise InputError(
            f"generator {generator.name} cannot be loaded from {generator.source}: {_why(error)}",
            f"expected a complete {generator.pipeline} with safetensors weights",
            f"{login}check the folder or the connection, the disk space and the device's memory",
        ) from error


def draw(pipeline: Any, generator: Generator, tasks: Sequence[Task]) -> list[Image | str]:
    """Make the images of tasks whose origins have one shape and which have one strength.

    Args:
        pipeline: The loaded pipeline.
        generator: The generator, whose steps, guidance and options are used.
        tasks: The tasks, n of them.

    Returns:
        For each task an image, uint8 of shape (h, w, 3), or the reason why there is none.
    """
    with torch.inference_mode(), _quiet():
        output = pipeline(**_arguments(pipeline, generator, tasks))
    return as_images(output.images, getattr(output, "nsfw_content_detected", None))


def as_images(pixels: NDArray[np.float32], refused: Sequence[bool] | None) -> list[Image | str]:
    """Turn the pixels that a pipeline returned into images.

    Args:
        pixels: float32 of shape (n, h, w, 3), in [0, 1].
        refused: Whether the safety checker refused each image; None refuses none.

    Returns:
        For each image uint8 of shape (h, w, 3), or the reason why there is none.
    """
    made: list[Image | str] = []
    for picture, no in zip(pixels, refused or [False] * len(pixels), strict=True):
        if no:
            made.append(REFUSED)
        elif not np.isfinite(picture).all():
            made.append(NOT_FINITE)
        else:
            made.append(np.round(picture * 255).astype(np.uint8))
    return made


def _arguments(pipeline: Any, generator: Generator, tasks: Sequence[Task]) -> dict[str, Any]:
    """Return the arguments of a pipeline's call, as far as the pipeline knows them."""
    origins = [Pillow.fromarray(task.origin) for task in tasks]
    width, height = origins[0].size
    arguments = {
        "prompt": [task.prompt for task in tasks],
        "image": origins,
        "strength": tasks[0].strength,
        "num_inference_steps": generator.steps,
        "guidance_scale": generator.guidance,
        # On the CPU, whose random numbers are the same on every machine.
        "generator": [torch.Generator("cpu").manual_seed(task.seed) for task in tasks],
        "height": height,
        "width": width,
        "max_area": height * width,  # FLUX Kontext chooses its sides by it
        "_auto_resize": False,
        "output_type": "np",
    }
    if generator.pipeline.startswith("QwenImage"):
        # Its guidance_scale is for distilled models only. Real guidance needs a negative prompt.
        del arguments["guidance_scale"]
        arguments |= {"true_cfg_scale": generator.guidance, "negative_prompt": " "}
    if generator.kind == IP_ADAPTER:
        arguments["ip_adapter_image"] = origins[0]
    if generator.pipeline in ALONE:
        arguments |= {"prompt": tasks[0].prompt, "image": origins[0]}
    taken = inspect.signature(pipeline.__call__).parameters
    return {key: value for key, value in arguments.items() if key in taken} | dict(
        generator.options
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the notes and the progress bars of both libraries from the user's terminal."""
    with (
        quiet(*LOGGERS, level=SILENT, bars=diffusers.logging),
        quiet(bars=transformers.logging),
    ):
        yield


def _why(error: BaseException) -> str:
    """Say in one line what kept a model from being loaded."""
    # The libraries wrap the true cause in errors of their own.
    causes = [type(error)]
    each = error.__cause__ or error.__context__
    while each is not None:
        causes.append(type(each))
        each = each.__cause__ or each.__context__
    names = {cause.__name__ for cause in causes}
    if names & {"GatedRepoError", "RepositoryNotFoundError"}:
        return "the hub has no such model, or does not give it without a login"
    # The hub's library connects by httpx or httpx2, depending on its version.
    if any(cause.__module__.startswith(("httpx", "huggingface_hub")) for cause in causes):
        return "the hub cannot be reached, and its cache does not hold all of it"
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _class(generator: Generator) -> Any:
    """Return the class of the generator's pipeline."""
    kind = getattr(diffusers, generator.pipeline, None)
    if kind is None:
        raise InputError(
            f"generator {generator.name}: this diffusers has no {generator.pipeline}",
            "expected a pipeline that makes images from images",
            "pip install --upgrade diffusers, or give another generator",
        )
    qwen = generator.pipeline.startswith("QwenImageEdit")
    if qwen and importlib.util.find_spec("torchvision") is None:
        raise InputError(
            f"generator {generator.name}: its image processor needs torchvision",
            "expected the build of torchvision that goes with the installed torch",
            "pip install torchvision",
        )
    return kind


def _read(kind: Any, generator: Generator, half: bool) -> Any:
    """Load a pipeline from its folder or from the hub."""
    options: dict[str, Any] = {
        "dtype": getattr(torch, generator.half) if half else torch.float32,
        "use_safetensors": True,
        "local_files_only": os.path.isdir(generator.source),
    }
    if generator.variant:
        options["variant"] = generator.variant
    if "add_watermarker" in inspect.signature(kind.__init__).parameters:
        # Only some installations can add the watermark, so sets would differ between machines.
        options["add_watermarker"] = False
    pipeline = kind.from_pretrained(generator.source, **options)
    if generator.kind == IP_ADAPTER:
        pipeline.load_ip_adapter(
            generator.adapter,
            subfolder="models",
            weight_name=_ADAPTER_WEIGHTS,
            local_files_only=os.path.isdir(generator.adapter),
        )
        pipeline.set_ip_adapter_scale(_ADAPTER_SCALE)
    return pipeline


def _placed(pipeline: Any, device: "torch.device") -> Any:
    """Move a pipeline to the device, or let it run there part by part if it does not fit."""
    pipeline.set_progress_bar_config(disable=True)
    try:
        pipeline.to(device)
    except torch.OutOfMemoryError:
        pipeline.to("cpu")
        pipeline.enable_model_cpu_offload(device=device)
    return pipeline
