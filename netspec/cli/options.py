"""What each command takes, read from its parser: for the shells, the manual and the site."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from netspec.cli import COMMANDS, parser


@dataclass(frozen=True, slots=True)
class Option:
    """An option, or a positional argument (no flags), of a command.

    `value` is the word that stands for its value, empty for a flag; `choices` are all its values,
    where they are few. It may be left out if not `is_needed`, and be there again if `is_repeated`.
    """

    name: str
    flags: tuple[str, ...]
    value: str
    help: str
    choices: tuple[str, ...]
    is_needed: bool
    is_repeated: bool


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
        yield Option(
            action.dest,
            tuple(action.option_strings),
            _value(action, choices),
            help,
            choices,
            is_needed=action.required,
            is_repeated=action.nargs == "+" or isinstance(action, argparse._AppendAction),
        )


def _value(action: argparse.Action, choices: tuple[str, ...]) -> str:
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, str):
        return action.metavar
    if choices:
        return "{" + ",".join(choices) + "}"
    return action.dest.upper() if action.option_strings else action.dest
