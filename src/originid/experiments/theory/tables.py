"""The parts of the theory experiment: from latents to a table, a plot and what to remember."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from originid.errors import InputError
from originid.experiments.harness.latents import EncodedFiles
from originid.experiments.report.report import Cell, Plot, Table
from originid.experiments.theory import distances, spectra, words
from originid.training.closed_form import ClosedForm
from originid.types import Floats64, Json

if TYPE_CHECKING:
    from originid.encoders.diffusers import DiffusersEncoder

Row = tuple[Cell, ...]
IMAGES = 8  # whose latents are noised and denoised; decoding them takes most of the time
TIMES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True)
class Result:
    """A table, the rows (what, measured, paper) that it adds to the summary, and a plot."""

    table: Table
    summary: tuple[Row, ...]
    plot: Plot | None = None

    def to_json(self) -> Json:
        """As JSON, which `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Json) -> "Result":
        """What `to_json` gave."""
        table, plot = value["table"], value["plot"]
        rows = {"columns": tuple(table["columns"]), "rows": _rows(table["rows"])}
        return cls(
            Table(**{**table, **rows}),
            _rows(value["summary"]),
            None if plot is None else Plot(**plot),
        )


def lemma1(vaes: Sequence[EncodedFiles], coded: Sequence[EncodedFiles], seed: int) -> Result:
    """Both sides of the identity, for each VAE, scheduler, denoiser and time."""
    _need(vaes, 1, "--vae DIR_OR_ID")
    rows = tuple(row for vae in vaes for row in _lemma1_rows(vae, seed))
    worst = max(float(row[6] or 0) for row in rows)
    optimal = [row for row in rows if row[1:3] == ("DDPM", "optimal")]
    summary: list[Row] = [("Lemma 1: largest difference of both sides", worst, "0")]
    summary += [
        (f"Lemma 1: distance at time {TIMES[-1]}, {row[0]}", row[7], "near 0")
        for row in optimal
        if row[3] == TIMES[-1]
    ]
    lines = {
        str(vae.label): (TIMES, [float(r[7] or 0) for r in optimal if r[0] == vae.label])
        for vae in vaes
    }
    return Result(
        Table(words.LEMMA1_TITLE, words.LEMMA1_COLUMNS, rows, words.LEMMA1_NOTE),
        tuple(summary),
        Plot("One-step estimate by the optimal denoiser", "time", "distance, strangers = 1", lines),
    )


def _lemma1_rows(vae: EncodedFiles, seed: int) -> list[Row]:
    from originid.experiments.theory import identity
    from originid.experiments.theory.vaes import as_vae, scaling

    encoder = as_vae(vae.encoder)
    factor, shift = scaling(encoder)
    latents = factor * (vae.blocks() - shift)
    chosen = _spread_out(len(latents))
    optimal = identity.GaussianLatents.fit(np.delete(latents, chosen, axis=0)).estimate
    denoisers = {"optimal": optimal, "random": identity.random_network(encoder.shapes[0], seed)}
    unit = _mean_squared_distance(latents)
    rows: list[Row] = []
    for scheduler in identity.SCHEDULERS:
        for name, denoiser in denoisers.items():
            for time in TIMES:
                both = identity.identity(scheduler, latents[chosen], denoiser, time, seed)
                left, right = both.norms()
                loss = None
                if (scheduler, name) == ("DDPM", "optimal"):
                    loss = _round_trip(encoder, both.estimate, factor, shift) / unit
                cells = (scheduler, name, time, left, right, both.difference(), left**2 / unit)
                rows.append((vae.label, *cells, loss, "left = right"))
    return rows


def _spread_out(count: int) -> list[int]:
    """At most `IMAGES` of the photos, from all over; at least half are left for the model."""
    if count < 4:
        raise InputError(
            f"{count} readable photos", "expected at least 4", "give --references FOLDER"
        )
    return [round(place) for place in np.linspace(0, count - 1, min(IMAGES, count // 2))]


def _round_trip(
    encoder: "DiffusersEncoder", scaled: "Floats64", factor: float, shift: float
) -> float:
    """Mean over latents (n, C, H, W) of |E(D(z)) - z|^2, scaled as they are."""
    from originid.experiments.theory.vaes import decode

    latents = (scaled / factor + shift).astype(np.float32)
    again = encoder.encode(decode(encoder, latents)).reshape(latents.shape)
    return float(factor**2 * ((again - latents) ** 2).sum(axis=(1, 2, 3)).mean())


def _mean_squared_distance(latents: "Floats64") -> float:
    """Mean of |a - b|^2 over pairs of different rows: twice the trace of the covariance."""
    return float(2 * latents.reshape(len(latents), -1).var(axis=0, ddof=1).sum())


def theorem1(vaes: Sequence[EncodedFiles], coded: Sequence[EncodedFiles], seed: int) -> Result:
    """Distance of queries from their origins before and after the map."""
    coded = _with_pairs(coded)
    settings = {"none": None, "closed form": ClosedForm()}
    rows: list[Row] = []
    bars: dict[str, tuple[list[str], list[float]]] = {name: ([], []) for name in settings}
    for each in coded:
        for name, setting in settings.items():
            found = distances.cross_validate(each.material, each.encoder, setting)
            averages = found.averages()
            rows.append((each.label, name, *averages, *found.interval(), "less"))
            bars[name][0].append(each.label)
            bars[name][1].append(averages[0])
    summary: list[Row] = []
    for row in rows:
        what = f"{row[0]}, map: {row[1]}"
        summary.append((f"Theorem 1: distance of pairs, {what}", row[2], row[-1]))
        summary.append((f"Theorem 1: separation, {what}", row[5], "-"))
    title = "Distance of queries from their origins"
    return Result(
        Table(words.THEOREM1_TITLE, words.THEOREM1_COLUMNS, tuple(rows), words.THEOREM1_NOTE),
        tuple(summary),
        Plot(title, "encoder", "distance, strangers = 1", bars, bars=True),
    )


def observation1(vaes: Sequence[EncodedFiles], coded: Sequence[EncodedFiles], seed: int) -> Result:
    """Cosines of singular values, with the first encoder."""
    first = _with_pairs(coded)[0]
    comparisons = spectra.compare(first.material, first.encoder, seed=seed)
    rows: list[Row] = []
    summary: list[Row] = []
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
    return Result(
        Table(*table, words.OBSERVATION1_NOTE),
        tuple(summary),
        Plot(title, "number", "singular value of a vector of length 1", lines, log="y"),
    )


def table4(vaes: Sequence[EncodedFiles], coded: Sequence[EncodedFiles], seed: int) -> Result:
    """Differences of the VAEs, every two of them."""
    _need(vaes, 2, "--vae DIR_OR_ID twice or more")
    rows = [
        _table4_row(a, b, known=place == 0)
        for place, a in enumerate(vaes)
        for b in vaes[place + 1 :]
    ]
    summary: list[Row] = []
    for row in rows[: len(vaes) - 1]:
        what = f"Table 4: {row[0]} against {row[1]}"
        summary += [(f"{what}, convolution", *row[2:4]), (f"{what}, latents", *row[4:6])]
        summary += [(f"{what}, explained", row[7], "-")]
    return Result(
        Table(words.TABLE4_TITLE, words.TABLE4_COLUMNS, tuple(rows), words.TABLE4_NOTE),
        tuple(summary),
    )


def _table4_row(a: EncodedFiles, b: EncodedFiles, known: bool) -> Row:
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


Part = Callable[[Sequence[EncodedFiles], Sequence[EncodedFiles], int], Result]
"""Takes the VAEs, all encoders, and a seed; raises InputError for want of material."""
PARTS: dict[str, Part] = {
    "lemma1": lemma1,
    "theorem1": theorem1,
    "observation1": observation1,
    "table4": table4,
}
"""The parts by name, in the order of the report."""


def _rows(rows: Sequence[Sequence[Cell]]) -> tuple[Row, ...]:
    return tuple(tuple(row) for row in rows)


def _need(material: Sequence[EncodedFiles], least: int, option: str) -> None:
    if len(material) < least:
        raise InputError(
            f"{len(material)} given", f"expected at least {least}", f"give {option} to run it"
        )


def _with_pairs(coded: Sequence[EncodedFiles]) -> list[EncodedFiles]:
    found = [each for each in coded if each.material.pairs]
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
