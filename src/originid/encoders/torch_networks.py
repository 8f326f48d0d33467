"""Functions that all encoders with a torch network share."""

import hashlib
import json
from collections.abc import Mapping

from originid.errors import ExtraError, InputError
from originid.system.chosen_device import VARIABLE, chosen_device

try:
    import torch
except ImportError as error:
    raise ExtraError("an encoder that runs a torch network", "vae") from error


def best_device() -> str:
    """Return the name of the device for encoding and generating.

    It is the one that a person chose in the environment (see `chosen_device`), else the best one
    that torch can use: ``cuda``, ``mps`` or ``cpu``.

    Raises:
        InputError: torch does not have the device that a person chose.
    """
    chosen = chosen_device()
    if chosen is not None:
        return str(usable_device(chosen))
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def training_device() -> torch.device:
    """Return the device to train networks on: as `best_device`, but MPS only if it was chosen.

    Raises:
        InputError: torch does not have the device that a person chose.
    """
    best = torch.device(best_device())
    return torch.device("cpu") if best.type == "mps" and chosen_device() is None else best


def usable_device(name: str) -> torch.device:
    """Return a device of this machine.

    Args:
        name: its name in torch, such as ``cpu`` or ``cuda:0``.

    Raises:
        InputError: torch does not have it.
    """
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"device {name!r}",
            "expected a device that this torch has, such as cpu or cuda:0",
            f"name another device, or unset {VARIABLE}",
        ) from error


def usual_precision(device: torch.device) -> torch.dtype:
    """Return the usual precision of a network: bfloat16 on CUDA, float32 elsewhere.

    Args:
        device: the device that the network runs on.
    """
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 by itself, so that it costs less than float32.

    Args:
        device: the device that a network is trained on.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def weights_sha256(kind: str, weights: Mapping[str, torch.Tensor]) -> str:
    """Hash the weights of a network; their file and its format do not matter.

    Args:
        kind: the name of the architecture, which is hashed too.
        weights: the weights by name, on any device.

    Returns:
        32 hex digits.
    """
    digest = hashlib.sha256(json.dumps(kind).encode())
    for name, tensor in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:32]
