"""Weights by name."""

import re

import torch
from torch import nn

Weights = dict[str, torch.Tensor]


def below(weights: Weights, prefix: str) -> Weights:
    """The weights whose names start with a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def count(weights: Weights, prefix: str) -> int:
    """How many numbered parts there are: ``prefix0.``, ``prefix1.`` and so on."""
    numbers = (re.match(rf"{re.escape(prefix)}(\d+)\.", name) for name in weights)
    return len({number[1] for number in numbers if number})


def load(module: nn.Module, weights: Weights) -> nn.Module:
    """Fill a module with weights, all of which it must have.

    Raises:
        KeyError: one is missing or has another shape.
    """
    own = module.state_dict()
    counters = {name for name in own if name.endswith("num_batches_tracked")}
    for name in own.keys() - counters:
        if name not in weights or weights[name].shape != own[name].shape:
            raise KeyError(name)
    module.load_state_dict({name: weights[name] for name in own.keys() - counters}, strict=False)
    return module.eval()
