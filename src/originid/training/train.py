"""Training a model: encode each image once, fit the map, calibrate it, and write the model."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from originid import __version__
from originid.datasets.pairs import image_paths, readable_pairs
from originid.encoders import Encoder, is_complete, latent_dim
from originid.errors import InputError
from originid.images.find_files import find_images, refuse_missing
from originid.latents import LatentCache, encode_paths
from originid.latents.cached import FillCache
from originid.latents.stores import Store
from originid.maps import Map, unit_length
from originid.model import Model, open_model, save_model
from originid.system.paths import Paths, as_paths
from originid.system.progress import Progress, silent
from originid.system.storage import refuse_existing
from originid.training.closed_form import ClosedForm
from originid.training.enough import ENOUGH_PHOTOS, refuse_few
from originid.training.examples import ClassExamples, PairExamples
from originid.training.fitting import NoMap, Settings, fit_map
from originid.training.metric.processes import Processes
from originid.training.samples import OfficialSamples, lone_classes
from originid.types import Failure, Json, Pair, Rows, Vectors
from originid.verdict.calibration import Calibration
from originid.verdict.pareto_tail import pooled_tail

# The calibration compares at most so many queries and strangers: 20 million scores, 80 MB.
SAMPLE_QUERIES = 2_000
SAMPLE_STRANGERS = 10_000


def train_model(
    path: str | os.PathLike[str],
    pairs: Sequence[Pair],
    origins: Paths,
    encoder: Encoder,
    settings: Settings,
    latents: str | os.PathLike[str] | None = None,
    dtype: str = "float32",
    encoding: Progress = silent,
    learning: Progress = silent,
    fill: FillCache | None = None,
) -> tuple[Model, list[Failure]]:
    """Fit a map to pairs, calibrate it, and write the model.

    A training that was cut off and is started again uses what is there, with the same result.

    Args:
        path: The folder of the model, which must not exist yet.
        pairs: The pairs of a manifest.
        origins: Folders with more natural images.
        encoder: The encoder on whose latents the map is fitted.
        settings: How the map is learned.
        latents: The folder of a cache of latents that is kept; None makes one and removes it.
        dtype: The precision of cached latents: ``float32`` or ``float16``.
        encoding: Called with the numbers of encoded and of all images.
        learning: Called with the numbers of done and of all steps.
        fill: Encodes the images into the cache, in the place of this process, which then encodes
            what is still missing.

    Returns:
        The model, and the files that could not be used.

    Raises:
        InputError: There are too few pairs and natural images, or ``path`` exists.
        OriginidError: The disk refuses, or metric learning diverges.

    Example:
        >>> import originid, originid.testing
        >>> pairs = [originid.Pair(p, p, p.name) for p in originid.testing.write_photos("p", 40)]
        >>> encoder, settings = originid.open_encoder("pixels"), originid.read_map_settings("none")
        >>> originid.train_model("my-model", pairs, ["p"], encoder, settings)[0].dim
        3072
    """
    refuse_existing(Path(path))  # now, and not after hours of encoding
    folders = as_paths(origins)
    refuse_missing(folders)
    processes, work, failures = Processes.join(), work_folder(path), list[Failure]()
    photos = [Path(photo) for photo in find_images(folders, failures.append)]
    refuse_few(pairs, photos)
    with processes.main_first():  # the others then find all in the cache
        cache = LatentCache.open(latents or work / "latents", encoder, dtype)
        paths = [*image_paths(pairs), *photos]
        if fill is not None and processes.is_main:
            fill(cache, paths, encoder, encoding)
        chunks = encode_paths(paths, encoder, failures.append, encoding, cache)
        rows = {entry.path: cache.index(entry.sha256) for chunk in chunks for entry in chunk}
    usable = readable_pairs(pairs, failures)  # those with both images
    prepared = _prepare_pairs(usable, photos, rows, cache)
    map = fit_map(prepared.examples, encoder, settings, work, learning)
    if processes.is_main:
        described = {"pairs": len(usable), "natural_images": len(prepared.examples.natural_rows)}
        calibration = prepared.calibrate(map, cache)
        save_model(path, encoder, map, calibration, _training(settings, described))
        clear_work(work)
    processes.leave()
    return open_model(path, None if is_complete(encoder.spec) else encoder), failures


def train_official(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    encoder: Encoder,
    settings: Settings,
    learning: Progress = silent,
) -> Model:
    """Fit a map to latents in the official layout, calibrate it, and write the model.

    Args:
        path: The folder of the model, which must not exist yet.
        folder: The folder of the files ``<letter><6-digit origin id>_<k>.npy``.
        encoder: The encoder that made the latents.
        settings: How the map is learned.
        learning: Called with the number of steps of metric learning that are done, and of all.

    Raises:
        InputError: There are no such latents, they are not of this encoder, or ``path`` exists.
        StorageError: The disk refuses.
        OriginidError: Metric learning diverges.
    """
    refuse_existing(Path(path))
    samples = OfficialSamples.open(folder)
    if samples.latent_dim != latent_dim(encoder.shapes):
        raise InputError(
            f"latents of {samples.latent_dim} components in {folder}",
            f"expected {latent_dim(encoder.shapes)}, as encoder {encoder.spec} makes",
            "name the encoder that made the latents",
        )
    processes, work = Processes.join(), work_folder(path)
    map = fit_map(ClassExamples(samples), encoder, settings, work, learning)
    if processes.is_main:
        calibration, described = _about(samples, map)
        save_model(path, encoder, map, calibration, _training(settings, described))
        clear_work(work)
    processes.leave()
    return open_model(path)


def _about(samples: OfficialSamples, map: Map) -> tuple[Calibration, Json]:
    """Return the calibration of a map, and the numbers that describe what it was fitted to."""
    of = samples.classes
    queries = _sample(np.arange(len(of)), SAMPLE_QUERIES)
    # One of each origin, so that no stranger counts more for having been edited often.
    strangers = _sample(np.unique(of, return_index=True)[1], SAMPLE_STRANGERS)
    groups = [of[rows].astype(str).tolist() for rows in (queries, strangers)]
    calibration = _calibrate(map, samples, queries, strangers, *groups)
    origins = len(np.unique(of))
    return calibration, {"images": len(of), "origins": origins, "lone": lone_classes(samples)}


def calibrate(
    queries: Vectors, query_groups: Sequence[str], natural: Vectors, natural_groups: Sequence[str]
) -> Calibration:
    """Calibrate on the scores of queries with natural images that are not their origins.

    Args:
        queries: The vectors of the queries, of unit length: float32 of shape (q, dim).
        query_groups: The origin group of each query, q of them.
        natural: The vectors of natural images, of unit length: float32 of shape (n, dim).
        natural_groups: The origin group of each natural image, n of them. An image of the query's
            own group is no stranger to it, so their score is not used.

    Raises:
        InputError: There are too few scores.
    """
    stranger = np.array(query_groups)[:, None] != np.array(natural_groups)[None, :]
    return Calibration(pooled_tail((queries @ natural.T)[stranger]))


def work_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder ``MODEL.training``, which keeps a training's latents, checkpoint and logs.

    Args:
        path: The path of the model that is trained.
    """
    absolute = Path(os.path.abspath(path))
    return absolute.with_name(f"{absolute.name}.training")


@dataclass(frozen=True)
class _PreparedPairs:
    """The examples of pairs, and the strangers of the calibration: their rows and groups."""

    examples: PairExamples
    strangers: Rows
    stranger_groups: list[str]

    def calibrate(self, map: Map, store: Store) -> Calibration:
        """Calibrate a map on the scores of the pairs' queries with strangers.

        Args:
            map: The map that was fitted to the pairs.
            store: The store that holds the latents.

        Raises:
            InputError: There are too few scores.
        """
        chosen = _sample(np.arange(len(self.examples.queries)), SAMPLE_QUERIES)
        groups = [self.examples.groups[i] for i in chosen]
        queries = self.examples.queries[chosen]
        return _calibrate(map, store, queries, self.strangers, groups, self.stranger_groups)


def _prepare_pairs(
    pairs: Sequence[Pair], photos: Sequence[Path], rows: dict[Path, int], cache: LatentCache
) -> _PreparedPairs:
    """Sort the images into their roles. Files with the same content are one row, so one image."""
    origins = np.array([rows[pair.origin] for pair in pairs], np.int64)
    queries = np.array([rows[pair.query] for pair in pairs], np.int64)
    groups = [pair.group for pair in pairs]
    of_photos = np.array([rows[photo] for photo in photos if photo in rows], np.int64)
    # A query that lies in a folder of photos is not natural, and an origin there is no stranger.
    natural = _in_order(np.concatenate([origins, of_photos[~np.isin(of_photos, queries)]]))
    strangers = _sample(natural[~np.isin(natural, origins)], SAMPLE_STRANGERS)
    stranger_groups = [""] * len(strangers)
    if len(strangers) < ENOUGH_PHOTOS:
        # Origins of one source may look alike, so they stand for strangers only where photos lack.
        group_of = dict(zip(origins.tolist(), groups, strict=True))
        more = _in_order(origins)[:SAMPLE_STRANGERS]
        strangers = np.concatenate([strangers, more])
        stranger_groups += [group_of[row] for row in more.tolist()]
    examples = PairExamples(cache, origins, queries, groups, natural)
    return _PreparedPairs(examples, strangers, stranger_groups)


def _calibrate(
    map: Map,
    store: Store,
    queries: Rows,
    strangers: Rows,
    query_groups: Sequence[str],
    stranger_groups: Sequence[str],
) -> Calibration:
    return calibrate(
        unit_length(map.apply(store.take(queries))),
        query_groups,
        unit_length(map.apply(store.take(strangers))),
        stranger_groups,
    )


def _training(settings: Settings, described: Json) -> Json:
    """Describe for the model's file how its map was learned."""
    method = "closed form" if isinstance(settings, ClosedForm) else "metric learning"
    return {
        "method": "none" if isinstance(settings, NoMap) else method,
        "settings": asdict(settings),
        **described,
        "originid": __version__,
    }


def _sample(rows: Rows, most: int) -> Rows:
    """Take at most so many of the rows, evenly spread over all of them."""
    return rows[:: max(1, -(-len(rows) // most))]


def _in_order(rows: Rows) -> Rows:
    """Return each row once, in the order in which it first appears."""
    return rows[np.sort(np.unique(rows, return_index=True)[1])]


def clear_work(work: Path) -> None:
    """Remove what only a cut-off training needs from its folder; the logs and checkpoints stay.

    Args:
        work: The folder that `work_folder` names.
    """
    shutil.rmtree(work / "latents", ignore_errors=True)
    if work.exists() and not any(work.iterdir()):
        work.rmdir()
