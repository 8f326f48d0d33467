"""Small random weights in the layouts in which the makers of public models published theirs."""

import argparse
from collections.abc import Callable
from typing import Any


class Made:
    """Weights with random values, by name."""

    def __init__(self) -> None:
        import torch

        self.weights: dict[str, Any] = {}
        self._generator = torch.Generator().manual_seed(11)

    def add(self, name: str, *shape: int, scale: float = 0.1) -> None:
        import torch

        self.weights[name] = torch.randn(shape, generator=self._generator) * scale

    def linear(self, name: str, inputs: int, outputs: int) -> None:
        self.add(f"{name}.weight", outputs, inputs, scale=inputs**-0.5)
        self.add(f"{name}.bias", outputs)

    def norm(self, name: str, channels: int) -> None:
        self.linear(name, 1, channels)
        self.weights[f"{name}.weight"] = 1 + self.weights[f"{name}.weight"][:, 0] / 4

    def batch_norm(self, name: str, channels: int) -> None:
        import torch

        self.norm(name, channels)
        self.add(f"{name}.running_mean", channels)
        self.weights[f"{name}.running_var"] = torch.linspace(0.5, 2, channels)
        self.weights[f"{name}.num_batches_tracked"] = torch.tensor(7)

    def convolution(self, name: str, inputs: int, outputs: int, side: int) -> None:
        self.add(
            f"{name}.weight", outputs, inputs, side, side, scale=(inputs * side**2 / 2) ** -0.5
        )


def vit(made: Made, prefix: str, size: int = 224, channels: int = 3) -> None:
    """A transformer of two blocks, width 128 (two heads), patches of a half of the image."""
    width, patch = 128, size // 2
    made.add(f"{prefix}patch_embed.proj.weight", width, channels, patch, patch, scale=0.01)
    made.add(f"{prefix}patch_embed.proj.bias", width)
    made.add(f"{prefix}cls_token", 1, 1, width)
    made.add(f"{prefix}pos_embed", 1, 5, width)
    for i in range(2):
        block = f"{prefix}blocks.{i}."
        made.norm(f"{block}norm1", width)
        made.linear(f"{block}attn.qkv", width, 3 * width)
        made.linear(f"{block}attn.proj", width, width)
        made.norm(f"{block}norm2", width)
        made.linear(f"{block}mlp.fc1", width, 64)
        made.linear(f"{block}mlp.fc2", 64, width)
    made.norm(f"{prefix}norm", width)


def resnet(made: Made, names: dict[str, str]) -> None:
    """A ResNet of one bottleneck a stage, whose parts have these names."""
    made.convolution(names["conv1"], 3, 8, 7)
    made.batch_norm(names["bn1"], 8)
    inputs = 8
    for stage, inner in enumerate((4, 8, 8, 12), start=1):
        block = f"{names[f'layer{stage}']}.0."
        made.convolution(f"{block}conv1", inputs, inner, 1)
        made.batch_norm(f"{block}bn1", inner)
        made.convolution(f"{block}conv2", inner, inner, 3)
        made.batch_norm(f"{block}bn2", inner)
        made.convolution(f"{block}conv3", inner, 4 * inner, 1)
        made.batch_norm(f"{block}bn3", 4 * inner)
        made.convolution(f"{block}downsample.0", inputs, 4 * inner, 1)
        made.batch_norm(f"{block}downsample.1", 4 * inner)
        inputs = 4 * inner


PARTS = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")


def prefixed(prefix: str) -> dict[str, str]:
    return {part: prefix + part for part in PARTS}


def simsiam(made: Made) -> dict[str, Any]:
    resnet(made, prefixed("module.encoder."))
    made.linear("module.encoder.fc.0", 48, 16)
    made.linear("module.predictor.0", 16, 16)
    return {"epoch": 100, "arch": "resnet50", "state_dict": made.weights, "optimizer": {}}


def mocov3(made: Made) -> dict[str, Any]:
    for encoder in ("base", "momentum"):
        vit(made, f"module.{encoder}_encoder.")
        made.linear(f"module.{encoder}_encoder.head.0", 128, 16)
    return {"epoch": 300, "arch": "vit_base", "state_dict": made.weights, "scaler": {}}


def simclr(made: Made) -> dict[str, Any]:
    vit(made, "module.visual.")
    made.linear("module.image_mlp.layer1", 128, 16)
    return {"state_dict": made.weights, "args": argparse.Namespace(model="SIMCLR_VITB16")}


def slip(made: Made) -> dict[str, Any]:
    made.add("module.image_projection", 128, 6)
    made.add("module.text_projection", 8, 6)
    return simclr(made)


def zerovl(made: Made) -> dict[str, Any]:
    vit(made, "image_encoder.model.model.")
    made.linear("image_projection.linear", 128, 6)
    made.linear("text_projection.linear", 128, 6)
    return {"model": made.weights, "epoch": 20}


def cnncl(made: Made) -> dict[str, Any]:
    made.convolution("module.backbone.conv_stem", 3, 8, 3)
    made.batch_norm("module.backbone.bn1", 8)
    inputs = 8
    for stage, outputs in enumerate((8, 12, 12, 16, 16, 20, 24)):
        for i in range(2):
            block = f"module.backbone.blocks.{stage}.{i}."
            if stage == 0:
                made.convolution(f"{block}conv", inputs, outputs, 3)
                made.batch_norm(f"{block}bn1", outputs)
            elif stage < 3:
                made.convolution(f"{block}conv_exp", inputs, 2 * inputs, 3)
                made.batch_norm(f"{block}bn1", 2 * inputs)
                made.convolution(f"{block}conv_pwl", 2 * inputs, outputs, 1)
                made.batch_norm(f"{block}bn2", outputs)
            else:
                made.convolution(f"{block}conv_pw", inputs, 2 * inputs, 1)
                made.batch_norm(f"{block}bn1", 2 * inputs)
                made.convolution(f"{block}conv_dw", 1, 2 * inputs, 3)
                made.batch_norm(f"{block}bn2", 2 * inputs)
                made.convolution(f"{block}se.conv_reduce", 2 * inputs, 4, 1)
                made.add(f"{block}se.conv_reduce.bias", 4)
                made.convolution(f"{block}se.conv_expand", 4, 2 * inputs, 1)
                made.add(f"{block}se.conv_expand.bias", 2 * inputs)
                made.convolution(f"{block}conv_pwl", 2 * inputs, outputs, 1)
                made.batch_norm(f"{block}bn3", outputs)
            inputs = outputs
    made.add("module.fc.weight", 6, 24)
    made.batch_norm("module.bn", 6)
    arguments = argparse.Namespace(input_size=512, arch="tf_efficientnetv2_m_in21ft1k")
    return {"arch": arguments.arch, "args": arguments, "state_dict": made.weights}


def bot(made: Made) -> dict[str, Any]:
    places = ("0", "1", "4", "5", "7", "9")
    resnet(made, {part: f"base.{i}" for part, i in zip(PARTS, places, strict=True)})
    made.add("base.10.p", 1)
    made.linear("projector_feat_bn.0.0", 48, 20)
    made.batch_norm("projector_feat_bn.0.1", 20)
    made.linear("projector_feat_bn.0.3", 20, 24)
    made.batch_norm("projector_feat_bn.1", 24)
    made.batch_norm("matrix_feat_bn.0.0", 24)
    made.linear("matrix_feat_bn.0.2", 24, 6)
    made.batch_norm("matrix_feat_bn.1", 6)
    return made.weights


def anypattern(made: Made) -> dict[str, Any]:
    vit(made, "module.vit.", channels=9)
    made.add("module.vit.pattern_token", 1, 1, 128)
    made.add("module.vit.pos_embed_1", 1, 1, 128)
    made.linear("module.vit.head_pat", 128, 90)
    made.linear("module.linear", 128, 6)
    made.weights["module.projector_feat_bn_1.0.weight"] = made.weights["module.linear.weight"]
    made.add("module.classifier.weight", 10, 128)
    return made.weights


MADE: dict[str, Callable[[Made], dict[str, Any]]] = {
    "simsiam": simsiam,
    "mocov3": mocov3,
    "simclr": simclr,
    "slip": slip,
    "zerovl": zerovl,
    "cnncl": cnncl,
    "bot": bot,
    "anypattern": anypattern,
}
