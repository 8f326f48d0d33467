"""originid train: fit a map to pairs and write a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import as_rows, print_failures, print_json, progress_bar
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.model import Model
    from originid.training.fitting import Settings
    from originid.types import Failure

MAPS = (
    "raw, none, structured, full, cosface, softmax, circle, mlp-2 to mlp-7, convolution, "
    "attention, full+cosface, paper, or a .json file"
)


def train(
    pairs: Annotated[
        list[Path],
        typer.Argument(
            metavar="PAIRS.csv [FOLDER...]",
            help="The manifest of pairs, or a folder of latents in the paper's layout.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The model's folder, new.")],
    origins: Annotated[
        list[Path] | None,
        typer.Option(help="Folders of more natural images; may be given several times."),
    ] = None,
    encoder: Annotated[
        str,
        typer.Option(
            help="For example tones+edges, distilled+edges or diffusers:FOLDER_OR_HUB_ID."
        ),
    ] = "tones+edges",
    map: Annotated[str, typer.Option(help=f"How the map is learned: {MAPS}.")] = "full",
    dim: Annotated[
        int | None, typer.Option(min=1, help="Dimensions of a vector; by default the best.")
    ] = None,
    latents: Annotated[
        Path | None,
        typer.Option(help="Keep latents in this folder, for other trainings and evaluations."),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Keep them in half precision.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Learn the map W from pairs, calibrate it, and write a model.

    The defaults are the best settings known: a closed form, seconds on a CPU. The map `paper` is
    metric learning as the paper does it, which wants 100,000 origins and hours.

    Images that cannot be read are reported and passed over. The model is written whole or not at
    all. A training that was cut off goes on when the same command is given again, from what lies in
    OUTPUT.training.
    """
    from originid.datasets.pairs import read_pairs
    from originid.encoders import open_encoder
    from originid.training.fitting import NoMap
    from originid.training.train import train_model, train_official

    settings = map_settings(map, dim)
    if settings == NoMap(subtract_mean=True):
        raise typer.BadParameter(
            "--map none: there is nothing to train; take raw, which leaves latents as they are, or "
            "structured, which weighs them"
        )
    opened = open_encoder(encoder)
    folders = [*(origins or []), *pairs[1:]]
    with progress_bar("encoding") as encoding, progress_bar("learning", "steps") as steps:
        failures: list[Failure] = []
        if pairs[0].is_dir():
            model = train_official(output, pairs[0], opened, settings, steps)
        else:
            manifest, dtype = read_pairs(pairs[0]), "float16" if half else "float32"
            model, failures = train_model(
                output, manifest, folders, opened, settings, latents, dtype, encoding, steps
            )
    _print(output, model, failures, json)


def map_settings(name: str, dim: int | None = None) -> "Settings":
    """The settings that an option names."""
    from originid.training.fitting import map_names, read_map_settings

    if name not in map_names() and not name.endswith(".json"):
        raise typer.BadParameter(f"--map {name}: expected one of {', '.join(map_names())}")
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
