"""What a network in an ONNX file would do and cost, said before anything of it is run.

The file may be a stranger's. So only the operators that ``originid distill`` writes are taken: the
sizes of their results are known beforehand. There is no loop, no code of others, and no data in
other files.
The numbers of the fields are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from dataclasses import dataclass, field

from originid.encoders.onnx_network import Node, Tensor, Values
from originid.encoders.protobuf import DAMAGED, Fields, message, numbers, text
from originid.system.strict_json import parse_json
from originid.types import Json

MOST_BYTES = 100_000_000  # of a file; the packaged one has 0.4 million
MOST_NODES = 2000  # the packaged network has 112
DOMAINS = ("", "ai.onnx")  # two names of the operators of ONNX itself


@dataclass(frozen=True)
class Network:
    """A network that may be run.

    Args:
        description: what the file says of itself.
        values: the shapes of what its nodes make of one image, and what that costs.
        output: the shape of its output.
    """

    description: Json
    values: Values
    output: tuple[int, ...]


@dataclass
class _File:
    """The parts of a file that matter."""

    fields: Fields
    graphs: list[memoryview] = field(default_factory=list)
    metadata: dict[str, memoryview] = field(default_factory=dict)


def read_network(data: bytes, key: str, input: str, output: str) -> Network:
    """Look through an ONNX file.

    Args:
        data: the content of the file.
        key: the name of the description among the metadata of the file.
        input: the name of the network's input, images of shape (n, size, size, 3); the description
            must state the size.
        output: the name of its output.

    Raises:
        KeyError: if there is no description, or it lacks the size.
        ValueError: if it is no ONNX file, or holds anything that is not taken.
    """
    file = _read_file(memoryview(data))
    if key not in file.metadata:
        raise KeyError(key)
    described = parse_json(bytes(file.metadata[key]))
    (graph,) = file.graphs
    values = Values.of_image(input, described["size"])
    nodes: list[memoryview] = []
    outputs = []
    for number, value in file.fields.of(graph):
        if number == 1:
            nodes.append(message(value))
        elif number == 5:
            values.add_constant(_tensor(file.fields, message(value)))
        elif number == 12:
            outputs += [text(v) for n, v in file.fields.of(message(value)) if n == 1]
        elif number == 15:
            raise ValueError("sparse weights, which are not taken")
    if len(nodes) > MOST_NODES:
        raise ValueError(f"{len(nodes):,} nodes, expected at most {MOST_NODES:,}")
    for node in nodes:
        values.add(_node(file.fields, node))
    if outputs != [output] or output not in values.made:
        raise ValueError(f"the outputs {outputs[:3]}, expected {output!r} alone")
    return Network(described, values, values.made[output])


def _read_file(data: memoryview) -> _File:
    file = _File(Fields())
    for number, value in file.fields.of(data):
        if number == 7:
            file.graphs.append(message(value))
        elif number == 8:
            domain = [text(v) for n, v in file.fields.of(message(value)) if n == 1]
            _check_domain(domain[-1] if domain else "")
        elif number == 14:
            entry = dict(file.fields.of(message(value)))
            file.metadata[text(entry.get(1, memoryview(b"")))] = message(
                entry.get(2, memoryview(b""))
            )
        elif number in (20, 25):
            raise ValueError("functions or training steps, which are not taken")
    if len(file.graphs) != 1:
        raise ValueError(DAMAGED)
    return file


def _check_domain(domain: str) -> None:
    if domain not in DOMAINS:
        raise ValueError(f"operators of {domain[:60]!r}, expected only those of ONNX itself")


def _tensor(fields: Fields, data: memoryview) -> Tensor:
    name, sizes = "", []
    for number, value in fields.of(data):
        if number == 1:
            sizes += list(numbers(value))
        elif number == 8:
            name = text(value)
        elif number == 13 or (number == 14 and value != 0):
            raise ValueError("weights in another file, expected all of them in this one")
    tensor = Tensor(name, tuple(sizes))
    # A byte holds two numbers at most, of four bits each.
    if min(sizes, default=1) < 0 or tensor.elements > 2 * len(data):
        raise ValueError(f"weights {name[:60]!r} of shape {sizes[:8]}, which are not in the file")
    return tensor


def _node(fields: Fields, data: memoryview) -> Node:
    inputs, outputs, kind, domain = [], [], "", ""
    attributes: dict[str, tuple[int, ...]] = {}
    for number, value in fields.of(data):
        if number == 1:
            inputs.append(text(value))
        elif number == 2:
            outputs.append(text(value))
        elif number == 4:
            kind = text(value)
        elif number == 5:
            name, found = _attribute(fields, message(value))
            if name in attributes:
                raise ValueError(f"{name[:60]!r} twice in one node")
            attributes[name] = found
        elif number == 7:
            domain = text(value)
    _check_domain(domain)
    return Node(kind, tuple(inputs), tuple(outputs), attributes)


def _attribute(fields: Fields, data: memoryview) -> tuple[str, tuple[int, ...]]:
    """Return the name and the whole numbers of an attribute; it may hold nothing else but text."""
    name, single, several = "", [], []
    for number, value in fields.of(data):
        if number == 1:
            name = text(value)
        elif number == 3:
            single = list(numbers(value))
        elif number == 8:
            several += list(numbers(value))
        elif number == 4:
            # The only text that the operators take says how to pad, in place of numbers.
            if bytes(message(value)) != b"NOTSET":
                raise ValueError(f"{name[:60]!r} in words, expected numbers")
        elif number in (5, 6, 10, 11, 22, 23):
            raise ValueError("a node that holds a graph or a tensor, which is not taken")
    return name, tuple(several or single)
