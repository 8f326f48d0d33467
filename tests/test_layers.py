"""Dependencies point one way, and importing stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from layers import INNER_LAYERS, LAYERS

PACKAGE = Path(__file__).parent.parent / "src" / "originid"

# Packages that only some modules may import.
ONLY = {
    "torch": {
        "encoders/public/encoder.py",
        "encoders/public/hub.py",
        "encoders/public/networks",
        "encoders/public/published.py",
        "encoders/diffusers.py",
        "encoders/torch_networks.py",
        "experiments/theory/identity.py",
        "experiments/theory/vaes.py",
        "generation/diffusion/edict.py",
        "generation/diffusion/making.py",
        "generation/diffusion/pipelines.py",
        "generation/diffusion/plug_and_play.py",
        "generation/diffusion/stable_diffusion.py",
        "training/distillation",
        "training/linear_algebra.py",
        "training/metric",
        "experiments/trained_networks",
        "training/import_official.py",
        "training/checkpoints.py",
        "training/state.py",
    },
    "accelerate": {"training/metric"},
    "pytorch_metric_learning": {"training/metric"},
    "tensorboardX": {"training/checkpoints.py"},
    "onnx": {"training/distillation/export.py"},
    "onnxruntime": {
        "details/features.py",
        "system/onnx_session.py",
        "training/distillation/export.py",
    },
    "diffusers": {
        "encoders/diffusers.py",
        "experiments/theory/identity.py",
        "generation/diffusion/pipelines.py",
    },
    "transformers": {"encoders/public/hub.py", "generation/diffusion/pipelines.py"},
    "imagehash": {"encoders/public/hashes.py"},
    "pdqhash": {"encoders/public/hashes.py"},
    "matplotlib": {"evaluation/reliability.py", "experiments"},
    "faiss": {"index"},
    "simplejpeg": {"images/jpeg.py"},
    "ray": {"scale"},
    "fsspec": {"inputs/stores.py"},
    "pyarrow": {"inputs/parquet.py"},
    "c2pa": {"images/credentials.py"},
    "httpx": {"client/connection.py", "generation/prompts/chat.py"},
    "sqlite3": {
        "collection/bounded.py",
        "collection/expected_tables.py",
        "collection/opening.py",
        "collection/sqlite.py",
        "collection/sqlite_errors.py",
    },
    "psycopg": {"collection/engines/postgres"},
    "pymilvus": {"collection/engines/milvus"},
    "fastapi": {"service"},
    "starlette": {"service"},
    "uvicorn": {"service"},
    "prometheus_client": {"service"},
    "watchfiles": {"watching.py"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module that a file imports when it runs, anywhere in it.

    A module that is imported by its name from a folder counts as itself, not as the folder.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not _for_type_checkers(node)]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            modules_of_ours = {name for name in whole if is_module(name)}
            found |= modules_of_ours
            found |= set() if whole == modules_of_ours else {node.module}
    return found


def _for_type_checkers(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


def is_module(name: str) -> bool:
    """Whether a dotted name is a file or folder of the package."""
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def own_name(path: Path) -> str:
    """The dotted name of a file of the package."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


def violations(mine: str, imported: set[str]) -> list[str]:
    """The imports of a module that its room may not make."""
    return sorted(
        name
        for name in imported
        if name.split(".")[0] == "originid" and not (_allowed(mine, name, LAYERS, 1))
    )


def _allowed(mine: str, other: str, layers: tuple[tuple[str, ...], ...], depth: int) -> bool:
    room, target = (f"{name}{'.' * (depth + 1)}".split(".")[depth] for name in (mine, other))
    if room != target:
        return _layer(target, layers) < _layer(room, layers)
    inner = INNER_LAYERS.get(room) if depth == 1 else None
    return inner is None or _allowed(mine, other, inner, 2)


def _layer(room: str, layers: tuple[tuple[str, ...], ...]) -> int:
    return next(i for i, names in enumerate(layers) if room in names)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """A way around for each module that is imported by what it imports itself."""

    def way(start: str, end: str, seen: set[str]) -> list[str]:
        for after in sorted(graph.get(start, ())):
            if after == end:
                return [start, end]
            if after not in seen:
                seen.add(after)
                if rest := way(after, end, seen):
                    return [start, *rest]
        return []

    return [found for name in sorted(graph) if (found := way(name, name, set()))]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_dependencies_point_one_way(path: Path) -> None:
    assert violations(own_name(path), imports(path)) == []


def test_no_module_is_imported_by_what_it_imports() -> None:
    assert circles({own_name(path): imports(path) for path in modules()}) == []


def test_every_room_exists_and_has_its_layer() -> None:
    rooms = {f"{own_name(path)}.".split(".")[1] for path in modules()}
    assert rooms == {room for line in LAYERS for room in line}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_stay_where_they_belong(path: Path) -> None:
    relative = path.relative_to(PACKAGE).as_posix()
    for package in {name.split(".")[0] for name in imports(path)} & set(ONLY):
        assert any(relative == home or relative.startswith(home + "/") for home in ONLY[package])


@pytest.mark.parametrize(
    ("mine", "imported"),
    [
        ("originid.errors", "originid.cli.find"),  # a later layer
        ("originid.images.decode", "originid.maps"),  # a sibling
        ("originid.experiments.report.page", "originid.experiments.harness.cells"),
        ("originid.generation.diffusion.making", "originid.generation.sets.job"),
    ],
)
def test_the_layer_test_can_fail(mine: str, imported: str) -> None:
    assert violations(mine, {imported, "originid.errors"} - {mine}) == [imported]


def test_the_test_of_circles_can_fail() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c", "b"], ["c", "b", "c"]]


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
    assert (
        loaded_by("import originid.finder, originid.collection.adding") & {"torch", "diffusers"}
        == set()
    )


def test_the_lightness_test_can_fail() -> None:
    assert "numpy" in loaded_by("import originid; originid.Match")


def test_public_names_exist_and_are_typed() -> None:
    import originid

    declared = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.asname or alias.name
        for node in ast.walk(declared)
        if isinstance(node, ast.stmt) and _for_type_checkers(node)
        for statement in ast.walk(node)
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert typed == set(originid.__all__) - {"__version__"}
    for name in originid.__all__:
        assert getattr(originid, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        originid.Nothing  # type: ignore[attr-defined]  # noqa: B018
