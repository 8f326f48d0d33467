"""A model: everything that fixes the vector of an image, in one directory.

``model.json`` names the encoder, the preprocessing, the map and the calibration, and says how
they were made; ``map.safetensors`` holds the map.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from originid.encoders import Encoder, is_complete, latent_dim, open_encoder, split_spec, with_files
from originid.errors import ImageError, InputError, ModelError, cause
from originid.images.decode import PREPROCESSING
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import ImageLike, as_sources
from originid.maps import DctMap, LatentsLike, Map, as_latents, load_map, save_map, unit_length
from originid.model_description import (
    FILE,
    FORMAT,
    MAP,
    MOST_BYTES,
    PACKAGED,
    is_packaged,
    packaged_models,
    read_description,
)
from originid.system.small_files import read_small_file
from originid.system.storage import new_directory
from originid.system.text import closest
from originid.types import Failure, Json, Latents, Vectors
from originid.verdict.calibration import Calibration
from originid.verdict.margins import CELLS

DEFAULT = "default"
MOST_SHOWN = 400  # characters of a reason, in which a text of the file may stand
RESTORE = "restore the encoder's weights, or train the model again"


@dataclass(frozen=True, repr=False)
class Model:
    """An encoder, a map and a calibration.

    Args:
        folder: where it is stored.
        name: what the user calls it.
        spec: the text that names the encoder.
        encoder_identity: the identity the encoder had when the map was fitted.
        size: side in pixels of the images it takes.
        map: the map.
        map_sha256: hash of the map's file.
        calibration: from scores to confidence.
        training: how the model was made.
        own_encoder: an encoder of the user's own, used in place of what ``spec`` names.

    Example:
        >>> import originid
        >>> model = originid.open_model()
        >>> latents = model.encoder.encode(np.zeros((2, model.size, model.size, 3), np.uint8))
        >>> model.vectors(latents).shape == (2, model.dim)
        True
    """

    folder: Path
    name: str
    spec: str
    encoder_identity: str
    size: int
    map: Map
    map_sha256: str
    calibration: Calibration
    training: Json = field(default_factory=dict)
    own_encoder: Encoder | None = None

    @property
    def files(self) -> list[Path]:
        """What its folder holds."""
        parts = split_spec(self.spec)
        encoders = [Path(part[5:]) for part in parts if part.startswith("onnx:")]
        return [self.folder / FILE, self.folder / MAP, *encoders]

    @property
    def dim(self) -> int:
        """Number of components of a vector."""
        return self.map.dim

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits that differ whenever an image's vector would."""
        parts = [PREPROCESSING, str(self.size), self.encoder_identity, self.map_sha256]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder, built on first use and checked against the one the map was fitted on.

        Raises:
            ModelError: it is another encoder, or other weights.
            InputError: its weights cannot be used.
        """
        encoder = self.own_encoder or open_encoder(self.spec, stored=True)
        self.refuse_other(encoder)
        if latent_dim(encoder.shapes) != self.map.latent_dim:
            raise ModelError(
                f"encoder {self.spec} makes latents of {latent_dim(encoder.shapes)} components",
                f"expected {self.map.latent_dim}, as the map of model {self.name} takes",
                "train the model again",
            )
        return encoder

    def refuse_other(self, encoder: Encoder, todo: str = RESTORE) -> None:
        """Raise ModelError, with the advice given, unless the map was fitted on this encoder."""
        if encoder.identity != self.encoder_identity:
            raise ModelError(
                f"encoder {encoder.spec} is {encoder.identity}",
                f"expected {self.encoder_identity}, on which model {self.name} was fitted",
                todo,
            )

    @cached_property
    def natural_mean(self) -> Latents | None:
        """The mean latent of natural images (latent_dim,), which stands for what is not known.

        None where the map subtracts no mean, or where latents are not a grid of 32 x 32 cells.
        """
        grid = all(shape[1:] == (CELLS, CELLS) for shape in self.encoder.shapes)
        if not grid or not isinstance(self.map, DctMap):
            return None
        mean: Latents = self.map.basis.latents(self.map.mean[None])[0]
        return mean

    def __repr__(self) -> str:
        return f"Model({self.name!r}: {self.spec}, vectors of {self.dim} components)"

    def vectors(self, latents: LatentsLike) -> Vectors:
        """Map latents to unit-length vectors.

        Args:
            latents: numbers of shape (n, latent_dim) or (n, C, H, W), or one latent (C, H, W): an
                array, or a tensor of torch on any device.

        Returns:
            float32 of shape (n, dim), n = 1 for one latent.

        Raises:
            InputError: the shape is not that of latents of this model.
        """
        return unit_length(self.map.apply(as_latents(latents, self.map.latent_dim)))

    def encode(self, images: ImageLike | Iterable[ImageLike]) -> Vectors:
        """Vectors of images of any size, the same as a collection stores for their files.

        Args:
            images: one image or several: paths, bytes of files, images of Pillow, or uint8 RGB
                arrays (h, w, 3). An array (n, h, w, 3) is n images.

        Returns:
            Unit-length float32 vectors (n, dim), n = 1 for one image.

        Raises:
            ImageError: an image cannot be used; it is named by its path or by its number.
            InputError: an array of another type or shape.

        Example:
            >>> import originid
            >>> from originid.testing import textured_image
            >>> originid.open_model().encode([textured_image(1), textured_image(2)]).shape
            (2, 2106)
        """
        latents = []
        for chunk in encode_sources(as_sources(images), self.encoder):
            for entry in chunk:
                if isinstance(entry, Failure):
                    raise ImageError(
                        f"{entry.path}: {entry.reason}",
                        "expected images that can be read",
                        "leave this one out, or save it anew",
                    )
                if isinstance(entry, Encoded):
                    latents.append(entry.latent)
        if not latents:
            return np.empty((0, self.dim), np.float32)
        return self.vectors(np.stack(latents))


def save_model(
    path: str | os.PathLike[str],
    encoder: Encoder,
    map: Map,
    calibration: Calibration,
    training: Json,
) -> Model:
    """Write a model directory, all of it or nothing, and open it.

    Raises:
        InputError: ``path`` exists.
        StorageError: the disk refuses.
    """
    with new_directory(Path(path)) as folder:
        map_sha256 = save_map(map, folder / MAP)
        spec = _bring(encoder.spec, folder)
        description = {
            "format": FORMAT,
            "encoder": {"spec": spec, "identity": encoder.identity, "size": encoder.size},
            "preprocessing": PREPROCESSING,
            "map": {
                "kind": map.kind,
                "latent_dim": map.latent_dim,
                "dim": map.dim,
                "sha256": map_sha256,
            },
            "calibration": asdict(calibration),
            "training": training,
        }
        text = json.dumps(description, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        (folder / FILE).write_text(text, encoding="utf-8")
    return open_model(path, None if is_complete(encoder.spec) else encoder)


def _bring(spec: str, folder: Path) -> str:
    """Copy the encoder files that a text names into a model's folder; the text that names these."""

    def copied(number: int, file: str) -> str:
        """Copy an encoder's file into the folder; return its name there."""
        name = f"encoder-{number}.onnx" if number else "encoder.onnx"
        shutil.copyfile(file, folder / name)
        return name

    return with_files(spec, copied)


def open_model(name: str | os.PathLike[str] = DEFAULT, encoder: Encoder | None = None) -> Model:
    """Open a packaged model by name, or a model directory.

    Args:
        name: the name of a packaged model, or the folder of a model.
        encoder: an encoder of your own, for a model that was made with it. It must have the
            identity that the model was made with.

    Raises:
        ModelError: there is no such model, or it is damaged or of another format.

    Example:
        >>> import originid
        >>> originid.open_model("default").spec
        'colours+edges'
    """
    text = os.fspath(name)
    if re.fullmatch(r"[a-z0-9-]+", text) and text in packaged_models():
        folder = PACKAGED / text
    else:
        folder = Path(text)
    try:
        return _model(text, folder, encoder)
    except FileNotFoundError as error:
        known = packaged_models()
        other = "name another, or see how to train one: originid train --help"
        raise ModelError(
            f"no model at {text!r}",
            f"expected a packaged model ({', '.join(known)}) or a folder with a {FILE}",
            closest(text, known, other),
        ) from error
    except (OSError, KeyError, TypeError, ValueError, InputError) as error:
        reason = error.reason if isinstance(error, InputError) else cause(error)
        raise ModelError(
            f"model {text!r} cannot be used: {reason[:MOST_SHOWN]}",
            "expected a complete model directory",
            "train the model again, or copy it again from where it came",
        ) from error


def _model(name: str, folder: Path, own: Encoder | None) -> Model:
    described = read_description(folder)
    map = load_map(folder / MAP, links=is_packaged(folder))
    map_sha256 = hashlib.sha256(read_small_file(folder / MAP, MOST_BYTES)).hexdigest()
    if map_sha256 != described.map_sha256:
        raise ValueError(f"{MAP} is not the file that {FILE} describes")
    return Model(
        folder,
        name,
        with_files(described.spec, lambda _, name: str(folder / name)),
        described.identity,
        described.size,
        map,
        map_sha256,
        described.calibration,
        described.training,
        own,
    )
