"""What gradient descent changes, as tensors by name, for a checkpoint."""

from collections.abc import Mapping

import torch

Arrays = dict[str, torch.Tensor]


def pack(
    steps: int,
    parameters: Mapping[str, torch.Tensor],
    average: Arrays,
    optimizers: Mapping[str, torch.optim.Optimizer],
) -> Arrays:
    """All of it by name; copies are not made.

    Args:
        steps: taken.
        parameters: that are learned, by name.
        average: the moving average of each.
        optimizers: whose moments count, by a name without a dot.
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
    """Put what `pack` gave back in place, and return the steps.

    Raises:
        KeyError, RuntimeError: something is missing, or of another shape.
    """
    for name, each in parameters.items():
        each.detach().copy_(tensors[f"parameter.{name}"])
        average[name].copy_(tensors[f"average.{name}"])
    for kind, optimizer in optimizers.items():
        packed = optimizer.state_dict()
        # It counts steps in a whole number, which a tensor would round.
        sparse = isinstance(optimizer, torch.optim.SparseAdam)
        for name, tensor in tensors.items():
            owner, _, rest = name.partition(".")
            if owner == kind:
                i, key = rest.split(".")
                value = int(tensor) if sparse and key == "step" else tensor
                packed["state"].setdefault(int(i), {})[key] = value
        optimizer.load_state_dict(packed)
    return int(tensors["steps"])
