"""Networks whose parameters have the names that published checkpoints use.

Each network is built from the weights: their names and shapes tell its depth and its sizes.
"""

from originid.encoders.public.networks.efficientnet import EfficientNet
from originid.encoders.public.networks.resnet import ResNet
from originid.encoders.public.networks.transformer import VisionTransformer

__all__ = ["EfficientNet", "ResNet", "VisionTransformer"]
