"""The arithmetic of the closed form, on matrices: correlations, shrinkage and directions.

See `originid.training.closed_form` for the formulas and the meaning of the symbols.
"""

import numpy as np

from originid.errors import InputError
from originid.maps import DctBasis, DctMap, DenseMap
from originid.training.linear_algebra import eigen
from originid.types import Floats64


def noise_share(correlation: Floats64, noise: Floats64) -> float:
    """Return the share of the squared correlations between coefficients that is noise, in (0, 1].

    One minus this share is the blend that comes nearest to the true correlations in the mean
    square. It is the shrinkage of independent estimates toward zero (Schaefer and Strimmer 2005),
    except that the noise is read from two halves of the data instead of from the spread of single
    pairs, because pairs of the same origin are not independent.

    Args:
        correlation: The correlations of all pairs: float64 of shape (k, k).
        noise: The weighted difference of the halves' correlations, as `PairScatter.moments` gives
            it: float64 of shape (k, k).

    Raises:
        InputError: All pairs are of one origin group, which says nothing about the noise.
    """
    if np.isnan(noise).any():
        raise InputError(
            "pairs of a single origin group",
            "expected at least two groups, as the blend is chosen by comparing two halves of them",
            "give pairs of more origins, or state a blend",
        )

    def between(matrix: Floats64) -> float:
        """Sum the squares outside of the diagonal."""
        return float((matrix**2).sum() - (np.diag(matrix) ** 2).sum())

    # Never 0: a blend of 1 would divide by eigenvalues, and few pairs leave most of them at 0.
    return min(1.0, max(1e-3, between(noise) / max(between(correlation), 1e-300)))


def tilted(basis: DctBasis, diagonal: Floats64, tilt: float) -> Floats64:
    """Return the diagonal to the power of the tilt, scaled to a geometric mean of 1 in each block.

    Args:
        basis: The DCT basis, whose blocks the diagonal is split into.
        diagonal: The variance of each coefficient: float64 of shape (k,), above 0.
        tilt: The exponent; 0 gives ones.
    """
    blocks = np.split(diagonal, np.cumsum(basis.dims)[:-1])
    return np.concatenate([np.exp(tilt * (np.log(b) - np.log(b).mean())) for b in blocks])


def correlations(covariance: Floats64) -> Floats64:
    """Return the correlations of a covariance.

    A coefficient that is the same in all images has no correlation with any other.

    Args:
        covariance: float64 of shape (k, k).

    Returns:
        float64 of shape (k, k).
    """
    diagonal = np.diag(covariance)
    deviation = np.sqrt(np.maximum(diagonal, max(1e-12 * diagonal.max(), 1e-30)))
    return np.asarray(covariance / np.outer(deviation, deviation))


def correction(
    correlation: Floats64, blend: float, rank: int | None, device: str | None
) -> tuple[Floats64, Floats64]:
    """Return the directions that the map corrects, and by how much.

    Args:
        correlation: The correlations R: float64 of shape (k, k).
        blend: The share of R against the identity, in [0, 1).
        rank: The largest number r of directions; None is all of them.
        device: The torch device that computes eigenvectors; None is numpy on the CPU.

    Returns:
        The directions V as rows, float64 of shape (r, k), each with its sign fixed; and their
        gains, float64 of shape (r,).
    """
    k = len(correlation)
    rank = k if rank is None else min(rank, k)
    if rank == 0 or blend == 0:
        return np.zeros((0, k)), np.zeros(0)
    eigenvalues, vectors = eigen(correlation, device)
    eigenvalues, vectors = np.maximum(eigenvalues[::-1], 0), vectors.T[::-1][:rank]
    kept, others = eigenvalues[:rank], eigenvalues[rank:]
    floor = 1 - blend + blend * (others.mean() if len(others) else 1.0)
    # LAPACK may return either sign of an eigenvector. With its largest component made positive,
    # two fits of the same pairs are equal.
    largest = vectors[np.arange(rank), np.abs(vectors).argmax(axis=1)]
    gain = ((1 - blend + blend * kept) / floor) ** -0.5 - 1
    return vectors * np.sign(largest)[:, None], gain


def cut(dct_map: DctMap, total: Floats64, dim: int, device: str | None) -> DenseMap:
    """Return the map's directions in which whitened natural images vary most (largest S_b / S_w).

    Args:
        dct_map: The map that whitens, without a clip.
        total: The covariance of natural images: float64 of shape (k, k).
        dim: The number of directions to keep, at most k.
        device: The torch device that computes eigenvectors; None is numpy on the CPU.
    """
    k = dct_map.dim
    whiten = np.eye(k) + dct_map.directions.T.astype(np.float64) * dct_map.gain @ dct_map.directions
    whiten = dct_map.weight[:, None] * whiten * dct_map.scale
    _, vectors = eigen(whiten @ total @ whiten.T, device)
    rows = vectors.T[::-1][:dim] @ whiten
    to_latents = dct_map.basis.latents
    return DenseMap(to_latents(rows.astype(np.float32)), to_latents(dct_map.mean[None])[0])
