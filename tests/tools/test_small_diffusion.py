"""The tool that trains a small diffusion model of our own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from originid.system.progress import silent

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from originid.errors import InputError  # noqa: E402
from small_diffusion import autoencoder, denoiser, loop, photos, release  # noqa: E402
from train_small_diffusion import Settings, hold  # noqa: E402


def image(seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (photos.SIZE, photos.SIZE, 3), np.uint8)


def test_variants_are_the_photo_its_mirror_and_two_in_a_style_that_the_caption_names() -> None:
    given = image()
    made = [photos.variant(given, "a cat", which, seed=3) for which in range(photos.VARIANTS)]
    np.testing.assert_array_equal(made[0][0], given)
    np.testing.assert_array_equal(made[1][0], given[:, ::-1])
    assert [caption for _, caption in made[:2]] == ["a cat", "a cat"]
    styled = {style.format("a cat") for style in photos.STYLES}
    assert all(caption in styled for _, caption in made[2:])


@pytest.mark.parametrize("style", photos.STYLES)
def test_a_style_keeps_the_size_and_changes_the_image(style: str) -> None:
    given = image()
    made = photos.styled(given, style)
    assert (made.shape, made.dtype) == (given.shape, given.dtype)
    assert np.abs(made.astype(int) - given).mean() > 5


def test_ddpm_is_undone_by_its_scheduler() -> None:
    """The scheduler that is exported recovers the clean latents from the true prediction."""
    clean = torch.randn(3, 4, 16, 16)
    noisy, times, target = denoiser.KINDS["ddpm"].noised(clean)
    scheduler = denoiser.KINDS["ddpm"].scheduler()
    scheduler.set_timesteps(1000)
    for row, time in enumerate(times):
        found = scheduler.step(target[row], int(time), noisy[row]).pred_original_sample
        torch.testing.assert_close(found, clean[row], rtol=1e-3, atol=2e-3)


# diffusers' sigmas of this scheduler
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_flow_is_undone_by_its_scheduler() -> None:
    clean, noise = torch.randn(2, 1, 8, 16, 16)
    scheduler = denoiser.KINDS["flow"].scheduler()
    scheduler.set_timesteps(20)
    for place, time in enumerate(scheduler.timesteps):
        noisy = scheduler.add_noise(clean, noise, time[None])
        share = float(scheduler.sigmas[place])
        assert share == pytest.approx(float(time) / 1000, abs=2e-3)
        torch.testing.assert_close(noisy, torch.lerp(clean, noise, share))
        scheduler._step_index = place
        found = scheduler.convert_model_output(noise - clean, sample=noisy)
        torch.testing.assert_close(found, clean, rtol=1e-4, atol=1e-4)


def test_flow_predicts_the_way_from_latents_to_noise() -> None:
    clean = torch.randn(5, 8, 16, 16)
    noisy, times, target = denoiser.KINDS["flow"].noised(clean)
    share = times[:, None, None, None] / 1000
    torch.testing.assert_close(noisy - share * target, clean, rtol=1e-4, atol=1e-4)


def logged(folder: Path) -> list[list[str]]:
    """Stage, step and loss of the rows of a log."""
    return [line.split(",")[:3] for line in (folder / "log.csv").read_text().splitlines()]


class KilledError(Exception):
    pass


def test_a_killed_run_ends_as_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "EVERY", 3)
    schedule = loop.Schedule(11, 1e-3, warm_up=4)

    def run(name: str, killed_at: int | None) -> Any:
        torch.manual_seed(5)
        module = torch.nn.Linear(4, 2)
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)

        def progress(done: int, total: int) -> None:
            if done == killed_at:
                raise KilledError

        loop.fit(
            "stage",
            module,
            lambda: module(torch.randn(6, 4)).square().mean(),
            schedule,
            folder,
            progress,
        )
        return module.weight.detach()

    straight = run("straight", None)
    for step in (2, 5, 8):
        with pytest.raises(KilledError):
            run("killed", step)
    torch.testing.assert_close(run("killed", None), straight, rtol=0, atol=0)
    logs = [
        (tmp_path / name / "log.csv").read_text().splitlines() for name in ("straight", "killed")
    ]
    steps = [[line.split(",")[:3] for line in log] for log in logs]
    assert steps[0] == steps[1]
    assert [row[1] for row in steps[0]] == ["step", "3", "6", "9", "11"]


def test_a_run_keeps_the_settings_that_it_began_with(tmp_path: Path) -> None:
    settings = Settings("photos", "ddpm", 10, 0)
    hold(settings, tmp_path / "run")
    hold(settings, tmp_path / "run")
    with pytest.raises(InputError, match="name a new run"):
        hold(Settings("photos", "flow", 10, 0), tmp_path / "run")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", denoiser.KINDS)
def test_the_export_is_a_pipeline_that_makes_images(name: str, tmp_path: Path) -> None:
    from diffusers import StableDiffusionImg2ImgPipeline

    kind = denoiser.KINDS[name]
    tokenizer = denoiser.train_tokenizer(["a cat on a chair", "a dog"])
    vae = autoencoder.build(kind.channels)
    module = denoiser.build(kind, tokenizer)
    parts = {"vae": vae, "tokenizer": tokenizer, "scheduler": kind.scheduler(), **module}
    for _ in range(2):  # the second takes the place of the first
        release.export(parts, tmp_path / "pipeline")
    assert module["unet"].dtype == torch.float32
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.safetensors")) < 9e6
    pipeline = StableDiffusionImg2ImgPipeline.from_pretrained(tmp_path / "pipeline")
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.tokenizer("A Cat").input_ids == tokenizer("a cat").input_ids
    given = torch.zeros(1, 3, photos.SIZE, photos.SIZE)
    made = pipeline("a dog", given, strength=0.5, num_inference_steps=4, output_type="np").images
    assert made.shape == (1, photos.SIZE, photos.SIZE, 3)
    assert np.isfinite(made).all()


def test_a_few_steps_of_each_stage_lower_the_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stage in (autoencoder, denoiser):
        monkeypatch.setattr(stage, "BATCH", 4)
    torch.manual_seed(0)
    vae = autoencoder.build(4)
    images = np.stack([image(seed) // 4 for seed in range(2)])
    kind = denoiser.KINDS["ddpm"]
    tokenizer = denoiser.train_tokenizer(["a cat", "a dog"])
    module = denoiser.build(kind, tokenizer)
    latents = torch.randn(2, photos.VARIANTS, 4, 16, 16)
    captions = ["a cat"] * photos.VARIANTS + ["a dog"] * photos.VARIANTS
    tokens = denoiser.token_ids(tokenizer, captions).view(2, photos.VARIANTS, -1)
    nothing = denoiser.token_ids(tokenizer, [""])[0]
    losses = {
        "autoencoder": (vae, autoencoder.loss_of(vae, images, "cpu")),
        "denoiser": (module, denoiser.loss_of(module, kind, latents, tokens, nothing, "cpu")),
    }
    for name, (part, loss) in losses.items():
        torch.manual_seed(1)
        before = float(loss().detach())
        loop.fit(name, part, loss, loop.Schedule(8, 1e-3, warm_up=2), tmp_path, silent)
        torch.manual_seed(1)
        assert float(loss().detach()) < before
