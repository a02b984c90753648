"""The command line: finds the command's module, and turns what it raises into exit codes."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from netspec import interrupt
from netspec.cli.exits import Exit, Failure, failure, is_broken
from netspec.version import SITE, __version__

COMMANDS = {
    "check": "say what is wrong with a spec",
    "build": "write a spec as a PyTorch module",
    "optimize": "write a spec that computes the same in inference, in less time",
    "render": "draw a spec",
    "report": "count a spec's parameters and multiply-adds",
    "compare": "put specs side by side",
    "sweep": "compile a spec at many values of its parameters; find the Pareto front",
    "fit": "find the largest value of a parameter that keeps a contract",
    "import": "write the spec of a network that exists in another form",
    "weights": "match a checkpoint of the same network, whatever its names, with a spec",
    "export": "write a network for other programs to run",
    "bench": "measure how fast specs run",
    "profile": "say where a spec's time goes",
    "serve": "edit specs on a page that shows what they come to at once",
    "list": "list the specs that come with netspec, or print one",
    "explain": "say what a code such as NS053 means",
    "diff": "say what distinguishes two specs",
    "fmt": "write specs in their canonical form",
    "lsp": "answer editors: a language server on standard input and output",
    "ops": "list the built-in ops, or explain one",
    "trust": "let a project's specs use the ops that it wants",
    "init": "write a first spec",
    "completion": "print a shell's completion script",
    "schema": "print the JSON Schema for editors",
}
"""What each command does; `netspec/cli/NAME.py` has its `add(parser)` and `run(options)`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    words = [*(sys.argv[1:] if arguments is None else arguments)]  # `list` is a command here
    before = interrupt.install()
    try:
        return _perform(words)
    except Exception as error:
        return _status(error)
    finally:
        interrupt.restore(before)


def _perform(words: list[str]) -> int:
    if not words or words[0] not in COMMANDS:
        return _no_command(words)
    gc.disable()  # a short process whose objects, and those of its imports, form no cycles
    # A check must not wait for what only the emitters import.
    module = import_module(f"netspec.cli.{words[0]}")
    options = parser(words[0], module).parse_args(words[1:])
    from netspec.cli.show import hush

    hush(options.quiet)
    if getattr(options, "watch", False):
        from netspec.cli.common import watched

        watched(options, module.run)
    code: int = module.run(options)
    return code


_LACKING, _EXTRA = "the following arguments are required", "unrecognized arguments"
"""How argparse begins to say that words are missing, and that there are too many."""


class _Parser(argparse.ArgumentParser):
    """A parser that prints as everything else does, and shows examples of its command."""

    words: Sequence[str] = ()

    def format_help(self) -> str:
        from netspec.cli.examples import EXAMPLES

        found = EXAMPLES.get(self.prog.removeprefix("netspec "), ())
        examples = "".join(f"  {line}\n" for line in found)
        return super().format_help() + (f"\nexamples:\n{examples}" if examples else "")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.words = args or ()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        from netspec.cli.show import complain

        head, _, rest = message.partition(": ")
        unknown = next(filter(self._is_unknown, self.words), "")
        if unknown and head in (_LACKING, _EXTRA):
            message = self._not_known(unknown)
        elif head == _EXTRA:
            message = f"nothing more is expected, found `{rest}`"
        message = message.removeprefix("argument ")
        if not message.endswith("?"):
            message += f"; `{self.prog} --help` says more"
        complain(Failure(message, Exit.USAGE))
        raise SystemExit(Exit.USAGE)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        from netspec.text.diagnostics import listed, suggest

        choices = [*map(str, action.choices or ())]
        if choices and str(value) not in choices:
            hint = suggest(str(value), choices) or f"it takes {listed(choices)}"
            raise argparse.ArgumentError(action, f"no `{value}` is known; {hint}")

    def _is_unknown(self, word: str) -> bool:
        flag = word.partition("=")[0] if word.startswith("--") else word[:2]
        known = self._option_string_actions
        return len(flag) > 1 and flag[0] == "-" and not any(x.startswith(flag) for x in known)

    def _not_known(self, word: str) -> str:
        """Say that there is no such option, and which may be meant."""
        from netspec.text.diagnostics import suggest

        flag = word.partition("=")[0]
        hint = suggest(flag, self._option_string_actions) if len(flag) > len("-o") else ""
        return f"no option is called `{flag}`" + (f"; {hint}" if hint else "")

    def _print_message(self, message: str, file: object = None) -> None:
        from netspec.cli.show import put
        from netspec.text.files import standard_output

        put(message, standard_output())


def parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of one command."""
    from netspec.cli.arguments import WRITTEN, group

    text = COMMANDS[name]
    command = _Parser(prog=f"netspec {name}", description=f"{text[0].upper()}{text[1:]}.")
    module.add(command)
    help = "say nothing but what is asked for and what is wrong"
    group(command, WRITTEN).add_argument("-q", "--quiet", action="store_true", help=help)
    return command


def _no_command(words: list[str]) -> int:
    """Answer --help, --version and a command that does not exist."""
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {help}" for name, help in COMMANDS.items())
    top = _Parser(
        prog="netspec",
        usage="netspec COMMAND [options]",
        description=f"A compiler for neural-network architectures.\n\ncommands:\n{listing}",
        epilog="first steps:\n  netspec build googlenet -o model.py\n  netspec init my_net\n"
        "  netspec check my_net.yaml\n\n`netspec COMMAND --help` says more, with examples.\n"
        "Exit codes: 0 fine, 1 the spec is wrong, 2 usage, 3 environment, 70 a bug in netspec.\n"
        f"Documentation: {SITE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"netspec {__version__}")
    if not words:
        from netspec.cli.show import put

        put(top.format_help(), sys.stderr)
        return Exit.USAGE
    if not words[0].startswith("-"):
        from netspec.text.diagnostics import suggest

        hint = "" if words[0] == "help" else suggest(words[0], COMMANDS)
        top.error(f"no command is called `{words[0][:64]}`" + (f"; {hint}" if hint else ""))
    if command := next((word for word in words if word in COMMANDS), ""):
        top.error(f"options stand behind the command: `netspec {command} …`")
    top.parse_args(words)
    return Exit.USAGE


def _status(error: Exception) -> int:
    """Say what has ended a command; return its exit code."""
    from netspec.cli.show import complain, discard, show
    from netspec.runtime.installed import NotInstalledError
    from netspec.text.diagnostics import SpecError

    match error:
        case Failure():
            complain(error)
            return error.code
        case SpecError():
            show(error.diagnostics, sys.stderr)
            return Exit.WRONG
        case NotInstalledError():
            return _status(Failure(str(error), Exit.ENVIRONMENT))
        case OSError():
            if is_broken(error):
                discard(sys.stdout)
            if isinstance(error, BrokenPipeError):
                return Exit.BROKEN_PIPE
            return _status(failure(error))
        case _:
            return _report_bug(error)


def _report_bug(error: Exception) -> int:
    """Say where a bug of ours can be reported; NETSPEC_TRACEBACK=1 shows where it is."""
    if os.environ.get("NETSPEC_TRACEBACK"):
        raise error
    from netspec.cli.own import raised_by
    from netspec.cli.show import complain

    what = f"{type(error).__name__}: {error}"
    if name := raised_by(error):
        message = f"the op `{name}` of your own raises {what}; NETSPEC_TRACEBACK=1 shows where"
        complain(Failure(message, Exit.ENVIRONMENT))
        return Exit.ENVIRONMENT
    message = f"internal error: {what}"
    request = "this is a bug in netspec, not in your spec. Please report it with the spec and "
    request += "the output under NETSPEC_TRACEBACK=1."
    complain(Failure(message, Exit.BUG, (f"netspec: {request}",)))
    return Exit.BUG
