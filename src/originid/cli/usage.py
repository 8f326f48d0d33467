"""A command line that cannot be read, as an error in three parts like every other.

typer finds what is wrong; its own words for it differ from version to version.
"""

import re
from collections.abc import Sequence
from typing import Any

import typer

from originid.errors import UsageError
from originid.system.text import closest

TyperError: type[Exception] = typer.BadParameter.__mro__[2]
"""What typer raises of a command line that it cannot read, and shows by itself otherwise."""


def as_usage_error(error: Any, arguments: Sequence[str]) -> UsageError:
    """Say what is wrong with a command line, what was expected, and what was perhaps meant.

    Args:
        error: what typer raised, a `TyperError`.
        arguments: the words of the command line after ``originid``.
    """
    message = str(error.format_message()).removeprefix("Invalid value: ")
    context, param = error.ctx, getattr(error, "param", None)
    command = context.command_path if context is not None else "originid"
    look = f"see {command} --help"
    if hasattr(error, "possibilities") and hasattr(error, "option_name"):  # no such option
        options = _options(context.command)
        todo = closest(error.option_name, options, look)
        return UsageError(f"{command} has no option {error.option_name}", _one_of(options), todo)
    if "does not take a value" in message:
        given = next((word for word in arguments if word.startswith(error.option_name)), message)
        return UsageError(given, "expected this option alone: it takes no value", look)
    if hasattr(error, "option_name"):
        expected = "expected a value behind this option"
        return UsageError(f"{error.option_name} without a value", expected, look)
    if hasattr(getattr(context, "command", None), "commands") and "ommand" in message:
        given = next((word for word in arguments if not word.startswith("-")), "")
        commands = list(context.command.commands)
        return UsageError(f"no command {given}", _one_of(commands), closest(given, commands, look))
    if "Missing" in type(error).__name__ and context is not None:
        missing = _written(param) if param is not None else message
        return UsageError(f"missing: {missing}", f"expected {_form(command, context)}", look)
    more = re.search(r"unexpected extra argument.*\((.*)\)", message)
    if more:
        expected = f"expected {_form(command, context)} and no more arguments"
        return UsageError(f"too much: {more[1]}", expected, look)
    if param is not None and param.opts[0].startswith("-"):
        return _wrong_value(param, message, arguments, look)
    given, found, expected = message.partition(": expected ")
    if not found:
        return UsageError(message.rstrip("."), f"expected {_form(command, context)}", look)
    return UsageError(given, f"expected {expected}", look)


def _wrong_value(param: Any, message: str, arguments: Sequence[str], look: str) -> UsageError:
    """The error for an option whose value is no choice or no number, or is out of its range."""
    option = next((opt for opt in param.opts if opt.startswith("--")), param.opts[0])
    value = _value(param.opts, arguments)
    given = f"{option} {value}"
    choices = re.search(r"is not one of (.+?)\.?$", message)
    limit = re.search(r"(greater|less) than or equal to (\d+)|x([<>])=(\d+)", message)
    if choices:
        known = re.findall(r"'([^']*)'", choices[1])
        return UsageError(given, _one_of(known), closest(value, known, look))
    if limit:
        side = "least" if limit[1] == "greater" or limit[3] == ">" else "most"
        number = limit[2] or limit[4]
        return UsageError(given, f"expected a number of at {side} {number}", look)
    if "integer" in message:
        return UsageError(given, "expected a whole number", look)
    return UsageError(given, f"expected another value: {message.rstrip('.')}", look)


def _value(options: Sequence[str], arguments: Sequence[str]) -> str:
    """What is given for an option, as ``--top 3`` or ``--top=3``."""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, is_joined, value = word.partition("=")
        if name in options:
            return value if is_joined else following
    return ""


def _options(command: Any) -> list[str]:
    return [opt for param in command.params for opt in param.opts if opt.startswith("--")] + [
        "--help"
    ]


def _form(command: str, context: Any) -> str:
    """What a command must be given: ``originid find QUERY... --in COLLECTION``."""
    params = context.command.params if context is not None else []
    arguments = [param for param in params if not param.opts[0].startswith("-")]
    options = [param for param in params if param.required and param not in arguments]
    return " ".join([command, *map(_written, [*arguments, *options])])


def _written(param: Any) -> str:
    """An argument or an option as it is written: ``QUERY...``, ``--in COLLECTION``."""
    word = param.metavar or str(param.name).upper()
    if param.opts[0].startswith("-"):
        return f"{max(param.opts, key=len)} {word}"
    word = word if param.nargs == 1 or word.endswith(("...", "]")) else f"{word}..."
    return word if param.required or word.startswith("[") else f"[{word}]"


def _one_of(names: Sequence[str]) -> str:
    return f"expected one of {', '.join(names)}"
