"""Functions that all encoders with a torch network share."""

import hashlib
import json
from collections.abc import Mapping

from originid.errors import ExtraError

try:
    import torch
except ImportError as error:
    raise ExtraError("an encoder that runs a torch network", "vae") from error


def best_device() -> str:
    """Return the name of the best device that torch can use: ``cuda``, ``mps`` or ``cpu``."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def usual_precision(device: torch.device) -> torch.dtype:
    """Return the usual precision of a network: bfloat16 on CUDA, float32 elsewhere.

    Args:
        device: the device that the network runs on.
    """
    return torch.bfloat16 if device.type == "cuda" else torch.float32


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
