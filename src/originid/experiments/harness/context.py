"""What experiments share: the data, the encoders, latents, and results that outlive a run."""

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
from originid.experiments.harness.labels import label_pair
from originid.experiments.harness.latents import spread_out
from originid.experiments.inputs import ExperimentInputs
from originid.images.find_files import find_images
from originid.latents import LatentCache
from originid.system.progress import Progress, silent
from originid.system.storage import new_file, storage_errors
from originid.system.strict_json import read_json
from originid.training.fitting import Settings, read_map_settings
from originid.training.metric.settings import MetricLearning
from originid.types import Failure, Pair

MOST_BYTES = 1_000_000_000  # of a file that keeps a part of an experiment

PACKAGED = "tones+edges"
"""The encoder of the packaged model's first edition, which needs no network."""
Say = Callable[[str], None]
"""Shows one line of text to the person who waits."""


class ExperimentContext:
    """The data, the encoders and the kept results that experiments run with.

    Args:
        inputs: what the person gave.
        folder: the folder of the reports. Its folder ``parts`` keeps every result, so that an
            experiment that was cut off goes on. With None nothing is kept.
        latents: the folder of latent caches. With None latents are held in memory only.
        progress: called with the number of images done and the number of images in all.
        say: called with a line of text for each result that was computed.
        dataset: the data, if they are not those that ``inputs`` name.

    Attributes:
        failures: the files that could not be used, each once, in the order of their appearance.
    """

    def __init__(
        self,
        inputs: ExperimentInputs,
        folder: Path | None = None,
        latents: Path | None = None,
        progress: Progress = silent,
        say: Say = lambda line: None,
        dataset: Dataset | None = None,
    ) -> None:
        self.inputs, self.folder, self.latents = inputs, folder, latents
        self.progress, self.say = progress, say
        self._given_dataset = dataset
        self._held: tuple[tuple[str, bool], tuple[Encoder, EncodedPairs]] | None = None
        self._fitted_maps: tuple[Hashable, list[Fitted]] = (None, [])
        self.failures: dict[Failure, None] = {}

    @cached_property
    def dataset(self) -> Dataset:
        """The data that the inputs name.

        Raises:
            InputError: the inputs name no data, or data that cannot be used.
        """
        if self._given_dataset is not None:
            return self._given_dataset
        if self.inputs.data:
            return open_dataset(self.inputs.data)
        if self.inputs.pairs is None or self.inputs.references is None:
            raise InputError(
                "no data",
                "expected a data set, or pairs and references",
                "give --data NAME:FOLDER, or --pairs PAIRS.csv --references FOLDER",
            )
        pairs = self._own_pairs
        known = [name for name in GENERATOR_COLUMNS if name in pairs[0].fields]
        column = known[0] if known else ""
        note = f"Pairs of {self.inputs.pairs.name}; the paper's are OriPID."
        return Dataset("pairs", None, pairs, (self.inputs.references,), column, "", note)

    @cached_property
    def _own_pairs(self) -> tuple[Pair, ...]:
        return () if self.inputs.pairs is None else tuple(read_pairs(self.inputs.pairs))

    @property
    def pairs_and_photos(self) -> tuple[list[Pair], tuple[Path, ...]]:
        """All pairs, those for training first, and the folders or files of the photos.

        Unlike `dataset`, this is no error where the inputs name pairs without photos, or photos
        without pairs. What they do not name is empty.

        Raises:
            InputError: the manifest or the data set cannot be used.
        """
        if self._given_dataset is not None or self.inputs.data:
            return [*(self.dataset.train or ()), *self.dataset.test], self.dataset.photos
        photos = () if self.inputs.references is None else (self.inputs.references,)
        return list(self._own_pairs), photos

    @property
    def encoders(self) -> dict[str, str]:
        """The specifications of the encoders that stand for ours, by their labels.

        They are the first VAE, if one was given, and the encoder of the packaged model.
        """
        vae = {f"VAE {short_name(each)}": f"diffusers:{each}" for each in self.inputs.vaes[:1]}
        return {**vae, PACKAGED: PACKAGED}

    @property
    def main_encoder(self) -> str:
        """The specification of the first VAE, or of the packaged encoder if no VAE was given."""
        return next(iter(self.encoders.values()))

    def cache(self, encoder: Encoder) -> LatentCache | None:
        """Return the cache of an encoder's latents, or None if latents are not kept."""
        return None if self.latents is None else LatentCache.open(self.latents, encoder)

    def encoded_pairs(self, spec: str, few: bool = False) -> tuple[Encoder, EncodedPairs]:
        """Return an encoder, and the latents of all pairs and photos with the pairs' labels.

        The latents of the last call are held in memory; another call with the same arguments
        returns them at once.

        Args:
            spec: the specification of the encoder.
            few: True if only ``scale.images`` of the photos are wanted.

        Raises:
            InputError: the data or the encoder cannot be used.
            ExtraError: the encoder needs a package that is not installed.
        """
        if self._held is None or self._held[0] != (spec, few):
            self._held = None  # frees the memory of the last latents before more is taken
            encoder, data = open_encoder(spec), self.dataset
            photos = spread_out(data.photos, self.inputs.scale.images) if few else data.photos
            pairs = [*(data.train or ()), *data.test]
            encoded = encode_all(pairs, photos, encoder, self.progress, self.cache(encoder))
            labelled = [label_pair(pair, data) for pair in encoded.pairs]
            self._held = ((spec, few), (encoder, replace(encoded, pairs=labelled)))
        self.failures |= dict.fromkeys(self._held[1][1].skipped)
        return self._held[1]

    @cached_property
    def fingerprint(self) -> str:
        """A digest that changes when the data change, by which kept results are recognised.

        It covers the version of originid, the rows of the pairs, and name, size and time of every
        file. For two million files it takes ten seconds.
        """
        pairs, photos = self.pairs_and_photos
        digest = hashlib.sha256(__version__.encode())
        for pair in pairs:
            fields = {**pair.fields, "origin": pair.origin.name, "query": pair.query.name}
            digest.update(json.dumps(fields, sort_keys=True).encode())
        for path in dict.fromkeys(
            [*image_paths(pairs), *map(Path, find_images(photos, lambda failure: None))]
        ):
            digest.update(_file_state(path).encode())
        return digest.hexdigest()

    def map_settings(self, map: str, dim: int | None = None) -> Settings:
        """Return the settings by which a map is learned, at the scale and seed of the inputs.

        Args:
            map: the way to learn the map, as ``originid train --map`` takes it.
            dim: the number of dimensions of a vector; None leaves it to the settings.

        Returns:
            The settings; the map ``none`` only subtracts the mean.

        Raises:
            InputError: ``map`` names no settings.
        """
        settings = self.inputs.scale.map(read_map_settings(map, dim))
        if isinstance(settings, MetricLearning):
            return replace(settings, seed=self.inputs.seed)
        return settings

    def fitted_maps(self, key: Hashable) -> list[Fitted]:
        """Return the maps that were fitted for each fold, a list that the caller fills.

        Only the maps of the last key are held in memory.

        Args:
            key: everything that the maps depend on.
        """
        if self._fitted_maps[0] != key:
            self._fitted_maps = (key, [])
        return self._fitted_maps[1]

    def cached(self, name: str, settings: dict[str, Any], compute: Callable[[], Any]) -> Any:
        """Return a result that is computed once for these settings and then read from the folder.

        Args:
            name: the name of what is computed.
            settings: everything that the result depends on, besides the inputs and the data.
            compute: computes the result, which must be a JSON value without NaN.

        Raises:
            StorageError: the result cannot be written.
        """
        if self.folder is None:
            return compute()
        key = json.dumps([name, settings, self.fingerprint], sort_keys=True)
        file = self.folder / "parts" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
        if file.exists():
            try:
                return read_json(file, MOST_BYTES)["value"]
            except (OSError, ValueError, LookupError):
                self.say(f"{file} is damaged: it is computed anew")
        start = time.monotonic()
        value = compute()
        seconds = round(time.monotonic() - start, 1)
        whole = {"part": name, "settings": settings, "seconds": seconds, "value": value}
        with storage_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            with new_file(file) as temporary:
                temporary.write_text(json.dumps(whole, allow_nan=False), encoding="utf-8")
        # Settings that say nothing (empty, None, False) are left out of the line that is shown.
        stated = {k: v for k, v in settings.items() if v not in ("", None) and v is not False}
        what = ", ".join(f"{key} {value}" for key, value in stated.items())
        self.say(f"{name}: {what}: {seconds:.0f} s")
        return value


def _file_state(path: Path) -> str:
    """Return name, size and time of a file, or only the name of a file that is missing."""
    try:
        found = path.stat()
    except OSError:
        return path.name
    return f"{path.name}:{found.st_size}:{found.st_mtime_ns}"


def short_name(source: str) -> str:
    """Return the last part of the path of a folder, or of a Hugging Face id."""
    return os.path.basename(os.path.normpath(source))
