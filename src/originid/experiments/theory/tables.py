"""The parts of the theory experiment. `TheoryPart` describes what they take."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from originid.errors import InputError
from originid.experiments.harness.latents import EncodedFiles
from originid.experiments.report.report import Cell, Plot, Table, TableRow
from originid.experiments.theory import distances, spectra, words
from originid.training.closed_form import ClosedForm
from originid.training.fitting import NoMap
from originid.types import Floats64, Json

if TYPE_CHECKING:
    from originid.encoders.diffusers import DiffusersEncoder

IMAGES = 8  # photos whose latents get noise and are estimated; decoding them takes most time
TIMES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9)
"""How much noise the latents of Lemma 1 get: 0 is none, 1 is only noise."""


@dataclass(frozen=True)
class TheoryResult:
    """What a part of the theory gives.

    Args:
        table: the table of everything that was measured.
        summary: the rows (what, measured, paper) that the part adds to the summary.
        plot: the plot, or None.
    """

    table: Table
    summary: tuple[TableRow, ...]
    plot: Plot | None = None

    def to_json(self) -> Json:
        """Return a JSON object that `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Json) -> "TheoryResult":
        """Return the result that `to_json` was called on; ``value`` is what it returned."""
        table, plot = value["table"], value["plot"]
        rows = {"columns": tuple(table["columns"]), "rows": _rows(table["rows"])}
        return cls(
            Table(**{**table, **rows}),
            _rows(value["summary"]),
            None if plot is None else Plot(**plot),
        )


def lemma1(
    vaes: Sequence[EncodedFiles], encoded: Sequence[EncodedFiles], seed: int
) -> TheoryResult:
    """Measure both sides of Lemma 1 for each VAE, scheduler, denoiser and time.

    Raises:
        InputError: there is no VAE, or there are too few photos.
        ExtraError: diffusers is not installed.
    """
    _need(vaes, 1, "--vae DIR_OR_ID")
    rows = tuple(row for vae in vaes for row in _lemma1_rows(vae, seed))
    worst = max(float(row[6] or 0) for row in rows)
    optimal = [row for row in rows if row[1:3] == ("DDPM", "optimal")]
    summary: list[TableRow] = [("Lemma 1: largest difference of both sides", worst, "0")]
    summary += [
        (f"Lemma 1: distance at time {TIMES[-1]}, {row[0]}", row[7], "near 0")
        for row in optimal
        if row[3] == TIMES[-1]
    ]
    lines = {
        str(vae.label): (TIMES, [float(r[7] or 0) for r in optimal if r[0] == vae.label])
        for vae in vaes
    }
    return TheoryResult(
        Table(words.LEMMA1_TITLE, words.LEMMA1_COLUMNS, rows, words.LEMMA1_NOTE),
        tuple(summary),
        Plot("One-step estimate by the optimal denoiser", "time", "distance, strangers = 1", lines),
    )


def _lemma1_rows(vae: EncodedFiles, seed: int) -> list[TableRow]:
    from originid.experiments.theory import identity
    from originid.experiments.theory.vaes import as_vae, scaling

    encoder = as_vae(vae.encoder)
    factor, shift = scaling(encoder)
    latents = factor * (vae.blocks() - shift)
    chosen = _spread_out(len(latents))
    # The model is fitted to other photos than those that are measured.
    optimal = identity.GaussianLatents.fit(np.delete(latents, chosen, axis=0)).estimate
    denoisers = {"optimal": optimal, "random": identity.random_network(encoder.shapes[0], seed)}
    unit = _mean_squared_distance(latents)
    rows: list[TableRow] = []
    for scheduler in identity.SCHEDULERS:
        for name, denoiser in denoisers.items():
            for time in TIMES:
                both = identity.identity(scheduler, latents[chosen], denoiser, time, seed)
                left, right = both.norms()
                loss = None  # decoding takes most of the time, so it is done in some rows only
                if (scheduler, name) == ("DDPM", "optimal"):
                    loss = _round_trip(encoder, both.estimate, factor, shift) / unit
                cells = (scheduler, name, time, left, right, both.difference(), left**2 / unit)
                rows.append((vae.label, *cells, loss, "left = right"))
    return rows


def _spread_out(count: int) -> list[int]:
    """Choose at most `IMAGES` photos, spread evenly; half or more stay for the Gaussian model."""
    if count < 4:
        raise InputError(
            f"{count} readable photos",
            "expected at least 4",
            "give --references FOLDER with more photos",
        )
    return [round(place) for place in np.linspace(0, count - 1, min(IMAGES, count // 2))]


def _round_trip(
    encoder: "DiffusersEncoder", scaled: "Floats64", factor: float, shift: float
) -> float:
    """Return the mean of |E(D(z)) - z|^2: what decoding and encoding again changes.

    Args:
        encoder: the VAE with encoder E and decoder D.
        scaled: scaled latents, float64 (n, C, H, W).
        factor: the factor of the scale; the result is in scaled units.
        shift: the shift of the scale.
    """
    from originid.experiments.theory.vaes import decode

    latents = (scaled / factor + shift).astype(np.float32)
    again = encoder.encode(decode(encoder, latents)).reshape(latents.shape)
    return float(factor**2 * ((again - latents) ** 2).sum(axis=(1, 2, 3)).mean())


def _mean_squared_distance(latents: "Floats64") -> float:
    """Return the mean of |a - b|^2 over all two different latents: the distance of strangers."""
    # It is twice the trace of the covariance.
    return float(2 * latents.reshape(len(latents), -1).var(axis=0, ddof=1).sum())


def theorem1(
    vaes: Sequence[EncodedFiles], encoded: Sequence[EncodedFiles], seed: int
) -> TheoryResult:
    """Measure the distance of queries from their origins without a map and with the closed form.

    Raises:
        InputError: there are no pairs, or too few sources to cross-validate.
    """
    encoded = _with_pairs(encoded)
    ways: list[ClosedForm | NoMap] = [NoMap(subtract_mean=True), ClosedForm()]
    settings = dict(zip(("none", "closed form"), ways, strict=True))
    rows: list[TableRow] = []
    bars: dict[str, tuple[list[str], list[float]]] = {name: ([], []) for name in settings}
    for each in encoded:
        for name, setting in settings.items():
            found = distances.cross_validate(each.encoded_pairs, each.encoder, setting)
            averages = found.averages()
            rows.append((each.label, name, *averages, *found.interval(), "less"))
            bars[name][0].append(each.label)
            bars[name][1].append(averages[0])
    summary: list[TableRow] = []
    for row in rows:
        what = f"{row[0]}, map: {row[1]}"
        summary.append((f"Theorem 1: distance of pairs, {what}", row[2], row[-1]))
        summary.append((f"Theorem 1: separation, {what}", row[5], "-"))
    title = "Distance of queries from their origins"
    return TheoryResult(
        Table(words.THEOREM1_TITLE, words.THEOREM1_COLUMNS, tuple(rows), words.THEOREM1_NOTE),
        tuple(summary),
        Plot(title, "encoder", "distance, strangers = 1", bars, bars=True),
    )


def observation1(
    vaes: Sequence[EncodedFiles], encoded: Sequence[EncodedFiles], seed: int
) -> TheoryResult:
    """Compare the singular values of maps of several generators, on the first encoder's latents.

    Raises:
        InputError: there are no pairs, or fewer than two generators with enough pairs.
    """
    first = _with_pairs(encoded)[0]
    comparisons = spectra.compare(first.encoded_pairs, first.encoder, seed=seed)
    rows: list[TableRow] = []
    summary: list[TableRow] = []
    for each in comparisons:
        cosine, *controls = (
            _spread(each.cosines[name], 6) for name in ("other", "same", "shuffled", "random")
        )
        relative = [_spread(each.distances[name], 3) for name in ("own", "other", "shuffled")]
        paper = words.TABLE_1.get(each.other)
        names = (first.label, each.generator, each.other, each.pairs)
        rows.append((*names, cosine, paper or "-", *controls, *relative))
        what = f"Observation 1: {each.generator} against {each.other}"
        summary.append((what, cosine, paper or words.TABLE_1_RANGE))
        summary.append((f"{what}, control: shuffled pairs", controls[1], "-"))
        summary.append((f"{what}, control: random matrix", controls[2], "-"))
    title = f"Singular values: {comparisons[0].generator}, and other: {comparisons[0].other}"
    lines = {name: _normed(values) for name, values in comparisons[0].spectra.items()}
    table = (words.OBSERVATION1_TITLE, words.OBSERVATION1_COLUMNS, tuple(rows))
    return TheoryResult(
        Table(*table, words.OBSERVATION1_NOTE),
        tuple(summary),
        Plot(title, "number", "singular value of a vector of length 1", lines, log="y"),
    )


def table4(
    vaes: Sequence[EncodedFiles], encoded: Sequence[EncodedFiles], seed: int
) -> TheoryResult:
    """Measure how much VAEs differ, for every two of them.

    Raises:
        InputError: there are fewer than two VAEs.
        ExtraError: diffusers is not installed.
    """
    _need(vaes, 2, "--vae DIR_OR_ID twice or more")
    rows = [
        _table4_row(a, b, known=place == 0)
        for place, a in enumerate(vaes)
        for b in vaes[place + 1 :]
    ]
    summary: list[TableRow] = []
    for row in rows[: len(vaes) - 1]:
        what = f"Table 4: {row[0]} against {row[1]}"
        summary += [(f"{what}, convolution", *row[2:4]), (f"{what}, latents", *row[4:6])]
        summary += [(f"{what}, explained", row[7], "-")]
    return TheoryResult(
        Table(words.TABLE4_TITLE, words.TABLE4_COLUMNS, tuple(rows), words.TABLE4_NOTE),
        tuple(summary),
    )


def _table4_row(a: EncodedFiles, b: EncodedFiles, known: bool) -> TableRow:
    from originid.experiments.theory import vaes

    weights = [vaes.last_convolution(vaes.as_vae(each.encoder)) for each in (a, b)]
    found = [value for part, value in words.TABLE_4.items() if part in b.label.lower()]
    paper = found[0] if known and found else ("-", "-")
    return (
        a.label,
        b.label,
        vaes.weight_cosine(weights[0], weights[1]),
        paper[0],
        vaes.latent_cosine(a.photos, b.photos),
        paper[1],
        vaes.latent_cosine(a.photos, b.photos, centred=True),
        vaes.explained(a.photos, a.encoder.shapes[0], b.photos, b.encoder.shapes[0]),
    )


TheoryPart = Callable[[Sequence[EncodedFiles], Sequence[EncodedFiles], int], TheoryResult]
"""Measures a part of the theory.

It takes the latents by each VAE, the latents by all encoders (those of the VAEs are among them),
and the seed of everything that is drawn, at least 0. It raises InputError if there is not enough to
measure on.
"""
PARTS: dict[str, TheoryPart] = {
    "lemma1": lemma1,
    "theorem1": theorem1,
    "observation1": observation1,
    "table4": table4,
}
"""The parts by their names, in the order of the report."""


def _rows(rows: Sequence[Sequence[Cell]]) -> tuple[TableRow, ...]:
    return tuple(tuple(row) for row in rows)


def _need(given: Sequence[EncodedFiles], least: int, option: str) -> None:
    if len(given) < least:
        raise InputError(
            f"{len(given)} given", f"expected at least {least}", f"give {option} to run this part"
        )


def _with_pairs(encoded: Sequence[EncodedFiles]) -> list[EncodedFiles]:
    found = [each for each in encoded if each.encoded_pairs.pairs]
    _need(found, 1, "--pairs PAIRS.csv")
    return found


def _spread(values: Sequence[float], digits: int) -> str | None:
    if not values:
        return None
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return f"{np.mean(values):.{digits}f} ± {deviation:.{digits}f}"


def _normed(spectrum: "Floats64") -> tuple[list[int], list[float]]:
    values = spectrum / np.linalg.norm(spectrum)
    return list(range(1, len(values) + 1)), values.tolist()
