"""Models of transformers: the real classes, tiny and random."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extras import needs_torch
from networks_by_hand import normalised
from originid.encoders import open_encoder
from originid.encoders.public import BASELINES
from originid.errors import InputError
from originid.testing import textured_image

HUB = [name for name, each in BASELINES.items() if each.loader == "hub"]


def tiny_models() -> dict[str, Callable[[], Any]]:
    """For each preset a model of its class, small, that takes images of the preset's size."""
    import transformers as t

    vit = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    vit |= {"intermediate_size": 8, "patch_size": 112, "image_size": 224}
    clip = {"projection_dim": 4}
    text = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"intermediate_size": 8, "vocab_size": 16}
    blip = t.BlipConfig(
        text_config=text | {"encoder_hidden_size": 8, "bos_token_id": 1, "sep_token_id": 2},
        vision_config=vit | {"image_size": 384, "patch_size": 192},
        image_text_hidden_size=4,
    )
    swin = t.SwinConfig(embed_dim=8, depths=[1, 1], num_heads=[1, 1], window_size=7, patch_size=16)
    mae = t.ViTMAEConfig(**vit, decoder_hidden_size=8, decoder_num_hidden_layers=1,
                         decoder_num_attention_heads=1, decoder_intermediate_size=8)  # fmt: skip
    b0 = t.EfficientNetConfig(width_coefficient=0.2, depth_coefficient=0.1, hidden_dim=256)
    return {
        "swin-b": lambda: t.SwinForImageClassification(swin),
        "resnet-50": lambda: t.ResNetForImageClassification(
            t.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
        ),
        "convnext": lambda: t.ConvNextForImageClassification(
            t.ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2)
        ),
        "efficientnet": lambda: t.EfficientNetForImageClassification(b0),
        "vit-b": lambda: t.ViTForImageClassification(t.ViTConfig(**vit)),
        "dinov2": lambda: t.Dinov2Model(t.Dinov2Config(**(vit | {"image_size": 518}))),
        "mae": lambda: t.ViTMAEForPreTraining(mae),
        "clip": lambda: t.CLIPModel(
            t.CLIPConfig(text_config=text | clip, vision_config=vit | clip, **clip)
        ),
        "blip": lambda: t.BlipForImageTextRetrieval(blip),
        "dinov3": lambda: t.DINOv3ViTModel(t.DINOv3ViTConfig(**vit)),
        "siglip2": lambda: t.SiglipModel(t.SiglipConfig(text_config=text, vision_config=vit)),
    }


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny model, as its makers' class saves it, with all that we do not use."""
    folder = tmp_path_factory.mktemp("hub")

    def save(name: str) -> Path:
        import torch

        if not (folder / name).exists():
            torch.manual_seed(3)
            tiny_models()[name]().eval().save_pretrained(folder / name)
        return folder / name

    return save


def pooled_by_hand(name: str, folder: Path, x: Any) -> Any:
    """What each model's makers take of it, from the whole model."""
    import torch
    import transformers as t

    with torch.inference_mode():
        if name == "clip":
            clip = t.CLIPModel.from_pretrained(folder).eval()
            return clip.visual_projection(clip.vision_model(pixel_values=x).pooler_output)
        if name == "blip":
            blip = t.BlipForImageTextRetrieval.from_pretrained(folder).eval()
            return blip.vision_proj(blip.vision_model(pixel_values=x).last_hidden_state[:, 0])
        if name == "siglip2":
            siglip = t.SiglipModel.from_pretrained(folder).eval()
            return siglip.vision_model(pixel_values=x).pooler_output
        if name == "mae":
            mae = t.ViTMAEModel.from_pretrained(folder, mask_ratio=0.0).eval()
            torch.manual_seed(5)  # the order of the patches, which must not matter
            return mae(pixel_values=x).last_hidden_state[:, 0]
        if name in ("vit-b", "dinov2", "dinov3"):
            model = t.AutoModel.from_pretrained(folder).eval()
            return model(pixel_values=x).last_hidden_state[:, 0]
        model = t.AutoModel.from_pretrained(folder).eval()
        return model(pixel_values=x).pooler_output.flatten(1)


@needs_torch
@pytest.mark.parametrize("name", HUB)
def test_a_model_of_transformers(name: str, saved: Callable[[str], Path]) -> None:
    folder = saved(name)
    encoder = open_encoder(f"baseline:{name}:{folder}")
    baseline = BASELINES[name]
    assert encoder.size == baseline.size
    images = np.stack([textured_image(seed, encoder.size, encoder.size) for seed in range(2)])
    expected = pooled_by_hand(name, folder, normalised(images, baseline)).numpy()
    latents = encoder.encode(images)
    assert encoder.shapes == ((expected.shape[1], 1, 1),)
    assert np.abs(latents - expected).max() <= 1e-4 * np.abs(expected).max()


def real_configs() -> dict[str, Any]:
    """The architectures of the usual weights."""
    import transformers as t

    large = {"patch_size": 16, "image_size": 224}
    return {
        "swin-b": t.SwinConfig(embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32]),
        "resnet-50": t.ResNetConfig(),
        "convnext": t.ConvNextConfig(depths=[3, 3, 27, 3], hidden_sizes=[128, 256, 512, 1024]),
        "efficientnet": t.EfficientNetConfig(
            width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280
        ),
        "vit-b": t.ViTConfig(),
        "dinov2": t.Dinov2Config(image_size=518, patch_size=14),
        "mae": t.ViTMAEConfig(mask_ratio=0.0),
        "clip": t.CLIPVisionConfig(**large),
        "blip": t.BlipConfig(vision_config={"image_size": 384}),
        "dinov3": t.DINOv3ViTConfig(
            **large,
            hidden_size=768,
            num_hidden_layers=12,
            num_attention_heads=12,
            intermediate_size=3072,
        ),
        "siglip2": t.SiglipVisionConfig(**large),
    }


@needs_torch
@pytest.mark.parametrize("name", HUB)
def test_the_usual_weights_have_the_dimensions_that_the_preset_says(name: str) -> None:
    import torch
    import transformers

    from originid.encoders.public.hub import OPTIONS, HubNetwork

    baseline = BASELINES[name]
    kind = getattr(transformers, baseline.architecture)
    options = {k: v for k, v in OPTIONS.get(baseline.architecture, {}).items() if k[:3] == "add"}
    with torch.device("meta"):  # shapes without numbers
        model = kind(real_configs()[name], **options).eval()
        if name == "blip":
            model = torch.nn.ModuleDict(
                {"vision": model.vision_model, "projection": model.vision_proj}
            )
        image = torch.zeros(1, 3, baseline.size, baseline.size)
        latents = HubNetwork(model, baseline.pooling)(image)
    assert latents.shape == (1, baseline.dim)


@needs_torch
def test_a_model_that_lacks_weights_is_refused(
    saved: Callable[[str], Path], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(saved("vit-b") / "model.safetensors")
    dropped = {k: v for k, v in weights.items() if "layernorm_before" not in k}
    (tmp_path / "config.json").write_bytes((saved("vit-b") / "config.json").read_bytes())
    save_file(dropped, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"it lacks .*layernorm_before"):
        open_encoder(f"baseline:vit-b:{tmp_path}")


@needs_torch
@pytest.mark.parametrize("name", HUB)
def test_without_a_connection_the_error_says_what_to_do(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    baseline = BASELINES[name]
    with pytest.raises(InputError, match=f"baseline:{name} at {baseline.source}") as caught:
        open_encoder(f"baseline:{name}")
    assert f"hf download {baseline.source}" in caught.value.todo
    assert baseline.licence in caught.value.todo
    with pytest.raises(InputError, match="cannot be loaded"):
        open_encoder(f"baseline:{name}:{tmp_path}")
