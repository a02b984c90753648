"""`netspec completion`: print a shell's completion script, made from the commands' parsers.

What is built in stands in the script: ops, codes, the names of the shipped specs. Only the
parameters of a spec, for `--set`, are asked for: `netspec completion bash --parameters WORD…`.
"""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence

from netspec.cli import COMMANDS
from netspec.cli.documents import add_document, deliver, document
from netspec.cli.options import Option, all_options
from netspec.cli.show import say
from netspec.compiler import prepare_spec
from netspec.language import shipped
from netspec.language.project import Project
from netspec.ops.base import REGISTRY
from netspec.text.diagnostics import SpecError
from netspec.text.explain import codes

SHELLS = ("bash", "zsh", "fish")
_SPECS = ("spec", "specs", "before", "after")
_PARAMETERS = {"set": "=", "vary": ""}
"""What names parameters of a spec, and what follows such a name."""
_FOLDERS = ("root", "folder")


def add(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS)
    parser.add_argument("--parameters", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    add_document(parser)
    parser.epilog = 'For bash, put `eval "$(netspec completion bash)"` into ~/.bashrc; for zsh the '
    parser.epilog += "same with zsh into ~/.zshrc, after compinit; for fish "
    parser.epilog += "`netspec completion fish | source` into ~/.config/fish/config.fish."


def run(options: Namespace) -> int:
    if options.parameters is not None:
        if found := parameters(options.parameters):
            say("\n".join(found))
        return 0
    writer = {"bash": bash, "zsh": zsh, "fish": fish}[options.shell]
    deliver(options, document(options), "\n".join(writer()))
    return 0


def parameters(words: Sequence[str]) -> list[str]:
    """Return the names of the parameters of the specs among the words of a command line."""
    found: dict[str, None] = {}
    for word in words:
        path = str(shipped.find(word) or word)
        if not path.endswith((".yaml", ".yml")):
            continue
        try:
            project = Project()
            spec = prepare_spec(project.open(path), project.load).spec
        except (SpecError, OSError):  # no spec, or one that is not finished
            continue
        found |= dict.fromkeys(spec.params)
    return list(found)


def _choices(option: Option) -> tuple[str, ...]:
    """Return the words that can stand for the value of an option, or as an argument."""
    if option.choices or option.flags:
        return option.choices
    if option.name in _SPECS:
        return tuple(shipped.names())
    known = {"op": tuple(REGISTRY), "code": tuple(codes())}
    return known.get(option.name, ())


def _is_file(option: Option) -> bool:
    return "FILE" in option.value or "." in option.value


def _short(option: Option) -> str:
    return option.help.partition(";")[0]


# ------------------------------------------------------------------ bash

_BASH = """\
_netspec() {
    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"
    local flags="" known="" names
    # bash takes --format=json for three words.
    if [ "$word" = "=" ]; then word=""
    elif [ "$before" = "=" ]; then before="${COMP_WORDS[COMP_CWORD-2]}"; fi
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "@COMMANDS@ --help --version" -- "$word"))
        return
    fi
    case "${COMP_WORDS[1]} $before" in
@VALUES@
    esac
    case "${COMP_WORDS[1]}" in
@WORDS@
    esac
    case "$word" in
        -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
        *)
            COMPREPLY=($(compgen -W "$known" -- "$word"))
            local IFS=$'\\n' # a file's name may have spaces
            COMPREPLY+=($(compgen -f -- "$word")) ;;
    esac
}
complete -o filenames -F _netspec netspec"""


def bash() -> Iterator[str]:
    """Yield a script for bash."""
    options = all_options()
    values = (
        line for name, taken in options.items() for one in taken for line in _bash_value(name, one)
    )
    words = (_bash_words(name, taken) for name, taken in options.items())
    script = _BASH.replace("@COMMANDS@", " ".join(COMMANDS))
    yield script.replace("@VALUES@", "\n".join(values)).replace("@WORDS@", "\n".join(words))


def _bash_value(command: str, option: Option) -> Iterator[str]:
    """Yield what completes the value of an option, if that is no file."""
    pattern = "|".join(f'"{command} {flag}"' for flag in option.flags)
    if option.flags and option.choices:
        reply = f'COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$word"))'
        yield f"        {pattern}) {reply}; return ;;"
    elif option.flags and option.name in _PARAMETERS:
        end = _PARAMETERS[option.name]
        names = 'names="$(netspec completion bash --parameters "${COMP_WORDS[@]:2}" 2>/dev/null)"'
        # `=` is no character of a file name, which would be quoted.
        space = "compopt -o nospace +o filenames 2>/dev/null; " if end else ""  # bash 4 has it
        reply = f'COMPREPLY=($(compgen -S "{end}" -W "$names" -- "$word"))'
        yield f"        {pattern}) {names}; {space}{reply}; return ;;"
    elif option.flags and option.name in _FOLDERS:
        reply = "local IFS=$'\\n'; COMPREPLY=($(compgen -d -- \"$word\"))"
        yield f"        {pattern}) {reply}; return ;;"
    elif option.flags and option.value:
        # A spec can stand behind an option that takes no value, but not for the value of one.
        reply = "local IFS=$'\\n'; COMPREPLY=($(compgen -f -- \"$word\")); "
        yield f"        {pattern}) {reply if _is_file(option) else ''}return ;;"


def _bash_words(command: str, options: Sequence[Option]) -> str:
    """Return what can stand at any place of a command: its options, and words as arguments."""
    flags = " ".join(flag for option in options for flag in option.flags)
    known = (word for one in options if not one.flags for word in _choices(one))
    return f'        {command}) flags="{flags}" known="{" ".join(known)}" ;;'


# ------------------------------------------------------------------ zsh

_ZSH = """\
#compdef netspec
_netspec_parameters() {
    local -a names
    names=(${(f)"$(netspec completion zsh --parameters ${(Q)words[2,-1]} 2>/dev/null)"})
    compadd "$@" -a names
}
_netspec_specs() {
    _alternative 'specs:spec:(@SPECS@)' 'files:file:_files'
}
_netspec() {
    if (( CURRENT == 2 )); then
        local -a names
        names=(@COMMANDS@)
        _describe command names
        return
    fi
    local name=$words[2]
    shift words; (( CURRENT-- ))
    case $name in
@CASES@
    esac
}
if [ "$funcstack[1]" = "_netspec" ]; then _netspec "$@"
else compdef _netspec netspec; fi"""


def zsh() -> Iterator[str]:
    """Yield a script for zsh."""
    listed = " ".join(_quote(f"{name}:{help}") for name, help in COMMANDS.items())
    cases = []
    for name, options in all_options().items():
        specs = " ".join(text for one in options for text in _zsh_specs(one))
        cases.append(f"        {name}) _arguments {specs} ;;")
    script = _ZSH.replace("@SPECS@", " ".join(shipped.names()))
    yield script.replace("@COMMANDS@", listed).replace("@CASES@", "\n".join(cases))


def _zsh_specs(option: Option) -> Iterator[str]:
    help = _short(option).replace("[", "(").replace("]", ")").replace(":", " ")
    values = _zsh_values(option)
    if not option.flags:
        number = "*" if option.is_repeated else "" if option.is_needed else ":"
        yield _quote(f"{number}:{option.value}:{values}")
    often = "*" if option.is_repeated else ""
    for flag in option.flags:
        tail = f":{option.value.replace(':', ' ')}:{values}" if option.value else ""
        yield _quote(f"{often}{flag}[{help}]{tail}")


def _zsh_values(option: Option) -> str:
    """Return the action of zsh that completes a value."""
    if option.name in _PARAMETERS:
        end = _PARAMETERS[option.name]
        return f"_netspec_parameters -S {end}" if end else "_netspec_parameters"
    if option.name in _FOLDERS:
        return "_files -/"
    known = _choices(option)
    if known and option.name in _SPECS:
        return "_netspec_specs"
    return f"({' '.join(known)})" if known else "_files"


# ------------------------------------------------------------------ fish


def fish() -> Iterator[str]:
    """Yield a script for fish."""
    first = "complete -c netspec -n __fish_use_subcommand"
    for name, help in COMMANDS.items():
        yield f"{first} -f -a {name} -d {_quote(help)}"
    for name, options in all_options().items():
        for option in options:
            yield _fish_line(name, option)


def _fish_line(name: str, option: Option) -> str:
    parts = [f'complete -c netspec -n "__fish_seen_subcommand_from {name}"']
    for flag in option.flags:
        parts.append(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}")
    if option.name in _PARAMETERS:
        asked = "netspec completion fish --parameters (commandline -opc)[3..] 2>/dev/null"
        parts.append(f'-f -a \'({asked} | string replace -r "\\$" "{_PARAMETERS[option.name]}")\'')
    elif option.name in _FOLDERS:
        parts.append("-f -a '(__fish_complete_directories)'")
    elif known := _choices(option):
        only = "" if option.name in _SPECS else "-f "
        parts.append(f"{only}-a {_quote(' '.join(known))}")
    if option.flags and option.value:
        parts.append("-r")
    return " ".join([*parts, f"-d {_quote(_short(option))}"])


def _quote(text: str) -> str:
    return "'" + text.replace("'", "’").replace("\\", "/") + "'"
