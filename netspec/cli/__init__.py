"""The command line: finds the command's module, and turns what it raises into exit codes."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType, ModuleType
from typing import NoReturn

from netspec import __version__

COMMANDS = {
    "check": "say what is wrong with a spec",
    "build": "write a spec as a PyTorch module",
    "render": "draw a spec",
    "report": "count a spec's parameters and multiply-adds",
    "compare": "put specs side by side",
    "explain": "say what a code such as NS053 means",
    "diff": "say what distinguishes two specs",
    "fmt": "write specs in their canonical form",
    "ops": "list the built-in ops, or explain one",
    "init": "write a first spec",
    "completion": "print a shell's completion script",
    "schema": "print the JSON Schema for editors",
}
"""What each command does; `netspec/cli/NAME.py` has its `add(parser)` and `run(options)`."""

WRONG, ENVIRONMENT, INTERNAL_ERROR = 1, 3, 70
INTERRUPTED, TERMINATED, BROKEN_PIPE = 130, 143, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] not in COMMANDS:
        return _no_command(words)
    try:
        signal.signal(signal.SIGTERM, _terminate)
        module = import_module(f"netspec.cli.{words[0]}")
        options = parser(words[0], module).parse_args(words[1:])
        gc.disable()  # a short process whose objects form no cycles
        code = _run(module, options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return BROKEN_PIPE
        print(f"netspec: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return ENVIRONMENT


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints reach a terminal without control characters."""

    def error(self, message: str) -> NoReturn:
        from netspec.diagnostics import escape

        super().error(escape(message))


def parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of one command."""
    text = COMMANDS[name]
    command = _Parser(prog=f"netspec {name}", description=f"{text[0].upper()}{text[1:]}.")
    module.add(command)
    return command


def _no_command(words: list[str]) -> int:
    """Answer --help, --version and a command that does not exist."""
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {help}" for name, help in COMMANDS.items())
    top = argparse.ArgumentParser(
        prog="netspec",
        usage="netspec COMMAND [options]",
        description=f"A compiler for neural-network architectures.\n\ncommands:\n{listing}",
        epilog="`netspec COMMAND --help` says more. Exit codes: 0 fine, 1 the spec is wrong, "
        "2 usage, 3 environment, 70 a bug in netspec.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"netspec {__version__}")
    if not words:
        top.print_help(sys.stderr)
        return 2
    if not words[0].startswith("-"):
        from netspec.diagnostics import escape, suggest

        hint = suggest(words[0], COMMANDS)
        top.error(f"no command is called `{escape(words[0][:64])}`; {hint or 'see --help'}")
    top.parse_args(words)
    return 2


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


def _run(module: ModuleType, options: argparse.Namespace) -> int:
    from netspec.diagnostics import SpecError, brief
    from netspec.files import Failure

    try:
        if getattr(options, "watch", False):
            from netspec.cli.common import watched

            watched(options, module.run)
        code: int = module.run(options)
        return code
    except Failure as failure:
        if failure.message:
            lines = map(brief, failure.message.split("\n"))
            print("netspec: " + "\n".join(lines), file=sys.stderr)
        return failure.code
    except SpecError as error:
        from netspec.cli.show import show

        show(error.diagnostics, sys.stderr)
        return WRONG
    except OSError:
        raise
    except Exception as error:
        return _report_bug(error)


def _report_bug(error: Exception) -> int:
    """Say where a bug of ours can be reported; NETSPEC_TRACEBACK=1 shows where it is."""
    if os.environ.get("NETSPEC_TRACEBACK"):
        raise error
    from netspec.diagnostics import brief

    kind = brief(f"{type(error).__name__}: {error}")
    print(
        f"netspec: internal error: {kind}\n"
        "netspec: this is a bug in netspec, not in your spec. Please report it with the spec and "
        "the output under NETSPEC_TRACEBACK=1.",
        file=sys.stderr,
    )
    return INTERNAL_ERROR
