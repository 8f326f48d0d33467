"""originid import-official: make a model of the weights that the paper's authors published."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from originid.cli.output import as_rows, print_failures, print_json, progress_bar
from originid.system.text import printable


def import_official(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.pth.tar", help="A bare tensor W of dim x latent dim."),
    ],
    vae: Annotated[
        str, typer.Option(metavar="DIR_OR_ID", help="The VAE; the paper's is Stable Diffusion 2's.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The model's folder, new.")],
    origins: Annotated[
        list[Path] | None,
        typer.Option(help="Folders of photos to calibrate on; may be given several times."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a model of the W that the paper's authors published.

    The file is read as a tensor, and code in it is refused. Without --origins, confidences are
    calibrated on the few photos of the demo, which is rough: some hundred photos like yours are
    better. The official weights are licensed CC-BY-NC-4.0: not for commercial use.
    """
    from originid.training.import_official import LICENCE, SOURCE
    from originid.training.import_official import import_official as make_model

    with progress_bar("encoding") as progress:
        model, failures = make_model(file, vae, output, origins or [], progress)
    print_failures(failures, "--json lists them")
    _warn(f"licence: the official weights ({SOURCE}) are {LICENCE}: not for commercial use")
    if not origins:
        _warn(
            f"confidences are rough: they rest on {model.training['calibration_photos']} photos "
            "of the demo; --origins FOLDER with some hundred photos like yours gives better ones"
        )
    if json:
        print_json(
            {"model": str(output), **model.training, "dim": model.dim, "skipped": as_rows(failures)}
        )
    else:
        print(
            f"{printable(str(output))}: {printable(model.spec)}, "
            f"{model.map.latent_dim} -> {model.dim}, "
            f"calibrated on {model.training['calibration_photos']} photos"
        )


def _warn(text: str) -> None:
    print(text, file=sys.stderr)
