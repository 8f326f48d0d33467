"""originid distill: teach a small encoder a large one's latents."""

from pathlib import Path
from typing import Annotated

import typer

from originid.cli.output import as_rows, print_failures, print_json, progress_bar
from originid.system.text import printable


def distill(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGES...", help="Files and folders.")],
    teacher: Annotated[
        str,
        typer.Option(
            metavar="ENCODER",
            help="Any encoder with one latent block, an eighth of the image's side: for example "
            "diffusers:FOLDER_OR_HUB_ID.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The encoder's file, new, .onnx.")],
    model: Annotated[
        str | None,
        typer.Option(help="A model trained on the teacher: what its map keeps counts more."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of 200 steps of 8 images.")] = None,
    crops: Annotated[int, typer.Option(min=0, help="Of each image, besides the whole.")] = 0,
    latents: Annotated[
        Path | None, typer.Option(help="Keep the teacher's latents in this folder.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Teach a small network a VAE encoder's latents, and write it as an encoder.

    The file is ONNX in eight bits, on a CPU hundreds of times as fast as the VAE of Stable
    Diffusion, and used as `--encoder onnx:FILE` without torch. A run that was cut off goes on when
    the same command is given again, from what lies in OUTPUT.training: all but the last hundred or
    so latents, or the last epoch.
    """
    from originid.encoders import open_encoder
    from originid.model import open_model
    from originid.training.distillation.fit import distill as learn
    from originid.training.distillation.settings import Distillation

    if output.suffix != ".onnx":
        raise typer.BadParameter(f"-o {output}: expected a name ending in .onnx")
    settings = Distillation(crops=crops, epochs=epochs or Distillation.epochs)
    opened = open_encoder(teacher)
    map = None
    if model is not None:
        weighing = open_model(model)
        weighing.refuse_other(opened, "name a model that was trained on the teacher's latents")
        map = weighing.map
    with progress_bar("encoding") as encoding, progress_bar("learning", "steps") as learning:
        described, failures = learn(
            output, images, opened, settings, map, latents, encoding, learning
        )
    if json:
        print_json({"encoder": str(output), **described, "skipped": as_rows(failures)})
        return
    print_failures(failures, "--json lists them")
    errors = described["error"]
    mapped = f", {errors['mapped']:.1%} of what the map keeps" if "mapped" in errors else ""
    print(
        f"{printable(str(output))}: misses {errors['latent']:.1%} of the teacher's variance{mapped}"
    )
