"""Write docs/models.md: what the package carries that was learned, from what, and how good it is.

usage: python tools/make_model_cards.py [--check] [--data NAME=MANIFEST.csv ...]

Facts come from the packaged files and from docs/reports, where reports of `originid evaluate
--json` lie; sentences come from model_card_texts.json. With --data the rows and licences of a
manifest are counted into docs/reports/data.json first. With --check nothing is written, and the
exit status is 1 if the page is not up to date.
"""

import argparse
import csv
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnxruntime
from safetensors import safe_open

from originid.model import Model, open_model
from originid.model_description import PACKAGED, packaged_models

DOCS = Path(__file__).parent.parent / "docs"
TARGET, REPORTS = DOCS / "models.md", DOCS / "reports"
STRENGTHS = DOCS / "results" / "strength.csv"
DATA = PACKAGED.parent
TEXTS: dict[str, Any] = json.loads(
    Path(__file__).with_name("model_card_texts.json").read_text(encoding="utf-8")
)
"""What no file knows: purposes, commands and limits."""
Lines = list[str]


def page() -> str:
    """The whole page as text."""
    lines: Lines = [*TEXTS["head"]]
    for name in packaged_models():
        lines += _model(open_model(name))
    lines += _distilled() + _details()
    for folder in sorted((DATA / "generators").iterdir()):
        lines += _generator(folder)
    return "\n".join(lines + _data()).rstrip() + "\n"


def _model(model: Model) -> Lines:
    """The card of a packaged model."""
    training = model.training
    settings = ", ".join(f"{key} {value}" for key, value in training["settings"].items() if value)
    facts = {
        "makes": f"vectors of {model.dim:,} numbers from images of {model.size} px",
        "encoder": f"`{model.spec}`",
        "map": f"{model.map.kind}, {training['method']}: {settings}",
        "made from": f"{training['pairs']:,} pairs and {training['natural_images']:,} photos by "
        f"originid {training['originid']}",
        "fingerprint": f"`{model.fingerprint}`",
        "size": _megabytes(model.files),
    }
    report = _report(f"{model.spec}.json")
    if report["encoder"] != model.spec or report["queries"] != training["pairs"]:
        raise SystemExit(
            f"docs/reports/{model.spec}.json judges {report['encoder']} on {report['queries']} "
            f"pairs, and model {model.name} has {model.spec} and {training['pairs']}: make it anew"
        )
    lines = _card(f"Model {model.name}", f"model {model.name}", facts)
    lines += _judged(
        report,
        "kind",
        "Judged by cross-validation on the pairs that it was made from: each is judged by a map "
        "that was learned from other sources.",
        TEXTS["reports"]["cross-validated"].format(
            encoder=model.spec,
            map=" --map tools/packaged_map.json" if training["settings"].get("cutoff") else "",
        ),
    )
    held = REPORTS / f"{model.name}-newer-editors.json"
    if held.exists() and _report(held.name)["fingerprint"] == model.fingerprint:
        lines += _judged(
            _report(held.name),
            "band",
            "As it is, on pairs of editors of 2024 to 2026 that it was not made from. A person "
            "said of each edit whether the layout is kept (tight), the content is moved, or the "
            "subject is redrawn.",
            TEXTS["reports"]["held out"].format(model=model.name),
        )
    return [*lines, *_limits(f"model {model.name}")]


def _distilled() -> Lines:
    """The card of the packaged encoder."""
    file = DATA / "encoders" / "distilled.onnx"
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), quiet, providers=["CPUExecutionProvider"])
    stated = json.loads(session.get_modelmeta().custom_metadata_map["originid"])
    shapes = " and ".join(" x ".join(map(str, shape)) for shape in stated["shapes"])
    settings, error = stated["settings"], stated["error"]
    facts = {
        "makes": f"latents of {shapes} from images of {stated['size']} px",
        "learned from": f"{stated['views']:,} images, whole, in {settings['epochs']} rounds of "
        f"{settings['steps_per_epoch']} batches of {settings['batch']}",
        "teacher": f"the encoder with the identity `{stated['teacher']}`",
        "misses": f"{100 * error['latent']:.1f} % of the teacher's variance on held-out photos, "
        f"{100 * error['mapped']:.1f} % of what the map keeps",
        "fingerprint": f"`{_sha256([file])}` (SHA-256)",
        "size": _megabytes([file]),
    }
    lines = _card("Network distilled", "distilled", facts)
    lines += _judged(
        _report("distilled.json"),
        "kind",
        "Alone, with the closed-form map, judged by cross-validation on RealPairs:",
        TEXTS["reports"]["cross-validated"].format(encoder="distilled", map=""),
    )
    return [*lines, *_limits("distilled")]


def _details() -> Lines:
    """The card of the network for local features and of its words."""
    network, words = (DATA / "details" / name for name in ("xfeat.onnx", "words.safetensors"))
    with safe_open(words, "np") as tensors:
        count, _ = tensors.get_slice("words").get_shape()
        _, directions = tensors.get_slice("projection").get_shape()
    facts = {
        "makes": f"local features; {count} words and {directions} directions sum them up",
        "fingerprint": f"`{_sha256([network])}` (SHA-256 of the network), "
        f"`{_sha256([words])}` (of the words)",
        "size": f"{_megabytes([network])} and {_megabytes([words])}",
    }
    return [*_card("Network xfeat and its words", "xfeat", facts), *_limits("xfeat")]


def _generator(folder: Path) -> Lines:
    """The card of a small generator."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    vae = json.loads((folder / "vae" / "config.json").read_text(encoding="utf-8"))
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    numbers = sum(_numbers(file) for file in files if file.suffix == ".safetensors")
    facts = {
        "makes": "edits of images, by prompts that name a style",
        "pipeline": f"`{index['_class_name']}` of diffusers, `{index['scheduler'][1]}`, latents of "
        f"{vae['latent_channels']} channels",
        "weights": f"{numbers / 1e6:.1f} million",
        "fingerprint": f"`{_sha256(files)}` (SHA-256 of all files, in the order of their names)",
        "size": _megabytes(files),
    }
    lines = _card(f"Generator {folder.name}", "generator", facts, folder.name)
    return [*lines, *_strengths(folder.name), *_limits("generator")]


def _card(title: str, key: str, facts: dict[str, str], name: str = "") -> Lines:
    data = TEXTS["data"][key]
    facts |= {"data": f"{' and '.join(data)} ([licences](#data))"} if data else {}
    rows = [f"| {label} | {text} |" for label, text in facts.items()]
    made = "\n".join(TEXTS["made"][key]).format(name=name, kind=name.removeprefix("small-"))
    lines = [f"## {title}", "", TEXTS["purpose"][key], "", "| | |", "|---|---|", *rows, ""]
    return [*lines, "Made by", "", "```", made, "```", ""]


def _data() -> Lines:
    """What the models were learned from and judged on, with the licences that are stated there."""
    lines = ["## Data", "", "None of it is in the package.", ""]
    for name, told in _report("data.json").items():
        about = TEXTS["about data"][name]
        lines += [f"{name}, {told['rows']:,} rows: {about}.", "", "| rows | licence as stated |"]
        lines += ["|---|---|"]
        lines += [f"| {count:,} | {licence} |" for licence, count in told["licences"].items()]
        lines += [""]
    return lines


def _judged(report: dict[str, Any], column: str, said: str, command: str) -> Lines:
    """The table of a report."""
    projected = f"Acc projected to {report['projected']['N']:,} [95 %]"
    parts = [("all", report), *report["by"][column].items()]
    rows = [
        f"| {name} | {part['queries']:,} | {part['groups']:,} | "
        f"{_with_ends(part['acc'], part['ci95']['acc'])} | "
        f"{_with_ends(part['projected']['acc'], part['ci95']['projected_acc'])} |"
        for name, part in parts
    ]
    balanced = report["trust"]["presets"]["balanced"]
    ends = balanced["ci95"]
    return [
        said,
        "",
        f"| {column} | pairs | origin groups | Acc [95 %] | {projected} |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"At the stated rate of {balanced['stated']:g} %, in % with 95 % intervals: the verdict "
        f"`origin` and right {_with_ends(balanced['true_origin'], ends['true_origin'])}, `origin` "
        f"and wrong {_with_ends(balanced['wrong_origin'], ends['wrong_origin'])}; of the same "
        "queries without their origin among the references, `origin` "
        f"{_with_ends(balanced['false_origin'], ends['false_origin'])}.",
        "",
        f"`{command}`",
        "",
    ]


def _strengths(name: str) -> Lines:
    """How often originid finds the origins of a generator's edits, by strength."""
    with STRENGTHS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["judged on"] == name]
    columns = [key for key in rows[0] if key[:1].isdigit()]
    lines = [
        f"| {row['encoder']} | {row['learned from']} | "
        + " | ".join(row[column] for column in columns)
        + " |"
        for row in rows
        if row["learned from"] != name
    ]
    return [
        "Acc on its edits by their strength, with maps that did not learn from it:",
        "",
        f"| encoder | map learned from | {' | '.join(columns)} |",
        "|---" * (2 + len(columns)) + "|",
        *lines,
        "",
        f"`{TEXTS['reports']['strength']}`",
        "",
    ]


def _limits(key: str) -> Lines:
    return ["Not good at:", "", *(f"- {text}" for text in TEXTS["limits"][key]), ""]


def _with_ends(value: float | None, ends: list[float | None]) -> str:
    if value is None or None in ends:
        return "n/a"
    return f"{value:.1f} [{ends[0]:.1f}, {ends[1]:.1f}]"


def _report(name: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((REPORTS / name).read_text(encoding="utf-8"))
    return report


def _numbers(file: Path) -> int:
    """How many weights a file has."""
    with safe_open(file, "np") as tensors:
        sizes = (tensors.get_slice(name).get_shape() for name in tensors.keys())  # noqa: SIM118
        return sum(_product(shape) for shape in sizes)


def _product(shape: Iterable[int]) -> int:
    result = 1
    for side in shape:
        result *= side
    return result


def _sha256(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _megabytes(files: Iterable[Path]) -> str:
    return f"{sum(file.stat().st_size for file in files) / 1e6:.2f} MB"


def count_data(given: Iterable[str]) -> None:
    """Count the rows and licences of manifests, each given as NAME=FILE, into `REPORTS`."""
    file = REPORTS / "data.json"
    told = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for each in given:
        name, _, path = each.partition("=")
        with open(path, encoding="utf-8", newline="") as manifest:
            licences = Counter(row["license"] for row in csv.DictReader(manifest))
        told[name] = {"rows": licences.total(), "licences": dict(licences.most_common())}
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--data", nargs="+", default=[], metavar="NAME=MANIFEST.csv")
    options = parser.parse_args()
    if options.data:
        count_data(options.data)
    text = page()
    if options.check:
        return int(not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
