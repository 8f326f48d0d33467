"""What gradient descent changes: its moving average, and its tensors by name for a checkpoint."""

from collections.abc import Mapping

import torch

Arrays = dict[str, torch.Tensor]
"""Tensors by name."""


def move_average(
    average: Mapping[str, torch.Tensor],
    values: Mapping[str, torch.Tensor],
    steps: int,
    largest_decay: float,
    warmup: int = 10,
) -> None:
    """Move an exponential moving average (EMA) one step toward new values, in place.

    The decay is ``min(largest_decay, (1 + steps) / (warmup + steps))``. It is small at first, so
    that the random first values are forgotten soon.

    Args:
        average: The averaged tensors by name. Tensors of whole numbers, which some networks use as
            counters, stay as they are.
        values: The new tensors, which have at least the names and the shapes of the average.
        steps: The number of steps that were taken, this one included.
        largest_decay: The decay after many steps, in [0, 1).
        warmup: A number of steps, above 1. The larger it is, the longer the decay stays small.
    """
    decay = min(largest_decay, (1 + steps) / (warmup + steps))
    for name, mean in average.items():
        if mean.is_floating_point():
            mean.lerp_(values[name].detach(), 1 - decay)


def pack(
    steps: int,
    parameters: Mapping[str, torch.Tensor],
    average: Arrays,
    optimizers: Mapping[str, torch.optim.Optimizer],
) -> Arrays:
    """Collect all that gradient descent changes as tensors by name, without copying them.

    Args:
        steps: The number of steps that were taken.
        parameters: The learned tensors by name.
        average: The moving average of each parameter, under the same names.
        optimizers: The optimizers whose moments belong to the state, each under a name that has
            no dot in it.
    """
    tensors = {"steps": torch.tensor(steps)}
    for name, each in parameters.items():
        tensors[f"parameter.{name}"] = each.detach()
        tensors[f"average.{name}"] = average[name]
    for kind, optimizer in optimizers.items():
        for i, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"{kind}.{i}.{key}"] = torch.as_tensor(value)
    return tensors


def unpack(
    tensors: Arrays,
    parameters: Mapping[str, torch.Tensor],
    average: Arrays,
    optimizers: Mapping[str, torch.optim.Optimizer],
) -> int:
    """Copy what `pack` collected back to its place, and return the number of steps taken.

    Args:
        tensors: What `pack` returned.
        parameters: The learned tensors by name, which are overwritten.
        average: The moving average of each parameter, which is overwritten.
        optimizers: The optimizers by the names that `pack` was given; their moments are replaced.

    Raises:
        KeyError: A tensor is missing.
        RuntimeError: A tensor has another shape than the one that it is copied to.
    """
    for name, each in parameters.items():
        each.detach().copy_(tensors[f"parameter.{name}"])
        average[name].copy_(tensors[f"average.{name}"])
    for kind, optimizer in optimizers.items():
        packed = optimizer.state_dict()
        # SparseAdam counts its steps in a Python int, and computes with it; the others in a tensor.
        sparse = isinstance(optimizer, torch.optim.SparseAdam)
        for name, tensor in tensors.items():
            owner, _, rest = name.partition(".")
            if owner == kind:
                i, key = rest.split(".")
                value = int(tensor) if sparse and key == "step" else tensor
                packed["state"].setdefault(int(i), {})[key] = value
        optimizer.load_state_dict(packed)
    return int(tensors["steps"])
