"""originid train: fit a map to pairs and write a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import image_progress, print_failures, print_json
from originid.text import printable

if TYPE_CHECKING:
    from originid.training.closed_form import ClosedForm


def train(
    pairs: Annotated[
        list[Path], typer.Argument(metavar="PAIRS.csv [FOLDER...]", help="The manifest of pairs.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The model's folder, new.")],
    origins: Annotated[
        list[Path] | None,
        typer.Option(help="Folders of more natural images; may be given several times."),
    ] = None,
    encoder: Annotated[
        str, typer.Option(help="For example tones+edges, or diffusers:FOLDER_OR_HUB_ID.")
    ] = "tones+edges",
    map: Annotated[str, typer.Option(help="structured or full.")] = "full",
    dim: Annotated[
        int | None, typer.Option(min=1, help="Dimensions of a vector; by default the best.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Fit the map W to pairs in closed form, calibrate it, and write a model.

    The defaults are the best settings known. Images that cannot be read are reported and passed
    over. The model is written whole or not at all.
    """
    from originid.encoders import open_encoder
    from originid.pairs import read_pairs
    from originid.training.train import train_model

    settings = map_settings(map, dim)
    if settings is None:
        raise typer.BadParameter("--map none: there is nothing to train")
    opened = open_encoder(encoder)
    manifest = read_pairs(pairs[0])
    folders = [*(origins or []), *pairs[1:]]
    with image_progress("encoding") as progress:
        model, failures = train_model(output, manifest, folders, opened, settings, progress)
    if json:
        skipped = [{"path": f.path, "reason": f.reason} for f in failures]
        print_json({"model": str(output), **model.training, "dim": model.dim, "skipped": skipped})
    else:
        print_failures(failures, "--json lists them")
        print(
            f"{printable(str(output))}: {model.spec}, "
            f"{model.map.latent_dim} -> {model.dim}, "
            f"from {model.training['pairs']} pairs and "
            f"{model.training['natural_images']} natural images"
        )


def map_settings(name: str, dim: int | None = None) -> "ClosedForm | None":
    """The settings of the closed form that an option names; None for no map."""
    from originid.training.closed_form import ClosedForm

    known = {
        "none": None,
        "structured": ClosedForm(rank=0, dim=dim),
        "full": ClosedForm(dim=dim),
    }
    if name not in known:
        raise typer.BadParameter(f"--map {name}: expected one of {', '.join(known)}")
    return known[name]
