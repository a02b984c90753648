"""The manual page `netspec(1)`, from the commands' parsers.

python -m docs.writers.manual man/netspec.1
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from netspec.cli import COMMANDS, parser
from netspec.cli.examples import EXAMPLES
from netspec.cli.options import Option, options_of
from netspec.version import SITE, __version__

_DESCRIPTION = (
    "A network is written as a short YAML spec. netspec checks it, infers every shape, counts "
    "every parameter and multiply-add, and writes it as a PyTorch module, a figure or a report. "
    "Each command says the same as this page with --help, or -h."
)
_EXITS = {
    "0": "All is fine.",
    "1": "The spec is wrong, or differs from what it is compared with.",
    "2": "The command is wrong, or a file that it names is not there.",
    "3": "The system refuses, or something that is needed is not installed.",
    "70": "A mistake in netspec itself.",
    "128 + N": "The signal N has ended the command.",
}
_VARIABLES = {
    "COLUMNS": "The width of what is written for a terminal.",
    "NO_COLOR": "If it is set, diagnostics have no colours; FORCE_COLOR gives them everywhere.",
    "NETSPEC_TRACEBACK": "If it is set, an internal error shows where it happened.",
    "XDG_CONFIG_HOME": "Where the trusted folders are recorded, in netspec/trusted (~/.config).",
}


def manual() -> str:
    """Return the page in the language of man(7)."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f'.TH NETSPEC 1 "" "netspec {__version__}" "User Commands"'
    yield from (".SH NAME", r"netspec \- a compiler for neural\-network architectures")
    yield from (".SH SYNOPSIS", r".B netspec", r"\fICOMMAND\fR [\fIoptions\fR]")
    yield from (".SH DESCRIPTION", _text(_DESCRIPTION), ".SH COMMANDS")
    for name in COMMANDS:
        yield from _command(name)
    yield ".SH EXIT STATUS"
    yield from _terms(_EXITS)
    yield ".SH ENVIRONMENT"
    yield from _terms(_VARIABLES)
    yield from (".SH SEE ALSO", _text(SITE))


def _command(name: str) -> Iterator[str]:
    found = parser(name, import_module(f"netspec.cli.{name}"))
    options = [one for one in options_of(name) if one.name != "help"]
    arguments = [one for one in options if not one.flags]
    yield from (f'.SS "netspec {name}"', f".B netspec {name}")
    yield " ".join(["[\\fIoptions\\fR]", *map(_argument, arguments)])
    yield from (".PP", _text(found.description or ""))
    for option in [*arguments, *(one for one in options if one.flags)]:
        yield from (".TP", _called(option), _text(option.help))
    if found.epilog:
        yield from (".PP", _text(found.epilog))
    if examples := EXAMPLES.get(name):
        yield from (".PP", "Examples:", ".PP", ".RS 4", ".nf", *map(_text, examples), ".fi", ".RE")


def _argument(option: Option) -> str:
    text = f"\\fI{_text(option.value)}\\fR" + " ..." * option.is_repeated
    return text if option.is_needed else f"[{text}]"


def _called(option: Option) -> str:
    if not option.flags:
        return f"\\fI{_text(option.value)}\\fR"
    value = f" \\fI{_text(option.value)}\\fR" if option.value else ""
    return ", ".join(f"\\fB{_text(flag)}\\fR" for flag in option.flags) + value


def _terms(terms: dict[str, str]) -> Iterator[str]:
    for term, what in terms.items():
        yield from (".TP", f"\\fB{_text(term)}\\fR", _text(what))


def _text(text: str) -> str:
    """Write text so that nothing in it is a request or an escape; `code` is bold."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub("`([^`]+)`", r"\\fB\1\\fR", text)
    return re.sub(r"^(?=[.'])", r"\\&", text)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(manual(), encoding="utf-8")
