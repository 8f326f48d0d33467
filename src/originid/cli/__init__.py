"""The command line: one file for each command. No other code of the package prints.

Commands import what they need when they run, so that ``originid --help`` is quick.
"""

import errno
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

from originid.cli.audit import audit
from originid.cli.copy import copy
from originid.cli.decide import decide
from originid.cli.demo import demo
from originid.cli.distill import distill
from originid.cli.evaluate import evaluate
from originid.cli.experiment import experiment
from originid.cli.explain import explain
from originid.cli.find import find
from originid.cli.fingerprint import fingerprint
from originid.cli.generate import generate
from originid.cli.import_official import import_official
from originid.cli.index import index
from originid.cli.output import print_error
from originid.cli.plan import plan
from originid.cli.remove import remove
from originid.cli.serve import serve
from originid.cli.show import show
from originid.cli.train import train
from originid.cli.upgrade import upgrade
from originid.cli.usage import TyperError, as_usage_error
from originid.errors import InputError, OriginidError, UsageError

INTERRUPTED = 130  # the exit status after Ctrl-C, the same as that of shells and of typer
PATIENCE = 2.0  # seconds that a run has after Ctrl-C to end by itself

SPELLINGS = {"--verify=content": "--verify-content"}
"""Other spellings of options. One with a value that may be left out would take the word behind it,
as ``show --verify COLLECTION``, for its value."""

app = typer.Typer(
    name="originid",
    help="Find the photo that an AI edit was made from.",
    no_args_is_help=True,
    add_completion=False,
    # Rich markup would take the name of an extra, such as [ray], for a style.
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
COMMANDS = (
    index,
    find,
    audit,
    explain,
    decide,
    remove,
    show,
    copy,
    upgrade,
    fingerprint,
    plan,
    serve,
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
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            help="Print the version of originid and exit.",
        ),
    ] = False,
) -> None:
    """Find the photo that an AI edit was made from."""
    try:
        os.getcwd()
    except OSError as error:
        raise InputError(
            "the folder in which you are working does not exist any more",
            "expected a folder to work in: names of files are relative to it",
            "go to another folder: cd ~",
        ) from error


def main() -> None:
    """Run the command line and exit.

    The exit status is 0 if the command is done, 1 if it failed, 2 if it was used wrongly, 3 if
    ``find`` found no origin or ``explain`` nothing to explain, and 130 if the command was
    interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an odd file name must not end a run
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not if ignored
        signal.signal(signal.SIGINT, _interrupt)
    status = run(sys.argv[1:])
    if status == INTERRUPTED:
        with suppress(OSError):
            sys.stdout.flush()
        _leave()
    sys.exit(status)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """End the run as an error does; on a second Ctrl-C, or after `PATIENCE` seconds, at once.

    Files are whole or absent whenever the process dies, so ending it at once is safe. Waiting
    longer would not be: an encoder may work on a batch for half a minute, and one that still runs
    while the interpreter ends could crash it.
    """
    signal.signal(signal.SIGINT, lambda signum, frame: _leave())
    timer = threading.Timer(PATIENCE, _leave)
    timer.daemon = True
    timer.start()
    raise KeyboardInterrupt


def _leave() -> None:
    """End the process at once, with a line on standard error."""
    # This does not call print, because the signal may have come in the middle of a print.
    cursor = "\x1b[?25h" if os.isatty(2) else ""  # shows the cursor, which a progress bar hides
    with suppress(OSError):
        os.write(2, f"{cursor}interrupted; what was committed is kept\n".encode())
    os._exit(INTERRUPTED)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status, as `main` lists them.

    Args:
        arguments: the words of the command line after ``originid``.
    """
    # Pillow warns of odd files, of one file hundreds of times. What matters of that is an error.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    # diffusers gives the library of the hub an option that it does not know any more.
    warnings.filterwarnings("ignore", message=".*local_dir_use_symlinks")
    try:
        _refuse_zero_bytes(arguments)
        arguments = [SPELLINGS.get(word, word) for word in arguments]
        status = app(args=arguments, prog_name="originid", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except SystemExit as exit_:  # of a pipe that was closed
        return exit_.code if isinstance(exit_.code, int) else 0
    except typer.Abort:
        return 1
    except TyperError as error:
        if not arguments:
            print(error)  # the help
            return 2
        print_error(as_usage_error(error, arguments))
        return 2
    except OriginidError as error:
        print_error(error)
        return 2 if isinstance(error, UsageError) else 1
    except PermissionError as error:
        given = f"{error.filename or 'a file'} may not be read or written by this account"
        todo = "name another place, or change what the account may do there"
        print_error(OriginidError(given, f"expected it to be allowed ({error.strerror})", todo))
        return 1
    except (OSError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and not error.filename:
            given = "the disk that the output goes to is full"
            todo = "free some space, or send the output elsewhere, and give the command again"
            print_error(OriginidError(given, "expected room for the output", todo))
            return 1
        given = f"{type(error).__name__}: {error}"
        expected = "expected enough memory, and files that can be read and written"
        todo = "check the file or the amount of memory that the message names"
        print_error(OriginidError(given, expected, todo))
        return 1
    return 0


def _refuse_zero_bytes(arguments: list[str]) -> None:
    """Refuse words that no operating system takes as a path; a shell cannot pass them on."""
    for word in arguments:
        if "\0" in word:
            raise UsageError(
                f"a zero byte in {word[:200]!r}",
                "expected names and options without one",
                "leave the zero byte out",
            )
