"""One page for each command, from its parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import import_module

from docs.writers.markdown import code, escape, fence, page, table
from netspec.cli import COMMANDS, parser
from netspec.cli.examples import EXAMPLES
from netspec.cli.options import Option, options_of

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
    options = options_of(name)
    return page(
        code(f"netspec {name}"),
        escape(found.description or ""),
        fence(found.format_usage().removeprefix(USAGE).replace(f"\n{' ' * len(USAGE)}", "\n")),
        *_rows("Arguments", "argument", [one for one in options if not one.flags]),
        *_rows("Options", "option", [one for one in options if one.flags]),
        escape(found.epilog or ""),
        "## Examples",
        fence("\n".join(EXAMPLES[name]), "sh"),
        "[All commands](index.md)",
    )


def _rows(title: str, kind: str, options: Sequence[Option]) -> list[str]:
    if not options:
        return []
    rows = [(_called(option), escape(option.help)) for option in options]
    return [f"## {title}", table((kind, "what it says"), rows)]


def _called(option: Option) -> str:
    """Return how an argument or an option is typed: `-o FILE`, `--output FILE`."""
    words = [f"{flag} {option.value}".rstrip() for flag in option.flags] or [option.value]
    return ", ".join(map(code, words))
