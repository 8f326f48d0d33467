"""Figure 2: generators leave traces of their own, by which a classifier tells them apart."""

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.experiments.bench import PACKAGED, Bench
from originid.experiments.judging import Trial
from originid.experiments.networks import squares
from originid.experiments.paper import DISCREPANCY
from originid.experiments.report import Cell, Report, Table

SIDE = 128  # pixels
BINS = 16  # of the radial spectrum
LEAST = 20  # queries of a generator
NOTE = """\
A linear classifier (ridge regression) of simple traces: means, deviations and correlations of the
colours, and the radial spectra of brightness and of its noise. It is trained on the queries of the
other folds' origins. The paper's Swin-S tells seven generators apart by their images of the same
origins; here a generator often comes from one source with subjects of its own, so subjects help.
balanced is the mean over generators of the share of their queries that is told right."""


def run(bench: Bench) -> Report:
    """Tell the kinds of generators apart by their images."""
    _, material = bench.material(PACKAGED)
    trial = Trial(bench, material, seen=True)
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
    images = squares({pair.query: row for row, pair in enumerate(trial.tested)}, SIDE)
    traces = np.stack([trace(image) for image in images])
    folds = trial.folds[trial.judged]
    guesses = np.empty(len(names), dtype=object)
    usable = np.isin(names, known)
    for fold in np.unique(folds):
        taught = usable & (folds != fold)
        guesses[folds == fold] = classify(traces[taught], names[taught], traces[folds == fold])
    rows: list[tuple[Cell, ...]] = []
    shares = []
    for name in known:
        of_name = names == name
        right = float(100 * (guesses[of_name] == name).mean())
        shares.append(right)
        rows.append((name, int(of_name.sum()), round(right, 1), None))
    rows.append(("balanced", int(usable.sum()), round(float(np.mean(shares)), 1), DISCREPANCY))
    rows.append(("by chance", None, round(100 / len(known), 1), round(100 / 7, 1)))
    return Report(
        "discrepancy",
        "Figure 2: telling generators apart",
        bench.inputs,
        Table("Classifier", ("generator", "queries", "right in %", "paper"), tuple(rows), NOTE),
        note=bench.dataset.note,
    )


def trace(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What a generator's decoder leaves: colour moments and logarithms of radial spectra.

    Args:
        image: uint8 (SIDE, SIDE, 3).
    """
    values = image.reshape(-1, 3) / 255.0
    spread = values.std(axis=0) + 1e-3
    correlation = np.corrcoef((values + 1e-6 * np.arange(values.size).reshape(-1, 3)).T)
    grey = image.mean(axis=2)
    around = sum(np.roll(grey, shift, axis) for axis in (0, 1) for shift in (-1, 1)) / 4
    spectra = [_radial(grey - grey.mean()), _radial(grey - around)]
    moments = [values.mean(axis=0), spread, correlation[np.triu_indices(3, 1)]]
    return np.concatenate([*moments, *spectra])


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
