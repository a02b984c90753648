"""One page for each command, from its parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from importlib import import_module

from docs.writers.markdown import code, escape, fence, page, table
from netspec.cli import COMMANDS, parser
from netspec.cli.examples import EXAMPLES

USAGE = "usage: "


def pages() -> Iterator[tuple[str, str]]:
    """Yield the paths and texts of the pages."""
    rows = [(f"[`netspec {name}`]({name}.md)", escape(what)) for name, what in COMMANDS.items()]
    intro = "Each command says the same with `--help`."
    yield "commands/index.md", page("Commands", intro, table(("command", "what it does"), rows))
    for name in COMMANDS:
        yield f"commands/{name}.md", _page(name)


def _page(name: str) -> str:
    found = parser(name, import_module(f"netspec.cli.{name}"))
    found.formatter_class = partial(argparse.HelpFormatter, width=90)
    # argparse has no public way to list what a parser takes.
    shown = [action for action in found._actions if action.help != argparse.SUPPRESS]
    return page(
        code(f"netspec {name}"),
        escape(found.description or ""),
        fence(found.format_usage().removeprefix(USAGE).replace(f"\n{' ' * len(USAGE)}", "\n")),
        *_rows("Arguments", "argument", [one for one in shown if not one.option_strings]),
        *_rows("Options", "option", [one for one in shown if one.option_strings]),
        escape(found.epilog or ""),
        "## Examples",
        fence("\n".join(EXAMPLES[name]), "sh"),
        "[All commands](index.md)",
    )


def _rows(title: str, kind: str, actions: list[argparse.Action]) -> list[str]:
    if not actions:
        return []
    rows = [(_called(action), escape(_told(action))) for action in actions]
    return [f"## {title}", table((kind, "what it says"), rows)]


def _called(action: argparse.Action) -> str:
    value = ""
    if action.nargs != 0:
        choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""
        metavar = action.metavar if isinstance(action.metavar, str) else ""
        value = metavar or choices or action.dest
        value = value if not action.option_strings else metavar or choices or action.dest.upper()
    names = action.option_strings or [value]
    tail = f" {value}" if action.option_strings and value else ""
    return ", ".join(code(f"{name}{tail}") for name in names)


def _told(action: argparse.Action) -> str:
    """Return an action's help with its placeholders filled in, as argparse prints it."""
    values = {**vars(action), "prog": "netspec"}
    text = (action.help or "") % values
    is_listed = action.choices and isinstance(action.metavar, str)
    return f"{text}: {', '.join(map(str, action.choices or ()))}" if is_listed else text
