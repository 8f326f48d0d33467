"""Train a small latent diffusion model of our own, from photos with captions.

    python tools/train_small_diffusion.py PHOTOS -o RUN [--kind ddpm|flow]

PHOTOS holds manifest.csv with the columns path and caption. The run can be killed at any time;
the same command goes on where it was, with more --steps too. RUN/pipeline is what
diffusers.StableDiffusionImg2ImgPipeline.from_pretrained loads; it and RUN/samples.png are written
every EXPORT steps of the second stage and at the end. With --steps 0 both are written from the
last checkpoint and nothing is trained. RUN/log.csv holds the losses. RUN/packed is the pipeline as
originid carries it, in src/originid/data/generators/small-KIND.

The default numbers of steps take about an hour on one core of 50 GFLOPS.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from originid.errors import InputError, OriginidError
from originid.generation.diffusion.packed import pack
from originid.system.progress import Progress
from originid.system.storage import new_file
from originid.types import Image
from small_diffusion import autoencoder, denoiser
from small_diffusion.loop import Schedule, fit
from small_diffusion.photos import VARIANTS, Photo, read_manifest, squashed, variant
from small_diffusion.release import draw_samples, export

EXPORT = 1000  # steps of the second stage between exports
DEMO_PHOTOS = Path(__file__).parents[1] / "src" / "originid" / "data" / "demo_photos"


@dataclass(frozen=True)
class Settings:
    """What a run keeps from its first start to its end."""

    photos: str
    kind: str
    vae_steps: int
    seed: int


def hold(settings: Settings, folder: Path) -> None:
    """Write a run's settings, or check that they are those that it was started with."""
    file = folder / "settings.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with new_file(file) as temporary:
            temporary.write_text(json.dumps(asdict(settings), indent=1), encoding="utf-8")
    kept = Settings(**json.loads(file.read_text(encoding="utf-8")))
    if kept != settings:
        raise InputError(f"{settings}", f"expected {kept}, as {folder} was begun", "name a new run")


@dataclass(frozen=True)
class Examples:
    """Latents (photos, VARIANTS, channels, side, side) of deviation 1, captions, and the factor."""

    latents: Any
    captions: Any
    factor: float


def encoded(
    vae: Any, photos: Sequence[Photo], images: Image, kept: Path, device: str, progress: Progress
) -> Examples:
    """Latents of all variants of all photos, from the file ``kept``, which is made if absent."""
    if not kept.exists():
        latents, captions = [], []
        for row, photo in enumerate(photos):
            made = [variant(images[row], photo.caption, which, row) for which in range(VARIANTS)]
            latents.append(autoencoder.encode(vae, np.stack([image for image, _ in made]), device))
            captions.append([caption for _, caption in made])
            progress(row + 1, len(photos))
        whole = torch.stack(latents)
        factor = float(1 / whole.std())
        values = {"latents": (factor * whole).numpy().astype(np.float16), "factor": factor}
        with new_file(kept) as temporary, open(temporary, "wb") as file:
            np.savez(file, captions=np.array(captions), **values)
    with np.load(kept) as arrays:
        latents_of = torch.from_numpy(arrays["latents"])
        return Examples(latents_of, arrays["captions"], float(arrays["factor"]))


def train(settings: Settings, steps: int, folder: Path, device: str) -> None:
    """Both stages, from wherever the run in ``folder`` is."""
    hold(settings, folder)
    kind, source = denoiser.KINDS[settings.kind], Path(settings.photos)
    photos = read_manifest(source)
    images = squashed(source, photos, folder / "photos.npy", shown("photos"))

    torch.manual_seed(settings.seed)
    vae = autoencoder.build(kind.channels).to(device)
    schedule = Schedule(settings.vae_steps, autoencoder.RATE, seed=settings.seed)
    loss = autoencoder.loss_of(vae, images, device)
    fit("autoencoder", vae, loss, schedule, folder, shown("autoencoder"))
    examples = encoded(vae, photos, images, folder / "latents.npz", device, shown("latents"))
    vae.register_to_config(scaling_factor=examples.factor)

    tokenizer = denoiser.train_tokenizer([photo.caption for photo in photos])
    captions = examples.captions
    tokens = denoiser.token_ids(tokenizer, captions.ravel()).view(*captions.shape, -1)
    nothing = denoiser.token_ids(tokenizer, [""])[0]
    module = denoiser.build(kind, tokenizer).to(device)
    loss = denoiser.loss_of(module, kind, examples.latents, tokens, nothing, device)
    parts = {"vae": vae, "tokenizer": tokenizer, "scheduler": kind.scheduler(), **module}
    for stop in [*range(EXPORT, steps, EXPORT), steps]:
        schedule = Schedule(stop, denoiser.RATE, seed=settings.seed)
        trained = fit("denoiser", module, loss, schedule, folder, shown("denoiser"))
        if trained or stop == steps:
            export(parts, folder / "pipeline")
            pack(folder / "pipeline", folder / "packed")
            draw_samples(folder / "pipeline", DEMO_PHOTOS, folder / "samples.png")


def shown(task: str) -> Progress:
    """Progress on stderr, one line for every hundredth."""

    def show(done: int, total: int) -> None:
        if done * 100 // total > (done - 1) * 100 // total:
            print(f"{task}: {done} of {total}", file=sys.stderr, flush=True)

    return show


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN")
    parser.add_argument("--kind", choices=denoiser.KINDS, default="ddpm")
    parser.add_argument("--vae-steps", type=int, default=4000, help="of the first stage")
    parser.add_argument("--steps", type=int, default=4000, help="of the second stage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="of torch")
    given = parser.parse_args()
    settings = Settings(str(given.photos.resolve()), given.kind, given.vae_steps, given.seed)
    try:
        train(settings, given.steps, given.output, given.device)
    except OriginidError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
