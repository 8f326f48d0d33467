"""Random pipelines of diffusers, small enough to be built, saved and run in seconds."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

SIZE = 32
WIDTH = 8  # of most layers
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def save_generator(name: str, folder: Path, variant: str | None = None) -> Path:
    """A random pipeline in the layout of a preset, as diffusers saves it."""
    torch.manual_seed(0)
    pipeline = PIPELINES[name](folder)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.save_pretrained(folder / "model", variant=variant)
    return folder / "model"


def stable_diffusion(
    in_channels: int = 4, checker: bool = False, prediction: str = "epsilon"
) -> dict[str, Any]:
    """The components of Stable Diffusion."""
    return {
        "vae": vae(),
        "unet": unet(in_channels=in_channels, cross_attention_dim=32),
        "text_encoder": clip_text(),
        "tokenizer": clip_tokenizer(),
        "scheduler": diffusers.DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
            prediction_type=prediction,
        ),
        "safety_checker": safety_checker() if checker else None,
        "feature_extractor": image_processor() if checker else None,
    }


def vae(channels: int = 4) -> Any:
    """An autoencoder that halves the sides."""
    return diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(WIDTH, WIDTH),
        norm_num_groups=4,
        latent_channels=channels,
        scaling_factor=4.0,  # an untrained encoder says little: noise would drown it
        shift_factor=0.1,
        use_quant_conv=channels == 4,
        use_post_quant_conv=channels == 4,
    )


def unet(**options: Any) -> Any:
    """A conditional U-Net of two levels."""
    return diffusers.UNet2DConditionModel(
        **{
            "sample_size": SIZE // 2,
            "layers_per_block": 1,
            "block_out_channels": (WIDTH, 2 * WIDTH),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            "norm_num_groups": 4,
            "attention_head_dim": 4,
            **options,
        }
    )


def clip_text(with_projection: bool = False) -> Any:
    """A text encoder of CLIP."""
    config = transformers.CLIPTextConfig(
        vocab_size=2 * len(LETTERS) + 2,
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=32,
        bos_token_id=2 * len(LETTERS),
        eos_token_id=2 * len(LETTERS) + 1,
        pad_token_id=2 * len(LETTERS) + 1,
    )
    if with_projection:
        return transformers.CLIPTextModelWithProjection(config)
    return transformers.CLIPTextModel(config)


def clip_tokenizer() -> Any:
    """A tokenizer of CLIP that knows single letters."""
    known = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    vocabulary = {token: i for i, token in enumerate([*known, "<|startoftext|>", "<|endoftext|>"])}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def t5_text() -> Any:
    """The encoder of T5."""
    return transformers.T5EncoderModel(
        transformers.T5Config(vocab_size=40, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)
    )


def t5_tokenizer() -> Any:
    """A tokenizer of T5 that knows single letters."""
    known = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), ("▁", -1.0)]
    return transformers.T5Tokenizer(
        vocab=[*known, *((letter, -2.0) for letter in LETTERS)], extra_ids=0, model_max_length=77
    )


def image_processor() -> Any:
    return transformers.CLIPImageProcessor(
        crop_size={"height": SIZE, "width": SIZE}, size={"shortest_edge": SIZE}
    )


def clip_vision_config() -> Any:
    return transformers.CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=1,
        num_attention_heads=4,
        image_size=SIZE,
        patch_size=16,
        projection_dim=32,
    )


def safety_checker() -> Any:
    """A safety checker that lets everything pass until told otherwise."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker

    config = transformers.CLIPConfig(
        text_config={"hidden_size": 32}, vision_config=clip_vision_config().to_dict()
    )
    config.projection_dim = 32
    checker = StableDiffusionSafetyChecker(config)
    checker.concept_embeds_weights.fill_(2.0)  # cosines are at most 1
    checker.special_care_embeds_weights.fill_(2.0)
    return checker


def sd(folder: Path) -> Any:
    return diffusers.StableDiffusionImg2ImgPipeline(
        **stable_diffusion(prediction="v_prediction"), requires_safety_checker=False
    )


def sd_text(folder: Path) -> Any:
    return diffusers.StableDiffusionPipeline(**stable_diffusion(checker=True))


def instruct(folder: Path) -> Any:
    return diffusers.StableDiffusionInstructPix2PixPipeline(
        **stable_diffusion(in_channels=8, checker=True)
    )


def ip_adapter(folder: Path) -> Any:
    """Stable Diffusion, and beside it an adapter with its image encoder."""
    from safetensors.torch import save_file

    home = folder / "adapter" / "models"
    transformers.CLIPVisionModelWithProjection(clip_vision_config()).save_pretrained(
        home / "image_encoder"
    )
    pipeline = diffusers.StableDiffusionPipeline(**stable_diffusion(checker=True))
    tensors = {
        "image_proj.proj.weight": torch.randn(4 * 32, 32),
        "image_proj.proj.bias": torch.randn(4 * 32),
        "image_proj.norm.weight": torch.ones(32),
        "image_proj.norm.bias": torch.zeros(32),
    }
    cross = (name for name in pipeline.unet.attn_processors if "attn2" in name)
    for i, name in enumerate(cross):
        width = pipeline.unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        for kind in ("to_k_ip", "to_v_ip"):
            tensors[f"ip_adapter.{2 * i + 1}.{kind}.weight"] = torch.randn(width, 32)
    save_file(tensors, home / "ip-adapter_sd15.safetensors")
    return pipeline


def sdxl(folder: Path) -> Any:
    return diffusers.StableDiffusionXLImg2ImgPipeline(
        vae=vae(),
        unet=_xl_unet(64),
        text_encoder=clip_text(),
        text_encoder_2=clip_text(with_projection=True),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        scheduler=diffusers.EulerDiscreteScheduler(timestep_spacing="leading", steps_offset=1),
        add_watermarker=False,
    )


def _xl_unet(text_width: int, **options: Any) -> Any:
    """Sizes and crops are six numbers of 8 dimensions, beside the pooled text of 32."""
    return unet(
        cross_attention_dim=text_width,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 32,
        **options,
    )


def sd3(folder: Path) -> Any:
    return diffusers.StableDiffusion3Img2ImgPipeline(
        transformer=diffusers.SD3Transformer2DModel(
            sample_size=SIZE,
            patch_size=1,
            in_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_projection_dim=32,
            joint_attention_dim=32,
            pooled_projection_dim=64,
            out_channels=4,
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vae(),
        text_encoder=clip_text(with_projection=True),
        tokenizer=clip_tokenizer(),
        text_encoder_2=clip_text(with_projection=True),
        tokenizer_2=clip_tokenizer(),
        text_encoder_3=t5_text(),
        tokenizer_3=t5_tokenizer(),
    )


def kandinsky3(folder: Path) -> Any:
    return diffusers.Kandinsky3Img2ImgPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=t5_text(),
        unet=diffusers.Kandinsky3UNet(
            time_embedding_dim=32,
            groups=2,
            attention_head_dim=4,
            layers_per_block=3,
            block_out_channels=(32, 64),
            cross_attention_dim=4,
            encoder_hid_dim=32,
        ),
        scheduler=diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2", clip_sample=True),
        movq=diffusers.VQModel(
            down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
            up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
            block_out_channels=(32, 64),
            latent_channels=4,
            norm_num_groups=8,
            norm_type="spatial",
            num_vq_embeddings=12,
            vq_embed_dim=4,
        ),
    )


def kolors(folder: Path) -> Any:
    import sentencepiece
    from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([LETTERS, " ".join(LETTERS)]),
        model_writer=model,
        model_type="char",
        vocab_size=len(LETTERS) + 4,
        pad_id=-1,
        minloglevel=2,
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "tokenizer.model"
    file.write_bytes(model.getvalue())
    text_encoder = ChatGLMModel(
        ChatGLMConfig(
            num_layers=2,
            padded_vocab_size=64,
            hidden_size=32,
            ffn_hidden_size=37,
            kv_channels=8,
            num_attention_heads=4,
            seq_length=256,
            multi_query_attention=True,
            multi_query_group_num=2,
            add_qkv_bias=True,
            original_rope=True,
        )
    )
    for weight in text_encoder.parameters():
        # It leaves those of its norms to what the memory held.
        torch.nn.init.ones_(weight) if weight.ndim == 1 else torch.nn.init.normal_(weight, 0, 0.1)
    return diffusers.KolorsImg2ImgPipeline(
        vae=vae(),
        text_encoder=text_encoder,
        tokenizer=ChatGLMTokenizer(str(file)),
        unet=_xl_unet(32, encoder_hid_dim=32, encoder_hid_dim_type="text_proj"),
        scheduler=diffusers.EulerDiscreteScheduler(
            beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1
        ),
    )


def flux(folder: Path) -> Any:
    return diffusers.FluxImg2ImgPipeline(**_flux())


def flux_kontext(folder: Path) -> Any:
    return diffusers.FluxKontextPipeline(**_flux())


def _flux() -> dict[str, Any]:
    return {
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        "vae": vae(channels=1),
        "text_encoder": clip_text(),
        "tokenizer": clip_tokenizer(),
        "text_encoder_2": t5_text(),
        "tokenizer_2": t5_tokenizer(),
        "transformer": diffusers.FluxTransformer2DModel(
            patch_size=1,
            in_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            guidance_embeds=True,
            axes_dims_rope=(4, 4, 8),
        ),
    }


def z_image(folder: Path) -> Any:
    tokenizer = qwen_tokenizer()
    return diffusers.ZImageImg2ImgPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vae(channels=16),
        text_encoder=transformers.Qwen3Model(
            transformers.Qwen3Config(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=37,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                head_dim=8,
            )
        ),
        tokenizer=tokenizer,
        transformer=diffusers.ZImageTransformer2DModel(
            dim=32,
            n_layers=1,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=32,
            axes_dims=[8, 4, 4],
            axes_lens=[256, 32, 32],
        ),
    )


def qwen_tokenizer() -> Any:
    """A tokenizer of Qwen that knows every byte."""
    from tokenizers.pre_tokenizers import ByteLevel

    special = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
    special += ["<|image_pad|>", "<|video_pad|>"]
    vocabulary = {token: i for i, token in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = transformers.Qwen2Tokenizer(
        vocab={**vocabulary, "<|endoftext|>": len(vocabulary)},
        merges=[],
        additional_special_tokens=special,
    )
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
    )
    return tokenizer


def qwen_edit(folder: Path) -> Any:
    """Needs torchvision."""
    tokenizer = qwen_tokenizer()
    ids = {token: i for token, i in tokenizer.get_vocab().items() if token.startswith("<|")}
    rope = {"type": "default", "mrope_section": [1, 1, 2], "rope_type": "default"}
    config = transformers.Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "intermediate_size": 37,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rope_scaling": rope,
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": 32,
        },
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
    )
    return diffusers.QwenImageEditPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=diffusers.AutoencoderKLQwenImage(
            base_dim=4,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ),
        text_encoder=transformers.Qwen2_5_VLForConditionalGeneration(config),
        tokenizer=tokenizer,
        processor=transformers.Qwen2VLProcessor(
            image_processor=transformers.Qwen2VLImageProcessor(
                min_pixels=56 * 56, max_pixels=56 * 56
            ),
            tokenizer=tokenizer,
            video_processor=transformers.Qwen2VLVideoProcessor(),
        ),
        transformer=diffusers.QwenImageTransformer2DModel(
            in_channels=16,
            out_channels=4,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            axes_dims_rope=(8, 4, 4),
        ),
    )


PIPELINES: dict[str, Callable[[Path], Any]] = {
    "sd2": sd,
    "sdxl": sdxl,
    "opendalle": sdxl,
    "colorfulxl": sdxl,
    "kandinsky3": kandinsky3,
    "sd3": sd3,
    "kolors": kolors,
    "instruct-pix2pix": instruct,
    "ip-adapter": ip_adapter,
    "edict": sd_text,
    "plug-and-play": sd_text,
    "flux": flux,
    "flux-kontext": flux_kontext,
    "qwen-image-edit": qwen_edit,
    "z-image": z_image,
}
"""What builds the pipeline of each preset, given a folder for its other files."""


def class_of(folder: Path) -> str:
    """The pipeline's class that a folder names."""
    return str(json.loads((folder / "model_index.json").read_text())["_class_name"])
