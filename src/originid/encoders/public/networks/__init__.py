"""Networks whose parameters have the names that published checkpoints use.

Each is built from the weights themselves: sizes and depths are read off their shapes.
"""

from originid.encoders.public.networks.efficientnet import EfficientNet
from originid.encoders.public.networks.resnet import ResNet
from originid.encoders.public.networks.transformer import VisionTransformer

__all__ = ["EfficientNet", "ResNet", "VisionTransformer"]
