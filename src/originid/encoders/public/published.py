"""Reads checkpoint files in the layouts in which the makers of models published them."""

import argparse
import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from originid.encoders.public.networks import EfficientNet, ResNet, VisionTransformer
from originid.encoders.public.networks.weights import Weights, below, load

# Checkpoints keep their weights under one of these keys, the first of which is used.
GROUPS = ("state_dict", "model", "model_state_dict")
LITE = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
"""The names of layers in a block, as timm has them, by those of efficientnet-lite-pytorch."""
LITE_STAGES = (1, 2, 2, 3, 3, 4, 1)  # the number of blocks in each stage of Lite0


class Projected(nn.Module):  # type: ignore[misc]
    """A network followed by a head, such as a matrix.

    Args:
        backbone: the network, from images to features of shape (n, width).
        head: the layers from features to latents of shape (n, dim).
        unit: whether the latents are scaled to unit length, as the makers of the model did.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, unit: bool = False) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.unit = unit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute latents.

        Args:
            x: normalised images, of shape (n, 3, s, s).

        Returns:
            The latents, of shape (n, dim).
        """
        latents = self.head(self.backbone(x))
        return functional.normalize(latents) if self.unit else latents


def read_weights(path: Path) -> Weights:
    """Read the weights in a checkpoint. Code in the file is never run.

    Args:
        path: the path of a file that ``torch.save`` wrote.

    Returns:
        The weights by name, without the prefixes that ``DataParallel`` and ``torch.compile`` add.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if the file is damaged, or holds more than tensors and plain values.
    """
    if path.is_dir():
        raise ValueError("it is a folder")
    try:
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about formats, which the makers chose
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except pickle.UnpicklingError as error:
        # torch's own message advises users to run the code in the file, which is dangerous.
        why = "it is damaged, or holds code, which is never run: only tensors and plain values are"
        raise ValueError(f"{why} read") from error
    except Exception as error:  # torch raises a dozen kinds, depending on the first bytes
        raise ValueError("it is no file of weights that torch wrote, or is damaged") from error
    for group in GROUPS:
        if isinstance(content, dict) and isinstance(content.get(group), dict):
            content = content[group]
            break
    if not isinstance(content, dict):
        raise ValueError("no weights by name")
    named = {k: v for k, v in content.items() if isinstance(v, torch.Tensor)}
    return {re.sub(r"^(_orig_mod\.|module\.)+", "", k): v for k, v in named.items()}


def linear(weights: Weights) -> nn.Module:
    """Make a linear layer of the only matrix among some weights.

    Args:
        weights: the weights by name; the bias of the layer is 0 if it is not among them.

    Raises:
        KeyError: if there is no matrix, or more than one.
    """
    matrices = [name for name, value in weights.items() if value.ndim == 2]
    if len(matrices) != 1:
        raise KeyError("weight")
    matrix = weights[matrices[0]]
    bias = weights.get(matrices[0].removesuffix("weight") + "bias", torch.zeros(len(matrix)))
    return load(nn.Linear(matrix.shape[1], len(matrix)), {"weight": matrix, "bias": bias})


def _simsiam(weights: Weights) -> nn.Module:
    return ResNet(below(weights, "encoder."))


def _mocov3(weights: Weights) -> nn.Module:
    encoder = below(weights, "base_encoder.")
    return VisionTransformer(encoder) if "cls_token" in encoder else ResNet(encoder)


def _simclr(weights: Weights) -> nn.Module:
    return VisionTransformer(below(weights, "visual."))


def _slip(weights: Weights) -> nn.Module:
    head = linear({"weight": weights["image_projection"].T})  # (width, dim), as CLIP's
    return Projected(_simclr(weights), head)


def _zerovl(weights: Weights) -> nn.Module:
    backbone = VisionTransformer(below(weights, "image_encoder.model.model."))
    return Projected(backbone, linear(below(weights, "image_projection.")), unit=True)


def _cnncl(weights: Weights) -> nn.Module:
    matrix = weights["fc.weight"]
    head = nn.Sequential(
        linear({"weight": matrix}),
        load(nn.BatchNorm1d(len(matrix)), below(weights, "bn.")),
    )
    return Projected(EfficientNet(below(weights, "backbone.")), head, unit=True)


def _bot(weights: Weights) -> nn.Module:
    # The makers of the checkpoint numbered the layers of the backbone; torchvision names them.
    stages = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "7": "layer3", "9": "layer4"}
    split = [(name.split(".", 1), value) for name, value in below(weights, "base.").items()]
    named = {f"{stages[i]}.{rest}": value for (i, rest), value in split if i in stages}
    backbone = ResNet(named, last_stride=1, power=3)
    wide, inner = weights["projector_feat_bn.0.0.weight"], weights["projector_feat_bn.0.3.weight"]
    dim = len(weights["matrix_feat_bn.0.2.weight"])
    projector = nn.Sequential(
        nn.Linear(wide.shape[1], len(wide)),
        nn.BatchNorm1d(len(wide)),
        nn.LeakyReLU(0.2),
        nn.Linear(len(wide), len(inner)),
    )
    matrix = nn.Sequential(
        nn.BatchNorm1d(len(inner)), nn.LeakyReLU(0.2), nn.Linear(len(inner), dim)
    )
    head = nn.ModuleDict(
        {
            "projector_feat_bn": nn.Sequential(projector, nn.BatchNorm1d(len(inner))),
            "matrix_feat_bn": nn.Sequential(matrix, nn.BatchNorm1d(dim)),
        }
    )
    load(head, weights)
    return Projected(backbone, nn.Sequential(*head.values()), unit=True)


def _anypattern(weights: Weights) -> nn.Module:
    return Projected(VisionTransformer(below(weights, "vit.")), linear(below(weights, "linear.")))


def _efficientnet_lite(weights: Weights) -> nn.Module:
    places = [(stage, i) for stage, blocks in enumerate(LITE_STAGES) for i in range(blocks)]
    outside = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    named: Weights = {}
    for name, value in weights.items():
        layer, _, rest = name.partition(".")
        if layer == "_blocks":  # these are numbered through all stages, and timm's in each stage
            number, layer, rest = rest.split(".", 2)
            stage, i = places[int(number)]
            named[f"blocks.{stage}.{i}.{LITE[layer]}.{rest}"] = value
        elif layer in outside:
            named[f"{outside[layer]}.{rest}"] = value
    return EfficientNet(named, functional.relu6)


LAYOUTS: dict[str, Callable[[Weights], nn.Module]] = {
    "simsiam": _simsiam,
    "mocov3": _mocov3,
    "simclr": _simclr,
    "slip": _slip,
    "zerovl": _zerovl,
    "cnncl": _cnncl,
    "bot": _bot,
    "anypattern": _anypattern,
    "efficientnet-lite": _efficientnet_lite,
}
"""For each layout of a published checkpoint the function that makes a network of its weights."""
