"""What encoders that run a torch network share."""

import hashlib
import json
from collections.abc import Mapping

from originid.errors import ExtraError

try:
    import torch
except ImportError as error:
    raise ExtraError("an encoder that runs a torch network", "vae") from error


def best_device() -> str:
    """The accelerator of this machine that torch can use, else the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def usual_precision(device: torch.device) -> torch.dtype:
    """The precision of a network: bfloat16 on CUDA, float32 elsewhere."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def weights_sha256(kind: str, weights: Mapping[str, torch.Tensor]) -> str:
    """Hash of an architecture's name and its weights, whatever their file, 32 hex digits."""
    digest = hashlib.sha256(json.dumps(kind).encode())
    for name, tensor in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:32]
