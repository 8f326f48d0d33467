"""The shapes of the values in a network, node by node, and what it costs to compute them."""

import math
from dataclasses import dataclass, field

Shape = tuple[int, ...]

MOST_SIZE = 1024  # pixels; the side of the images that an encoder takes
MOST_VALUES = 2**26  # numbers that all nodes make of one image; the packaged ones make 3 million
MOST_CONSTANTS = 100_000_000  # numbers that nodes make of weights alone
MOST_WORK = 10**10  # multiplications for one image; the packaged network has half a billion
MOST_PATCHES = 2**25  # numbers of all patches that a convolution sees; 1.2 million
EACH = 8  # multiplications that take as long as a number that is read and written once

ALIKE = ("Relu", "Cast", "QuantizeLinear", "DequantizeLinear")
"""Operators whose result has the shape of their first input; the other inputs are weights."""
TWO = ("Add", "Sub", "Mul", "Div")
"""Operators of two values of one shape, or of one value and weights."""
OPERATORS = ("Conv", "Transpose", *TWO, *ALIKE)
FLOAT = 1  # the number of float32 among the types of ONNX


@dataclass(frozen=True)
class Tensor:
    """Weights in the file, by their name and shape."""

    name: str
    shape: Shape

    @property
    def elements(self) -> int:
        """The number of its numbers."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Node:
    """A step of the network: an operator, the names of its inputs and outputs, its settings."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, tuple[int, ...]]


@dataclass
class Values:
    """What the nodes that were added so far make of one image.

    Args:
        made: the shape of each value that depends on the image, with 1 for the number of images.
        constants: the shape of each value that does not.
        elements: how many numbers all values have that depend on the image.
        folded: how many numbers nodes make of weights alone.
        work: how many multiplications they take.
    """

    made: dict[str, Shape]
    constants: dict[str, Shape] = field(default_factory=dict)
    elements: int = 0
    folded: int = 0
    work: int = 0

    @classmethod
    def of_image(cls, name: str, size: object) -> "Values":
        """Begin with an image.

        Args:
            name: the name of the input.
            size: the side of the image in pixels.

        Raises:
            ValueError: if the size is no whole number from 1 to `MOST_SIZE`.
        """
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MOST_SIZE:
            raise ValueError(f"images of {str(size)[:40]} pixels, expected 1 to {MOST_SIZE}")
        return cls({name: (1, size, size, 3)})

    def add_constant(self, tensor: Tensor) -> None:
        """Add weights.

        Raises:
            ValueError: if there is a value of their name.
        """
        self._refuse_known(tensor.name)
        self.constants[tensor.name] = tensor.shape

    def add(self, node: Node) -> None:
        """Add a node.

        Raises:
            ValueError: if its operator or one of its settings is not taken, it does not fit its
                inputs, or the limits are exceeded.
        """
        if node.kind not in OPERATORS:
            raise ValueError(
                f"the operator {node.kind[:60]!r}, expected only {', '.join(OPERATORS)}"
            )
        if len(node.outputs) != 1 or not node.inputs:
            raise ValueError(f"a node {node.kind} of {len(node.outputs)} outputs")
        (output,) = node.outputs
        self._refuse_known(output)
        first = node.inputs[0]
        if node.kind in ALIKE and first in self.constants:
            self._check_alike(node)
            self.constants[output] = self.constants[first]
            self.folded += math.prod(self.constants[first])
        else:
            shape, work = self._result(node)
            self.made[output] = shape
            self.elements += math.prod(shape)
            self.work += work + EACH * math.prod(shape)
        for given, most, what in (
            (self.elements, MOST_VALUES, "numbers that are made of one image"),
            (self.folded, MOST_CONSTANTS, "numbers that are made of weights"),
            (self.work, MOST_WORK, "multiplications for one image"),
        ):
            if given > most:
                raise ValueError(f"{given:,} {what}, expected at most {most:,}")

    def _result(self, node: Node) -> tuple[Shape, int]:
        """Return the shape of what a node makes of the image, and its multiplications."""
        if node.kind == "Conv":
            return self._convolution(node)
        if node.kind in TWO:
            return self._two(node), 0
        shape = self._value(node, 0)
        if node.kind == "Transpose":
            order = node.attributes.get("perm", ())
            if sorted(order) != list(range(len(shape))) or order[0] != 0:
                raise ValueError(f"an order of axes {order[:8]}")
            return tuple(shape[axis] for axis in order), 0
        self._check_alike(node)
        return shape, 0

    def _check_alike(self, node: Node) -> None:
        for name in node.inputs[1:]:
            self._constant(node, name)
        if node.kind == "Cast" and node.attributes.get("to") != (FLOAT,):
            raise ValueError("a cast to other numbers than float32")

    def _two(self, node: Node) -> Shape:
        shapes = [self.made[name] for name in node.inputs if name in self.made]
        weights = [name for name in node.inputs if name not in self.made]
        if len(node.inputs) != 2 or len(set(shapes)) != 1:
            raise ValueError(f"a node {node.kind} of other values than two of one shape")
        for name in weights:
            small = self._constant(node, name)
            ends = shapes[0][len(shapes[0]) - len(small) :]
            fits = all(a in (1, b) for a, b in zip(small, ends, strict=False))
            if len(small) > len(shapes[0]) or not fits:
                raise ValueError(f"a node {node.kind} of {shapes[0]} and weights {small[:8]}")
        return shapes[0]

    def _convolution(self, node: Node) -> tuple[Shape, int]:
        shape = self._value(node, 0)
        weights = [self._constant(node, name) for name in node.inputs[1:]]
        if len(shape) != 4 or len(weights) not in (1, 2) or len(weights[0]) != 4:
            raise ValueError("a convolution of other values than images and their weights")
        _, channels, *sides = shape
        outputs, inputs, *kernel = weights[0]
        groups = node.attributes.get("group", (1,))
        steps = node.attributes.get("strides", (1, 1))
        apart = node.attributes.get("dilations", (1, 1))
        pads = node.attributes.get("pads", (0, 0, 0, 0))
        stated = node.attributes.get("kernel_shape", tuple(kernel))
        counts = (len(groups), len(steps), len(apart), len(pads))
        if counts != (1, 2, 2, 4) or min(*groups, *steps, *apart, *weights[0]) < 1 or min(pads) < 0:
            raise ValueError("a convolution with settings that do not fit")
        if stated != tuple(kernel) or inputs * groups[0] != channels or outputs % groups[0]:
            raise ValueError(f"a convolution of {shape} with weights {weights[0]}")
        places = [
            (side + pads[i] + pads[i + 2] - apart[i] * (kernel[i] - 1) - 1) // steps[i] + 1
            for i, side in enumerate(sides)
        ]
        if min(places) < 1:
            raise ValueError(f"a convolution of {shape} that is larger than they are")
        patch = inputs * math.prod(kernel) * math.prod(places)
        if groups[0] * patch > MOST_PATCHES:
            raise ValueError(f"{groups[0] * patch:,} numbers in patches, at most {MOST_PATCHES:,}")
        return (1, outputs, *places), outputs * patch

    def _value(self, node: Node, place: int) -> Shape:
        name = node.inputs[place]
        if name not in self.made:
            raise ValueError(f"a node {node.kind} that does not depend on the image before it")
        return self.made[name]

    def _constant(self, node: Node, name: str) -> Shape:
        if name not in self.constants:
            raise ValueError(f"a node {node.kind} without weights {name[:60]!r}")
        return self.constants[name]

    def _refuse_known(self, name: str) -> None:
        if not name or name in self.made or name in self.constants:
            raise ValueError(f"a value {name[:60]!r} that is made twice, or has no name")
