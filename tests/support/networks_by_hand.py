"""The networks of public models in plain arithmetic, as slow as it may be."""

import math
from typing import Any

import numpy as np

from originid.encoders.public import Baseline


def normalised(images: np.ndarray, baseline: Baseline) -> Any:
    """The slow, obvious way: one image and one colour after the other."""
    import torch

    out = np.zeros((len(images), 3, *images.shape[1:3]), np.float64)
    for n in range(len(images)):
        for c in range(3):
            out[n, c] = (images[n, :, :, c] / 255.0 - baseline.mean[c]) / baseline.std[c]
    return torch.from_numpy(out.astype(np.float32))


def below(weights: Any, prefix: str) -> Any:
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def vit_by_hand(w: Any, x: Any) -> Any:
    """The class token, from x (n, channels, s, s)."""
    import torch

    patches = torch.nn.functional.conv2d(
        x, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=112
    )
    first = w["cls_token"].expand(len(x), -1, -1)
    tokens = torch.cat([first, patches.flatten(2).transpose(1, 2)], 1) + w["pos_embed"]
    if "pattern_token" in w:
        last = (w["pattern_token"] + w["pos_embed_1"]).expand(len(x), -1, -1)
        tokens = torch.cat([tokens, last], 1)
    for i in range(2):
        tokens = block_by_hand(below(w, f"blocks.{i}."), tokens)
    return layer_norm(w, "norm", tokens)[:, 0]


def block_by_hand(w: Any, x: Any) -> Any:
    import torch

    y = linear(w, "attn.qkv", layer_norm(w, "norm1", x))
    queries, keys, values = y.split(128, dim=-1)
    heads = []
    for head in range(2):
        part = slice(64 * head, 64 * head + 64)
        scores = queries[..., part] @ keys[..., part].transpose(1, 2) / 8
        heads.append(scores.softmax(-1) @ values[..., part])
    x = x + linear(w, "attn.proj", torch.cat(heads, -1))
    inner = linear(w, "mlp.fc1", layer_norm(w, "norm2", x))
    return x + linear(w, "mlp.fc2", inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2))))


def layer_norm(w: Any, name: str, x: Any) -> Any:
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def linear(w: Any, name: str, x: Any) -> Any:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def batch_norm(w: Any, name: str, x: Any, eps: float = 1e-5) -> Any:
    names = [f"{name}.{part}" for part in ("running_mean", "running_var", "weight", "bias")]
    shape = (1, -1, *(1,) * (x.ndim - 2))
    mean, variance, weight, bias = (w[each].reshape(shape) for each in names)
    return (x - mean) / (variance + eps).sqrt() * weight + bias


def convolve(w: Any, name: str, x: Any, stride: int = 1, groups: int = 1) -> Any:
    import torch

    kernel = w[f"{name}.weight"]
    return torch.nn.functional.conv2d(
        x, kernel, w.get(f"{name}.bias"), stride, kernel.shape[2] // 2, groups=groups
    )


def resnet_by_hand(w: Any, x: Any, strides: tuple[int, ...]) -> Any:
    """The last feature map, from parts that are named as in torchvision."""
    import torch

    x = batch_norm(w, "bn1", convolve(w, "conv1", x, 2)).relu()
    x = torch.nn.functional.max_pool2d(x, 3, 2, 1)
    for stage, stride in enumerate(strides, start=1):
        b = below(w, f"layer{stage}.0.")
        y = batch_norm(b, "bn1", convolve(b, "conv1", x)).relu()
        y = batch_norm(b, "bn2", convolve(b, "conv2", y, stride)).relu()
        y = batch_norm(b, "bn3", convolve(b, "conv3", y))
        x = (y + batch_norm(b, "downsample.1", convolve(b, "downsample.0", x, stride))).relu()
    return x


def same(w: Any, name: str, x: Any, stride: int = 1, groups: int = 1) -> Any:
    """A convolution whose padding is that of TensorFlow's SAME for even sides."""
    import torch

    side = w[f"{name}.weight"].shape[2]
    total = side - 1 if stride == 1 else max(side - 2, 0)
    left = total // 2
    pads = (left, total - left, left, total - left)
    x = torch.nn.functional.pad(x, pads)
    return torch.nn.functional.conv2d(
        x, w[f"{name}.weight"], w.get(f"{name}.bias"), stride, groups=groups
    )


def efficientnet_by_hand(w: Any, x: Any) -> Any:
    """The last feature map of what `cnncl` makes."""

    def silu(y: Any) -> Any:
        return y * y.sigmoid()

    def norm(w: Any, name: str, y: Any) -> Any:
        return batch_norm(w, name, y, 1e-3)

    x = silu(norm(w, "bn1", same(w, "conv_stem", x, 2)))
    for stage, stride in enumerate((1, 2, 2, 2, 1, 2, 1)):
        for i in range(2):
            b, step = below(w, f"blocks.{stage}.{i}."), stride if i == 0 else 1
            if stage == 0:
                y = silu(norm(b, "bn1", same(b, "conv", x, step)))
            elif stage < 3:
                y = silu(norm(b, "bn1", same(b, "conv_exp", x, step)))
                y = norm(b, "bn2", same(b, "conv_pwl", y))
            else:
                y = silu(norm(b, "bn1", same(b, "conv_pw", x)))
                y = silu(norm(b, "bn2", same(b, "conv_dw", y, step, groups=y.shape[1])))
                inner = silu(same(b, "se.conv_reduce", y.mean((2, 3), keepdim=True)))
                y = y * same(b, "se.conv_expand", inner).sigmoid()
                y = norm(b, "bn3", same(b, "conv_pwl", y))
            x = x + y if y.shape == x.shape and step == 1 else y
    return x


def by_hand(name: str, weights: Any, x: Any) -> Any:
    """The latents of normalised images, by arithmetic on the published weights."""
    import torch

    w = {k.removeprefix("module."): v for k, v in weights.items()}
    if name == "simsiam":
        return resnet_by_hand(below(w, "encoder."), x, (1, 2, 2, 2)).mean((2, 3))
    if name == "mocov3":
        return vit_by_hand(below(w, "base_encoder."), x)
    if name == "simclr":
        return vit_by_hand(below(w, "visual."), x)
    if name == "slip":
        return vit_by_hand(below(w, "visual."), x) @ w["image_projection"]
    if name == "zerovl":
        token = vit_by_hand(below(w, "image_encoder.model.model."), x)
        return unit(linear(w, "image_projection.linear", token))
    if name == "anypattern":
        token = vit_by_hand(below(w, "vit."), torch.cat([x, x, x], 1))
        return linear(w, "linear", token)
    if name == "cnncl":
        pooled = efficientnet_by_hand(below(w, "backbone."), x).mean((2, 3))
        return unit(batch_norm(w, "bn", pooled @ w["fc.weight"].T))
    return bot_by_hand(w, x)


def bot_by_hand(w: Any, x: Any) -> Any:
    import torch

    places = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "7": "layer3", "9": "layer4"}
    base: dict[str, Any] = {}
    for place, part in places.items():
        base |= {f"{part}.{k}": v for k, v in below(w, f"base.{place}.").items()}
    total = 0.0
    for side in (200, 256, 320, 400):
        resized = torch.nn.functional.interpolate(
            x, (side, side), mode="bilinear", antialias=True, align_corners=False
        )
        y = resnet_by_hand(base, resized, (1, 2, 2, 1))
        y = (y.clamp(min=1e-6) ** 3).mean((2, 3)) ** (1 / 3)
        y = batch_norm(w, "projector_feat_bn.0.1", linear(w, "projector_feat_bn.0.0", y))
        y = linear(w, "projector_feat_bn.0.3", torch.where(y > 0, y, 0.2 * y))
        y = batch_norm(w, "projector_feat_bn.1", y)
        y = batch_norm(w, "matrix_feat_bn.0.0", y)
        y = linear(w, "matrix_feat_bn.0.2", torch.where(y > 0, y, 0.2 * y))
        total = total + unit(batch_norm(w, "matrix_feat_bn.1", y))
    return total / 4


def unit(x: Any) -> Any:
    return x / x.norm(dim=1, keepdim=True)
