"""Figure 2 (Section 1): generators leave traces of their own, which tell them apart.

The paper's number is the accuracy of a classifier. The experiment is called ``discrepancy``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.datasets.pairs import read_pairs
from originid.errors import ExtraError, InputError
from originid.experiments.harness.context import PACKAGED, ExperimentContext
from originid.experiments.harness.judging import split_folds
from originid.experiments.harness.judging_networks import ResizedImages
from originid.experiments.harness.small_edits import make_edits
from originid.experiments.paper import DISCREPANCY
from originid.experiments.report.report import ExperimentReport, Table, TableRow

SIDE = 128  # pixels of the square images
BINS = 16  # rings of frequency in a radial spectrum
CELL = 8  # pixels of the side of the square that one position of a latent stands for
LAGS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0), (0, 4), (4, 0), (0, 8), (8, 0))
"""Distances between pixels, down and to the right, at which it is measured how noise repeats."""
LEAST = 20  # queries that a generator must have to be told apart from others
BLOCK = 256  # images that are decoded at a time
NOTE = """\
The classifier is linear (ridge regression) and sees simple traces: moments of the colours, radial
spectra, and how noise repeats from pixel to pixel and within the squares of pixels that the
positions of a latent stand for. It is trained on the queries of the other folds' origins. In the
paper a Swin-S tells seven generators apart by their images of the same origins. Here a generator
often comes from one source, which has subjects of its own. And every image was scaled and
compressed once more, which takes traces away. The row balanced is the mean over generators of the
share of their images that is told right."""
SAME_NOTE = """\
This is what the paper does, in small: two generators of our own edit the same photos, with the same
prompts and at the same strengths. The classifier is trained on the edits of half of the photos and
judged on those of the other half."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Tell generators apart by their images: those of the data, and the two small ones.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: fewer than two generators have enough queries, or the data cannot be used.
    """
    _, encoded = context.encoded_pairs(PACKAGED)
    split = split_folds(context, encoded, seen=True)
    names = np.array([pair.fields["family"] for pair in split.tested])
    known = [
        name for name in np.unique(names) if name != "other" and (names == name).sum() >= LEAST
    ]
    if len(known) < 2:
        raise InputError(
            f"{len(known)} generators with {LEAST} queries or more",
            "expected at least two",
            "give data of several generators, with their names in the column generator",
        )
    traces = _traces([pair.query for pair in split.tested])
    folds = split.folds[split.judged]
    usable = np.isin(names, known)
    guesses = np.empty(len(names), dtype=object)
    # Folds are by origin group, so that no subject of a training image is judged.
    for fold in np.unique(folds):
        taught = usable & (folds != fold)
        guesses[folds == fold] = classify(traces[taught], names[taught], traces[folds == fold])
    tables, skipped = {}, {}
    # This part needs the extra [generate], the first part does not.
    try:
        tables["same"] = _same_origins(context)
    except (InputError, ExtraError) as error:
        skipped["the same origins"] = f"{error.given}; {error.todo}"
    return ExperimentReport(
        "discrepancy",
        "Figure 2: telling generators apart",
        context.inputs,
        _table("Generators of the data", names[usable], guesses[usable], NOTE),
        tables,
        skipped=skipped,
        note=context.dataset.note,
    )


def _same_origins(context: ExperimentContext) -> Table:
    """Tell the small generators and the photos apart."""
    folder = make_edits(context)
    parts = []
    for name in ("train.csv", "test.csv"):
        pairs = list(read_pairs(folder / name))
        origins = list(dict.fromkeys(pair.origin for pair in pairs))
        names = [pair.fields["generator"] for pair in pairs] + ["the photo"] * len(origins)
        parts.append((_traces([*(pair.query for pair in pairs), *origins]), np.array(names)))
    (taught, labels), (asked, truth) = parts
    title = "Two generators and the photos they edited"
    return _table(title, truth, classify(taught, labels, asked), SAME_NOTE)


def _traces(paths: Sequence[Path]) -> NDArray[np.float64]:
    """Return the traces of image files, (n, d)."""
    files = ResizedImages(paths, SIDE)
    blocks = (files[start : start + BLOCK] for start in range(0, len(paths), BLOCK))
    return np.stack([trace(image) for block in blocks for image in block])


def _table(title: str, names: NDArray[np.str_], guesses: NDArray[np.str_], note: str) -> Table:
    """Return the table of the share of images that is told right, by generator and balanced."""
    rows: list[TableRow] = []
    shares = []
    for name in np.unique(names):
        of_name = names == name
        shares.append(float(100 * (guesses[of_name] == name).mean()))
        rows.append((str(name), int(of_name.sum()), round(shares[-1], 1), None))
    rows.append(("balanced", len(names), round(float(np.mean(shares)), 1), DISCREPANCY))
    rows.append(("by chance", None, round(100 / len(shares), 1), round(100 / 7, 1)))
    return Table(title, ("generator", "images", "right in %", "paper"), tuple(rows), note)


def trace(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return what a generator's decoder leaves in the colours, the spectra and the noise.

    Args:
        image: the image, uint8 (SIDE, SIDE, 3).

    Returns:
        float64 (d,), the same d for all images.
    """
    values = image.reshape(-1, 3) / 255.0
    grey = image.mean(axis=2)
    moments = [values.mean(axis=0), values.std(axis=0), _correlations(values)]
    spectra = [_radial(grey - grey.mean()), _radial(_noise(grey))]
    return np.concatenate([*moments, *spectra, _grid(_noise(grey)), *_neighbours(image)])


def _noise(channel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the noise of a channel: each pixel less the mean of its four neighbours."""
    return channel - sum(np.roll(channel, step, axis) for axis in (0, 1) for step in (-1, 1)) / 4


def _correlations(channels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlations of each two of three columns, (3,); 0 where one is constant."""
    centred = channels - channels.mean(axis=0)
    covariance = centred.T @ centred / len(centred)
    deviation = np.sqrt(np.diag(covariance) + 1e-6)
    found: NDArray[np.float64] = covariance / np.outer(deviation, deviation)
    return found[np.triu_indices(3, 1)]


def _grid(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how large the noise is at each of the 64 places of a latent's square of pixels, (64,).

    The values are logarithms of the mean absolute noise, less their mean.
    """
    squares = np.abs(noise).reshape(SIDE // CELL, CELL, SIDE // CELL, CELL)
    sizes = np.log(squares.mean(axis=(0, 2)) + 0.05).ravel()
    relative: NDArray[np.float64] = sizes - sizes.mean()
    return relative


def _neighbours(image: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    """Return variance and tails of each channel's noise, and how it repeats at `LAGS`.

    Returns:
        A vector for each channel, then one of the correlations of the noise of two channels.
    """
    found = []
    noises = [_noise(image[..., channel].astype(np.float64)) for channel in range(3)]
    for noise in noises:
        centred = noise - noise.mean()
        variance = (centred**2).mean() + 1e-3  # a constant image has the variance 0
        tails = (centred**4).mean() / variance**2 + 1e-3
        repeated = [(centred * np.roll(centred, lag, (0, 1))).mean() / variance for lag in LAGS]
        found.append(np.array([np.log(variance), np.log(tails), *repeated]))
    return [*found, _correlations(np.stack(noises, axis=-1).reshape(-1, 3))]


def _radial(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the mean power in rings of frequency, (BINS,)."""
    power = np.abs(np.fft.fft2(grey)) ** 2
    frequency = np.fft.fftfreq(len(grey))
    radius = np.hypot(frequency[:, None], frequency)
    ring = np.minimum((radius * 2 * BINS).astype(int), BINS - 1).ravel()
    sums = np.bincount(ring, power.ravel(), BINS) / np.bincount(ring, minlength=BINS)
    return np.log(sums + 1e-3)


def classify(
    traces: NDArray[np.float64], names: NDArray[np.str_], asked: NDArray[np.float64]
) -> NDArray[np.str_]:
    """Name the generators of images, by ridge regression in which all classes weigh the same.

    Args:
        traces: the traces of the images to learn from, float64 (n, d).
        names: the names of the generators of these images, (n,).
        asked: the traces of the images to name, float64 (m, d).

    Returns:
        A name for each image that was asked for, (m,).
    """
    known, member = np.unique(names, return_inverse=True)
    weight = 1 / np.bincount(member)[member]
    mean, deviation = traces.mean(axis=0), traces.std(axis=0) + 1e-9
    x = np.hstack([(traces - mean) / deviation, np.ones((len(traces), 1))])
    y = 2.0 * (member[:, None] == np.arange(len(known))) - 1
    scatter = x.T @ (weight[:, None] * x) + 1e-2 * np.eye(x.shape[1])
    solution = np.linalg.solve(scatter, x.T @ (weight[:, None] * y))
    scores = np.hstack([(asked - mean) / deviation, np.ones((len(asked), 1))]) @ solution
    guessed: NDArray[np.str_] = known[scores.argmax(axis=1)]
    return guessed
