"""Texts of the tables of the theory experiment: titles, columns, notes, and the paper's values."""

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
The column left is the length of z0_hat - z_0, where z0_hat is the scheduler's own estimate. The
column right is the length of sqrt(1 - a) / sqrt(a) (eps - eps_theta), where a is alpha_bar. Both
are root mean squares over images. The column difference is the largest |left - right| / |left|.
Models that are trained by flow matching have another identity, x0_hat - x_0 = t (v - v_theta). The
rows of that scheduler show this one.

The column distance is the square of left, divided by the mean squared distance of the latents of
two different photos. So a stranger has the distance 1, and what the best possible denoiser guesses
from noise alone has 0.5. The paper assumes that the distance is nearly 0. The column round trip is
|E(D(z0_hat)) - z0_hat|^2 in the same unit. The lemma leaves it out: it takes z0_hat for the latent
of the decoded image.

The denoiser optimal is the exact one for a Gaussian model of latents. The model was fitted to other
photos than those that get noise. The denoiser random is a U-Net with random weights. The identity
is algebra and holds for it too, so the identity does not say that the distance is small. A
generator takes many steps and follows a prompt; the lemma describes a single step."""

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
The column distance is the mean of |W (E(g) - E(o))|^2, divided by the mean squared distance of a
query from images that are not its origin, under the same map. Without this division W = 0 would
fulfil the theorem. Without a map only the mean is subtracted. The closed form weighs each direction
by what edits leave of it, not by how much images vary in it. So the mean distance may stay as it is
where the origin becomes easier to tell from strangers. The column separation shows this: it is the
cosine with the origin less the mean cosine with strangers, in standard deviations of the cosines
with strangers. The maps are learned by 4-fold cross-validation by source. Averages are taken over
the pairs of an origin group first, then over the groups."""

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
Values are means ± standard deviations over 10 random halves of the pairs. The maps are learned in
closed form from at most 1,350 low DCT coefficients. They have the paper's 512 dimensions, or fewer
if there are fewer natural images. (The paper learns its maps by gradient descent.) The column
cosine is what the paper reports. The three columns after the paper's values are controls that the
paper lacks: a map from other pairs of the same generator, a map from wrong pairs, and a Gaussian
matrix. Sorted vectors of positive numbers are nearly parallel whatever made them. So the cosine is
evidence only as far as it is larger than the controls. And equal singular values say nothing about
directions.

Theorem 2 itself is about the last three columns. They are the distances of the other generator's
pairs, with origins that were not learned from, in units of the distance of strangers. The maps are
one from that generator's other pairs, one from the first generator's pairs, and one from wrong
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
"""Table 1 of the paper: cosines with Stable Diffusion 2, by the families of `spectra.families`."""
TABLE_1_RANGE = "0.9918 to 0.9998"  # of all of Table 1, for generators that it does not have

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
The column convolution is the cosine of the weights of the two encoders' last convolutions. The
column latents is the mean cosine of the two latents of the same photo. Both are n/a where shapes
differ. The paper's values compare Stable Diffusion 2 with the generator that the name of the second
VAE contains.

The column explained is the share of the second latent's variance that a linear map of the first
latent's channels explains, the same map at every position. A cosine near 0 says that the axes
differ. It does not say that the content differs."""
TABLE_4 = {"xl": ("0.169", "0.120"), "sd3": ("n/a", "n/a"), "kandinsky": ("0.002", "0.023")}
"""Table 4 of the paper: (convolution, latents) of Stable Diffusion 2 and another generator.

The keys are parts of the names of VAEs."""
