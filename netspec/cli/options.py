"""What each command takes, read from its parser: for the shells and the manual."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from netspec.cli import COMMANDS, parser


@dataclass(frozen=True, slots=True)
class Option:
    """An option, or a positional argument (no flags), of a command.

    `value` is the word that stands for its value, empty for a flag; `least` and `most` say of a
    positional argument how often it may stand there, `most` None for any number.
    """

    name: str
    flags: tuple[str, ...]
    value: str
    help: str
    choices: tuple[str, ...] = ()
    least: int = 1
    most: int | None = 1


def options_of(command: str) -> list[Option]:
    """Return what a command takes, in the order of its help."""
    return list(_options(parser(command, import_module(f"netspec.cli.{command}"))))


def all_options() -> dict[str, list[Option]]:
    """Return what each command takes."""
    return {command: options_of(command) for command in COMMANDS}


def _options(parser: argparse.ArgumentParser) -> Iterator[Option]:
    # argparse has no public way to list what a parser takes.
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        help = (action.help or "") % {**vars(action), "prog": parser.prog}
        choices = tuple(map(str, action.choices or ()))
        flags, value = tuple(action.option_strings), _value(action, choices)
        least = 0 if action.nargs == "?" else 1
        yield Option(
            action.dest, flags, value, help, choices, least, None if action.nargs == "+" else 1
        )


def _value(action: argparse.Action, choices: tuple[str, ...]) -> str:
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, str):
        return action.metavar
    if choices:
        return "{" + ",".join(choices) + "}"
    return action.dest.upper() if action.option_strings else action.dest
