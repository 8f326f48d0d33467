"""Writes the table of generators in docs/reproduce.md from the presets of `originid generate`.

usage: python tools/make_generator_table.py [--check]

With --check nothing is written, and the exit status is 1 if the page has another table.
"""

import argparse
import sys
from pathlib import Path

from originid.generation.diffusion.presets import GENERATORS, Generator

PAGE = Path(__file__).parent.parent / "docs" / "reproduce.md"
BEGIN, END = "<!-- generators -->\n", "<!-- end of generators -->\n"
HEADER = (
    "| name | weights | pipeline of diffusers | size | strength | guidance | steps | licence |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def table() -> str:
    """The table in Markdown, a line for each preset."""
    return HEADER + "".join(map(_line, GENERATORS.values()))


def page_with(text: str) -> str:
    """The page with the present table in the place of the one that it has."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def _line(generator: Generator) -> str:
    strength = "none" if generator.strength is None else f"{generator.strength:g}"
    cells = (
        f"`{generator.name}`",
        f"`{generator.source}`" + (" (asks for a login)" if generator.gated else ""),
        generator.pipeline,
        str(generator.size),
        strength,
        f"{generator.guidance:g}",
        str(generator.steps),
        generator.licence,
    )
    return f"| {' | '.join(cells)} |\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = PAGE.read_text(encoding="utf-8")
    if check:
        return int(page_with(text) != text)
    PAGE.write_text(page_with(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
