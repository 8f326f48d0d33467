"""Import the paper's own weights: its W as its authors published it (extra ``[vae]``).

The file is a bare float tensor (dim, latent_dim) in torch's format. The paper's is 512 x 4,096 and
is applied to the latent of Stable Diffusion 2's VAE, without a mean. The licence of those weights,
`LICENCE`, forbids commercial use.
"""

import hashlib
import os
import pickle
import re
import struct
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from originid import __version__
from originid.encoders import Encoder, latent_dim, open_encoder
from originid.errors import ExtraError, InputError
from originid.images.find_files import find_images, refuse_missing
from originid.latents import encode_paths
from originid.maps import DenseMap, unit_length
from originid.model import Model, save_model
from originid.system.paths import Paths, as_paths
from originid.system.progress import Progress, silent
from originid.system.small_files import check_regular
from originid.system.storage import refuse_existing
from originid.types import Failure, Floats32, Latents
from originid.verdict.calibration import Calibration
from originid.verdict.pareto_tail import pooled_tail

try:
    import torch
except ImportError as error:
    raise ExtraError("reading the official weights", "vae") from error

LICENCE = "CC-BY-NC-4.0"
SOURCE = "https://github.com/WangWenhao0716/ID2"
MOST_BYTES = 2_000_000_000  # of a file of weights; the published ones have 8 million
SAMPLE = 2_000  # photos to calibrate on; they give two million scores, and more gain little
# Every torch file starts as a zip archive or, before torch 1.6, as a pickle of protocol 2 to 5.
_MAGIC = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
# What torch.load was seen to raise for damaged files.
_DAMAGE = (
    pickle.UnpicklingError,
    struct.error,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
)
_BARE = "expected a bare float tensor of two dimensions, (dim, latent_dim), as torch.save writes it"


def read_official(path: str | os.PathLike[str]) -> Floats32:
    """Read a bare tensor from a torch file, without running code that the file may hold.

    Args:
        path: The path of the torch file.

    Returns:
        float32 of shape (dim, latent_dim).

    Raises:
        InputError: The file is absent or damaged, holds code or anything else than such a tensor,
            or has values that are not finite.
    """
    value = _load(Path(path))
    good = isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim == 2
    # A tensor on torch's device "meta" has a shape but no values.
    if not good or value.layout is not torch.strided or value.is_meta or not value.numel():
        raise InputError(
            f"{os.fspath(path)} holds {_describe(value)}", _BARE, "give the file that holds only W"
        )
    matrix = np.ascontiguousarray(value.detach().float().numpy(), dtype=np.float32)
    if not (np.isfinite(matrix).all() and matrix.any()):
        raise InputError(
            f"{os.fspath(path)} holds {_describe(value)} with values that are not finite, or all 0",
            "expected finite numbers",
            "copy the file again from where it came",
        )
    return matrix


def import_official(
    path: str | os.PathLike[str],
    vae: str,
    output: str | os.PathLike[str],
    origins: Paths = (),
    progress: Progress = silent,
) -> tuple[Model, list[Failure]]:
    """Make a model of the official W and a VAE, calibrated on photos compared with each other.

    Args:
        path: The path of the torch file.
        vae: The folder or hub id of the VAE whose latents W takes.
        output: The folder of the model, which must not exist yet.
        origins: Folders of photos to calibrate on. Without any, the photos of the demo are used,
            which are few.
        progress: Called with the number of photos that are encoded, and the number of all.

    Returns:
        The model, and the photos that could not be used.

    Raises:
        InputError: The file, the VAE or a folder cannot be used, the dims do not fit, or there are
            too few photos.
        StorageError: The disk refuses.
    """
    refuse_existing(Path(output))  # now, and not after minutes of encoding
    given = as_paths(origins)
    refuse_missing(given)
    matrix = read_official(path)
    encoder = open_encoder(f"diffusers:{vae}")
    _check_dims(path, matrix, encoder)
    map = DenseMap(matrix, np.zeros(matrix.shape[1], np.float32))
    photos = given or [str(files("originid") / "data" / "demo_photos")]
    latents, failures = _encode(photos, encoder, progress)
    vectors = unit_length(map.apply(latents))
    # Each photo is a stranger to every other; the upper triangle has each pair once.
    scores = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    training = {
        "method": "official weights",
        "file": Path(path).name,
        "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        "source": SOURCE,
        "licence": LICENCE,
        "calibration_photos": len(latents),
        "originid": __version__,
    }
    calibration = Calibration(pooled_tail(scores))
    return save_model(output, encoder, map, calibration, training), failures


def _load(path: Path) -> Any:
    try:
        check_regular(path, MOST_BYTES)
        with open(path, "rb") as file:
            start = file.read(4)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: {getattr(error, 'strerror', None) or error}",
            "expected a file that can be read",
            "check the path and the permissions",
        ) from error
    if not start.startswith(_MAGIC):
        raise InputError(
            f"{path} is not a file of torch",  # neither a zip archive nor a pickle
            _BARE,
            "give the .pth.tar that the paper's authors publish; it is not a tar archive",
        )
    try:
        with warnings.catch_warnings():
            # Torch warns of old pickle protocols; what it cannot read raises an error anyway.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        raise _refused(path, str(error)) from error


def _refused(path: Path, message: str) -> InputError:
    code = re.search(r"GLOBAL\s+([\w.]+)", message)
    if code:
        return InputError(
            f"{path} was refused: it asks to run {code[1]}, which a tensor does not need",
            _BARE,
            "nothing of it was run; get the weights from where their authors publish them",
        )
    first_line = (message.splitlines() or ["no reason given"])[0][:200]
    return InputError(
        f"{path} cannot be read: {first_line}", _BARE, "copy the file again from where it came"
    )


def _describe(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)} and type {value.dtype}"
    if isinstance(value, dict):
        return f"a dictionary with {', '.join(map(repr, list(value)[:5]))}" if value else "{}"
    return f"a {type(value).__name__}"


def _check_dims(path: str | os.PathLike[str], matrix: Floats32, encoder: Encoder) -> None:
    wanted = latent_dim(encoder.shapes)
    if matrix.shape[1] == wanted:
        return
    todo = "name the VAE that the weights were trained on; the paper's is Stable Diffusion 2's"
    if matrix.shape[0] == wanted:
        todo = "the tensor has its rows and columns exchanged: save its transpose"
    raise InputError(
        f"{os.fspath(path)} takes latents of {matrix.shape[1]} components",
        f"expected {wanted}, {' + '.join(map(str, encoder.shapes))}, as {encoder.spec} makes",
        todo,
    )


def _encode(
    folders: Paths,
    encoder: Encoder,
    progress: Progress,
) -> tuple[Latents, list[Failure]]:
    """Encode different photos, at most `SAMPLE` of them, evenly spread over the folders."""
    failures: list[Failure] = []
    found = list(find_images(folders, failures.append))
    sample = [found[i] for i in np.linspace(0, len(found) - 1, min(len(found), SAMPLE)).astype(int)]
    latents: dict[bytes, Latents] = {}  # by SHA-256, as a photo and its copy are no strangers
    for chunk in encode_paths(sample, encoder, failures.append, progress):
        latents |= {entry.sha256: entry.latent for entry in chunk}
    if not latents:
        raise InputError(
            "no photo to calibrate on", "expected readable image files", "name another folder"
        )
    return np.stack(list(latents.values())), failures
