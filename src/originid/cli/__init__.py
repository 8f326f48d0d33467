"""The command line: one file per command, and the only code that prints.

Commands import what they need when they run, so that ``originid --help`` is quick.
"""

import io
import sys
import warnings
from typing import Annotated

import typer

from originid.cli.demo import demo
from originid.cli.distill import distill
from originid.cli.evaluate import evaluate
from originid.cli.experiment import experiment
from originid.cli.find import find
from originid.cli.generate import generate
from originid.cli.import_official import import_official
from originid.cli.index import index
from originid.cli.output import print_error
from originid.cli.remove import remove
from originid.cli.show import show
from originid.cli.train import train
from originid.errors import OriginidError

INTERRUPTED = 130  # what typer, like a shell, makes of Ctrl-C

app = typer.Typer(
    name="originid",
    help="Find the photo that an AI edit was made from.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
COMMANDS = (
    index,
    find,
    remove,
    show,
    evaluate,
    train,
    distill,
    generate,
    import_official,
    experiment,
    demo,
)
for command in COMMANDS:
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        from originid import __version__

        print(f"originid {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Find the photo that an AI edit was made from."""


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage, 3 no origin found."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name must not end a run
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    # Pillow warns of odd files, hundreds of times for one; what matters of it is an error.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        app(args=arguments, prog_name="originid")
    except SystemExit as exit_:
        status = exit_.code if isinstance(exit_.code, int) else 0
        if status == INTERRUPTED:
            print("interrupted; what was committed is kept", file=sys.stderr)
        return status
    except OriginidError as error:
        print_error(error)
        return 1
    except (OSError, MemoryError) as error:
        given = f"{type(error).__name__}: {error}"
        expected = "expected enough memory, and files that can be read and written"
        print_error(OriginidError(given, expected, "look at what the message names"))
        return 1
    return 0
