"""Lemma 1 (Section 4.1, Appendix A), and its counterpart for flow matching, with diffusers.

A diffusion model makes the noisy latent ``z_t = sqrt(a) z_0 + sqrt(1 - a) eps``, where a is the
paper's alpha_bar. From the noise eps_theta that its network predicts follows the one-step estimate
``z0_hat = (z_t - sqrt(1 - a) eps_theta) / sqrt(a)``. The lemma is::

    z0_hat - z_0 = sqrt(1 - a) / sqrt(a) (eps - eps_theta)                         (equation 2)

Models that are trained by flow matching (SD3, FLUX) have another identity. With
``x_t = (1 - t) x_0 + t eps`` the velocity is ``v = eps - x_0``, so ``x_0 = x_t - t v``. The
estimate ``x0_hat = x_t - t v_theta`` differs from x_0 by::

    x0_hat - x_0 = t (v - v_theta)

Both identities are algebra: they hold for every eps_theta and v_theta. How large the difference is
depends on the denoiser. For the best possible denoiser it is the spread of the clean latents that
could have given the noisy one. At a high noise level nothing can make that small.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from originid.encoders.base import Shape
from originid.errors import ExtraError
from originid.maps import dct_matrix
from originid.types import Floats64

try:
    import diffusers
    import torch
except ImportError as error:
    raise ExtraError("the schedulers of the theory experiment", "vae") from error

Denoiser = Callable[[Floats64, float, float], Floats64]
"""Estimates the clean latents (n, C, H, W) from noisy ones and the levels of signal and noise.

A noisy latent is the clean one times the signal level, plus normal noise times the noise level.
"""
STEPS = 1000  # steps of the noise schedule that every Stable Diffusion was trained with
_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
SCHEDULERS = ("DDPM", "DDIM", "flow matching")


@dataclass(frozen=True)
class Identity:
    """Both sides of an identity, and the estimate, for n latents.

    Args:
        left: the estimate less the clean latents, float64 (n, C, H, W).
        right: the right side of the identity, float64 (n, C, H, W).
        estimate: the one-step estimate of the clean latents, float64 (n, C, H, W).
    """

    left: Floats64
    right: Floats64
    estimate: Floats64

    def norms(self) -> tuple[float, float]:
        """Return the length of the left and of the right side: root mean squares over latents."""
        return _length(self.left), _length(self.right)

    def difference(self) -> float:
        """Return the largest |left - right| / |left| of all latents; 0 if the identity holds."""
        axes = (1, 2, 3)
        gap, size = (np.sqrt((x**2).sum(axis=axes)) for x in (self.left - self.right, self.left))
        return float((gap / np.maximum(size, 1e-300)).max())


@dataclass(frozen=True)
class GaussianLatents:
    """A Gaussian model of natural latents, with a covariance that is diagonal in the 2-D DCT.

    The best denoiser for such latents has a closed form, so it needs no network.

    Args:
        mean: the mean of each DCT coefficient, float64 (C, H, W).
        variance: the variance of each DCT coefficient, float64 (C, H, W), at least 0.
    """

    mean: Floats64
    variance: Floats64

    @classmethod
    def fit(cls, latents: Floats64) -> "GaussianLatents":
        """Return the model of some latents, float64 (n, C, H, W), n >= 2."""
        spectra = _dct(latents)
        return cls(spectra.mean(axis=0), spectra.var(axis=0, ddof=1))

    def estimate(self, noisy: Floats64, signal: float, noise: float) -> Floats64:
        """Return E[x | signal x + noise eps = noisy], the estimate of least mean squared error.

        Args:
            noisy: the noisy latents, float64 (n, C, H, W).
            signal: the factor of the clean latents, at least 0.
            noise: the standard deviation of the noise, above 0.
        """
        gain = signal * self.variance / (signal**2 * self.variance + noise**2)
        spectra = self.mean + gain * (_dct(noisy) - signal * self.mean)
        return _dct(spectra, inverse=True)


def random_network(shape: Shape, seed: int) -> Denoiser:
    """Return a denoiser that knows nothing: a small U-Net of diffusers with random weights.

    Args:
        shape: the shape (C, H, W) of a latent; height and width are even.
        seed: the seed of the weights and of the text embedding, at least 0.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = diffusers.UNet2DConditionModel(
            sample_size=shape[1],
            in_channels=shape[0],
            out_channels=shape[0],
            layers_per_block=1,
            block_out_channels=(8, 16),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=4,
            cross_attention_dim=8,
            attention_head_dim=8,
        ).eval()
        text = torch.randn(1, 4, 8)

    def estimate(noisy: Floats64, signal: float, noise: float) -> Floats64:
        """Estimate the clean latents; see `Denoiser`."""
        t = STEPS * noise**2 / (signal**2 + noise**2)
        with torch.inference_mode():
            sample = torch.from_numpy(noisy).float()
            eps = network(sample, t, text.expand(len(noisy), -1, -1)).sample
        return np.asarray((noisy - noise * eps.double().numpy()) / signal)

    return estimate


def identity(
    scheduler: str, latents: Floats64, denoiser: Denoiser, time: float, seed: int
) -> Identity:
    """Add noise to latents, estimate them in one step, and return both sides of the identity.

    Args:
        scheduler: one of `SCHEDULERS`. Its own step makes the estimate.
        latents: latents that are scaled as the generator takes them, float64 (n, C, H, W).
        denoiser: what estimates the clean latents.
        time: how much noise is added, in (0, 1). The timestep of a diffusion scheduler is 1,000
            times the time.
        seed: the seed of the noise, at least 0.
    """
    noise = np.random.default_rng(seed).standard_normal(latents.shape)
    if scheduler == "flow matching":
        return _flow(latents, noise, denoiser, time)
    return _diffusion(scheduler, latents, noise, denoiser, time)


def noise_levels(scheduler: str, time: float) -> tuple[float, float]:
    """Return the factor of the clean latent and the factor of the noise.

    Args:
        scheduler: one of `SCHEDULERS`.
        time: how much noise there is, in (0, 1).
    """
    if scheduler == "flow matching":
        return 1 - time, time
    alpha_bar = float(_scheduler(scheduler).alphas_cumprod[_timestep(time)])
    return alpha_bar**0.5, (1 - alpha_bar) ** 0.5


def _scheduler(name: str) -> "diffusers.DDPMScheduler | diffusers.DDIMScheduler":
    kind = {"DDPM": diffusers.DDPMScheduler, "DDIM": diffusers.DDIMScheduler}[name]
    scheduler = kind(num_train_timesteps=STEPS, clip_sample=False, **_BETAS)
    scheduler.set_timesteps(STEPS)
    return scheduler


def _timestep(time: float) -> int:
    return min(max(round(STEPS * time), 0), STEPS - 1)


def _diffusion(
    name: str, latents: Floats64, noise: Floats64, denoiser: Denoiser, time: float
) -> Identity:
    scheduler, t = _scheduler(name), _timestep(time)
    signal_level, noise_level = noise_levels(name, time)
    z_0, eps = torch.from_numpy(latents), torch.from_numpy(noise)
    z_t = scheduler.add_noise(z_0, eps, torch.tensor([t]))
    best = denoiser(z_t.numpy(), signal_level, noise_level)
    eps_theta = (z_t - signal_level * torch.from_numpy(best)) / noise_level
    # The step also makes a sample for the next step, which is not used here. The noise of that
    # sample must not come from the global generator.
    generator = torch.Generator().manual_seed(0)
    step = scheduler.step(eps_theta, t, z_t, generator=generator)
    z0_hat = step.pred_original_sample
    right = noise_level / signal_level * (eps - eps_theta)
    return Identity((z0_hat - z_0).numpy(), right.numpy(), z0_hat.numpy())


def _flow(latents: Floats64, noise: Floats64, denoiser: Denoiser, time: float) -> Identity:
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(num_train_timesteps=STEPS)
    scheduler.set_timesteps(sigmas=[time])
    t = float(scheduler.sigmas[0])
    x_0, eps = torch.from_numpy(latents), torch.from_numpy(noise)
    x_t = scheduler.scale_noise(x_0, scheduler.timesteps[:1], eps)
    v_theta = (x_t - torch.from_numpy(denoiser(x_t.numpy(), 1 - t, t))) / t
    # There is one sigma, so the scheduler's only step leads from it to 0: that is the estimate.
    x0_hat = scheduler.step(v_theta, scheduler.timesteps[0], x_t).prev_sample
    right = t * ((eps - x_0) - v_theta)
    return Identity((x0_hat - x_0).numpy(), right.numpy(), x0_hat.numpy())


def _length(x: Floats64) -> float:
    """Return the root mean square over latents (n, C, H, W) of their lengths."""
    return float(np.sqrt((x**2).sum(axis=(1, 2, 3)).mean()))


def _dct(blocks: Floats64, inverse: bool = False) -> Floats64:
    """Return the 2-D DCT of each channel of blocks (n, C, H, W), or undo it."""
    rows, columns = (dct_matrix(n).astype(np.float64) for n in blocks.shape[2:])
    if inverse:
        rows, columns = rows.T, columns.T
    return np.asarray(rows @ blocks @ columns.T)
