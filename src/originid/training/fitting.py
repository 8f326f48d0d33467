"""From examples to a map, whichever way it is learned."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from originid.encoders import Encoder, latent_dim
from originid.errors import InputError
from originid.maps import DctBasis, Map
from originid.system.progress import Progress, silent
from originid.system.text import closest
from originid.training.closed_form import ClosedForm, PairScatter, Scatter, fit, no_map
from originid.training.examples import Examples, natural_mean
from originid.training.linear_algebra import present_gpu
from originid.training.metric.settings import PRESETS, MetricLearning
from originid.training.settings import read_settings


@dataclass(frozen=True)
class NoMap:
    """No map is learned: a vector is the latent itself, scaled to unit length.

    Args:
        subtract_mean: whether the mean of natural images is subtracted first. Without it the latent
            is left as it is, which is how the paper takes public models (Table 2).
    """

    subtract_mean: bool


Settings = ClosedForm | MetricLearning | NoMap
"""How a map is learned."""
FULL = ClosedForm(blend=0.8, natural_share=0.5, clip=3.0)
CLOSED_FORMS = {"structured": ClosedForm(rank=0), "full": FULL}


def map_names() -> tuple[str, ...]:
    """What `read_map_settings` takes, besides files."""
    return ("raw", "none", *CLOSED_FORMS, *PRESETS)


def read_map_settings(name: str, dim: int | None = None) -> Settings:
    """The settings that a text names.

    Args:
        name: ``raw``, ``none``, ``structured`` or ``full`` (closed form), a preset of metric
            learning, or a JSON file of changes to one of the latter.
        dim: components of a vector; None leaves what the settings say.

    Raises:
        InputError: no such name, a bad file, or a number of dimensions of what is not learned.

    Example:
        >>> import originid
        >>> originid.read_map_settings("none")
        NoMap(subtract_mean=True)
    """
    if name in ("raw", "none"):
        if dim is not None:
            raise InputError(
                f"{dim} dimensions of the map {name}",
                "expected a map that is learned: this one keeps all components of a latent",
                "leave the number of dimensions out, or choose another map, such as full",
            )
        return NoMap(subtract_mean=name == "none")
    if name in CLOSED_FORMS:
        return replace(CLOSED_FORMS[name], dim=dim)
    settings: ClosedForm | MetricLearning
    if name in PRESETS:
        settings = PRESETS[name]
    elif name.endswith(".json"):
        presets: dict[str, MetricLearning | ClosedForm] = {**PRESETS, **CLOSED_FORMS}
        settings = read_settings(name, presets)
    else:
        raise InputError(
            f"map {name!r}",
            f"expected one of {', '.join(map_names())}, or a .json file",
            closest(name, map_names(), "choose one"),
        )
    return settings if dim is None else replace(settings, dim=dim)


def fit_map(
    examples: Examples,
    encoder: Encoder,
    settings: Settings,
    run: Path | None = None,
    progress: Progress = silent,
) -> Map:
    """Learn a map.

    Args:
        examples: what it is fitted to.
        encoder: what made their latents.
        settings: how the map is learned.
        run: folder for the checkpoints and logs of metric learning; None writes nothing.
        progress: called with the steps done, in metric learning.

    Raises:
        InputError: examples that do not suffice, or settings that do not fit them.
        OriginidError: metric learning diverges.
        ExtraError: metric learning without its optional packages.
    """
    if isinstance(settings, NoMap):
        everything = DctBasis(encoder.shapes, (np.inf,) * len(encoder.shapes))
        zero = np.zeros(everything.latent_dim, np.float32)
        return no_map(everything, natural_mean(examples) if settings.subtract_mean else zero)
    if isinstance(settings, ClosedForm):
        return fit_closed_form(examples, encoder, settings)
    # Imports torch: seconds.
    from originid.training.metric.fit import fit_metric

    start, mean = None, np.zeros(latent_dim(encoder.shapes), np.float32)
    if settings.start == "closed-form":
        start = fit_closed_form(examples, encoder, replace(FULL, dim=settings.dim))
    elif settings.centre:
        mean = natural_mean(examples)
    return fit_metric(examples.samples, mean, settings, start, run, progress, shapes=encoder.shapes)


def fit_closed_form(examples: Examples, encoder: Encoder, settings: ClosedForm) -> Map:
    """Fit the closed form in one pass over the examples, in memory that does not grow with them."""
    basis = basis_for(encoder, settings)
    within = PairScatter(basis, present_gpu())
    for rows, weights, groups in examples.differences():
        within.add(rows, weights, groups)
    second = settings.dim is not None or settings.natural_share > 0
    natural = Scatter(basis, second, present_gpu())
    for latents in examples.natural():
        natural.add(latents)
    return fit(within, natural, settings)


def basis_for(encoder: Encoder, settings: ClosedForm) -> DctBasis:
    """The DCT coefficients that a fit with these settings keeps."""
    cutoffs, blocks = settings.cutoff, len(encoder.shapes)
    if cutoffs is None:
        return DctBasis(encoder.shapes, encoder.cutoffs)
    if not isinstance(cutoffs, tuple):
        return DctBasis(encoder.shapes, (cutoffs,) * blocks)
    if len(cutoffs) != blocks:
        raise InputError(
            f"{len(cutoffs)} cutoffs for the encoder {encoder.spec}",
            f"expected one number, or {blocks}: one for each block of its latent",
            "change the settings, or name another encoder",
        )
    return DctBasis(encoder.shapes, cutoffs)
