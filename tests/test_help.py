"""Help: every command has examples, and all of them are understood."""

from __future__ import annotations

import shlex
from importlib import import_module

import pytest

from netspec.cli import COMMANDS, parser
from netspec.cli.examples import EXAMPLES
from netspec.language import shipped
from tests.support import printed


def test_every_command_has_examples() -> None:
    assert EXAMPLES.keys() == COMMANDS.keys()


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_an_example_is_understood(line: str) -> None:
    netspec, name, *words = shlex.split(line)
    options = parser(name, import_module(f"netspec.cli.{name}")).parse_args(words)
    assert netspec == "netspec"
    specs = getattr(options, "specs", None) or [getattr(options, "spec", None)]
    for spec in specs if isinstance(specs[0], str) else specs[0] or []:
        assert "." in spec or spec in (*shipped.names(), "specs")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_examples_and_fits_the_terminal(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        printed(f"{name} --help")
    command = parser(name, import_module(f"netspec.cli.{name}"))
    text = command.format_help()
    assert text.endswith("".join(f"  {line}\n" for line in EXAMPLES[name]))
    assert max(map(len, text.partition("\nexamples:")[0].splitlines())) <= 80
    assert all(action.help for action in command._actions if action.dest != "shell")
