"""What the tables of the theory experiment are called, what their columns mean, and the paper's
figures."""

LEMMA1_TITLE = "Lemma 1: the one-step estimate and the error of the noise"
LEMMA1_COLUMNS = (
    "VAE",
    "scheduler",
    "denoiser",
    "time",
    "left",
    "right",
    "difference",
    "distance",
    "round trip",
    "paper",
)
LEMMA1_NOTE = """\
left is the length of z0_hat - z_0, with the scheduler's own estimate; right is that of
sqrt(1 - a) / sqrt(a) (eps - eps_theta), where a is alpha_bar. Both are root mean squares over
images; difference is the largest |left - right| / |left|. Models trained by flow matching have
another identity, x0_hat - x_0 = t (v - v_theta), which stands in the rows of that scheduler.

distance is the square of left relative to the mean squared distance of two different photos'
latents: a stranger has 1, and what the best possible denoiser guesses from noise alone 0.5. The
paper takes it for nearly 0. round trip is |E(D(z0_hat)) - z0_hat|^2 in the same unit: the lemma
leaves it out, as it takes the latent of the decoded image for z0_hat.

The denoiser optimal is the exact one of a Gaussian model of latents, fitted to other photos than
those that are noised. random is a U-Net with random weights: the identity is algebra and holds for
it too, so it does not say that the distance is small. A generator takes many steps and follows a
prompt; the lemma describes one step."""

THEOREM1_TITLE = "Theorem 1: the distance that the map makes smaller"
THEOREM1_COLUMNS = (
    "encoder",
    "map",
    "distance",
    "cosine of pairs",
    "cosine of strangers",
    "separation",
    "distance, 95 % low",
    "distance, 95 % high",
    "paper",
)
THEOREM1_NOTE = """\
distance is the mean of |W (E(g) - E(o))|^2 relative to the mean squared distance of a query from
images that are not its origin, under the same map; by itself the theorem is met by W = 0. Without
a map only the mean is subtracted. The closed form weighs every direction by what edits leave of it,
not by how much images vary in it, so the mean distance need not shrink where the origin becomes
easier to tell: separation is the cosine with the origin less that with strangers, in standard
deviations of the latter. 4-fold cross-validation by source, averages over the pairs of an
origin group, then over the groups."""

OBSERVATION1_TITLE = "Observation 1: singular values of two generators' maps"
OBSERVATION1_COLUMNS = (
    "encoder",
    "generator",
    "other",
    "pairs",
    "cosine",
    "paper",
    "same generator",
    "shuffled pairs",
    "random matrix",
    "distance, own map",
    "distance, other's map",
    "distance, shuffled",
)
OBSERVATION1_NOTE = """\
Mean ± standard deviation over 10 random halves of the pairs; maps in closed form on at most 1,350
low DCT coefficients, cut to the paper's 512 dimensions or to as many as there are natural images
less one (the paper's maps are by gradient descent). cosine is what the paper reports. The three
columns after it are controls that it lacks: other pairs of the same generator, a map whose pairs
are wrong, a Gaussian matrix. Sorted vectors of positive numbers are nearly parallel whatever made
them, so the cosine is evidence only as far as it exceeds the controls; and equal singular values
say nothing about directions.

Theorem 2 itself is about the distances: of the other generator's pairs of unseen origins, relative
to strangers, under the map of that generator's other pairs, of the first generator's, and of wrong
pairs."""
TABLE_1 = {
    "SDXL": "0.995790 ± 0.000037",
    "Kandinsky": "0.999788 ± 0.000009",
    "OpenDalle": "0.996532 ± 0.000016",
    "ColorfulXL": "0.998436 ± 0.000015",
    "SD 3": "0.993256 ± 0.000035",
    "SD3": "0.993256 ± 0.000035",
    "Kolors": "0.991808 ± 0.000042",
}
"""Table 1 of the paper, against Stable Diffusion 2, by `spectra.families`."""
TABLE_1_RANGE = "0.9918 to 0.9998"

TABLE4_TITLE = "Table 4: how far VAEs differ"
TABLE4_COLUMNS = (
    "VAE",
    "other",
    "convolution",
    "paper: convolution",
    "latents",
    "paper: latents",
    "latents, centred",
    "explained",
)
TABLE4_NOTE = """\
convolution is the cosine of the weights of the encoders' last convolution, latents the mean cosine
of the latents of the same photos; n/a where shapes differ. The paper's figures are of Stable
Diffusion 2 against the generator whose VAE the second name tells of.

explained is the share of the second latent's variance that one linear map of the first one's
channels, the same at every position, has: a cosine near 0 says that the axes differ, not that the
content does."""
TABLE_4 = {"xl": ("0.169", "0.120"), "sd3": ("n/a", "n/a"), "kandinsky": ("0.002", "0.023")}
"""Table 4 of the paper, Stable Diffusion 2 against others, by a part of the VAE's name."""
