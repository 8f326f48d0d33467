"""What experiments share: the data, the encoders, latents, and results that outlive a kill."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from originid import __version__
from originid.datasets import Dataset, open_dataset
from originid.datasets.manifests import GENERATOR_COLUMNS
from originid.datasets.pairs import image_paths, read_pairs
from originid.encoders import Encoder, open_encoder
from originid.errors import InputError
from originid.evaluation.encoded_pairs import EncodedPairs, encode_all
from originid.evaluation.fold_split import Fitted
from originid.experiments.harness.latents import named_by, spread_out
from originid.experiments.inputs import Inputs
from originid.images.find_files import find_images
from originid.latents import LatentCache
from originid.system.progress import Progress, silent
from originid.system.storage import new_file, storage_errors
from originid.training.fitting import Settings, read_map_settings
from originid.training.metric.settings import MetricLearning
from originid.types import Failure, Pair

PACKAGED = "tones+edges"
"""The encoder of the packaged model, which needs no network."""
Say = Callable[[str], None]


class ExperimentContext:
    """Where an experiment runs.

    Args:
        inputs: see `Inputs`.
        folder: of the reports; ``parts`` in it keeps each result, so that an experiment that was
            cut off goes on. None keeps nothing.
        latents: folder of latent caches; None encodes anew for each experiment.
        progress: called with images done and images in all.
        say: called with a line for each part that is done.
        dataset: the data, where they are not those that the inputs name.
    """

    def __init__(
        self,
        inputs: Inputs,
        folder: Path | None = None,
        latents: Path | None = None,
        progress: Progress = silent,
        say: Say = lambda line: None,
        dataset: Dataset | None = None,
    ) -> None:
        self.inputs, self.folder, self.latents = inputs, folder, latents
        self.progress, self.say = progress, say
        self._dataset = dataset
        self._held: tuple[tuple[str, bool], tuple[Encoder, EncodedPairs]] | None = None
        self._maps: tuple[Hashable, list[Fitted]] = (None, [])
        self.failures: dict[Failure, None] = {}
        """Files that could not be used, each once."""

    @cached_property
    def dataset(self) -> Dataset:
        """The data that the inputs name.

        Raises:
            InputError: they name none, or unusable ones.
        """
        if self._dataset is not None:
            return self._dataset
        if self.inputs.data:
            return open_dataset(self.inputs.data)
        if self.inputs.pairs is None or self.inputs.references is None:
            raise InputError(
                "no data",
                "expected a data set, or pairs and references",
                "give --data NAME:FOLDER, or --pairs PAIRS.csv --references FOLDER",
            )
        pairs = tuple(read_pairs(self.inputs.pairs))
        known = [name for name in GENERATOR_COLUMNS if name in pairs[0].fields]
        column = known[0] if known else ""
        note = f"Pairs of {self.inputs.pairs.name}; the paper's are OriPID."
        return Dataset("pairs", None, pairs, (self.inputs.references,), column, "", note)

    @property
    def encoders(self) -> dict[str, str]:
        """Label and specification of the encoders that stand for ours: a VAE, and the packaged."""
        vae = {f"VAE {label(each)}": f"diffusers:{each}" for each in self.inputs.vaes[:1]}
        return {**vae, PACKAGED: PACKAGED}

    @property
    def main_encoder(self) -> str:
        """The specification of the paper's kind of encoder, or of what there is instead."""
        return next(iter(self.encoders.values()))

    def open(self, spec: str) -> Encoder:
        """Open an encoder."""
        return open_encoder(spec)

    def cache(self, encoder: Encoder) -> LatentCache | None:
        """The latent cache of an encoder, if latents are kept."""
        return None if self.latents is None else LatentCache.open(self.latents, encoder)

    def material(self, spec: str, few: bool = False) -> tuple[Encoder, EncodedPairs]:
        """The latents of all pairs and photos; those of the last call are held in memory.

        Args:
            spec: of the encoder.
            few: only ``scale.images`` of the photos.
        """
        if self._held is None or self._held[0] != (spec, few):
            self._held = None  # frees the memory before more is taken
            encoder, data = self.open(spec), self.dataset
            photos = spread_out(data.photos, self.inputs.scale.images) if few else data.photos
            pairs = [*(data.train or ()), *data.test]
            material = encode_all(pairs, photos, encoder, self.progress, self.cache(encoder))
            labelled = [label_pair(pair, data) for pair in material.pairs]
            self._held = ((spec, few), (encoder, replace(material, pairs=labelled)))
        self.failures |= dict.fromkeys(self._held[1][1].skipped)
        return self._held[1]

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the rows of the pairs, and of name, size and time of every file.

        Results are kept for data that have not changed: two million files take ten seconds.
        """
        if self._dataset is None and not self.inputs.data:
            pairs, photos = named_by(self.inputs)  # of which one may be missing
        else:  # read once: some data sets are hashed for it
            pairs, photos = [*(self.dataset.train or ()), *self.dataset.test], self.dataset.photos
        digest = hashlib.sha256(__version__.encode())
        for pair in pairs:
            fields = {**pair.fields, "origin": pair.origin.name, "query": pair.query.name}
            digest.update(json.dumps(fields, sort_keys=True).encode())
        for path in dict.fromkeys(
            [*image_paths(pairs), *map(Path, find_images(photos, lambda failure: None))]
        ):
            digest.update(_state(path).encode())
        return digest.hexdigest()

    def map_settings(self, map: str, dim: int | None = None) -> Settings:
        """The settings of a way to fit maps, at the inputs' scale and by their seed."""
        settings = self.inputs.scale.map(read_map_settings(map, dim))
        if isinstance(settings, MetricLearning):
            return replace(settings, seed=self.inputs.seed)
        return settings

    def maps(self, key: Hashable) -> list[Fitted]:
        """What was fitted for each fold, to be filled; that of the last key is held in memory.

        Args:
            key: all that the maps depend on.
        """
        if self._maps[0] != key:
            self._maps = (key, [])
        return self._maps[1]

    def cached(self, name: str, settings: dict[str, Any], compute: Callable[[], Any]) -> Any:
        """A result as JSON: computed once for these settings, then read from the folder.

        Args:
            name: of what is computed.
            settings: all that it depends on, beside the inputs and the data.
            compute: gives what JSON can hold; NaN is not allowed.
        """
        if self.folder is None:
            return compute()
        key = json.dumps([name, settings, self.fingerprint], sort_keys=True)
        file = self.folder / "parts" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
        if file.exists():
            try:
                return json.loads(file.read_text(encoding="utf-8"))["value"]
            except (ValueError, LookupError, TypeError):
                self.say(f"{file} is damaged: it is computed anew")
        start = time.monotonic()
        value = compute()
        seconds = round(time.monotonic() - start, 1)
        whole = {"part": name, "settings": settings, "seconds": seconds, "value": value}
        with storage_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            with new_file(file) as temporary:
                temporary.write_text(json.dumps(whole, allow_nan=False), encoding="utf-8")
        stated = {k: v for k, v in settings.items() if v not in ("", None) and v is not False}
        what = ", ".join(f"{key} {value}" for key, value in stated.items())
        self.say(f"{name}: {what}: {seconds:.0f} s")
        return value


def _state(path: Path) -> str:
    """Name, size and time of a file; of one that is missing the name."""
    try:
        found = path.stat()
    except OSError:
        return path.name
    return f"{path.name}:{found.st_size}:{found.st_mtime_ns}"


def label(source: str) -> str:
    """The last part of a folder or hub id."""
    return os.path.basename(os.path.normpath(source))


FAMILIES = (
    "SD 1",
    "SD 2",
    "SD 3",
    "SDXL",
    "SSD-1B",
    "FLUX",
    "Imagen",
    "DALL-E",
    "single-image DDPM",
    "ADM",
)
PARADIGMS = {
    "InstructPix2Pix": ("instructpix2pix", "instruct-pix2pix", "ip2p"),
    "IP-Adapter": ("ip-adapter",),
    "EDICT": ("edict",),
    "Plug-and-Play": ("pnp", "plug-and-play"),
}
"""The paper's Table 11, and what names them in a manifest."""


def label_pair(pair: Pair, dataset: Dataset) -> Pair:
    """A pair with the columns that tables break down by.

    ``family`` is the kind of generator, ``training`` whether maps of "seen" tables may see it
    (seen or unseen), ``paradigm`` one of `PARADIGMS` or empty.
    """
    generator = pair.fields.get(dataset.generator, "") if dataset.generator else ""
    family = next((each for each in FAMILIES if generator.startswith(each)), "")
    other = "other" if dataset.name == "realpairs" else generator or "unknown"
    words = " ".join(pair.fields.get(name, "") for name in ("method", "kind", "generator")).lower()
    paradigm = [name for name, keys in PARADIGMS.items() if any(key in words for key in keys)]
    seen = generator.startswith(dataset.seen)
    return replace(
        pair,
        fields={
            **pair.fields,
            "family": family or other,
            "training": "seen" if seen else "unseen",
            "paradigm": paradigm[0] if len(paradigm) == 1 else "",
        },
    )
