"""The command line. Imports argparse and nothing else; each command imports what it needs."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from netspec import __version__

INTERNAL_ERROR, INTERRUPTED, TERMINATED, BROKEN_PIPE = 70, 130, 143, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = parser().parse_args(arguments)
    gc.disable()  # a short process whose objects form no cycles
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = _run(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


def _run(options: argparse.Namespace) -> int:
    from netspec.cli import commands
    from netspec.files import Failure

    try:
        code: int = getattr(commands, options.command)(options)
        return code
    except Failure as failure:
        print(f"netspec: {failure.message}", file=sys.stderr)
        return failure.code
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        return _report_bug(error)


def _report_bug(error: Exception) -> int:
    """Say where a bug of ours can be reported; NETSPEC_TRACEBACK=1 shows where it is."""
    if os.environ.get("NETSPEC_TRACEBACK"):
        raise error
    kind = f"{type(error).__name__}: {error}".splitlines()[0]
    print(
        f"netspec: internal error: {kind}\n"
        "netspec: this is a bug in netspec, not in your spec. Please report it with the spec and "
        "the output under NETSPEC_TRACEBACK=1.",
        file=sys.stderr,
    )
    return INTERNAL_ERROR


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    top = argparse.ArgumentParser(
        prog="netspec",
        description="A compiler for neural-network architectures.",
        epilog="Exit codes: 0 fine, 1 the spec is wrong, 2 usage, 3 environment, 70 a bug of ours.",
    )
    top.add_argument("--version", action="version", version=f"netspec {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_check(commands)
    _add_build(commands)
    _add_render(commands)
    _add_report(commands)
    return top


Commands = argparse._SubParsersAction  # the only name that argparse gives this type


def _add(
    commands: Commands[argparse.ArgumentParser], name: str, help: str
) -> argparse.ArgumentParser:
    """Add a command that reads a spec."""
    command = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    command.add_argument("spec", help="the spec file; - is standard input")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="give a parameter of the spec another value",
    )
    command.add_argument("--strict", action="store_true", help="treat warnings as errors")
    return command


def _add_check(commands: Commands[argparse.ArgumentParser]) -> None:
    _add(commands, "check", "say what is wrong with a spec")


def _add_build(commands: Commands[argparse.ArgumentParser]) -> None:
    build = _add(commands, "build", "write a spec as a PyTorch module")
    build.add_argument(
        "-o", "--output", required=True, help="the Python file; - is standard output"
    )
    build.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 with a diff if OUTPUT differs"
    )
    build.add_argument(
        "--verify", action="store_true", help="run the module and compare it with what was inferred"
    )
    build.add_argument(
        "--force", action="store_true", help="replace a file that netspec did not write"
    )


def _add_render(commands: Commands[argparse.ArgumentParser]) -> None:
    render = _add(commands, "render", "draw a spec")
    render.add_argument("-o", "--output", required=True, help="FILE.svg, .png, .pdf or .dot")
    render.add_argument("--depth", type=int, help="close blocks below this level")
    render.add_argument("--timeout", type=float, default=30, help="seconds for the dot program")


def _add_report(commands: Commands[argparse.ArgumentParser]) -> None:
    report = _add(commands, "report", "count a spec's parameters and multiply-adds")
    report.add_argument("--by", choices=("block", "layer", "op"), default="block")
    report.add_argument("--format", choices=("text", "json"), default="text")
