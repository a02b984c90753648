"""What the commands share: their first arguments, and the way from a path to a network."""

from __future__ import annotations

import gc
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from netspec import files
from netspec.cli.show import show
from netspec.compiler import ParameterError, compile_spec
from netspec.diagnostics import Diagnostic, SpecError, escape
from netspec.network import Network
from netspec.project import Project, Stamp
from netspec.syntax import number
from netspec.watch import watch

WRONG = 1


def add_spec(parser: ArgumentParser) -> None:
    """Add the arguments of a command that reads one spec."""
    parser.add_argument("spec", help="the spec file; - is standard input")
    add_settings(parser)


def add_settings(parser: ArgumentParser) -> None:
    """Add what decides how specs are compiled."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="give a parameter of the spec another value",
    )
    parser.add_argument(
        "--root",
        metavar="DIRECTORY",
        help="where extended files may lie (default: the spec's git repository or directory)",
    )
    parser.add_argument("--strict", action="store_true", help="treat warnings as errors")


def add_watch(parser: ArgumentParser) -> None:
    """Add the flag of a command that can run again."""
    parser.add_argument(
        "--watch",
        action="store_true",
        help="run again whenever the spec, or what it extends, changes",
    )


def watched(options: Namespace, run: Callable[[Namespace], int]) -> NoReturn:
    """Run a command again and again. A wrong spec leaves what the last good one has written."""
    if "-" in (options.spec if isinstance(options.spec, list) else [options.spec]):
        raise files.Failure("--watch needs a file, not standard input", files.USAGE)
    gc.enable()
    options.stamps = {}

    def once() -> Mapping[str, Stamp]:
        is_first = not options.stamps
        stamps: dict[str, Stamp] = {}
        options.stamps = stamps
        try:
            if run(options) == 0 and getattr(options, "output", "-") != "-":
                print(f"netspec: {escape(options.output)} is up to date", file=sys.stderr)
        except files.Failure as failure:
            if is_first and failure.code == files.USAGE:
                raise
            print(f"netspec: {failure.message}", file=sys.stderr)
        sys.stdout.flush()
        return stamps

    watch(once)


def compiled(options: Namespace, spec: str | None = None) -> Network:
    """Compile `spec`, by default the only one; show what is wrong with it on standard error."""
    path = spec or options.spec
    network, items = diagnose(path, options)
    show(items, sys.stderr)
    if network is None:
        count = sum(item.severity == "error" for item in items) or len(items)
        raise files.Failure(f"{path} has {count} error{'s' * (count != 1)}", WRONG)
    return network


def diagnose(path: str, options: Namespace) -> tuple[Network | None, Sequence[Diagnostic]]:
    """Compile a spec; return the network, if it is one, and what there is to say about it."""
    try:
        project = Project(options.root, vars(options).get("stamps"))
        network = compile_spec(
            project.open(path), _settings(options.set), project.load, options.strict
        )
    except SpecError as error:
        return None, error.diagnostics
    except ParameterError as error:
        raise files.Failure(f"--set: {error}", files.USAGE) from None
    if options.strict and network.warnings:
        return None, [replace(item, severity="error") for item in network.warnings]
    return network, network.warnings


def _settings(items: Iterable[str]) -> dict[str, float]:
    settings: dict[str, float] = {}
    for item in items:
        name, _, text = item.partition("=")
        value = number(text)
        if value is None:
            message = f"--set expects NAME=NUMBER, found {item[:80]!r}"
            raise files.Failure(message, files.USAGE)
        settings[name] = value
    return settings
