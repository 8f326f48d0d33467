"""The command line: one file per command, and the only code that prints.

Commands import what they need when they run, so that ``originid --help`` is quick.
"""

import io
import os
import signal
import sys
import threading
import warnings
from contextlib import suppress
from types import FrameType
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
from originid.errors import OriginidError, UsageError

INTERRUPTED = 130  # what typer, like a shell, makes of Ctrl-C
PATIENCE = 2.0  # seconds that a run has to end by itself after Ctrl-C

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
    """Run the command line and exit.

    The status is 0 done, 1 failed, 2 wrong usage, 3 no origin found, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name must not end a run
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored, as by nohup
        signal.signal(signal.SIGINT, _interrupt)
    status = run(sys.argv[1:])
    if status == INTERRUPTED:
        with suppress(OSError):
            sys.stdout.flush()
        _leave()
    sys.exit(status)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """End the run as an error does; where it stands if asked again, or after some seconds.

    What is written is whole or absent whenever the process dies, but an encoder may be at a batch
    for half a minute, and one that runs while the interpreter ends could crash it.
    """
    signal.signal(signal.SIGINT, lambda signum, frame: _leave())
    timer = threading.Timer(PATIENCE, _leave)
    timer.daemon = True
    timer.start()
    raise KeyboardInterrupt


def _leave() -> None:
    # Not print: the signal may have come in the midst of one.
    cursor = "\x1b[?25h" if os.isatty(2) else ""  # a bar hides it
    with suppress(OSError):
        os.write(2, f"{cursor}interrupted; what was committed is kept\n".encode())
    os._exit(INTERRUPTED)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    # Pillow warns of odd files, hundreds of times for one; what matters of it is an error.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        app(args=arguments, prog_name="originid")
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 0
    except OriginidError as error:
        print_error(error)
        return 2 if isinstance(error, UsageError) else 1
    except (OSError, MemoryError) as error:
        given = f"{type(error).__name__}: {error}"
        expected = "expected enough memory, and files that can be read and written"
        print_error(OriginidError(given, expected, "look at what the message names"))
        return 1
    return 0
