"""Model folders of strangers: a sound one, changed in one place, and what is said of it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Change = Callable[[Path], object]


def described(*keys: str, value: Any) -> Change:
    """Change one value of model.json, which may be one that no JSON should hold."""
    return _rewritten(keys, lambda place, key: place.__setitem__(key, value))


def without(*keys: str) -> Change:
    """Leave one value of model.json out."""
    return _rewritten(keys, lambda place, key: place.__delitem__(key))


def _rewritten(keys: tuple[str, ...], edit: Callable[[dict[str, Any], str], None]) -> Change:
    def change(folder: Path) -> None:
        """Write the file anew."""
        file = folder / "model.json"
        whole = json.loads(file.read_text())
        place = whole
        for key in keys[:-1]:
            place = place[key]
        edit(place, keys[-1])
        file.write_text(json.dumps(whole))

    return change


def text(content: str | bytes) -> Change:
    """Another content of model.json."""
    data = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / "model.json").write_bytes(data)


def spec(value: Any) -> Change:
    """Another name of the encoder."""
    return described("encoder", "spec", value=value)


def link(name: str, target: str, encoder: str | None = None) -> Change:
    """A link in place of a file of the folder; the target is relative to the folder's parent."""

    def change(folder: Path) -> None:
        """Replace the file."""
        if encoder is not None:
            spec(encoder)(folder)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(os.path.join(folder.parent, target))

    return change


def pipe(name: str, encoder: str | None = None) -> Change:
    """A pipe in place of a file of the folder."""

    def change(folder: Path) -> None:
        """Replace the file."""
        if encoder is not None:
            spec(encoder)(folder)
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return change


def large(name: str) -> Change:
    """A file of a terabyte, which takes no place on the disk."""

    def change(folder: Path) -> None:
        """Replace the file."""
        with (folder / name).open("wb") as file:
            file.truncate(10**12)

    return change


def tail(name: str, value: Any) -> Change:
    """Another tail of the calibration."""
    return described("calibration", "tail", name, value=value)


def is_folder(name: str) -> Change:
    """A folder in place of a file."""

    def change(folder: Path) -> None:
        """Replace the file."""
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()

    return change


DESCRIPTIONS: dict[str, tuple[Change, str]] = {
    "an empty file": (text(""), "cannot be used: Expecting value"),
    "a list": (text("[1, 2]"), "it holds a list, expected one JSON object"),
    "a number": (text("1e999"), "the number 1e999, expected a finite one"),
    "no text": (text(b"\xff\xfe{}"), "it is not UTF-8"),
    "lists in lists": (text("[" * 200_000), "nested more than 32 deep"),
    "objects in objects": (text('{"a":' * 200_000), "nested more than 32 deep"),
    "a huge number": (text('{"format": ' + "9" * 900_000 + "}"), "the number 9999"),
    "a huge text": (text('"' + "x" * 2_000_000 + '"'), "expected at most 1,000,000"),
    "a terabyte": (large("model.json"), "it has 1,000,000,000,000 bytes, expected at most"),
    "a folder": (is_folder("model.json"), "it is a folder, expected a regular file"),
    "no format": (without("format"), "it lacks 'format'"),
    "a format that is a list": (described("format", value=[[1]]), "this version reads 1"),
    "no encoder": (without("encoder"), "it lacks 'encoder'"),
    "an encoder that is a list": (
        described("encoder", value=[1]),
        "its encoder is [1]",
    ),
    "a size of infinity": (described("encoder", "size", value=float("inf")), "the number Infinity"),
    "a size that is true": (
        described("encoder", "size", value=True),
        "its size is True",
    ),
    "a size of a billion": (described("encoder", "size", value=10**9), "expected 1 to 4096"),
    "no identity": (
        described("encoder", "identity", value=None),
        "its identity is None",
    ),
    "half a character": (
        text('{"format": "\\ud800"}'),
        "is not Unicode text",
    ),
    "no map": (without("map"), "it lacks 'map'"),
    "a map in words": (described("map", value="none"), "its map is 'none', expected an object"),
    "another map": (described("map", "sha256", value="0" * 64), "is not the file that model.json"),
    "no calibration": (without("calibration"), "it lacks 'calibration'"),
    "a calibration of nothing": (described("calibration", value=None), "its calibration is None"),
    "no tail": (without("calibration", "tail"), "it lacks 'tail'"),
    "a tail in words": (described("calibration", "tail", value="x"), "cannot be used: "),
    "a tail of nothing": (tail("body", []), "cannot be used: "),
    "a tail of words": (tail("body", ["a"]), "cannot be used: "),
    "a tail of NaN": (tail("shape", float("nan")), "the number NaN"),
    "a tail that falls": (tail("body", [0.5, 0.1]), "expected 1 to 10 ascending scores"),
    "a tail of many": (tail("body", [0.1] * 10_000), "cannot be used: "),
    "a tail of no scores": (tail("body", [1e308]), "a calibration that no scores have"),
    "a tail of no width": (tail("scale", 1e-300), "a calibration that no scores have"),
    "a tail of any shape": (tail("shape", -1e300), "a calibration that no scores have"),
    "confidence in words": (described("calibration", "origin", value="high"), "cannot be used: "),
    "confidence beyond 1": (described("calibration", "origin", value=7), "expected 0 <= uncertain"),
    "an unknown key": (described("calibration", "mood", value=1), "mood"),
    "training in words": (described("training", value="long"), "its training is 'long'"),
}
"""Changes of model.json."""

ENCODERS: dict[str, tuple[Change, str]] = {
    "no text": (spec(7), "its spec is 7, expected a text"),
    "an empty text": (spec(""), "its spec is ''"),
    "a long text": (spec("+".join(["pixels"] * 10_000)), "expected a text of one line"),
    "many encoders": (spec("+".join(["pixels"] * 200)), "200 encoders joined by +"),
    "lines": (spec("pixels\n\x1b[31m"), "expected a text of one line"),
    "a zero byte": (spec("onnx:a\0b"), "expected a text of one line"),
    "an unknown one": (spec("nothing"), "encoder 'nothing'"),
    "a whole path": (spec("onnx:/etc/passwd"), "expected encoder.onnx in its own folder"),
    "a path upwards": (spec("onnx:../private.onnx"), "expected encoder.onnx in its own folder"),
    "a folder below": (spec("onnx:x/encoder.onnx"), "expected encoder.onnx in its own folder"),
    "another name": (spec("onnx:private.onnx"), "expected encoder.onnx in its own folder"),
    "a path in a part": (spec("pixels+onnx:/dev/zero"), "expected encoder.onnx in its own"),
    "a file of Windows": (spec(r"onnx:\\host\share"), "expected encoder.onnx in its own folder"),
    "no file": (spec("onnx:encoder.onnx"), "encoder.onnx: no such file"),
    "a link": (link("encoder.onnx", "private.onnx", "onnx:encoder.onnx"), "it is a symbolic link"),
    "a link to a device": (
        link("encoder.onnx", "/dev/zero", "onnx:encoder.onnx"),
        "it is a symbolic link",
    ),
    "a pipe": (pipe("encoder.onnx", "onnx:encoder.onnx"), "it is a pipe or a device"),
    "a module": (spec("python:os:system"), "wants to run the Python module 'os'"),
    "a module of no name": (spec("python::x"), "python:MODULE:NAME"),
    "a folder of weights": (spec("diffusers:/srv/weights"), "weights outside of its folder"),
    "weights upwards": (spec("diffusers:../weights"), "weights outside of its folder"),
    "weights of the home": (spec("diffusers:~/weights"), "weights outside of its folder"),
    "weights of a host": (spec(r"diffusers:\\host\share"), "weights outside of its folder"),
    "an address": (
        spec("diffusers:https://x.example/y"),
        "weights outside of its folder",
    ),
    "a program of torch": (spec("baseline:sscd:/elsewhere/x.pt"), "weights outside of its folder"),
    "a source of pixels": (spec("pixels:/etc/passwd"), "write just pixels"),
    "another encoder": (spec("edges"), "expected pixels-1, on which"),
}
"""Changes of what model.json names as its encoder."""

MAPS: dict[str, tuple[Change, str]] = {
    "a link to a map": (link("map.safetensors", "private.onnx"), "it is a symbolic link"),
    "a link to a device": (link("map.safetensors", "/dev/zero"), "it is a symbolic link"),
    "a link to model.json": (link("model.json", "private.onnx"), "it is a symbolic link"),
    "a pipe for a map": (pipe("map.safetensors"), "it is a pipe or a device"),
    "a pipe for model.json": (pipe("model.json"), "it is a pipe or a device"),
    "a map of a terabyte": (large("map.safetensors"), "it has 1,000,000,000,000 bytes"),
    "a folder for a map": (is_folder("map.safetensors"), "it is a folder"),
}
"""Changes of the files."""

HUB = {
    "a hub id": "diffusers:stranger/weights",
    "a hub id of one word": "diffusers:weights",
    "a baseline of the hub": "baseline:clip",
    "a hub id of a baseline": "baseline:clip:stranger/weights",
}
"""Names of models of a hub, by which a stored model must not reach out."""
