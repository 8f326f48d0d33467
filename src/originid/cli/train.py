"""originid train: learn a map from pairs and write a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.named_encoder import open_named_encoder
from originid.cli.output import JsonOption, as_rows, print_failures, print_json, progress_bar
from originid.errors import UsageError
from originid.system.text import closest, printable

if TYPE_CHECKING:
    from originid.latents.cached import FillCache
    from originid.model import Model
    from originid.training.fitting import Settings
    from originid.types import Failure

MAPS = (
    "raw, none, structured, full, cosface, softmax, circle, mlp-2 to mlp-7, convolution, "
    "attention, full+cosface, paper, or a .json file of settings"
)
"""The ways to learn the map, as help texts list them."""
ENCODER = "The encoder default is the network of the model neural, not that of the model default."
"""A sentence that help texts need, because two things have the same name."""


PairsArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="PAIRS.csv [FOLDER...]",
        help="Learn from the pairs of this manifest, or from a folder of latents in the layout of "
        "the paper's code. Further folders are the same as --origins.",
    ),
]
OutputOption = Annotated[
    Path, typer.Option("-o", "--output", help="Write the model into this new folder.")
]
OriginsOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Learn from the natural images of this folder too. It may be given several times."
    ),
]
EncoderOption = Annotated[
    str,
    typer.Option(
        help="Use the latents of this encoder, for example colours+edges, or "
        f"diffusers:FOLDER_OR_HUB_ID. {ENCODER}"
    ),
]
MapOption = Annotated[str, typer.Option(help=f"Learn the map in this way: {MAPS}.")]
DimOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Make vectors of this many dimensions; at least 1. By default the way to learn the "
        "map decides.",
    ),
]
LatentsOption = Annotated[
    Path | None,
    typer.Option(
        help="Keep latents in this folder, for other trainings and evaluations. By default they "
        "are not kept."
    ),
]
HalfOption = Annotated[
    bool, typer.Option("--half", help="Keep these latents as float16, in half of the disk space.")
]

RayOption = Annotated[
    bool,
    typer.Option("--ray", help="Encode on all cores or GPUs of a Ray cluster, or of this machine."),
]


def train(
    pairs: PairsArgument,
    output: OutputOption,
    origins: OriginsOption = None,
    encoder: EncoderOption = "colours+edges",
    map: MapOption = "full",
    dim: DimOption = None,
    latents: LatentsOption = None,
    half: HalfOption = False,
    ray: RayOption = False,
    json: JsonOption = False,
) -> None:
    """Learn the map W from pairs, calibrate it, and write a model.

    The defaults are the best settings that are known: a closed form, which takes seconds on a CPU.
    The map `paper` is metric learning as the paper does it, which needs 100,000 origins and hours.

    Images that cannot be read are reported and left out. The model is written as a whole or not at
    all. A training that was cut off goes on when the same command is given again. What it has done
    is in OUTPUT.training.
    """
    from originid.datasets.pairs import read_pairs
    from originid.training.fitting import NoMap
    from originid.training.train import train_model, train_official

    settings = map_settings(map, dim)
    if settings == NoMap(subtract_mean=True):
        raise typer.BadParameter(
            "--map none: there is nothing to learn; take raw, which leaves latents as they are, or "
            "structured, which weighs their components"
        )
    opened = open_named_encoder(encoder)
    folders = [*(origins or []), *pairs[1:]]
    with progress_bar("encoding") as encoding, progress_bar("learning", "steps") as steps:
        failures: list[Failure] = []
        # A folder holds latents that the paper's code made; nothing is encoded then.
        if pairs[0].is_dir():
            model = train_official(output, pairs[0], opened, settings, steps)
        else:
            manifest, dtype = read_pairs(pairs[0]), "float16" if half else "float32"
            model, failures = train_model(
                output,
                manifest,
                folders,
                opened,
                settings,
                latents,
                dtype,
                encoding,
                steps,
                _on_ray() if ray else None,
            )
    _print(output, model, failures, json)


def _on_ray() -> "FillCache":
    from originid.scale.latents import fill_cache  # imports ray: seconds

    return fill_cache


def map_settings(name: str, dim: int | None = None) -> "Settings":
    """Return the settings that the option --map names.

    Args:
        name: the value of the option.
        dim: the number of dimensions of a vector; None leaves it to the settings.

    Returns:
        The settings; the map ``none`` only subtracts the mean.

    Raises:
        UsageError: there is no such map.
        InputError: the file of settings cannot be used.
    """
    from originid.training.fitting import map_names, read_map_settings

    if name not in map_names() and not name.endswith(".json"):
        raise UsageError(
            f"--map {name}",
            f"expected one of {', '.join(map_names())}, or a .json file",
            closest(name, map_names(), "see originid train --help"),
        )
    return read_map_settings(name, dim)


def _print(output: Path, model: "Model", failures: "list[Failure]", json: bool) -> None:
    if json:
        print_json(
            {"model": str(output), **model.training, "dim": model.dim, "skipped": as_rows(failures)}
        )
        return
    print_failures(failures, "--json lists them")
    counts = model.training
    source = (
        f"{counts['pairs']} pairs and {counts['natural_images']} natural images"
        if "pairs" in counts
        else f"{counts['images']} images of {counts['origins']} origins"
    )
    print(
        f"{printable(str(output))}: {model.spec}, "
        f"{model.map.latent_dim} -> {model.dim}, from {source}"
    )
