"""What the paper reports for public models (Tables 2 and 9), with 1,000,000 references.

Mean average precision and accuracy in %, the mean over seven generators, then the mean average
precision of each generator, in the order of `GENERATORS`.
"""

GENERATORS = ("SD2", "SDXL", "OpenDalle", "ColorfulXL", "Kandinsky-3", "SD3", "Kolors")

TABLE_2: dict[str, tuple[float, float]] = {
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
"""mAP and Acc by the name of the baseline.

Two rows contradict Table 9. ASL's mean there is 4.8 and 3.8. SimCLR's Acc is the mean with a 12.0
for Stable Diffusion 3, which cannot be: it is above the mAP, 7.3.
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
"""mAP by generator."""
