"""Functions for the weights of a network by name."""

import re

import torch
from torch import nn

Weights = dict[str, torch.Tensor]


def below(weights: Weights, prefix: str) -> Weights:
    """Select the weights whose names begin with a prefix, and remove it from their names.

    Args:
        weights: the weights by name.
        prefix: the prefix, such as ``encoder.``.
    """
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def count(weights: Weights, prefix: str) -> int:
    """Count the layers that are numbered ``prefix0.``, ``prefix1.`` and so on.

    Args:
        weights: the weights by name.
        prefix: what comes before the number, such as ``blocks.``.
    """
    numbers = (re.match(rf"{re.escape(prefix)}(\d+)\.", name) for name in weights)
    return len({number[1] for number in numbers if number})


def load(module: nn.Module, weights: Weights) -> nn.Module:
    """Load weights into a module, and set the module to evaluation.

    Weights that the module does not have are ignored.

    Args:
        module: the module to fill.
        weights: the weights by name.

    Returns:
        The same module.

    Raises:
        KeyError: if a weight of the module is missing or has another shape.
    """
    own = module.state_dict()
    # A batch norm counts its batches in training, which evaluation does not use.
    counters = {name for name in own if name.endswith("num_batches_tracked")}
    for name in own.keys() - counters:
        if name not in weights or weights[name].shape != own[name].shape:
            raise KeyError(name)
    module.load_state_dict({name: weights[name] for name in own.keys() - counters}, strict=False)
    return module.eval()
