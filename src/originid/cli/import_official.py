"""originid import-official: make a model from the weights that the paper's authors published."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from originid.cli.output import JsonOption, as_rows, print_failures, print_json, progress_bar
from originid.system.text import printable


def import_official(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.pth.tar", help="Read W from this file, a bare tensor (dim, latent dim)."
        ),
    ],
    vae: Annotated[
        str,
        typer.Option(
            metavar="DIR_OR_ID",
            help="Encode images by this VAE, a folder or a Hugging Face id. The paper's is that of "
            "Stable Diffusion 2.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Write the model into this new folder.")
    ],
    origins: Annotated[
        list[Path] | None,
        typer.Option(
            help="Calibrate confidences on the photos of this folder. It may be given several "
            "times. The default is the photos of the demo."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a model from the W that the paper's authors published.

    The file is read as a tensor; a file with code in it is refused. Without --origins, confidences
    are calibrated on the few photos of the demo, which makes them rough. Some hundred photos that
    are like yours give better ones. The licence of the official weights is CC-BY-NC-4.0, which
    forbids commercial use.
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
