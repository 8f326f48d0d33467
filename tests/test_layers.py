"""Dependencies point one way, and importing stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "originid"

# A module may import from its own layer and from those before it.
LAYERS = (
    ("errors", "types", "memory", "modes", "parallel", "progress", "text", ""),
    (
        "storage",
        "tail",
        "images",
        "baselines",
        "encoders",
        "maps",
        "index",
        "sheet",
        "tables",
        "testing",
        "walk",
    ),
    ("datasets", "pairs", "pipeline", "sqlite", "verdict"),
    ("model", "database", "latent_cache"),
    ("collection",),
    ("adding", "finder", "training"),
    ("evaluation",),
    ("experiments", "generation"),
    ("demo", "scale"),
    ("cli", "__main__"),
)
# Packages that only some modules may import.
ONLY = {
    "torch": {
        "baselines/encoder.py",
        "baselines/hub.py",
        "baselines/networks",
        "baselines/published.py",
        "encoders/diffusers.py",
        "encoders/torch_networks.py",
        "experiments/theory/identity.py",
        "experiments/theory/vaes.py",
        "generation/edict.py",
        "generation/making.py",
        "generation/pipelines.py",
        "generation/plug_and_play.py",
        "generation/stable_diffusion.py",
        "training/distillation",
        "training/linear_algebra.py",
        "training/metric",
        "training/networks",
        "training/official.py",
        "training/run.py",
        "training/state.py",
    },
    "accelerate": {"training/metric"},
    "pytorch_metric_learning": {"training/metric"},
    "tensorboardX": {"training/run.py"},
    "onnx": {"training/distillation/export.py"},
    "onnxruntime": {"encoders/onnx.py", "training/distillation/export.py"},
    "diffusers": {
        "encoders/diffusers.py",
        "experiments/theory/identity.py",
        "generation/pipelines.py",
    },
    "transformers": {"baselines/hub.py", "generation/pipelines.py"},
    "imagehash": {"baselines/hashes.py"},
    "pdqhash": {"baselines/hashes.py"},
    "matplotlib": {"experiments"},
    "faiss": {"index"},
    "ray": {"scale"},
    "httpx": {"generation/prompts/chat.py"},
    "sqlite3": {"sqlite.py"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def layer(name: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if name in names)


def own_name(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0].replace("__init__", "")


def violations(path: Path, imported: set[str]) -> list[str]:
    mine = layer(own_name(path))
    ours = [name for name in imported if name.split(".")[0] == "originid"]
    return [name for name in ours if layer(f"{name}.".split(".")[1]) > mine]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_dependencies_point_one_way(path: Path) -> None:
    assert violations(path, imports(path)) == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_stay_where_they_belong(path: Path) -> None:
    relative = path.relative_to(PACKAGE).as_posix()
    for package in {name.split(".")[0] for name in imports(path)} & set(ONLY):
        assert any(relative == home or relative.startswith(home + "/") for home in ONLY[package])


def test_the_layer_test_can_fail() -> None:
    assert violations(PACKAGE / "errors.py", {"originid.cli.find"}) == ["originid.cli.find"]


def loaded_by(code: str) -> set[str]:
    listing = "import sys; print(' '.join(sys.modules))"
    output = subprocess.run(
        [sys.executable, "-c", f"{code}\n{listing}"], capture_output=True, text=True, check=True
    ).stdout
    return {name.split(".")[0] for name in output.splitlines()[-1].split()}


HEAVY = {"numpy", "faiss", "torch", "onnxruntime", "diffusers", "PIL", "sqlite3"}


def test_help_loads_nothing_heavy() -> None:
    help_text = "import originid.cli\ntry: originid.cli.run(['--help'])\nexcept SystemExit: pass"
    assert loaded_by(help_text) & HEAVY == set()


def test_finding_loads_no_torch() -> None:
    assert loaded_by("import originid.finder, originid.adding") & {"torch", "diffusers"} == set()


def test_the_lightness_test_can_fail() -> None:
    assert "numpy" in loaded_by("import originid; originid.Match")


def test_public_names_are_what_all_says() -> None:
    import originid

    assert list(originid.__all__) == sorted(set(originid.__all__), key=originid.__all__.index)
    for name in originid.__all__:
        assert getattr(originid, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        originid.Nothing  # noqa: B018
