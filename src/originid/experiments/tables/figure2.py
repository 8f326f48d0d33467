"""Figure 2: generators leave traces of their own, by which a classifier tells them apart."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.datasets.pairs import read_pairs
from originid.errors import ExtraError, InputError
from originid.experiments.harness.context import PACKAGED, ExperimentContext
from originid.experiments.harness.judging import divide
from originid.experiments.harness.judging_networks import ResizedImages
from originid.experiments.paper import DISCREPANCY
from originid.experiments.report.report import Cell, Report, Table
from originid.experiments.tables.table8 import make_edits

SIDE = 128  # pixels
BINS = 16  # of the radial spectrum
CELL = 8  # pixels of a side that a latent stands for
LAGS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0), (0, 4), (4, 0), (0, 8), (8, 0))
LEAST = 20  # queries of a generator
BLOCK = 256  # images decoded at a time
NOTE = """\
A linear classifier (ridge regression) of simple traces: moments of the colours, radial spectra, and
how noise repeats from pixel to pixel and over the square of pixels that a latent stands for. It is
trained on the queries of the other folds' origins. The paper's Swin-S tells seven generators apart
by their images of the same origins; here a generator often comes from one source with subjects of
its own, and every image was scaled and compressed once more, which takes traces away. balanced is
the mean over generators of the share of their images that is told right."""
SAME_NOTE = """\
As the paper does it, in small: two generators of our own edit the same photos, with the same
prompts at the same strengths. Trained on half of the origins, judged on the other half."""


def run(context: ExperimentContext) -> Report:
    """Tell generators apart by their images: those of the data, and two on the same origins."""
    _, material = context.material(PACKAGED)
    trial = divide(context, material, seen=True)
    names = np.array([pair.fields["family"] for pair in trial.tested])
    known = [
        name for name in np.unique(names) if name != "other" and (names == name).sum() >= LEAST
    ]
    if len(known) < 2:
        raise InputError(
            f"{len(known)} generators with {LEAST} queries or more",
            "expected at least two",
            "give data of several generators, with their names in a column generator",
        )
    traces = _traces([pair.query for pair in trial.tested])
    folds = trial.folds[trial.judged]
    usable = np.isin(names, known)
    guesses = np.empty(len(names), dtype=object)
    for fold in np.unique(folds):
        taught = usable & (folds != fold)
        guesses[folds == fold] = classify(traces[taught], names[taught], traces[folds == fold])
    tables, skipped = {}, {}
    try:
        tables["same"] = _same_origins(context)
    except (InputError, ExtraError) as error:
        skipped["the same origins"] = f"{error.given}; {error.todo}"
    return Report(
        "discrepancy",
        "Figure 2: telling generators apart",
        context.inputs,
        _table("Generators of the data", names[usable], guesses[usable], NOTE),
        tables,
        skipped=skipped,
        note=context.dataset.note,
    )


def _same_origins(context: ExperimentContext) -> Table:
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
    files = ResizedImages(paths, SIDE)
    blocks = (files[start : start + BLOCK] for start in range(0, len(paths), BLOCK))
    return np.stack([trace(image) for block in blocks for image in block])


def _table(title: str, names: NDArray[np.str_], guesses: NDArray[np.str_], note: str) -> Table:
    """The share of images that is told right, of each generator and balanced."""
    rows: list[tuple[Cell, ...]] = []
    shares = []
    for name in np.unique(names):
        of_name = names == name
        shares.append(float(100 * (guesses[of_name] == name).mean()))
        rows.append((str(name), int(of_name.sum()), round(shares[-1], 1), None))
    rows.append(("balanced", len(names), round(float(np.mean(shares)), 1), DISCREPANCY))
    rows.append(("by chance", None, round(100 / len(shares), 1), round(100 / 7, 1)))
    return Table(title, ("generator", "images", "right in %", "paper"), tuple(rows), note)


def trace(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What a generator's decoder leaves in the colours, the spectra and the noise.

    Args:
        image: uint8 (SIDE, SIDE, 3).
    """
    values = image.reshape(-1, 3) / 255.0
    grey = image.mean(axis=2)
    moments = [values.mean(axis=0), values.std(axis=0), _correlations(values)]
    spectra = [_radial(grey - grey.mean()), _radial(_noise(grey))]
    return np.concatenate([*moments, *spectra, _grid(_noise(grey)), *_neighbours(image)])


def _noise(channel: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the four neighbours of a pixel do not tell."""
    return channel - sum(np.roll(channel, step, axis) for axis in (0, 1) for step in (-1, 1)) / 4


def _correlations(channels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each two of the columns, (3,); zero where one is constant."""
    centred = channels - channels.mean(axis=0)
    covariance = centred.T @ centred / len(centred)
    deviation = np.sqrt(np.diag(covariance) + 1e-6)
    found: NDArray[np.float64] = covariance / np.outer(deviation, deviation)
    return found[np.triu_indices(3, 1)]


def _grid(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithms of the mean size of noise at each place of a latent's square of pixels, (64,)."""
    squares = np.abs(noise).reshape(SIDE // CELL, CELL, SIDE // CELL, CELL)
    sizes = np.log(squares.mean(axis=(0, 2)) + 0.05).ravel()
    relative: NDArray[np.float64] = sizes - sizes.mean()
    return relative


def _neighbours(image: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    """Variance and tails of each channel's noise, how it repeats at `LAGS`, how channels share it.

    Returns:
        A vector for each channel, then one of the correlations of channels.
    """
    found = []
    noises = [_noise(image[..., channel].astype(np.float64)) for channel in range(3)]
    for noise in noises:
        centred = noise - noise.mean()
        variance = (centred**2).mean() + 1e-3
        tails = (centred**4).mean() / variance**2 + 1e-3
        repeated = [(centred * np.roll(centred, lag, (0, 1))).mean() / variance for lag in LAGS]
        found.append(np.array([np.log(variance), np.log(tails), *repeated]))
    return [*found, _correlations(np.stack(noises, axis=-1).reshape(-1, 3))]


def _radial(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the mean power in rings of frequency, (BINS,)."""
    power = np.abs(np.fft.fft2(grey)) ** 2
    frequency = np.fft.fftfreq(len(grey))
    radius = np.hypot(frequency[:, None], frequency)
    ring = np.minimum((radius * 2 * BINS).astype(int), BINS - 1).ravel()
    sums = np.bincount(ring, power.ravel(), BINS) / np.bincount(ring, minlength=BINS)
    return np.log(sums + 1e-3)


def classify(
    traces: NDArray[np.float64], names: NDArray[np.str_], asked: NDArray[np.float64]
) -> NDArray[np.str_]:
    """Ridge regression onto the classes, each class of the same weight.

    Args:
        traces: (n, d) with their names (n,).
        asked: (m, d).
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
