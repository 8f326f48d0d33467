"""Observation 1: the singular values of maps that were trained on different generators.

The paper finds the cosine of two maps' vectors of singular values near 1 and builds Theorem 2 on
it. Both vectors are positive and sorted, so their cosine is high whatever they come from. It is
shown beside the same cosine for maps that learned nothing, and beside what the theorem is about:
the distance of one generator's pairs under another generator's map.
"""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from originid.encoders import Encoder
from originid.errors import InputError
from originid.evaluation.encoded_pairs import EncodedPairs, examples_of
from originid.evaluation.protocol import column
from originid.experiments.theory.distances import measure_rows
from originid.maps import DenseMap
from originid.system.parallel import available_cores, map_ordered
from originid.training.closed_form import ClosedForm
from originid.training.fitting import basis_for, fit_map
from originid.types import Floats64, Pair

DIM = 512  # the paper's
LEAST = 20  # pairs of a generator: a half of them still fits a map
COEFFICIENTS = 1350  # that a map is fitted on: a hundred fits of more would take hours
MOST = 4  # generators that are compared with the most frequent one


@dataclass
class Comparison:
    """What the repeats gave for the map of one generator and that of another.

    ``cosines`` of singular values: with the ``other`` generator's map, with one of the ``same``
    generator from other pairs, with one of ``shuffled`` pairs, with a ``random`` Gaussian matrix.
    ``distances`` of the other generator's remaining pairs, relative to strangers: under its
    ``own`` map, under this one (``other``), under that of ``shuffled`` pairs.
    """

    generator: str
    other: str
    pairs: int
    cosines: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    distances: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    spectra: dict[str, Floats64] = field(default_factory=dict)


def singular_values(matrix: NDArray[np.float32]) -> Floats64:
    """The singular values of a matrix (dim, latent_dim), descending, (dim,)."""
    wide = matrix.astype(np.float64)
    # The eigenvalues of a 512 x 512 matrix are a tenth of the work.
    return np.asarray(np.sqrt(np.maximum(np.linalg.eigvalsh(wide @ wide.T)[::-1], 0)))


def spectrum_cosine(a: Floats64, b: Floats64) -> float:
    """Equation 4: the cosine of two vectors of singular values (k,)."""
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def random_spectrum(dim: int, latent_dim: int, rng: np.random.Generator) -> Floats64:
    """The singular values of a matrix of independent normal numbers, (dim,)."""
    return singular_values(rng.standard_normal((dim, latent_dim), np.float32))


def families(pairs: Sequence[Pair]) -> dict[str, list[int]]:
    """Rows of the pairs of each family of generators, the largest family first.

    A family is the first word and, if a number follows, its first digits: SD 1.4 and SD 1.5 are
    one, SDXL-Turbo is SDXL, SD2 and SD3 are two. The manifest's column is ``model``, else
    ``generator``, else ``source``, whose values are taken whole.

    Raises:
        InputError: no pairs, or none of these columns.
    """
    known = pairs[0].fields if pairs else {}
    name = next((name for name in ("model", "generator") if name in known), "source")
    rows: dict[str, list[int]] = defaultdict(list)
    for row, value in enumerate(column(pairs, name)):
        match = None if name == "source" else re.match(r"[A-Za-z]+( ?\d+)?", value)
        rows[match[0] if match else value].append(row)
    ordered = sorted(rows, key=lambda family: (-len(rows[family]), family))
    return {family: rows[family] for family in ordered}


def compare(
    material: EncodedPairs, encoder: Encoder, repeats: int = 10, seed: int = 0
) -> list[Comparison]:
    """Compare maps of the most frequent generator with those of up to `MOST` others.

    In each repeat a map is fitted to a random half of each generator's pairs, of both as many as
    half of the smaller generator's; distances are of pairs of other origin groups.

    Args:
        material: latents of pairs and references.
        encoder: what made them.
        repeats: how often halves are drawn.
        seed: of the draws.

    Raises:
        InputError: fewer than two generators have `LEAST` pairs.
    """
    large = {name: rows for name, rows in families(material.pairs).items() if len(rows) >= LEAST}
    if len(large) < 2:
        raise InputError(
            f"{len(large)} generators with at least {LEAST} pairs",
            "expected two or more in the manifest's column model, generator or source",
            "give a manifest with more generators",
        )
    (first, rows), *others = list(large.items())[: MOST + 1]
    comparisons = []
    for name, other_rows in others:
        n = min(len(rows), len(other_rows)) // 2
        rngs = [np.random.default_rng([seed, repeat]) for repeat in range(repeats)]
        repeat = partial(_repeat, n, material, encoder, rows, other_rows)
        comparison = Comparison(first, name, n)
        # A core decomposes a matrix by itself.
        for cosines, distances, found in map_ordered(repeat, rngs, available_cores()):
            for key, cosine in cosines.items():
                comparison.cosines[key].append(cosine)
            for key, distance in distances.items():
                comparison.distances[key].append(distance)
            comparison.spectra.update(found)
        comparisons.append(comparison)
    return comparisons


def _repeat(
    n: int,
    material: EncodedPairs,
    encoder: Encoder,
    rows: Sequence[int],
    other_rows: Sequence[int],
    rng: np.random.Generator,
) -> tuple[dict[str, float], dict[str, float], dict[str, Floats64]]:
    """Cosines, distances and spectra of one draw of ``n`` pairs, as of `Comparison`."""
    mine, theirs = (_by_group(material.pairs, each, rng) for each in (rows, other_rows))
    maps = {
        "this": _fit(material, encoder, mine[:n]),
        "same": _fit(material, encoder, mine[n : 2 * n]),
        "other": _fit(material, encoder, theirs[:n]),
        "shuffled": _fit(material, encoder, theirs[:n], rng),
    }
    spectra = {name: singular_values(map.matrix) for name, map in maps.items()}
    spectra["random"] = random_spectrum(maps["this"].dim, maps["this"].latent_dim, rng)
    cosines = {
        name: spectrum_cosine(spectra["this"], spectra[name])
        for name in ("other", "same", "shuffled", "random")
    }
    seen = {material.pairs[row].group for row in theirs[:n]}
    unseen = [row for row in theirs[n:] if material.pairs[row].group not in seen]
    judged = {"own": "other", "other": "this", "shuffled": "shuffled"} if unseen else {}
    distances = {
        name: measure_rows(maps[map_name], material, unseen).averages()[0]
        for name, map_name in judged.items()
    }
    return cosines, distances, spectra


def _by_group(pairs: Sequence[Pair], rows: Sequence[int], rng: np.random.Generator) -> list[int]:
    """The rows in random order, but those of an origin group together."""
    names = sorted({pairs[row].group for row in rows})
    place = dict(zip(names, rng.permutation(len(names)).tolist(), strict=True))
    return sorted(rng.permutation(rows).tolist(), key=lambda row: place[pairs[row].group])


def _fit(
    material: EncodedPairs,
    encoder: Encoder,
    rows: Sequence[int],
    shuffle: np.random.Generator | None = None,
) -> DenseMap:
    """A map on some pairs; to shuffle, each query gets a reference at random for an origin."""
    pairs = [material.pairs[row] for row in rows]
    references = material.references
    if shuffle is not None:
        strangers = shuffle.integers(len(references), size=len(pairs))
        pairs = [
            replace(pair, origin=references[stranger])
            for pair, stranger in zip(pairs, strangers, strict=True)
        ]
    map = fit_map(
        examples_of(material, pairs, references), encoder, _settings(encoder, len(references))
    )
    if not isinstance(map, DenseMap):
        raise TypeError(f"a fit with dim gave a {map.kind} map")
    return map


def _settings(encoder: Encoder, natural: int) -> ClosedForm:
    """The paper's dimensions, of the lowest frequencies, in so far as there are so many."""
    widest = max(math.ceil(min(cutoff, 64)) for cutoff in encoder.cutoffs)
    bases = {
        cutoff: basis_for(encoder, ClosedForm(cutoff=cutoff)) for cutoff in range(1, widest + 1)
    }
    cutoff = max((c for c, basis in bases.items() if basis.dim <= COEFFICIENTS), default=1)
    # More dimensions than natural images less one are a choice among equals.
    dim = min(DIM, bases[cutoff].dim, natural - 1)
    return ClosedForm(cutoff=cutoff, dim=dim)
