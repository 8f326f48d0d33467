"""Training a model from a manifest: one pass over the images, in bounded memory."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid import __version__
from originid.encoders import Encoder
from originid.maps import DctBasis, Map, unit_length
from originid.model import Model, save_model
from originid.pipeline import Encoded, Entry, Source, encode_sources
from originid.storage import refuse_existing
from originid.tail import pooled_tail
from originid.training.closed_form import ClosedForm, Scatter, fit, no_map
from originid.types import Failure, Latents, Pair, Vectors
from originid.verdict import Calibration
from originid.walk import find_images, refuse_missing

SAMPLE_QUERIES = 2_000  # latents kept to calibrate: with as many below, under 0.5 GB
SAMPLE_NATURAL = 10_000
ENOUGH = 200  # photos that stand for strangers without help
FLUSH = 512  # rows added to a scatter together


def basis_for(encoder: Encoder, settings: ClosedForm | None) -> DctBasis:
    """The DCT coefficients that a fit with these settings keeps; without settings, all."""
    if settings is None:
        return DctBasis(encoder.shapes, (np.inf,) * len(encoder.shapes))
    if settings.cutoff is None:
        return DctBasis(encoder.shapes, encoder.cutoffs)
    return DctBasis(encoder.shapes, (settings.cutoff,) * len(encoder.shapes))


def group_weights(groups: Sequence[str]) -> NDArray[np.float64]:
    """A weight for each pair, (q,), so that each origin group weighs the same in all."""
    counts = Counter(groups)
    return np.array([1 / counts[group] for group in groups])


def fit_latents(
    origins: Latents,
    queries: Latents,
    groups: Sequence[str],
    natural: Latents,
    encoder: Encoder,
    settings: ClosedForm | None,
) -> Map:
    """Fit a map to latents in memory.

    Args:
        origins: of the pairs, (q, latent_dim).
        queries: of the pairs, (q, latent_dim).
        groups: of the pairs, q of them.
        natural: of natural images, (n, latent_dim).
        encoder: what made the latents.
        settings: of the fit; None is no map but the mean.
    """
    basis = basis_for(encoder, settings)
    total = Scatter(basis, second=settings is not None and settings.dim is not None)
    total.add(natural)
    if settings is None:
        return no_map(total)
    within = Scatter(basis)
    within.add(queries - origins, group_weights(groups))
    return fit(within, total, settings)


def train_model(
    path: str | os.PathLike[str],
    pairs: Sequence[Pair],
    origins: Sequence[str | os.PathLike[str]],
    encoder: Encoder,
    settings: ClosedForm,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Model, list[Failure]]:
    """Fit a map in closed form, calibrate it, and write the model.

    Each image is encoded once and forgotten, but for a sample that the calibration needs:
    millions of pairs need no more latents in memory than a few
    thousand.

    Args:
        path: the model's folder, which must not exist.
        pairs: of the manifest.
        origins: folders of more natural images.
        encoder: what the map is fitted on.
        settings: see `ClosedForm`.
        progress: called with the images done and the images in all.

    Returns:
        The model, and the files that could not be used.

    Raises:
        InputError: no usable pair or no natural image, or ``path`` exists.
        StorageError: the disk refuses.
    """
    refuse_existing(Path(path))  # not after hours of encoding
    refuse_missing(origins)
    failures: list[Failure] = []
    photos = [_Job(Path(photo), "") for photo in find_images(list(origins), failures.append)]
    seen = _Pass(encoder, settings, len(pairs), len(photos))
    seen.failures += failures
    jobs = [*_order(pairs), *photos]
    for done, (job, entry) in enumerate(zip(jobs, seen.entries(jobs), strict=True), start=1):
        seen.see(job, entry)
        progress(done, len(jobs))
    seen.flush()
    map = fit(seen.within, seen.natural, settings)
    # Origins of one source may have been made alike, so they stand for strangers only in need.
    strangers = seen.photos if len(seen.photos) >= ENOUGH else seen.photos + seen.origins
    calibration = calibrate(
        unit_length(map.apply(np.stack([latent for latent, _ in seen.queries]))),
        [group for _, group in seen.queries],
        unit_length(map.apply(np.stack([latent for latent, _ in strangers]))),
        [group for _, group in strangers],
    )
    training = {
        "method": "closed form",
        "settings": asdict(settings),
        "pairs": seen.pairs,
        "natural_images": int(seen.natural.weight),
        "originid": __version__,
    }
    return save_model(path, encoder, map, calibration, training), seen.failures


def calibrate(
    queries: Vectors, query_groups: Sequence[str], natural: Vectors, natural_groups: Sequence[str]
) -> Calibration:
    """Calibrate on the scores of queries with natural images that are not their origin.

    Args:
        queries: unit length, (q, dim).
        query_groups: q of them.
        natural: unit length, (n, dim).
        natural_groups: n of them; an image of a query's group is no stranger to it.
    """
    stranger = np.array(query_groups)[:, None] != np.array(natural_groups)[None, :]
    return Calibration(pooled_tail((queries @ natural.T)[stranger]))


@dataclass(frozen=True)
class _Job:
    """An image to see: a query has an origin and a weight, any other image is natural."""

    path: Path
    group: str
    origin: Path | None = None
    weight: float = 0.0


def _order(pairs: Sequence[Pair]) -> list[_Job]:
    """Each origin, then its queries, so that the latent of one origin at a time is held."""
    weights = group_weights([pair.group for pair in pairs]).tolist()
    jobs: dict[Path, list[_Job]] = {}
    for pair, weight in zip(pairs, weights, strict=True):
        of_origin = jobs.setdefault(pair.origin, [_Job(pair.origin, pair.group)])
        of_origin.append(_Job(pair.query, pair.group, pair.origin, weight))
    return [job for of_origin in jobs.values() for job in of_origin]


class _Pass:
    """What one pass over the images collects."""

    def __init__(self, encoder: Encoder, settings: ClosedForm, pairs: int, photos: int) -> None:
        basis = basis_for(encoder, settings)
        self.within = Scatter(basis)
        self.natural = Scatter(basis, second=settings.dim is not None)
        self.queries: list[tuple[Latents, str]] = []
        self.photos: list[tuple[Latents, str]] = []
        self.origins: list[tuple[Latents, str]] = []
        self.failures: list[Failure] = []
        self.pairs = 0
        self._encoder = encoder
        self._query_stride = max(1, -(-pairs // SAMPLE_QUERIES))
        self._photo_stride = max(1, -(-photos // SAMPLE_NATURAL))
        self._origin: tuple[Path, Latents] | None = None
        self._hashes: set[bytes] = set()
        self._differences: list[tuple[Latents, float]] = []
        self._naturals: list[Latents] = []

    def entries(self, jobs: list[_Job]) -> Iterator[Entry]:
        """Encode the jobs' images, in order."""
        for chunk in encode_sources((Source(os.fspath(job.path)) for job in jobs), self._encoder):
            yield from chunk

    def see(self, job: _Job, entry: Entry) -> None:
        """Take in one image."""
        if not isinstance(entry, Encoded):
            self.failures += [entry] if isinstance(entry, Failure) else []
        elif job.origin is None:
            self._see_natural(job, entry)
        elif self._origin is not None and self._origin[0] == job.origin:
            self._hashes.add(entry.sha256)  # nor is a query that lies among the photos natural
            self._see_query(job, entry.latent - self._origin[1], entry.latent)
        if len(self._differences) + len(self._naturals) >= FLUSH:
            self.flush()

    def flush(self) -> None:
        """Add what is pending to the scatters: matrix products of many rows are cheaper."""
        if self._differences:
            rows = np.stack([row for row, _ in self._differences])
            self.within.add(rows, np.array([weight for _, weight in self._differences]))
        if self._naturals:
            self.natural.add(np.stack(self._naturals))
        self._differences, self._naturals = [], []

    def _see_natural(self, job: _Job, entry: Encoded) -> None:
        self._origin = (job.path, entry.latent)
        if entry.sha256 in self._hashes:
            return  # an origin that lies in a folder of photos too is no stranger to its queries
        self._hashes.add(entry.sha256)
        self._naturals.append(entry.latent)
        if not job.group and len(self._hashes) % self._photo_stride == 0:
            self.photos.append((entry.latent, job.group))
        elif job.group and len(self.origins) < SAMPLE_NATURAL:
            self.origins.append((entry.latent, job.group))

    def _see_query(self, job: _Job, difference: Latents, latent: Latents) -> None:
        self._differences.append((difference, job.weight))
        if self.pairs % self._query_stride == 0:
            self.queries.append((latent, job.group))
        self.pairs += 1
