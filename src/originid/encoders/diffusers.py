"""The VAE encoders of diffusion models, through the diffusers library (extra ``[vae]``)."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from originid.encoders.base import Shape
from originid.encoders.torch_networks import best_device, usual_precision, weights_sha256
from originid.errors import ExtraError, InputError
from originid.system.malloc import keep_freed_memory
from originid.system.quiet import quiet
from originid.types import Image, Latents

try:
    import diffusers
    import torch
except ImportError as error:
    raise ExtraError("the encoder diffusers", "vae") from error

CLASSES = ("AutoencoderKL", "AutoencoderTiny", "VQModel")


class DiffusersEncoder:
    """The encoder of a VAE. A latent is the mode of the posterior, without any scaling factor.

    The paper's encoder is the VAE of Stable Diffusion 2: its class is ``AutoencoderKL`` and its
    latent has the shape 4 x 32 x 32. The official recipe samples the posterior; the mode is used
    here because it gives each image one fixed latent.

    Args:
        source: a folder or a hub id of a VAE, or of a pipeline that contains a VAE.
        device: the device that the network runs on; by default that of `best_device`.
        dtype: the precision of the network; by default bfloat16 on CUDA and float32 elsewhere. It
            is not part of `identity`, because bfloat16 turns a latent by less than 1 degree.
        size: the side of the images in pixels.
        local: whether nothing may be downloaded: a hub id is then looked up in the hub's cache.

    Raises:
        InputError: if there is no usable VAE at ``source``.
    """

    def __init__(
        self,
        source: str,
        device: str | None = None,
        dtype: "torch.dtype | None" = None,
        size: int = 256,
        local: bool = False,
    ) -> None:
        if os.path.isdir(source):
            source = os.path.abspath(source)  # the spec in a model must work from any folder
        self.spec = f"diffusers:{source}"
        self.size = size
        self._device = torch.device(device or best_device())
        self._dtype = dtype or usual_precision(self._device)
        keep_freed_memory(self._device.type)
        network = _load(source, local)
        # The weights are hashed before the device changes their precision, so that the identity is
        # the same on every device.
        self.identity = f"diffusers-1:{size}:{_weights_sha256(network)}"
        with quiet("diffusers"):
            self._network = network.to(self._device, self._dtype).eval()
        blank = np.zeros((1, size, size, 3), np.uint8)
        self.shapes: tuple[Shape, ...] = (tuple(self._encode(blank).shape[1:]),)
        # For the paper's latent of side 32 this is 20 half periods.
        self.cutoffs = (0.625 * self.shapes[0][1],)

    def encode(self, images: Image) -> Latents:
        """Encode images, as `Encoder.encode` says."""
        # An image of 256 x 256 needs about 100 MB in the widest layer of AutoencoderKL. On a CPU,
        # more images at a time are slower, because the system has to find new memory for each
        # layer.
        step = 1 if self._device.type == "cpu" else 16
        parts = [self._encode(images[i : i + step]) for i in range(0, len(images), step)]
        latents = torch.cat(parts).float().flatten(1).cpu().numpy()
        return np.ascontiguousarray(latents, dtype=np.float32)

    @property
    def network(self) -> Any:
        """The autoencoder, for callers that need more of it than latents."""
        return self._network

    def _encode(self, images: Image) -> "torch.Tensor":
        batch = torch.from_numpy(np.ascontiguousarray(images)).to(self._device)
        batch = batch.permute(0, 3, 1, 2).to(self._dtype) / 127.5 - 1
        with torch.inference_mode():
            output = self._network.encode(batch)
        return output.latent_dist.mode() if "latent_dist" in output else output.latents


# diffusers writes a note about every key of a configuration that it does not use.
@quiet("diffusers")
def _load(source: str, local: bool) -> Any:
    """Load the autoencoder of a folder or hub id, whichever of `CLASSES` it is."""
    local = local or os.path.isdir(source) or source.startswith((".", "/", "~"))
    for subfolder in (None, "vae", "movq"):
        where: dict[str, Any] = {"local_files_only": local}
        where |= {} if subfolder is None else {"subfolder": subfolder}
        try:
            config = diffusers.AutoencoderKL.load_config(source, **where)
        except OSError:  # no such folder, file, hub id or network
            continue
        name = config.get("_class_name") if isinstance(config, dict) else None
        if name not in CLASSES:
            continue
        try:
            return getattr(diffusers, name).from_pretrained(source, use_safetensors=True, **where)
        except (OSError, ValueError, RuntimeError) as error:
            first_line = (str(error).splitlines() or [""])[0]
            raise InputError(
                f"the weights of {name} in {source} cannot be loaded: {first_line}",
                "expected a complete diffusers model with safetensors weights",
                "download the model again",
            ) from error
    raise InputError(
        f"encoder source {source!r}" + ("" if Path(source).exists() else " (no such folder)"),
        f"expected a folder or hub id with the config.json of one of {', '.join(CLASSES)}",
        "give a folder that diffusers' save_pretrained wrote, or a hub id and a connection; "
        "opening a stored model downloads nothing, so download it first: hf download ID",
    )


def _weights_sha256(network: Any) -> str:
    """Hash the weights of the encoder, and not those of the decoder, of an autoencoder."""
    encoder = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if name.startswith(("encoder.", "quant_conv."))
    }
    return weights_sha256(type(network).__name__, encoder)
