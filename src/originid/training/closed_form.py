"""The map in closed form, from the scatter of pairs.

The paper looks for a W with ``E(g) W = E(o) W`` for every origin o and its translation g
(Theorem 1). This is T W = 0, where the rows of T are the differences E(g) - E(o) of the training
pairs. T has no exact null space, so W is chosen to make the differences small compared with what
tells images apart. With the within-pair scatter::

    S_w = E[(E(g) - E(o)) (E(g) - E(o))^T] / 2

the map ``W = S_w^(-1/2)`` makes the differences equally large in every direction: what edits change
most counts least. A few pairs do not determine a matrix of thousands of rows. So S_w is estimated
in the 2-D DCT of each channel, where it is nearly diagonal (natural images and their edits are
almost stationary), and is shrunk toward that diagonal D::

    S = D^(1/2) ((1 - blend) I + blend R) D^(1/2),    R = D^(-1/2) S_w D^(-1/2)

Of R = V^T diag(lambda) V the largest eigenvalues are kept, and the others are replaced by their
mean, lambda_0. Then the inverse root has the form of a `DctMap`::

    W = D^tilt (I + V^T diag(gain) V) D^(-1/2)
    gain = ((1 - blend + blend lambda) / (1 - blend + blend lambda_0))^(-1/2) - 1

up to a factor that the cosine ignores. With ``blend = 0`` or ``rank = 0`` only the diagonal is
left, which is called the structured map. A small ``tilt`` gives back a little of the weight that
whitening takes from the coefficients that edits change much, because images differ most in them.
A fit that is asked for fewer dimensions returns the `DenseMap` of the directions with the largest
ratio of total to within-pair scatter, S_b / S_w.

An edit replaces content by natural content, so its differences correlate as natural images do.
With a ``natural_share``, R becomes (1 - natural_share) R + natural_share R_n, where R_n holds the
correlations of natural latents, of which there are many more than pairs.

A fit that is asked to choose the blend compares the correlations of two halves of the pairs, split
by origin group: what the halves share is signal, and what they do not share is noise (see
`noise_share`).
"""

import math
from dataclasses import dataclass

import numpy as np

from originid.errors import InputError
from originid.maps import DctBasis, DctMap, Map
from originid.training.linear_algebra import ProductSum
from originid.training.settings import Checked, Range
from originid.training.shrinkage import correction, correlations, cut, noise_share, tilted
from originid.types import Floats32, Floats64, Latents, Rows


@dataclass(frozen=True)
class ClosedForm(Checked):
    """The settings of the fit.

    Args:
        cutoff: The radial frequency below which DCT coefficients are kept: one for all blocks of
            the latent, or one for each. Infinity keeps all coefficients, and None takes the cutoff
            that each encoder recommends for itself.
        blend: The share of the full scatter against its diagonal, in [0, 1). None chooses it by
            how well two halves of the pairs agree.
        tilt: The exponent of the diagonal that multiplies the result. The diagonal is scaled so
            that its geometric mean in each block is 1.
        rank: The number of directions of the full scatter that are corrected. With 0 only the
            diagonal is fitted, and None corrects all directions.
        dim: The number of dimensions of the map. None keeps every coefficient.
        natural_share: The share of natural images' correlations in those of the full scatter, in
            [0, 1].
        clip: The limit at which `DctMap` cuts large components. None cuts nothing, and a map of
            fewer dimensions has no limit.

    Raises:
        InputError: A value is out of its range.
    """

    cutoff: float | tuple[float, ...] | None = None
    blend: float | None = 0.7
    tilt: float = 0.1
    rank: int | None = 512
    dim: int | None = None
    natural_share: float = 0.0
    clip: float | None = None

    def ranges(self) -> dict[str, Range]:
        """Return the range of each value that has one; see `Checked`."""
        cutoffs = self.cutoff if isinstance(self.cutoff, tuple) else (self.cutoff,)
        return {
            "cutoff": (
                len(cutoffs) > 0 and all(each is None or each > 0 for each in cutoffs),
                "a number above 0, or one for each block of the latent",
            ),
            "blend": (self.blend is None or 0 <= self.blend < 1, "a number in [0, 1)"),
            "tilt": (math.isfinite(self.tilt), "a finite number"),
            "rank": (self.rank is None or self.rank >= 0, "a whole number, at least 0"),
            "dim": (self.dim is None or self.dim >= 1, "a whole number, at least 1"),
            "natural_share": (0 <= self.natural_share <= 1, "a number in [0, 1]"),
            "clip": (self.clip is None or self.clip > 0, "a number above 0"),
        }


@dataclass
class Scatter:
    """Sums over one pass of a stream of latents, in memory that does not grow with the stream.

    For k coefficients the sums take k x k doubles: 134 MB for the paper's 4,096.

    Args:
        basis: The DCT basis that turns a latent into k coefficients.
        second: Whether the outer products of the rows are summed too. Without them only the mean
            is known.
        device: The torch device on which the products are summed; None is numpy on the CPU.
    """

    basis: DctBasis
    second: bool = True
    device: str | None = None

    def __post_init__(self) -> None:
        self.weight = 0.0
        self.total = np.zeros(self.basis.dim)
        self._products = ProductSum(self.basis.dim if self.second else 0, self.device)

    def add(self, latents: Latents, weights: Floats64 | None = None) -> None:
        """Add latents, each with a weight.

        The products within one call are summed in single precision, and the calls in double
        precision. So a call of some thousand rows keeps seven digits, and more calls lose none.

        Args:
            latents: float32 of shape (n, latent_dim).
            weights: float64 of shape (n,), at least 0; None gives every row the weight 1.
        """
        rows = self.basis.coefficients(latents)
        weights = np.ones(len(rows)) if weights is None else weights
        self.weight += float(weights.sum())
        self.total += weights @ rows
        if self.second:
            self._products.add(rows * np.sqrt(weights, dtype=np.float32)[:, None])

    @property
    def mean(self) -> Floats64:
        """The weighted mean of the rows: float64 of shape (k,)."""
        return self.total / max(self.weight, 1e-300)

    def second_moment(self) -> Floats64:
        """Return the weighted mean of the outer products: float64 of shape (k, k)."""
        return self._products.value() / max(self.weight, 1e-300)

    def covariance(self) -> Floats64:
        """Return the second moment about the mean: float64 of shape (k, k)."""
        return self.second_moment() - np.outer(self.mean, self.mean)


@dataclass
class PairScatter:
    """The scatter of the differences E(g) - E(o), in two halves of the origin groups.

    Args:
        basis: The DCT basis that turns a latent into k coefficients.
        device: The torch device on which the products are summed; None is numpy on the CPU.
    """

    basis: DctBasis
    device: str | None = None

    def __post_init__(self) -> None:
        self.halves = (
            Scatter(self.basis, device=self.device),
            Scatter(self.basis, device=self.device),
        )

    def add(self, differences: Latents, weights: Floats64, groups: Rows) -> None:
        """Add the differences of pairs.

        Args:
            differences: E(g) - E(o): float32 of shape (n, latent_dim).
            weights: The weight of each pair: float64 of shape (n,).
            groups: The number of each pair's origin group: int64 of shape (n,). Even and odd
                numbers form the two halves.
        """
        # Whole groups, as pairs of one origin are alike and would make the halves agree.
        for parity, half in enumerate(self.halves):
            rows = np.flatnonzero(groups % 2 == parity)
            if len(rows):
                half.add(differences[rows], weights[rows])

    @property
    def weight(self) -> float:
        """The sum of the weights of all pairs."""
        return sum(half.weight for half in self.halves)

    def moments(self) -> tuple[Floats64, Floats64]:
        """Return the sum and the difference of the halves' second moments: float64, both (k, k).

        The sum is the second moment of all pairs. The difference is scaled so that it holds as
        much noise as the sum, but no signal: where the halves agree, it is 0. If one of the halves
        is empty, the difference is NaN.
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
    """Fit the map to accumulated scatters.

    Args:
        within: The scatter of the differences E(g) - E(o) of pairs.
        natural: The scatter of the latents of natural images. The map subtracts their mean.
        settings: The settings of the fit.

    Returns:
        A `DctMap`, or a `DenseMap` where the settings ask for a number of dimensions.

    Raises:
        InputError: There are no pairs or no natural images, their latents are not finite, no query
            differs from its origin, or ``dim`` exceeds the number of coefficients.
    """
    s_w, noise = (moment / 2 for moment in within.moments())
    _refuse_unusable(s_w, within, natural, settings)
    # A coefficient that no pair changes has variance 0; the floor keeps it from dividing by 0.
    diagonal = np.maximum(np.diag(s_w), 1e-6 * np.diag(s_w).max())
    scale = diagonal**-0.5
    correlation = s_w * np.outer(scale, scale)
    blend = settings.blend
    # The scales are those of all pairs for both matrices, else noise and signal have two units.
    if blend is None:
        blend = 1 - noise_share(correlation, noise * np.outer(scale, scale))
    if settings.natural_share:
        correlation *= 1 - settings.natural_share
        correlation += settings.natural_share * correlations(natural.covariance())
    vectors, gain = correction(correlation, blend, settings.rank, within.device)
    dct_map = DctMap(
        within.basis,
        natural.mean.astype(np.float32),
        scale.astype(np.float32),
        vectors.astype(np.float32),
        gain.astype(np.float32),
        tilted(within.basis, diagonal, settings.tilt).astype(np.float32),
        settings.clip if settings.dim is None else None,
    )
    if settings.dim is None:
        return dct_map
    return cut(dct_map, natural.covariance(), settings.dim, within.device)


def no_map(basis: DctBasis, mean: Floats32) -> DctMap:
    """Return the map that only subtracts a mean: vectors are centred latents.

    Args:
        basis: The DCT basis, whose coefficients are all kept.
        mean: The mean: float32 of shape (latent_dim,).
    """
    empty = np.zeros((0, basis.dim), np.float32)
    ones = np.ones(basis.dim, np.float32)
    centre = basis.coefficients(mean[None])[0]
    return DctMap(basis, centre, ones, empty, np.zeros(0, np.float32), ones)


def _refuse_unusable(
    s_w: Floats64, within: PairScatter, natural: Scatter, settings: ClosedForm
) -> None:
    """Raise InputError for scatters that no map can be fitted to."""
    if within.weight == 0 or natural.weight == 0:
        what = "pairs" if within.weight == 0 else "natural images"
        raise InputError(
            f"no readable {what}",
            "expected at least one pair and one natural image",
            "check the paths in the manifest and the folders of origins",
        )
    for name, finite in (
        ("pairs", np.isfinite(s_w).all()),
        ("natural images", np.isfinite(natural.total).all()),
    ):
        if not finite:
            raise InputError(
                f"latents of the {name} that are not finite (NaN or infinity)",
                "expected finite numbers",
                "check whether the encoder's files are damaged, or name another encoder",
            )
    if np.diag(s_w).max() == 0:
        raise InputError(
            "pairs whose origin and query are all the same image",
            "expected queries that a generator made from their origins",
            "check the columns origin and query of the manifest",
        )
    if settings.dim is not None and settings.dim > within.basis.dim:
        raise InputError(
            f"dim {settings.dim}",
            f"expected at most {within.basis.dim}, the number of coefficients below the cutoff",
            "choose a smaller dim or a larger cutoff",
        )
