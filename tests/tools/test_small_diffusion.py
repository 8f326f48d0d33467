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
from small_diffusion import autoencoder, denoiser, loop, photos, release, styles  # noqa: E402
from train_small_diffusion import Settings, hold  # noqa: E402


def image(seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (photos.SIZE, photos.SIZE, 3), np.uint8)


def tensors(*given: Any) -> Any:
    """Images as uint8 (n, h, w, 3)."""
    return torch.from_numpy(np.stack(given))


def test_views_are_the_photo_its_mirror_and_parts_at_the_same_size() -> None:
    rows, columns = np.mgrid[: photos.SIZE, : photos.SIZE]
    given = photos.shares(tensors(np.stack([rows, columns, rows], axis=2).astype(np.uint8)))
    torch.testing.assert_close(photos.view(given, 0), given)
    torch.testing.assert_close(photos.view(given, 1), given.flip(3))
    torch.manual_seed(1)
    part, mirrored = photos.view(given, 2), photos.view(given, 3)
    assert part.shape == mirrored.shape == given.shape
    for channel, axis in ((0, 2), (1, 3)):  # a part of a ramp is a flatter ramp
        slope = part[:, channel].diff(dim=axis - 1).mean() * 255
        assert photos.SMALLEST - 0.02 < slope < 1
    assert mirrored[:, 1].diff(dim=2).mean() < 0


@pytest.mark.parametrize("style", styles.STYLES)
def test_a_style_keeps_the_size_and_changes_the_image(style: str) -> None:
    height, width = 48, 80
    given = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    made = styles.STYLES[style](given)
    assert (made.shape, made.dtype) == (given.shape, given.dtype)
    assert made.min() >= 0
    assert made.max() <= 1
    assert (made - given).abs().mean() > 0.02
    torch.testing.assert_close(styles.STYLES[style](given[1:]), made[1:])


def test_kuwahara_means_the_flattest_of_four_squares() -> None:
    radius = 2
    given = torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(2))
    padded = torch.nn.functional.pad(given, (radius,) * 4, mode="replicate")[0]
    made = styles._painted(given, radius)[0]
    for row in range(9):
        for column in range(11):
            squares = [
                padded[:, top : top + radius + 1, left : left + radius + 1]
                for top in (row, row + radius)
                for left in (column, column + radius)
            ]
            spreads = [float(square.var(dim=(1, 2), correction=0).sum()) for square in squares]
            flattest = squares[int(np.argmin(spreads))].mean(dim=(1, 2))
            torch.testing.assert_close(made[:, row, column], flattest, rtol=1e-4, atol=1e-4)


def test_ddpm_is_undone_by_its_scheduler() -> None:
    """The scheduler that is exported recovers the clean latents from the true prediction."""
    clean, noise = torch.randn(2, 3, 8, 16, 16)
    noisy, times, target = denoiser.KINDS["ddpm"].noised(clean, noise, torch.rand(3))
    scheduler = denoiser.KINDS["ddpm"].scheduler()
    scheduler.set_timesteps(1000)
    for row, time in enumerate(times):
        found = scheduler.step(target[row], int(time), noisy[row]).pred_original_sample
        torch.testing.assert_close(found, clean[row], rtol=1e-3, atol=2e-3)


# diffusers' sigmas of this scheduler
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_flow_is_undone_by_its_scheduler() -> None:
    clean, noise = torch.randn(2, 1, 12, 16, 16)
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
    clean, noise = torch.randn(2, 5, 12, 16, 16)
    noisy, times, target = denoiser.KINDS["flow"].noised(clean, noise, torch.rand(5))
    share = times[:, None, None, None] / 1000
    torch.testing.assert_close(noisy - share * target, clean, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", denoiser.KINDS)
def test_an_edit_starts_at_the_noisy_photo_and_leads_to_the_styled_image(name: str) -> None:
    kind = denoiser.KINDS[name]
    photo, styled, noise = torch.randn(3, 1, kind.channels, 4, 4)
    start = torch.tensor([0.6])
    of_edit = noise + kind.ratio(start)[:, None, None, None] * (photo - styled)
    begun = kind.noised(styled, of_edit, start)[0]
    torch.testing.assert_close(begun, kind.noised(photo, noise, start)[0])
    nearly = kind.noised(styled, of_edit, torch.tensor([0.001]))[0]
    assert (nearly - styled).abs().mean() < 0.1 * (photo - styled).abs().mean()


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
    settings = Settings("photos", "ddpm", 10, 5, 0)
    hold(settings, tmp_path / "run")
    hold(settings, tmp_path / "run")
    with pytest.raises(InputError, match="name a new run"):
        hold(Settings("photos", "flow", 10, 5, 0), tmp_path / "run")


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
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.safetensors")) < 12e6
    pipeline = StableDiffusionImg2ImgPipeline.from_pretrained(tmp_path / "pipeline")
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.tokenizer("A Cat").input_ids == tokenizer("a cat").input_ids
    given = torch.zeros(1, 3, photos.SIZE, photos.SIZE)
    made = pipeline("a dog", given, strength=0.5, num_inference_steps=4, output_type="np").images
    assert made.shape == (1, photos.SIZE, photos.SIZE, 3)
    assert np.isfinite(made).all()


def test_latents_are_of_the_photo_and_of_its_styles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denoiser, "CHUNK", 2)
    monkeypatch.setattr(denoiser, "STYLED", 2)
    vae = autoencoder.build(4)
    images = tensors(*(image(seed)[:64, :64] for seed in range(3)))
    torch.manual_seed(0)
    made = denoiser.encoded(vae, images, tmp_path / "latents.pt", silent)
    assert made.latents.shape == (3, denoiser.VIEWS, 3, 4, 8, 8)
    assert (made.styles[:, :, 0] == 0).all()
    assert made.latents[:, 0, 0].float().std() == pytest.approx(1, abs=0.01)
    drawn = list(styles.STYLES.values())[int(made.styles[2, 1, 1]) - 1]
    with torch.no_grad():
        again = vae.encode(drawn(photos.shares(images[2:]).flip(3)).mul(2).sub(1)).latents
    found = made.latents[2:, 1, 1].float()
    torch.testing.assert_close(found, made.factor * again, rtol=0.01, atol=0.01)
    kept = denoiser.encoded(vae, images, tmp_path / "latents.pt", silent)
    assert torch.equal(kept.latents, made.latents)


def test_a_caption_names_its_style() -> None:
    tokenizer = denoiser.train_tokenizer(["a cat", "a dog"])
    made = denoiser.caption_tokens(tokenizer, ["a dog", ""])
    assert made.shape == (2, 1 + len(styles.STYLES), denoiser.TOKENS)
    named = list(styles.STYLES)[4]
    wanted = ["a dog", named.format("a dog"), "", named.format("something")]
    assert torch.equal(made[:, [0, 5]].flatten(0, 1), denoiser.token_ids(tokenizer, wanted))


def test_the_critic_learns_and_leaves_the_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autoencoder, "BATCH", 4)
    monkeypatch.setattr(autoencoder, "CROP", 32)
    torch.manual_seed(0)
    vae, critic = autoencoder.build(4), autoencoder.Critic()
    images = tensors(*(image(seed) // 4 for seed in range(2)))
    loss = autoencoder.sharpening_loss_of(vae, critic, images)
    loss().backward()
    learns = [weight.grad is not None for weight in critic.parameters()]
    assert all(learns)
    assert all(weight.grad is None for weight in vae.encoder.parameters())
    assert all(weight.grad.abs().sum() > 0 for weight in vae.decoder.parameters())
    both = torch.nn.ModuleList([vae.decoder, critic])
    torch.manual_seed(1)
    before = float(loss().detach())
    loop.fit("sharpening", both, loss, loop.Schedule(6, 1e-3, warm_up=2), tmp_path, silent)
    torch.manual_seed(1)
    assert float(loss().detach()) < before


def test_a_few_steps_of_each_stage_lower_the_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stage in (autoencoder, denoiser):
        monkeypatch.setattr(stage, "BATCH", 4)
    monkeypatch.setattr(autoencoder, "CROP", 32)
    torch.manual_seed(0)
    vae = autoencoder.build(4)
    images = tensors(*(image(seed) // 4 for seed in range(2)))
    kind = denoiser.KINDS["ddpm"]
    tokenizer = denoiser.train_tokenizer(["a cat", "a dog"])
    module = denoiser.build(kind, tokenizer)
    latents = torch.randn(2, 1, 3, kind.channels, 8, 8)
    examples = denoiser.Examples(latents, torch.randint(3, (2, 1, 3)), 1.0)
    tokens = denoiser.caption_tokens(tokenizer, ["a cat", "a dog"])
    nothing = denoiser.token_ids(tokenizer, [""])[0]
    losses = {
        "autoencoder": (vae, autoencoder.loss_of(vae, images)),
        "denoiser": (module, denoiser.loss_of(module, kind, examples, tokens, nothing)),
    }
    for name, (part, loss) in losses.items():
        torch.manual_seed(1)
        before = float(loss().detach())
        loop.fit(name, part, loss, loop.Schedule(8, 1e-3, warm_up=2), tmp_path, silent)
        torch.manual_seed(1)
        assert float(loss().detach()) < before
