"""What the paper reports, to stand beside what is measured. Values are percentages unless said.

The values are those of Wang et al., *Origin Identification for Text-Guided Image-to-Image Diffusion
Models*, ICML 2025. The keys are the names that this project gives to the methods. The generators
are `originid.datasets.oripid.GENERATORS`, in the order of the columns of Tables 9 and 10.
"""

MapAndAcc = tuple[float, float]
"""mAP, then Acc."""
SeenUnseen = tuple[float, float, float, float]
"""mAP and Acc on the generator that training saw, then mAP and Acc on the other generators."""

TABLE_2: dict[str, MapAndAcc] = {
    "swin-b": (3.9, 2.7),
    "resnet-50": (4.5, 3.0),
    "convnext": (4.5, 3.1),
    "efficientnet": (4.6, 3.3),
    "vit-b": (6.2, 4.6),
    "simsiam": (1.8, 1.0),
    "mocov3": (2.1, 1.2),
    "dinov2": (4.3, 2.9),
    "mae": (11.6, 9.2),
    "simclr": (11.3, 9.7),
    "clip": (2.9, 1.8),
    "slip": (5.4, 3.7),
    "zerovl": (5.6, 3.8),
    "blip": (8.3, 5.9),
    "asl": (5.2, 4.1),
    "cnncl": (6.3, 5.0),
    "bot": (10.5, 8.2),
    "sscd": (14.8, 12.5),
    "anypattern": (29.1, 25.7),
}
"""mAP and Acc of public models among 1,000,000 references: the means over seven generators.

Two rows contradict Table 9. The means of ASL there are 4.8 and 3.8. The Acc of SimCLR is the mean
of values that include 12.0 for Stable Diffusion 3. This value is impossible, because it is above
the mAP of 7.3.
"""

TABLE_9: dict[str, tuple[float, ...]] = {
    "swin-b": (3.1, 2.9, 4.1, 4.2, 6.8, 2.9, 3.0),
    "resnet-50": (3.8, 3.1, 5.3, 4.5, 8.1, 3.4, 3.4),
    "convnext": (3.5, 3.3, 4.7, 5.0, 8.4, 3.5, 3.6),
    "efficientnet": (2.9, 2.9, 4.9, 5.4, 8.7, 3.3, 4.1),
    "vit-b": (4.1, 4.5, 7.2, 6.7, 11.2, 4.1, 5.6),
    "simsiam": (1.5, 1.2, 1.8, 1.7, 3.1, 1.5, 1.4),
    "mocov3": (1.4, 1.5, 2.4, 2.2, 3.8, 1.9, 1.6),
    "dinov2": (2.6, 2.7, 4.6, 5.5, 8.4, 2.9, 3.6),
    "mae": (14.9, 10.0, 13.1, 8.1, 17.6, 11.2, 6.5),
    "simclr": (6.0, 7.0, 13.5, 13.0, 23.7, 7.3, 8.8),
    "clip": (2.6, 2.1, 3.1, 3.2, 4.2, 2.5, 2.1),
    "slip": (5.6, 3.5, 5.8, 4.9, 9.1, 5.4, 3.8),
    "zerovl": (5.2, 4.4, 6.4, 4.5, 9.8, 4.7, 4.3),
    "blip": (6.8, 6.5, 9.9, 8.7, 13.8, 6.0, 6.4),
    "asl": (2.3, 3.0, 5.6, 5.7, 10.3, 2.7, 3.7),
    "cnncl": (4.0, 4.2, 8.3, 5.7, 12.2, 3.7, 6.3),
    "bot": (6.6, 6.1, 10.4, 12.5, 20.6, 7.4, 9.3),
    "sscd": (9.7, 8.7, 16.4, 18.1, 28.1, 9.0, 14.1),
    "anypattern": (17.6, 18.5, 33.0, 37.8, 48.0, 18.2, 30.7),
}
"""mAP of public models on each generator (Appendix F)."""

TABLE_3: dict[str, SeenUnseen] = {
    "vit-circle": (70.4, 64.3, 53.9, 48.5),
    "vit-softmax": (82.7, 78.3, 55.0, 49.4),
    "vit-cosface": (87.1, 83.2, 52.2, 46.5),
    "ibn-net": (88.6, 85.1, 54.6, 49.0),
    "transmatcher": (65.6, 60.3, 65.3, 60.7),
    "qaconv-gs": (78.8, 74.9, 75.8, 72.3),
    "none": (51.0, 47.0, 46.9, 43.0),
    "cosface": (88.8, 86.6, 86.6, 84.5),
    "upper": (88.8, 86.6, 92.0, 90.4),
}
"""Trained methods (Section 5.4). ``upper`` is trained on the generator that it is tested on."""

TABLE_3_COSTS: dict[str, tuple[float | None, float, float]] = {
    "vit-circle": (1.79, 2.81, 0.80),
    "vit-softmax": (2.25, 2.81, 0.80),
    "vit-cosface": (2.43, 2.81, 0.80),
    "ibn-net": (2.03, 3.42, 2.14),
    "transmatcher": (1.84, 2.30, 941),
    "qaconv-gs": (1.47, 2.30, 464),
    "none": (None, 1.59, 4.25),
    "cosface": (0.17, 1.59, 0.53),
}
"""What methods cost on 8 A100 GPUs: hours of training, 1e-4 s an image, and 1e-10 s a pair.

The second value is the time to extract the features of an image, the third the time to match a
query with a reference. None means that nothing is trained.
"""

TABLE_5: dict[str, SeenUnseen] = {
    "Open-Sora": (86.3, 83.5, 86.5, 84.2),
    "Open-Sora-Plan": (88.8, 86.4, 86.1, 84.0),
    "Stable Diffusion 2": (88.8, 86.6, 86.6, 84.5),
}
"""W on the latents of each VAE (Section 5.5)."""

TABLE_6: dict[str, SeenUnseen] = {
    "softmax": (76.1, 72.6, 62.4, 59.0),
    "circle": (84.9, 82.0, 82.5, 80.4),
    "cosface": (88.8, 86.6, 86.6, 84.5),
}
"""W learned with each loss (Section 5.5)."""

TABLE_7: dict[str, SeenUnseen] = {
    "convolution": (37.4, 33.8, 32.5, 29.6),
    "attention": (89.0, 87.2, 80.7, 78.2),
    "mlp-2": (91.4, 89.4, 80.3, 77.3),
    "cosface": (88.8, 86.6, 86.6, 84.5),
}
"""Other functions in place of the linear map, which is ``cosface`` (Section 5.5)."""

STRENGTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""How strongly an edit may change its origin, from 0 (not at all) to 1 (completely)."""
TABLE_8: dict[str, tuple[float, ...]] = {
    "SD2": (100, 100, 99.9, 99.8, 99.8, 99.7, 99.0, 97.1, 86.6, 37.7),
    "SDXL": (99.9, 99.9, 99.8, 99.7, 99.3, 99.0, 97.5, 78.8, 63.9, 15.7),
    "OpenDalle": (100, 100, 99.9, 99.8, 99.4, 97.8, 85.3, 45.4, 10.7, 1.2),
    "ColorfulXL": (99.9, 99.9, 99.8, 99.7, 99.2, 97.5, 87.7, 57.1, 16.5, 1.8),
    "Kandinsky-3": (100, 99.9, 99.7, 99.1, 97.1, 83.3, 57.2, 11.4, 1.5, 0.0),
    "SD3": (100, 100, 99.9, 99.8, 99.6, 99.2, 98.2, 82.9, 25.6, 0.0),
    "Kolors": (99.9, 99.8, 99.5, 98.6, 96.9, 90.8, 88.8, 67.4, 20.5, 1.5),
}
"""Acc of W at each of `STRENGTHS`, by the generator of the queries (Appendix D)."""

TABLE_10: dict[str, tuple[float, ...]] = {
    "vit-circle": (70.4, 56.2, 56.5, 41.6, 60.0, 65.6, 43.5),
    "vit-softmax": (82.7, 62.4, 58.3, 37.3, 52.5, 75.9, 43.6),
    "vit-cosface": (87.1, 63.7, 56.7, 30.5, 47.5, 71.5, 43.0),
    "ibn-net": (88.6, 65.7, 59.4, 33.3, 49.8, 74.0, 45.4),
    "transmatcher": (65.6, 60.6, 67.9, 61.7, 68.9, 64.7, 67.9),
    "qaconv-gs": (78.8, 71.6, 77.4, 73.6, 75.2, 77.3, 79.5),
    "none": (51.0, 38.3, 42.3, 51.6, 54.7, 47.7, 46.9),
    "cosface": (88.8, 81.5, 87.3, 89.3, 85.7, 85.7, 90.3),
    "upper": (88.8, 84.9, 90.8, 93.1, 95.4, 93.7, 94.0),
}
"""mAP of trained methods on each generator (Appendix F)."""

TABLE_11: dict[str, tuple[MapAndAcc, MapAndAcc]] = {
    "InstructPix2Pix": ((68.2, 67.1), (80.7, 79.2)),
    "IP-Adapter": ((0.2, 0.1), (0.4, 0.2)),
    "EDICT": ((60.4, 55.4), (89.0, 86.6)),
    "Plug-and-Play": ((99.4, 99.1), (99.8, 99.7)),
}
"""Each paradigm without W, then with W (Appendix G)."""
TABLE_11_CLIP = (36.6, 27.8)
"""mAP and Acc on edits by IP-Adapter, with a linear map on CLIP's features (text of Appendix G)."""

FIGURE_7 = {"jpeg:30": -0.3, "blur:3": -3.7}
"""How attacks change the unseen mAP, in points (text of Section 5.4).

For resizing and watermarks the text has no numbers: it calls their effect relatively minor.
"""

DISCREPANCY = 95.9
"""Top-1 accuracy of a classifier that tells images of seven generators apart (Section 1)."""

NOTES = (
    "The paper's text says that QAConv-GS is 9.1 points of Acc behind on unseen generators. Its "
    "Table 3 gives 84.5 - 72.3 = 12.2 points.",
    "Table 9 gives SimCLR on SD3 an mAP of 7.3 and an Acc of 12.0. With one correct reference a "
    "query, Acc cannot exceed mAP.",
    "The theory assumes n = m = 4,096. The W of the experiments has m = 512.",
)
"""Where the paper contradicts itself. The page of all reports shows these sentences."""
