"""Stage 2: a text encoder and a U-Net that are trained together to denoise latents.

Two kinds, which differ in how noise enters and what the network predicts:

- ``ddpm``: sqrt(a_t) x + sqrt(1 - a_t) e, predict e; Stable Diffusion's schedule of 1,000 steps
  (Ho et al. 2020, equation 14).
- ``flow``: (1 - s) x + s e, predict e - x (Lipman et al. 2023, the optimal transport path).

Part of the examples are edits. Image-to-image adds noise e to a photo y and asks for a styled
image x. With a ratio r of signal to noise at the start, the deterministic sampler that knows x
goes from there along the path whose noise is e + r (y - x), to x. The network learns to predict
on such paths too. Without them it takes the photo's colours for evidence against the caption.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    UNet2DConditionModel,
)
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from originid.system.progress import Progress
from originid.system.storage import new_file
from small_diffusion.photos import SIZE, shares, view
from small_diffusion.styles import STYLES

LATENT_SIDE = SIZE // 8
TOKENS = 24  # of a prompt; the longest caption of 99 in 100 with a style's words has 20
WIDTH = 128  # of a text token
VOCABULARY = 1536  # every word that occurs ten times in the captions is one token
BATCH = 256
RATE = 1e-3
DROPOUT = 0.1  # share of captions left out, for classifier-free guidance
PLAIN = 0.3  # share of examples that are in no style
EDITS = 0.6  # share of the others that are seen as edits of the photo
WEAKEST = 0.25  # time, of 1, at which the weakest edit starts
VIEWS = 3  # of each photo
STYLED = 5  # styles that each view is seen in
CHUNK = 32  # photos that are encoded at once
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


@dataclass(frozen=True)
class Kind:
    """How noise enters, and the latent space that this kind has for itself.

    ``noised`` takes latents, noise and times, (n,) in 0 to 1, and gives noisy latents, the times
    as the network takes them, and what it is to predict. ``ratio`` is that of signal to noise at
    some times.
    """

    channels: int
    noised: Callable[[Any, Any, Any], tuple[Any, Any, Any]]
    ratio: Callable[[Any], Any]
    scheduler: Callable[[], Any]


@cache
def _alphas(device: Any) -> Any:
    """The share of signal in the variance, a_t, of each of 1,000 steps."""
    return DDPMScheduler(**BETAS).alphas_cumprod.to(device)


def _step(times: Any) -> Any:
    return (1000 * times).long().clamp(max=999)


def _ddpm_noised(clean: Any, noise: Any, times: Any) -> tuple[Any, Any, Any]:
    steps = _step(times)
    kept = _alphas(clean.device)[steps][:, None, None, None]
    return kept.sqrt() * clean + (1 - kept).sqrt() * noise, steps, noise


def _ddpm_ratio(times: Any) -> Any:
    kept = _alphas(times.device)[_step(times)]
    return (kept / (1 - kept)).sqrt()


def _flow_noised(clean: Any, noise: Any, times: Any) -> tuple[Any, Any, Any]:
    noisy = torch.lerp(clean, noise, times[:, None, None, None])
    return noisy, 1000 * times, noise - clean


def _flow_ratio(times: Any) -> Any:
    return (1 - times) / times


def _ddpm_scheduler() -> Any:
    return DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1)


def _flow_scheduler() -> Any:
    """The one scheduler of flows that the Stable Diffusion pipelines can drive."""
    return DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, steps_offset=1
    )


KINDS = {
    "ddpm": Kind(8, _ddpm_noised, _ddpm_ratio, _ddpm_scheduler),
    "flow": Kind(12, _flow_noised, _flow_ratio, _flow_scheduler),
}


def train_tokenizer(captions: Sequence[str]) -> Any:
    """A ``CLIPTokenizer`` whose byte pairs are learned from captions and the names of styles."""
    rules = CLIPTokenizer().backend_tokenizer
    learner = Tokenizer(BPE(end_of_word_suffix="</w>"))
    learner.normalizer, learner.pre_tokenizer = rules.normalizer, rules.pre_tokenizer
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        initial_alphabet=ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    styles = [style.format("a photo") for style in STYLES]
    learner.train_from_iterator([*captions, *10 * styles], trainer)
    model = json.loads(learner.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    return CLIPTokenizer(vocab=model["vocab"], merges=merges, model_max_length=TOKENS)


def token_ids(tokenizer: Any, captions: Sequence[str]) -> Any:
    """Tokens of captions, int64 (n, TOKENS)."""
    options = {"padding": "max_length", "truncation": True, "max_length": TOKENS}
    return tokenizer(list(captions), return_tensors="pt", **options).input_ids


def build(kind: Kind, tokenizer: Any) -> Any:
    """An untrained ``text_encoder`` (0.5 million parameters) and ``unet`` (3.7 million)."""
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    unet = UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=kind.channels,
        out_channels=kind.channels,
        block_out_channels=(64, 80, 96),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    parts = {"text_encoder": CLIPTextModel(text), "unet": unet}
    return torch.nn.ModuleDict(parts).train()


@dataclass(frozen=True)
class Examples:
    """What the denoiser learns from.

    Attributes:
        latents: float16 (photos, VIEWS, 1 + STYLED, channels, side, side), of deviation 1; the
            first of each view is the photo, the others are in styles.
        styles: (photos, VIEWS, 1 + STYLED), which: 0 is none, 1 the first of STYLES.
        factor: what the latents were multiplied by.
    """

    latents: Any
    styles: Any
    factor: float

    def to(self, device: str) -> "Examples":
        """The same with its tensors on a device."""
        return Examples(self.latents.to(device), self.styles.to(device), self.factor)


def encoded(vae: Any, images: Any, kept: Path, progress: Progress) -> Examples:
    """Latents of views and styles of all photos, from a file, which is made if absent.

    Args:
        vae: the autoencoder.
        images: uint8 (photos, SIZE, SIZE, 3), a tensor on its device.
        kept: path of the file.
        progress: told the photos.
    """
    if not kept.exists():
        whole, which = [], []
        for start in range(0, len(images), CHUNK):
            part = shares(images[start : start + CHUNK])
            made = [_styled_latents(vae, view(part, number)) for number in range(VIEWS)]
            whole.append(torch.stack([latents for latents, _ in made], dim=1))
            styles = torch.stack([styles for _, styles in made])
            which.append(styles.expand(len(part), *styles.shape))
            progress(min(start + CHUNK, len(images)), len(images))
        factor = 1 / float(torch.cat([part[:, 0, 0].float() for part in whole]).std())
        latents = (factor * torch.cat(whole)).half()
        with new_file(kept) as temporary:
            torch.save((latents, torch.cat(which), factor), temporary)
    return Examples(*torch.load(kept, weights_only=True))


def _styled_latents(vae: Any, images: Any) -> tuple[Any, Any]:
    """Latents of photos (n, 3, h, w) in 0 to 1, as they are and in random styles, and which."""
    styles = 1 + torch.randperm(len(STYLES))[:STYLED]
    draw = list(STYLES.values())
    seen = [images, *(draw[style - 1](images) for style in styles.tolist())]
    half = torch.autocast(images.device.type, torch.bfloat16, enabled=images.is_cuda)
    with torch.no_grad(), half:
        latents = [vae.encode(image.mul(2).sub(1)).latents.half() for image in seen]
    return torch.stack(latents, dim=1).cpu(), torch.cat([torch.zeros(1, dtype=torch.long), styles])


def caption_tokens(tokenizer: Any, captions: Sequence[str]) -> Any:
    """Tokens of every caption in no style and in each, (photos, 1 + styles, TOKENS)."""
    whole = [
        style.format(caption or "something") if style != "{}" else caption
        for caption in captions
        for style in ("{}", *STYLES)
    ]
    return token_ids(tokenizer, whole).view(len(captions), 1 + len(STYLES), TOKENS)


def loss_of(
    module: Any, kind: Kind, examples: Examples, tokens: Any, nothing: Any
) -> Callable[[], Any]:
    """Mean squared error of the prediction on random examples.

    Args:
        module: what ``build`` returns.
        kind: see there.
        examples: see there, on the device of the module, as all tensors here.
        tokens: what ``caption_tokens`` returns.
        nothing: (TOKENS,), the tokens of an empty caption.
    """
    device = nothing.device

    def chance(share: float) -> Any:
        return torch.rand(BATCH, device=device) < share

    def loss() -> Any:
        rows = torch.randint(len(examples.latents), (BATCH,), device=device)
        views = torch.randint(examples.latents.shape[1], (BATCH,), device=device)
        styled = torch.randint(1, examples.latents.shape[2], (BATCH,), device=device)
        styled = torch.where(chance(PLAIN), 0, styled)
        clean = examples.latents[rows, views, styled].float()
        photo = examples.latents[rows, views, 0].float()
        ids = tokens[rows, examples.styles[rows, views, styled]]
        untold, edits = chance(DROPOUT), chance(EDITS)
        ids = torch.where(untold[:, None], nothing, ids)

        times = torch.rand(BATCH, device=device)
        begun = times.clamp(min=WEAKEST)
        begun = begun + (1 - begun) * torch.rand(BATCH, device=device)
        kept = torch.where(edits & ~untold, kind.ratio(begun), 0.0)[:, None, None, None]
        noise = torch.randn_like(clean) + kept * (photo - clean)
        noisy, moments, target = kind.noised(clean, noise, times)
        text = module["text_encoder"](ids).last_hidden_state
        made = module["unet"](noisy, moments, text).sample
        return torch.nn.functional.mse_loss(made.float(), target)

    return loss
