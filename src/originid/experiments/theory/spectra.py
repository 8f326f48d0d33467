"""Observation 1 (Table 1, Section 4.2): singular values of maps learned on different generators.

The paper finds that the cosine of two maps' vectors of singular values is near 1, and builds
Theorem 2 on that. But both vectors are positive and sorted, so their cosine is high wherever they
come from. Therefore two more things are measured: the same cosine for maps that learned nothing,
and what the theorem is about, the distance of one generator's pairs under another generator's map.
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
from originid.evaluation.folds import column
from originid.experiments.theory.distances import measure_rows
from originid.maps import DenseMap
from originid.system.parallel import available_cores, map_ordered
from originid.training.closed_form import ClosedForm
from originid.training.fitting import basis_for, fit_map
from originid.types import Floats64, Pair

DIM = 512  # dimensions of the paper's vectors
LEAST = 20  # pairs that a generator must have: a map can be learned from half of them
COEFFICIENTS = 1350  # DCT coefficients that a map is learned on: with more, 100 fits take hours
MOST = 4  # the most generators that are compared with the most frequent one


@dataclass
class Comparison:
    """The comparison of one generator's maps with those of another, over some repeats.

    Args:
        generator: the name of the first generator.
        other: the name of the other generator.
        pairs: the number of pairs that each map was learned from.
        cosines: for each repeat the cosine of the singular values of the first generator's map
            with those of another matrix, by the name of that matrix. ``other`` is the map of the
            other generator, ``same`` a map from other pairs of the first generator, ``shuffled``
            a map from wrong pairs, ``random`` a Gaussian matrix.
        distances: for each repeat the distance of the other generator's remaining pairs, in
            units of the distance of strangers, by the name of the map. ``own`` is the map of the
            other generator, ``other`` that of the first generator, ``shuffled`` one from wrong
            pairs.
        spectra: the singular values of the maps of the last repeat, float64 (dim,), by the names
            of the maps.
    """

    generator: str
    other: str
    pairs: int
    cosines: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    distances: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    spectra: dict[str, Floats64] = field(default_factory=dict)


def singular_values(matrix: NDArray[np.float32]) -> Floats64:
    """Return the singular values of a matrix, float64 (dim,), the largest first.

    Args:
        matrix: float32 (dim, latent_dim), with dim at most latent_dim.
    """
    wide = matrix.astype(np.float64)
    # They are the roots of the eigenvalues of a 512 x 512 matrix, which is a tenth of the work.
    return np.asarray(np.sqrt(np.maximum(np.linalg.eigvalsh(wide @ wide.T)[::-1], 0)))


def spectrum_cosine(a: Floats64, b: Floats64) -> float:
    """Return the cosine of two vectors of singular values, float64 (dim,): equation 4."""
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def random_spectrum(dim: int, latent_dim: int, rng: np.random.Generator) -> Floats64:
    """Return the singular values of a matrix of independent normal numbers, float64 (dim,).

    Args:
        dim: the number of rows of the matrix.
        latent_dim: the number of its columns, at least dim.
        rng: the source of the numbers.
    """
    return singular_values(rng.standard_normal((dim, latent_dim), np.float32))


def families(pairs: Sequence[Pair]) -> dict[str, list[int]]:
    """Return the numbers of the pairs of each family of generators, the largest family first.

    The family is the first word of the generator's name, with the first digits of a number that
    follows. So SD 1.4 and SD 1.5 are one family, SDXL-Turbo belongs to SDXL, and SD2 and SD3 are
    two families. The name of the generator is in the column ``model``, else in ``generator``. If
    there is neither, each ``source`` is a family.

    Args:
        pairs: the pairs of the manifest.

    Raises:
        InputError: there are no pairs, or they have none of these columns.
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
    encoded: EncodedPairs, encoder: Encoder, repeats: int = 10, seed: int = 0
) -> list[Comparison]:
    """Compare maps of the most frequent generator with those of up to `MOST` other generators.

    In each repeat a map of each generator is learned from pairs that are drawn at random. Each map
    sees as many pairs as half of the smaller generator's. Distances are those of pairs whose
    origin groups the other generator's own map has not seen.

    Args:
        encoded: the pairs, the references and their latents.
        encoder: the encoder that made the latents.
        repeats: how often pairs are drawn, at least 1.
        seed: the seed of the draws, at least 0.

    Returns:
        A comparison for each of the other generators, the most frequent one first.

    Raises:
        InputError: fewer than two generators have `LEAST` pairs.
    """
    large = {name: rows for name, rows in families(encoded.pairs).items() if len(rows) >= LEAST}
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
        repeat = partial(_repeat, n, encoded, encoder, rows, other_rows)
        comparison = Comparison(first, name, n)
        # Each core works on a repeat of its own.
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
    encoded: EncodedPairs,
    encoder: Encoder,
    rows: Sequence[int],
    other_rows: Sequence[int],
    rng: np.random.Generator,
) -> tuple[dict[str, float], dict[str, float], dict[str, Floats64]]:
    """Return cosines, distances and spectra of one draw of ``n`` pairs; see `Comparison`."""
    mine, theirs = (_by_group(encoded.pairs, each, rng) for each in (rows, other_rows))
    maps = {
        "this": _fit(encoded, encoder, mine[:n]),
        "same": _fit(encoded, encoder, mine[n : 2 * n]),
        "other": _fit(encoded, encoder, theirs[:n]),
        "shuffled": _fit(encoded, encoder, theirs[:n], rng),
    }
    spectra = {name: singular_values(map.matrix) for name, map in maps.items()}
    spectra["random"] = random_spectrum(maps["this"].dim, maps["this"].latent_dim, rng)
    cosines = {
        name: spectrum_cosine(spectra["this"], spectra[name])
        for name in ("other", "same", "shuffled", "random")
    }
    seen = {encoded.pairs[row].group for row in theirs[:n]}
    unseen = [row for row in theirs[n:] if encoded.pairs[row].group not in seen]
    judged = {"own": "other", "other": "this", "shuffled": "shuffled"} if unseen else {}
    distances = {
        name: measure_rows(maps[map_name], encoded, unseen).averages()[0]
        for name, map_name in judged.items()
    }
    return cosines, distances, spectra


def _by_group(pairs: Sequence[Pair], rows: Sequence[int], rng: np.random.Generator) -> list[int]:
    """Return the rows in random order, but with the rows of an origin group together."""
    names = sorted({pairs[row].group for row in rows})
    place = dict(zip(names, rng.permutation(len(names)).tolist(), strict=True))
    return sorted(rng.permutation(rows).tolist(), key=lambda row: place[pairs[row].group])


def _fit(
    encoded: EncodedPairs,
    encoder: Encoder,
    rows: Sequence[int],
    shuffle: np.random.Generator | None = None,
) -> DenseMap:
    """Learn a map from some pairs. With ``shuffle`` each query gets a random origin."""
    pairs = [encoded.pairs[row] for row in rows]
    references = encoded.references
    if shuffle is not None:
        strangers = shuffle.integers(len(references), size=len(pairs))
        pairs = [
            replace(pair, origin=references[stranger])
            for pair, stranger in zip(pairs, strangers, strict=True)
        ]
    map = fit_map(
        examples_of(encoded, pairs, references), encoder, _settings(encoder, len(references))
    )
    if not isinstance(map, DenseMap):
        raise TypeError(f"a fit with dim gave a {map.kind} map")
    return map


def _settings(encoder: Encoder, natural: int) -> ClosedForm:
    """Return settings for the paper's number of dimensions, on the lowest frequencies.

    There are fewer dimensions if the latents or the natural images are too few.
    """
    widest = max(math.ceil(min(cutoff, 64)) for cutoff in encoder.cutoffs)
    bases = {
        cutoff: basis_for(encoder, ClosedForm(cutoff=cutoff)) for cutoff in range(1, widest + 1)
    }
    cutoff = max((c for c, basis in bases.items() if basis.dim <= COEFFICIENTS), default=1)
    # n natural images span n - 1 directions; all further directions would be equally good.
    dim = min(DIM, bases[cutoff].dim, natural - 1)
    return ClosedForm(cutoff=cutoff, dim=dim)
