"""originid distill: teach a small encoder to make the latents of a large one."""

from pathlib import Path
from typing import Annotated

import typer

from originid.cli.named_encoder import open_named_encoder
from originid.cli.output import JsonOption, as_rows, print_failures, print_json, progress_bar
from originid.system.text import printable

ImagesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="IMAGES...",
        help="Learn from these images. Folders are searched with all folders in them.",
    ),
]
TeacherOption = Annotated[
    str,
    typer.Option(
        metavar="ENCODER",
        help="Imitate this encoder, for example diffusers:FOLDER_OR_HUB_ID. It must have a single "
        "latent block, whose side is an eighth of the image's side.",
    ),
]
OutputOption = Annotated[
    Path,
    typer.Option(
        "-o", "--output", help="Write the encoder into this new file, whose name ends in .onnx."
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="Give more weight to what the map of this model keeps, a model that was trained on "
        "the teacher's latents. By default everything weighs the same."
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Learn for this many epochs of 200 steps of 8 images; at least 1. The default is 50.",
    ),
]
CropsOption = Annotated[
    int,
    typer.Option(
        min=0, help="Learn from this many crops of each image too, besides the whole; at least 0."
    ),
]
LatentsOption = Annotated[
    Path | None,
    typer.Option(
        help="Keep the teacher's latents in this folder, for other runs. By default they are in "
        "OUTPUT.training until the encoder is written."
    ),
]


def distill(
    images: ImagesArgument,
    teacher: TeacherOption,
    output: OutputOption,
    model: ModelOption = None,
    epochs: EpochsOption = None,
    crops: CropsOption = 0,
    latents: LatentsOption = None,
    json: JsonOption = False,
) -> None:
    """Teach a small network the latents of a VAE's encoder, and write it as an encoder.

    The file is ONNX with eight-bit weights. On a CPU it is hundreds of times as fast as the VAE of
    Stable Diffusion. It is used as `--encoder onnx:FILE`, without torch. A run that was cut off
    goes on when the same command is given again. What it has done is in OUTPUT.training; only the
    last hundred or so latents, or the last epoch, are done again.
    """
    from originid.model import open_model
    from originid.training.distillation.fit import distill as learn
    from originid.training.distillation.settings import Distillation

    if output.suffix != ".onnx":
        raise typer.BadParameter(f"-o {output}: expected a name ending in .onnx")
    settings = Distillation(crops=crops, epochs=epochs or Distillation.epochs)
    opened = open_named_encoder(teacher)
    map = None
    if model is not None:
        weighing = open_model(model)
        # The map of another encoder's latents would weigh the wrong components.
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
