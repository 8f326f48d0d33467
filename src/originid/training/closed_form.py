"""The map in closed form, from the scatter of pairs.

The paper looks for a W with ``E(g) W = E(o) W`` for every origin o and its translation g
(Theorem 1), that is T W = 0, where the rows of T are the differences E(g) - E(o) of the
training pairs. T has no exact null space, so W is asked to make the differences small against
what tells images apart. With the within-pair scatter::

    S_w = E[(E(g) - E(o)) (E(g) - E(o))^T] / 2

the map ``W = S_w^(-1/2)`` makes every direction's difference equally small: what edits change
most counts least. Few pairs do not fix a matrix of thousands of rows, so S_w is estimated in the
2-D DCT of each channel, where it is nearly diagonal (natural images and their edits are almost
stationary), and shrunk toward that diagonal D::

    S = D^(1/2) ((1 - blend) I + blend R) D^(1/2),    R = D^(-1/2) S_w D^(-1/2)

Of R = V^T diag(lambda) V the largest eigenvalues are kept, and the others are replaced by their
mean, lambda_0. Then the inverse root has the form of a `DctMap`::

    W = D^tilt (I + V^T diag(gain) V) D^(-1/2)
    gain = ((1 - blend + blend lambda) / (1 - blend + blend lambda_0))^(-1/2) - 1

up to a factor that the cosine ignores. ``blend = 0`` or ``rank = 0`` is the structured map. A small
``tilt`` gives back a little of the weight that whitening takes from coefficients that edits change
much, which are those in which images differ most.
Asked for fewer dimensions, the fit returns the `DenseMap` of the directions with the largest
ratio of total to within-pair scatter, S_b / S_w.

An edit replaces content by natural content, so its differences correlate as natural images do.
With a ``natural_share``, R is (1 - natural_share) R + natural_share R_n, where R_n are the
correlations of natural latents, of which there are many more than pairs.

Asked to choose the blend, the fit compares the correlations of two halves of the pairs, split by
origin group: what they share is signal, what they do not is noise (see `noise_share`).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.maps import DctBasis, DctMap, DenseMap, Map
from originid.training.linear_algebra import ProductSum, eigen
from originid.types import Floats32, Floats64, Latents


@dataclass(frozen=True)
class ClosedForm:
    """Settings of the fit.

    Args:
        cutoff: radial frequency below which DCT coefficients are kept; infinity keeps all, None
            takes what each encoder says of itself.
        blend: share of the full scatter against its diagonal, in [0, 1); None chooses it by the
            agreement of two halves of the pairs.
        tilt: exponent of the diagonal that multiplies the result, each block's geometric mean 1.
        rank: how many directions of the full scatter are corrected; 0 fits the diagonal only,
            None corrects all.
        dim: how many dimensions the map has; None keeps every coefficient.
        natural_share: share of the correlations of natural images in the full scatter's, in [0, 1].
        clip: see `DctMap`; a map of fewer dimensions has none.
    """

    cutoff: float | None = None
    blend: float | None = 0.7
    tilt: float = 0.1
    rank: int | None = 512
    dim: int | None = None
    natural_share: float = 0.0
    clip: float | None = None

    def __post_init__(self) -> None:
        checks = {
            "cutoff": self.cutoff is None or self.cutoff > 0,
            "blend": self.blend is None or 0 <= self.blend < 1,
            "tilt": math.isfinite(self.tilt),
            "rank": self.rank is None or self.rank >= 0,
            "dim": self.dim is None or self.dim >= 1,
            "natural_share": 0 <= self.natural_share <= 1,
            "clip": self.clip is None or self.clip > 0,
        }
        for name, good in checks.items():
            if not good:
                raise InputError(
                    f"{name} = {getattr(self, name)}",
                    "expected cutoff > 0, 0 <= blend < 1, a finite tilt, rank >= 0, dim >= 1, "
                    "0 <= natural_share <= 1 and clip > 0",
                    f"choose another {name}",
                )


@dataclass
class Scatter:
    """Sums over one pass of a stream, in constant memory: k x k doubles for k coefficients.

    Args:
        basis: gives the coefficients of a latent.
        second: whether outer products are summed too, or only the mean.
        device: where they are summed; None is numpy, else a device of torch.
    """

    basis: DctBasis
    second: bool = True
    device: str | None = None

    def __post_init__(self) -> None:
        self.weight = 0.0
        self.total = np.zeros(self.basis.dim)
        self._products = ProductSum(self.basis.dim if self.second else 0, self.device)

    def add(self, latents: Latents, weights: Floats64 | None = None) -> None:
        """Add rows (n, latent_dim), each with a weight, by default 1.

        Products of a call are summed in single precision: a call of some thousand rows keeps
        seven digits of the result, which the calls after it, in double precision, preserve.
        """
        rows = self.basis.coefficients(latents)
        weights = np.ones(len(rows)) if weights is None else weights
        self.weight += float(weights.sum())
        self.total += weights @ rows
        if self.second:
            self._products.add(rows * np.sqrt(weights, dtype=np.float32)[:, None])

    @property
    def mean(self) -> Floats64:
        """Weighted mean of the rows, (k,)."""
        return self.total / max(self.weight, 1e-300)

    def second_moment(self) -> Floats64:
        """Weighted mean of the outer products, (k, k)."""
        return self._products.value() / max(self.weight, 1e-300)

    def covariance(self) -> Floats64:
        """Second moment about the mean, (k, k)."""
        return self.second_moment() - np.outer(self.mean, self.mean)


@dataclass
class PairScatter:
    """The scatter of differences E(g) - E(o), in two halves of the origin groups.

    Args:
        basis: gives the coefficients of a latent.
        device: as of `Scatter`.
    """

    basis: DctBasis
    device: str | None = None

    def __post_init__(self) -> None:
        self.halves = (
            Scatter(self.basis, device=self.device),
            Scatter(self.basis, device=self.device),
        )

    def add(self, differences: Latents, weights: Floats64, groups: NDArray[np.int64]) -> None:
        """Add rows (n, latent_dim), each with a weight and the number of its origin group."""
        for parity, half in enumerate(self.halves):
            rows = np.flatnonzero(groups % 2 == parity)
            if len(rows):
                half.add(differences[rows], weights[rows])

    @property
    def weight(self) -> float:
        """Sum of the weights."""
        return sum(half.weight for half in self.halves)

    def moments(self) -> tuple[Floats64, Floats64]:
        """Sum and difference of the halves' weighted second moments, both (k, k).

        The first is the second moment of all. The second, each half weighted as in the first, has
        the same noise and no signal: it is zero where the halves agree.
        """
        a, b = self.halves
        if min(a.weight, b.weight) == 0:
            whole = a if a.weight else b
            return whole.second_moment(), np.full((self.basis.dim,) * 2, np.nan)
        of_a, of_b = a.second_moment(), b.second_moment()
        share = a.weight / self.weight
        noise = math.sqrt(share * (1 - share)) * (of_a - of_b)
        return share * of_a + (1 - share) * of_b, noise


def fit(within: PairScatter, natural: Scatter, settings: ClosedForm) -> Map:
    """Fit the map from accumulated scatters.

    Args:
        within: scatter of the differences E(g) - E(o) of pairs.
        natural: scatter of the latents of natural images; its mean is subtracted by the map.
        settings: see `ClosedForm`.

    Raises:
        InputError: there are no pairs, no natural images, or values that are not finite.
    """
    s_w, noise = (moment / 2 for moment in within.moments())
    _check(s_w, within, natural, settings)
    # A coefficient that no pair changes must not divide by zero.
    diagonal = np.maximum(np.diag(s_w), 1e-6 * np.diag(s_w).max())
    scale = diagonal**-0.5
    correlation = s_w * np.outer(scale, scale)
    blend = settings.blend
    if blend is None:
        blend = 1 - noise_share(correlation, noise * np.outer(scale, scale))
    if settings.natural_share:
        correlation *= 1 - settings.natural_share
        correlation += settings.natural_share * _correlation(natural.covariance())
    vectors, gain = _correction(correlation, blend, settings.rank, within.device)
    dct_map = DctMap(
        within.basis,
        natural.mean.astype(np.float32),
        scale.astype(np.float32),
        vectors.astype(np.float32),
        gain.astype(np.float32),
        _tilted(within.basis, diagonal, settings.tilt).astype(np.float32),
        settings.clip if settings.dim is None else None,
    )
    if settings.dim is None:
        return dct_map
    return _cut(dct_map, natural.covariance(), settings.dim, within.device)


def noise_share(correlation: Floats64, noise: Floats64) -> float:
    """The share of the squared correlations between coefficients that is noise.

    One minus it is the blend that comes nearest to the true correlations in the mean square:
    shrinkage of independent estimates toward zero (Schaefer and Strimmer 2005), with the noise
    read from two halves of the data instead of the spread of single, dependent pairs.

    Args:
        correlation: of all pairs, (k, k).
        noise: weighted difference of the halves' (see `PairScatter.moments`), (k, k).

    Raises:
        InputError: all pairs are of one group, which says nothing of the noise.
    """
    if np.isnan(noise).any():
        raise InputError(
            "pairs of a single origin group",
            "expected at least two groups to choose the blend by",
            "give pairs of more origins, or a blend",
        )

    def between(matrix: Floats64) -> float:
        return float((matrix**2).sum() - (np.diag(matrix) ** 2).sum())

    # Never none: a blend of 1 would divide by the eigenvalues that few pairs leave at zero.
    return min(1.0, max(1e-3, between(noise) / max(between(correlation), 1e-300)))


def no_map(basis: DctBasis, mean: Floats32) -> DctMap:
    """The map that only subtracts a mean (latent_dim,): cosine of centred latents."""
    empty = np.zeros((0, basis.dim), np.float32)
    ones = np.ones(basis.dim, np.float32)
    centre = basis.coefficients(mean[None])[0]
    return DctMap(basis, centre, ones, empty, np.zeros(0, np.float32), ones)


def _check(s_w: Floats64, within: PairScatter, natural: Scatter, settings: ClosedForm) -> None:
    if within.weight == 0 or natural.weight == 0:
        what = "pairs" if within.weight == 0 else "natural images"
        raise InputError(
            f"no readable {what}",
            "expected at least one pair and one natural image",
            "check the manifest's paths and the folders of origins",
        )
    for name, finite in (
        ("pairs", np.isfinite(s_w).all()),
        ("natural images", np.isfinite(natural.total).all()),
    ):
        if not finite:
            raise InputError(
                f"latents of the {name} that are not finite",
                "expected finite numbers",
                "look for a broken encoder",
            )
    if np.diag(s_w).max() == 0:
        raise InputError(
            "pairs whose origin and query are the same image",
            "expected queries that a generator changed",
            "check the manifest's columns origin and query",
        )
    if settings.dim is not None and settings.dim > within.basis.dim:
        raise InputError(
            f"dim {settings.dim}",
            f"expected at most {within.basis.dim}, the coefficients below the cutoff",
            "choose a smaller dim or a larger cutoff",
        )


def _tilted(basis: DctBasis, diagonal: Floats64, tilt: float) -> Floats64:
    """The diagonal to the power of the tilt, its geometric mean in each block 1."""
    blocks = np.split(diagonal, np.cumsum(basis.dims)[:-1])
    return np.concatenate([np.exp(tilt * (np.log(b) - np.log(b).mean())) for b in blocks])


def _correlation(covariance: Floats64) -> Floats64:
    """Correlations (k, k); a coefficient that is the same everywhere has none."""
    diagonal = np.diag(covariance)
    deviation = np.sqrt(np.maximum(diagonal, max(1e-12 * diagonal.max(), 1e-30)))
    return np.asarray(covariance / np.outer(deviation, deviation))


def _correction(
    correlation: Floats64, blend: float, rank: int | None, device: str | None
) -> tuple[Floats64, Floats64]:
    """The corrected directions as rows (r, k), signs fixed, and their gains (r,)."""
    k = len(correlation)
    rank = k if rank is None else min(rank, k)
    if rank == 0 or blend == 0:
        return np.zeros((0, k)), np.zeros(0)
    eigenvalues, vectors = eigen(correlation, device)
    eigenvalues, vectors = np.maximum(eigenvalues[::-1], 0), vectors.T[::-1][:rank]
    kept, others = eigenvalues[:rank], eigenvalues[rank:]
    floor = 1 - blend + blend * (others.mean() if len(others) else 1.0)
    # LAPACK leaves the sign open; fixing it makes two fits of the same pairs equal.
    largest = vectors[np.arange(rank), np.abs(vectors).argmax(axis=1)]
    gain = ((1 - blend + blend * kept) / floor) ** -0.5 - 1
    return vectors * np.sign(largest)[:, None], gain


def _cut(dct_map: DctMap, total: Floats64, dim: int, device: str | None) -> DenseMap:
    """Keep the directions in which whitened natural images vary most (largest S_b / S_w)."""
    k = dct_map.dim
    whiten = np.eye(k) + dct_map.directions.T.astype(np.float64) * dct_map.gain @ dct_map.directions
    whiten = dct_map.weight[:, None] * whiten * dct_map.scale
    _, vectors = eigen(whiten @ total @ whiten.T, device)
    rows = vectors.T[::-1][:dim] @ whiten
    to_latents = dct_map.basis.latents
    return DenseMap(to_latents(rows.astype(np.float32)), to_latents(dct_map.mean[None])[0])
