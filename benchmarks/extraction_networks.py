"""The networks that benchmarks/extraction.py compares with, in torch and in onnxruntime."""

import copy
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from originid.images.decode import decode
from originid.types import Image

SIDE = 256
TORCH_BATCH, GPU_BATCH = 8, 64
SD2, TINY = "SD2 VAE encoder, torch", "tiny VAE encoder, torch"
SD2_CONFIG: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,  # of the decoder, which is not used
}


@dataclass(frozen=True)
class Contender:
    """Something that takes images and is timed.

    Args:
        name: the name in the table.
        images: the number of images that a run takes.
        run: takes the images.
        absolute: True if no ratios are shown, as for a GPU beside CPUs.
    """

    name: str
    images: int
    run: Callable[[], object]
    absolute: bool = False


@dataclass(frozen=True)
class Network:
    """A torch network.

    Args:
        name: the name in the table.
        module: the module.
        call: calls a module with images, (n, 3, side, side).
        side: the side of its square images, in pixels.
        batch: the number of images of a batch on a CPU.
    """

    name: str
    module: Any
    call: Callable[[Any, Any], object]
    side: int
    batch: int = TORCH_BATCH


def squashed(photos: list[bytes], side: int) -> Image:
    """Return photos as encoders take them: uint8 (n, side, side, 3)."""
    return np.stack([decode(photo, side).image for photo in photos])


def networks(tiny: Any) -> Iterator[Network]:
    """Yield the networks to compare with. All but the tiny one have random weights.

    Args:
        tiny: the encoder of an AutoencoderTiny.
    """
    import diffusers
    import transformers

    diffusers.logging.set_verbosity_error()
    sd2 = diffusers.AutoencoderKL(**SD2_CONFIG)
    del sd2.decoder
    yield Network(SD2, sd2, lambda network, x: network.encode(x).latent_dist.mode(), SIDE, 2)
    yield Network(TINY, tiny, _call, SIDE)
    vit = transformers.ViTModel(transformers.ViTConfig(), add_pooling_layer=False)
    yield Network("ViT-B/16, torch", vit, _call, 224)
    resnet = transformers.ResNetModel(transformers.ResNetConfig())
    yield Network("ResNet-50 at 288 px, torch", resnet, _call, 288)


def _call(network: Any, x: Any) -> object:
    return network(x)


def tiny_encoder(folder: str | None) -> Any:
    """Return the encoder of an AutoencoderTiny, in float32 on the CPU.

    Args:
        folder: the folder of the autoencoder; None for random weights.

    Raises:
        InputError: the folder has no usable autoencoder.
    """
    import diffusers

    from originid.encoders.diffusers import DiffusersEncoder

    if folder is None:
        return diffusers.AutoencoderTiny().encoder.eval()
    return DiffusersEncoder(folder, device="cpu").network.encoder


def in_torch(network: Network, photos: list[bytes], cuda: bool = False) -> Contender:
    """Return a network as a contender, from uint8 images in the CPU's memory to its output.

    Args:
        network: the network.
        photos: the bytes of photos.
        cuda: True if it runs on a GPU in bfloat16, False if on the CPU in float32.
    """
    import torch

    where = ("cuda", torch.bfloat16) if cuda else ("cpu", torch.float32)
    module = copy.deepcopy(network.module).eval().to(*where)
    shape = (GPU_BATCH if cuda else network.batch, network.side, network.side, 3)
    images = torch.from_numpy(np.resize(squashed(photos, network.side), shape))

    def run() -> None:
        """Run the network on a batch."""
        with torch.inference_mode():
            network.call(module, _to_floats(images.to(where[0])).to(where[1]))
            if cuda:
                torch.cuda.synchronize()

    name = f"{network.name}, CUDA bfloat16" if cuda else network.name
    return Contender(name, len(images), run, absolute=cuda)


def _to_floats(images: Any) -> Any:
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


def in_onnxruntime(tiny: Any, photos: list[bytes], threads: int) -> Contender:
    """Return the tiny encoder as a contender that onnxruntime runs."""
    import onnxruntime
    import torch

    images = squashed(photos[:TORCH_BATCH], SIDE)
    example = (_to_floats(torch.from_numpy(images)),)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter, about itself
        file = str(Path(folder) / "tiny.onnx")
        torch.onnx.export(tiny, example, file, input_names=["x"], dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def run() -> None:
        """Run the session on a batch."""
        session.run(None, {"x": np.ascontiguousarray(_to_floats(torch.from_numpy(images)))})

    return Contender("tiny VAE encoder, onnxruntime", TORCH_BATCH, run)
