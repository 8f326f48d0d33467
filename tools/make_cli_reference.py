"""Write docs/cli.md from the help texts of the command line.

usage: python tools/make_cli_reference.py [--check]

With --check nothing is written. The exit status is then 1 if the file is not up to date.
"""

import sys
from pathlib import Path
from typing import Any

import typer.main

from originid.cli import app

TARGET = Path(__file__).parent.parent / "docs" / "cli.md"
HEAD = """# Command line

This page is written by `python tools/make_cli_reference.py` from the help texts. Do not edit it.

The exit status is 0 if the command is done, 1 if it failed, and 2 if it was used wrongly. It is 3
if `find` ended well and no query has an origin, or if `explain` found no reference. It is 130 if
the command was interrupted by Ctrl-C. A command then ends within 2 seconds, or at once after a
second Ctrl-C. What was committed is kept.

Results go to standard output, messages and progress to standard error. Progress is a bar on a
terminal, and elsewhere a line every 30 seconds.
"""


def reference() -> str:
    """Return the whole page as text."""
    commands: dict[str, Any] = vars(typer.main.get_command(app))["commands"]
    return HEAD + "".join(_section(name, command) for name, command in commands.items())


def _section(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    words = [_name(each) if each.required else f"[{_name(each)}]" for each in arguments]
    usage = " ".join([f"originid {name}", *words, "[OPTIONS]"])
    rows = "\n".join(_row(parameter) for parameter in [*arguments, *options])
    table = f"| | | default |\n|---|---|---|\n{rows}"
    return f"\n## originid {name}\n\n```\n{usage}\n```\n\n{command.help.strip()}\n\n{table}\n"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
        return name if "..." in name or parameter.nargs == 1 else f"{name}..."
    return ", ".join(parameter.opts)


def _row(parameter: Any) -> str:
    plain = parameter.default in (None, False) or parameter.required
    default = "" if plain else f"`{parameter.default}`"
    default = "required" if parameter.required else default
    return f"| `{_name(parameter)}` | {parameter.help} | {default} |"


if __name__ == "__main__":
    page = reference()
    if "--check" in sys.argv[1:]:
        current = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
        sys.exit(0 if current == page else f"{TARGET} is not up to date: run {Path(__file__).name}")
    TARGET.write_text(page, encoding="utf-8")
