"""Every error that is raised on purpose says what was expected."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from originid import errors

PACKAGE = Path(__file__).parent.parent / "src" / "originid"
KINDS = {name for name in vars(errors) if name.endswith("Error")}


def second_parts(source: str) -> Iterator[str]:
    """How the second part of each error begins, where it is written out in the call."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in KINDS
            and len(node.args) == 3
        ):
            part = node.args[1]
            first = part.values[0] if isinstance(part, ast.JoinedStr) else part
            if isinstance(first, ast.Constant):
                yield str(first.value)
            elif isinstance(part, ast.JoinedStr):
                yield ""


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_the_second_part_states_what_was_expected(path: Path) -> None:
    others = [
        part
        for part in second_parts(path.read_text(encoding="utf-8"))
        if not part.startswith("expected ")
    ]
    assert others == []


def test_the_test_of_errors_can_fail() -> None:
    source = 'InputError("a", f"{x} is", "c"), ImageError("a", "expected b", "c")'
    assert list(second_parts(source)) == ["", "expected b"]
