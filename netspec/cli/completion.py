"""`netspec completion`: print a shell's completion script, made from the commands' parsers."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from netspec.cli import COMMANDS
from netspec.cli import parser as command_parser
from netspec.cli.documents import add_document, deliver, document

SHELLS = ("bash", "zsh", "fish")


@dataclass(frozen=True, slots=True)
class Option:
    """An option or a positional argument (no flags) of a command."""

    flags: tuple[str, ...]
    help: str
    takes_value: bool
    choices: tuple[str, ...]


def add(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS)
    add_document(parser)
    parser.epilog = 'For bash, put `eval "$(netspec completion bash)"` into ~/.bashrc.'


def run(options: Namespace) -> int:
    writer = {"bash": bash, "zsh": zsh, "fish": fish}[options.shell]
    deliver(options, document(options), "\n".join(writer()))
    return 0


def commands() -> dict[str, list[Option]]:
    """Return what each command takes."""
    found = {}
    for name in COMMANDS:
        module = import_module(f"netspec.cli.{name}")
        found[name] = list(_options(command_parser(name, module)))
    return found


def _options(parser: ArgumentParser) -> Iterator[Option]:
    # argparse has no public way to list what a parser takes.
    for action in parser._actions:
        takes_value = action.nargs != 0
        choices = tuple(map(str, action.choices or ()))
        help = (action.help or "").partition(";")[0]
        if help != argparse.SUPPRESS:
            yield Option(tuple(action.option_strings), help, takes_value, choices)


def _words(options: list[Option]) -> str:
    """Return what can stand at any place of a command: its options and its positional choices."""
    flags = [flag for option in options for flag in option.flags]
    return " ".join(
        [*flags, *(c for option in options if not option.flags for c in option.choices)]
    )


def bash() -> Iterator[str]:
    """Yield a script for bash."""
    yield "_netspec() {"
    yield '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" words=""'
    yield '    if [ "$COMP_CWORD" -eq 1 ]; then'
    yield f'        COMPREPLY=($(compgen -W "{" ".join(COMMANDS)} --help --version" -- "$word"))'
    yield "        return"
    yield "    fi"
    yield '    case "${COMP_WORDS[1]} $before" in'
    for name, options in commands().items():
        for option in options:
            if option.flags and option.choices:
                pattern = "|".join(f'"{name} {flag}"' for flag in option.flags)
                reply = f'COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$word"))'
                yield f"        {pattern}) {reply}; return ;;"
    yield "    esac"
    yield '    case "${COMP_WORDS[1]}" in'
    for name, options in commands().items():
        yield f'        {name}) words="{_words(options)}" ;;'
    yield "    esac"
    yield '    COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word"))'
    yield "}"
    yield "complete -o filenames -F _netspec netspec"


def zsh() -> Iterator[str]:
    """Yield a script for zsh."""
    yield "#compdef netspec"
    yield "_netspec() {"
    yield "    if (( CURRENT == 2 )); then"
    yield "        local -a names"
    listed = " ".join(_quote(f"{name}:{help}") for name, help in COMMANDS.items())
    yield f"        names=({listed})"
    yield "        _describe command names"
    yield "        return"
    yield "    fi"
    yield "    local name=$words[2]"
    yield "    shift words; (( CURRENT-- ))"
    yield "    case $name in"
    for name, options in commands().items():
        specs = " ".join(dict.fromkeys(text for o in options for text in _zsh_specs(o)))
        yield f"        {name}) _arguments {specs} ;;"
    yield "    esac"
    yield "}"
    yield 'if [ "$funcstack[1]" = "_netspec" ]; then _netspec "$@"'
    yield "else compdef _netspec netspec; fi"


def _zsh_specs(option: Option) -> Iterator[str]:
    help = option.help.replace("[", "(").replace("]", ")").replace(":", " ")
    values = f"({' '.join(option.choices)})" if option.choices else "_files"
    if not option.flags:
        yield _quote(f"*:file:{values}")
    for flag in option.flags:
        tail = f":value:{values}" if option.takes_value else ""
        yield _quote(f"{flag}[{help}]{tail}")


def fish() -> Iterator[str]:
    """Yield a script for fish."""
    first = "complete -c netspec -n __fish_use_subcommand"
    for name, help in COMMANDS.items():
        yield f"{first} -f -a {name} -d {_quote(help)}"
    for name, options in commands().items():
        for option in options:
            yield _fish_line(name, option)


def _fish_line(name: str, option: Option) -> str:
    parts = [f'complete -c netspec -n "__fish_seen_subcommand_from {name}"']
    for flag in option.flags:
        parts.append(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}")
    if option.choices:
        parts.append(f"-f -a {_quote(' '.join(option.choices))}")
    if option.flags and option.takes_value:
        parts.append("-r")
    return " ".join([*parts, f"-d {_quote(option.help)}"])


def _quote(text: str) -> str:
    return "'" + text.replace("'", "’").replace("\\", "/") + "'"
