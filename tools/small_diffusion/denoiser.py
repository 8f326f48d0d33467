"""Stage 2: a text encoder and a U-Net that are trained together to denoise latents.

Two kinds, which differ in how noise enters and what the network predicts:

- ``ddpm``: sqrt(a_t) x + sqrt(1 - a_t) e, predict e; Stable Diffusion's schedule of 1,000 steps
  (Ho et al. 2020, equation 14).
- ``flow``: (1 - s) x + s e, predict e - x (Lipman et al. 2023, the optimal transport path).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

from small_diffusion.photos import STYLES, VARIANTS

LATENT_SIDE = 16
TOKENS = 24  # of a prompt; the longest caption of 99 in 100 with a style's words has 20
WIDTH = 128  # of a text token
VOCABULARY = 1536  # every word that occurs ten times in the captions is one token
BATCH = 32
RATE = 1e-3
DROPOUT = 0.1  # share of captions left out, for classifier-free guidance
PLAIN = 0.6  # share of examples that are in no style
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


@dataclass(frozen=True)
class Kind:
    """How noise enters, and the latent space that this kind has for itself."""

    channels: int
    noised: Callable[[Any], tuple[Any, Any, Any]]
    scheduler: Callable[[], Any]


def _ddpm_noised(clean: Any) -> tuple[Any, Any, Any]:
    """Noisy latents, their times in 0 to 999, and what the network is to predict."""
    noise = torch.randn_like(clean)
    times = torch.randint(1000, (len(clean),), device=clean.device)
    return DDPMScheduler(**BETAS).add_noise(clean, noise, times), times, noise


def _flow_noised(clean: Any) -> tuple[Any, Any, Any]:
    noise = torch.randn_like(clean)
    share = torch.rand(len(clean), device=clean.device)
    noisy = torch.lerp(clean, noise, share[:, None, None, None])
    return noisy, 1000 * share, noise - clean


def _ddpm_scheduler() -> Any:
    return DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1)


def _flow_scheduler() -> Any:
    """The one scheduler of flows that the Stable Diffusion pipelines can drive."""
    return DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, steps_offset=1
    )


KINDS = {
    "ddpm": Kind(4, _ddpm_noised, _ddpm_scheduler),
    "flow": Kind(8, _flow_noised, _flow_scheduler),
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
    """An untrained ``text_encoder`` (0.5 million parameters) and ``unet`` (3.0 million)."""
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
        block_out_channels=(48, 64, 96),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    parts = {"text_encoder": CLIPTextModel(text), "unet": unet}
    return torch.nn.ModuleDict(parts).to(memory_format=torch.channels_last).train()


def loss_of(
    module: Any, kind: Kind, latents: Any, tokens: Any, nothing: Any, device: str
) -> Callable[[], Any]:
    """Mean squared error of the prediction on random examples.

    Args:
        module: what ``build`` returns.
        kind: see there.
        latents: float (photos, VARIANTS, channels, side, side), scaled to deviation 1.
        tokens: (photos, VARIANTS, TOKENS).
        nothing: (TOKENS,), the tokens of an empty caption.
        device: of the module.
    """

    def loss() -> Any:
        rows = torch.randint(len(latents), (BATCH,))
        styled = (torch.rand(BATCH) >= PLAIN).long()
        which = 2 * styled + torch.randint(VARIANTS // 2, (BATCH,))
        ids = tokens[rows, which]
        ids[torch.rand(BATCH) < DROPOUT] = nothing
        noisy, times, target = kind.noised(latents[rows, which].float().to(device))
        text = module["text_encoder"](ids.to(device)).last_hidden_state
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        return torch.nn.functional.mse_loss(module["unet"](noisy, times, text).sample, target)

    return loss
