"""Networks whose parameters have the names that published checkpoints use.

Each is built from the weights themselves: sizes and depths are read off their shapes.
"""

from originid.baselines.networks.efficientnet import EfficientNet
from originid.baselines.networks.resnet import ResNet
from originid.baselines.networks.transformer import VisionTransformer

__all__ = ["EfficientNet", "ResNet", "VisionTransformer"]
