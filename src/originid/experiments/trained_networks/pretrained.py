"""The first weights of a backbone, from a published checkpoint instead of random ones."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from originid.encoders.public.published import read_weights
from originid.errors import InputError
from originid.experiments.trained_networks.backbones import ResNet, Vit

VIT = {
    r"^patches\.": "patch_embed.proj.",
    r"^first$": "cls_token",
    r"^positions$": "pos_embed",
    r"\.self_attn\.in_proj_": ".attn.qkv.",
    r"\.self_attn\.out_proj\.": ".attn.proj.",
    r"\.linear(\d)\.": r".mlp.fc\1.",
}
"""How names of a ViT's weights here (regular expressions) become the names of timm."""
IBN = {"instance.": "IN.", "batch.": "BN."}
"""How names of an `Ibn` norm's weights here become the names of IBN-Net's authors."""
COUNTER = "num_batches_tracked"  # of a batch norm, which is no weight and may be missing


def load_backbone(backbone: ResNet | Vit, path: str) -> None:
    """Give a backbone the weights of a checkpoint.

    Args:
        backbone: the backbone, which has the sizes of the checkpoint. It is changed.
        path: a file of tensors by their names. The names are those of timm's vision transformers,
            or those of the ResNets of IBN-Net's authors, which are torchvision's except the norms.

    Raises:
        InputError: the file is no such checkpoint, or has tensors of other sizes.
    """
    try:
        weights = read_weights(Path(path))
    except (OSError, ValueError) as error:
        raise _unusable(path, (str(error).splitlines() or [""])[0]) from error
    own: dict[str, Any] = backbone.state_dict()
    theirs = _vit_names(own) if isinstance(backbone, Vit) else dict(_resnet_names(backbone, own))
    for name, their_name in theirs.items():
        if their_name not in weights:
            raise _unusable(path, f"it lacks {their_name}")
        if weights[their_name].shape != own[name].shape:
            found, expected = (tuple(each.shape) for each in (weights[their_name], own[name]))
            raise _unusable(path, f"{their_name} has the shape {found}, not {expected}")
    backbone.load_state_dict({name: weights[each] for name, each in theirs.items()}, strict=False)


def _vit_names(own: dict[str, Any]) -> dict[str, str]:
    names = {}
    for name in own:
        theirs = name
        for here, there in VIT.items():
            theirs = re.sub(here, there, theirs)
        names[name] = theirs
    return names


def _resnet_names(backbone: ResNet, own: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each weight's name here and in the checkpoint.

    Here layers are numbered from the first to the last. In the checkpoint they are named by stage
    and block.
    """
    places = [
        f"layer{stage}.{block}"
        for stage, blocks in enumerate(backbone.depth, start=1)
        for block in range(blocks)
    ]
    first_block = len(backbone.layers) - len(places)
    for name in own:
        if name.endswith(COUNTER):
            continue
        _, number, rest = name.split(".", 2)
        if int(number) < first_block:
            yield name, f"{'conv1' if number == '0' else 'bn1'}.{rest}"
            continue
        part, layer, rest = rest.split(".", 2)
        place = places[int(number) - first_block]
        if part == "skip":
            yield name, f"{place}.downsample.{layer}.{rest}"
            continue
        for here, there in IBN.items():
            rest = re.sub(rf"^{re.escape(here)}", there, rest)
        kind, position = ("conv", "bn")[int(layer) % 3], int(layer) // 3 + 1
        yield name, f"{place}.{kind}{position}.{rest}"


def _unusable(path: str, why: str) -> InputError:
    return InputError(
        f"weights {path}: {why}",
        "expected a checkpoint of timm's vision transformers or of IBN-Net's ResNets, of the size "
        "that the settings say",
        "name another file, or leave it out to begin from random values",
    )
