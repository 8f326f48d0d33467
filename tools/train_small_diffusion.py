"""Train a small latent diffusion model of our own, from photos with captions.

    python tools/train_small_diffusion.py PHOTOS -o RUN [--kind ddpm|flow] [--device cuda]

PHOTOS holds manifest.csv with the columns path and caption. A run has three stages: an autoencoder;
its decoder once more, against a critic, for sharp images; and the denoiser with its text encoder.
The run can be killed at any time. The same command goes on where it was, and with more --steps it
trains further.

At the end RUN/pipeline is what diffusers.StableDiffusionImg2ImgPipeline.from_pretrained loads,
RUN/packed is the same as originid carries it in its folder of generators, and RUN/samples.png shows
edits of the demo's photos. RUN/log.csv holds the losses.

The default numbers of steps are those of the packaged weights. On 5,800 photos they took nine
minutes of one H200 for both kinds, started side by side; RUN then takes 5 GB. A CPU needs days for
them: with a few hundred photos and steps it makes a rough model.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from originid.errors import InputError, OriginidError
from originid.generation.diffusion.packed import pack
from originid.system.progress import Progress
from originid.system.storage import new_file
from small_diffusion import autoencoder, denoiser
from small_diffusion.loop import Schedule, fit
from small_diffusion.photos import read_manifest, squashed
from small_diffusion.release import draw_samples, export

DEMO_PHOTOS = Path(__file__).parents[1] / "src" / "originid" / "data" / "demo_photos"


@dataclass(frozen=True)
class Settings:
    """What a run keeps from its first start to its end."""

    photos: str
    kind: str
    vae_steps: int
    sharp_steps: int
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


def train(settings: Settings, steps: int, folder: Path, device: str) -> None:
    """All stages, from wherever the run in ``folder`` is."""
    hold(settings, folder)
    kind, source = denoiser.KINDS[settings.kind], Path(settings.photos)
    photos = read_manifest(source)
    kept = squashed(source, photos, folder / "photos.npy", shown("photos"))
    images = torch.from_numpy(kept).to(device)

    torch.manual_seed(settings.seed)
    vae = autoencoder.build(kind.channels).to(device)
    schedule = Schedule(settings.vae_steps, autoencoder.RATE, seed=settings.seed)
    loss = autoencoder.loss_of(vae, images)
    fit("autoencoder", vae, loss, schedule, folder, shown("autoencoder"))
    critic = autoencoder.Critic().to(device)
    schedule = Schedule(settings.sharp_steps, autoencoder.CRITIC_RATE, seed=settings.seed)
    loss = autoencoder.sharpening_loss_of(vae, critic, images)
    both = torch.nn.ModuleList([vae.decoder, critic])
    fit("sharpening", both, loss, schedule, folder, shown("sharpening"))
    torch.manual_seed(settings.seed)
    examples = denoiser.encoded(vae, images, folder / "latents.pt", shown("latents"))
    vae.register_to_config(scaling_factor=examples.factor)

    captions = [photo.caption for photo in photos]
    tokenizer = denoiser.train_tokenizer(captions)
    tokens = denoiser.caption_tokens(tokenizer, captions).to(device)
    nothing = denoiser.token_ids(tokenizer, [""])[0].to(device)
    module = denoiser.build(kind, tokenizer).to(device)
    loss = denoiser.loss_of(module, kind, examples.to(device), tokens, nothing)
    schedule = Schedule(steps, denoiser.RATE, seed=settings.seed)
    fit("denoiser", module, loss, schedule, folder, shown("denoiser"), record=True)
    parts = {"vae": vae, "tokenizer": tokenizer, "scheduler": kind.scheduler(), **module}
    export(parts, folder / "pipeline")
    pack(folder / "pipeline", folder / "packed")
    draw_samples(folder / "pipeline", DEMO_PHOTOS, folder / "samples.png", device)


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
    parser.add_argument("--vae-steps", type=int, default=2400, help="of the autoencoder")
    parser.add_argument("--sharp-steps", type=int, default=1400, help="of its decoder and critic")
    parser.add_argument("--steps", type=int, default=4000, help="of the denoiser")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="of torch")
    given = parser.parse_args()
    settings = Settings(
        str(given.photos.resolve()), given.kind, given.vae_steps, given.sharp_steps, given.seed
    )
    try:
        train(settings, given.steps, given.output, given.device)
    except OriginidError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
