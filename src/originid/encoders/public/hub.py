"""Loads models of the transformers library, from a folder or from the Hugging Face hub."""

import os
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import nn

from originid.encoders.public.presets import Baseline
from originid.errors import ExtraError, InputError
from originid.system.quiet import quiet

try:
    import transformers
    from huggingface_hub import constants
except ImportError as error:
    raise ExtraError("a public model", "baselines") from error

# The latents do not depend on these weights, so a checkpoint may lack them.
UNUSED = ("pooler.", "embeddings.mask_token", "position_ids")


class HubNetwork(nn.Module):  # type: ignore[misc]
    """A model of transformers whose output is one latent for each image.

    Args:
        model: the model.
        pooling: the key of `POOLINGS` that says how the latent is taken from the output.
    """

    def __init__(self, model: nn.Module, pooling: str) -> None:
        super().__init__()
        self.model = model
        self.pooling = POOLINGS[pooling]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute latents.

        Args:
            x: normalised images, of shape (n, 3, s, s).

        Returns:
            The latents, of shape (n, dim).
        """
        return self.pooling(self.model, x)


def _pooler(model: Any, x: torch.Tensor) -> torch.Tensor:
    return model(pixel_values=x).pooler_output.flatten(1)


def _class_token(model: Any, x: torch.Tensor) -> torch.Tensor:
    return model(pixel_values=x).last_hidden_state[:, 0]


def _class_token_unmasked(model: Any, x: torch.Tensor) -> torch.Tensor:
    """Return the class token of a masked autoencoder that sees all patches in their order."""
    patches = (x.shape[2] // model.config.patch_size) ** 2
    order = torch.arange(patches, device=x.device).expand(len(x), -1)
    return model(pixel_values=x, noise=order).last_hidden_state[:, 0]


def _projection(model: Any, x: torch.Tensor) -> torch.Tensor:
    return model(pixel_values=x).image_embeds


def _vision_projection(model: Any, x: torch.Tensor) -> torch.Tensor:
    return model["projection"](_class_token(model["vision"], x))


POOLINGS: dict[str, Callable[[Any, torch.Tensor], torch.Tensor]] = {
    "pooler": _pooler,
    "class token": _class_token,
    "class token unmasked": _class_token_unmasked,
    "projection": _projection,
    "vision projection": _vision_projection,
}
"""How the latent is taken from the output of a model, by the name that presets use."""

OPTIONS: dict[str, dict[str, Any]] = {
    "ViTModel": {"add_pooling_layer": False},
    "ViTMAEModel": {"mask_ratio": 0.0},
}


def load_hub(baseline: Baseline, source: str, local: bool = False) -> HubNetwork:
    """Load a model of transformers.

    Args:
        baseline: the description of the model.
        source: a folder that ``save_pretrained`` wrote, or a hub id.
        local: whether nothing may be downloaded: a hub id is then looked up in the hub's cache.

    Raises:
        InputError: if there is no usable model at ``source``.
        ExtraError: if the installed transformers does not know the architecture.
    """
    local = (
        local or os.path.isdir(source) or source.startswith((".", "/", "~")) or not hub_answers()
    )
    kind = getattr(transformers, baseline.architecture, None)
    if kind is None:
        raise ExtraError(f"baseline:{baseline.name}", "baselines")
    options = OPTIONS.get(baseline.architecture, {})
    try:
        # transformers writes a note about every weight of a checkpoint that is not used.
        with quiet("transformers", "huggingface_hub", bars=transformers.utils.logging):
            model, report = kind.from_pretrained(
                source, local_files_only=local, output_loading_info=True, **options
            )
    except (OSError, ValueError, RuntimeError, KeyError, AttributeError) as error:
        first_line = (str(error).splitlines() or [""])[0]
        if isinstance(error, OSError) and local and not os.path.isdir(source):
            first_line = "they are not on this machine"  # the library would say it of its cache
        raise _unusable(baseline, source, first_line) from error
    missing = [k for k in report["missing_keys"] if not any(unused in k for unused in UNUSED)]
    if missing:
        raise _unusable(baseline, source, f"it lacks {min(missing)}")
    if baseline.pooling == "vision projection":  # the text half is not needed
        model = nn.ModuleDict({"vision": model.vision_model, "projection": model.vision_proj})
    return HubNetwork(model, baseline.pooling)


@cache
def hub_answers() -> bool:
    """Return whether the Hugging Face hub can be reached.

    It is asked once in a process, with a limit of 5 seconds. Without a connection, the library of
    the hub would itself try for half a minute for each file.
    """
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True  # an answer with an error code is an answer
    except OSError:
        return False


def _unusable(baseline: Baseline, source: str, why: str) -> InputError:
    return InputError(
        f"the weights of baseline:{baseline.name} at {source} cannot be loaded: {why}",
        f"expected a folder or hub id of a {baseline.architecture} of transformers",
        f"with a connection: hf download {baseline.source} (licence: {baseline.licence}); "
        f"or give a folder: baseline:{baseline.name}:FOLDER",
    )
