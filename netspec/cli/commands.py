"""What each command does: read, compile, write. Returns the exit code."""

from __future__ import annotations

import difflib
import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from netspec import __version__, files
from netspec.cli.show import show
from netspec.compiler import ParameterError, compile_spec
from netspec.diagnostics import Diagnostic, SpecError
from netspec.network import Network
from netspec.syntax import decode

WRONG = 1


class _Wrong(files.Failure):
    """The spec has errors; they have been shown."""


def check(options: Namespace) -> int:
    """Say what is wrong with a spec."""
    network, items = _diagnose(options)
    show(items, sys.stdout)
    if network is None:
        return WRONG
    totals = network.totals
    print(
        f"{options.spec}: {network.spec.name} is fine: {len(network.graph.nodes)} layers, "
        f"{totals.inference.params:,} parameters, {totals.inference.macs:,} multiply-adds",
        file=sys.stderr,
    )
    return 0


def build(options: Namespace) -> int:
    """Write a spec as a PyTorch module."""
    from netspec.emit.torch.module import HEADER, to_python

    network = _compile(options)
    source = to_python(network, __version__)
    if options.verify:
        _verify(network, source)
    old = _existing(options.output)
    if options.check:
        return _compare(old, source, options.output)
    if old is not None and not old.startswith(HEADER) and old and not options.force:
        message = f"{options.output} was not written by netspec; --force replaces it"
        raise files.Failure(message, files.USAGE)
    files.write(options.output, source.encode())
    return 0


def _existing(path: str) -> str | None:
    """Return what an output file holds, None if it is not there or not a file."""
    if path == "-" or not Path(path).is_file():
        return None
    try:
        return Path(path).read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise files.Failure(f"cannot read {path}: {error.strerror}", files.ENVIRONMENT) from None


def _compare(old: str | None, new: str, path: str) -> int:
    """Print how a file differs from what would be written."""
    if old == new:
        return 0
    before = (old or "").splitlines(keepends=True)
    lines = difflib.unified_diff(
        before, new.splitlines(keepends=True), path, f"{path} (from the spec)"
    )
    sys.stdout.writelines(line if line.endswith("\n") else line + "\n" for line in lines)
    print(f"netspec: {path} is not what the spec says; build it again", file=sys.stderr)
    return WRONG


def _verify(network: Network, source: str) -> None:
    from netspec.verify import verify

    problems = verify(network, source)
    if problems:
        raise files.Failure(
            "the module differs from what was inferred:\n" + "\n".join(problems), 70
        )
    print(f"netspec: {network.spec.name} runs as inferred", file=sys.stderr)


def render(options: Namespace) -> int:
    """Draw a spec."""
    from netspec.emit.dot import RenderError, render_dot, to_dot

    format = Path(options.output).suffix.lstrip(".").lower()
    if format not in ("svg", "png", "pdf", "dot"):
        message = f"cannot tell the format of {options.output}; name it .svg, .png, .pdf or .dot"
        raise files.Failure(message, files.USAGE)
    text = to_dot(_compile(options), options.depth)
    if format == "dot":
        files.write(options.output, text.encode())
        return 0
    try:
        files.write(options.output, render_dot(text, format, options.timeout))
    except RenderError as error:
        raise files.Failure(str(error), files.ENVIRONMENT) from None
    return 0


def report(options: Namespace) -> int:
    """Count a spec's parameters and multiply-adds."""
    from netspec.emit.report import render, report

    print(render(report(_compile(options), by=options.by), options.format))
    return 0


# ------------------------------------------------------------------ shared


def _compile(options: Namespace) -> Network:
    """Compile the spec; show what is wrong with it on standard error."""
    network, items = _diagnose(options)
    show(items, sys.stderr)
    if network is None:
        count = sum(item.severity == "error" for item in items) or len(items)
        raise files.Failure(f"{options.spec} has {count} error{'s' * (count != 1)}", WRONG)
    return network


def _diagnose(options: Namespace) -> tuple[Network | None, Iterable[Diagnostic]]:
    name = "<stdin>" if options.spec == "-" else options.spec
    try:
        source = decode(files.read(options.spec), name)
        network = compile_spec(source, _settings(options.set))
    except SpecError as error:
        return None, error.diagnostics
    except ParameterError as error:
        raise files.Failure(f"--set: {error}", files.USAGE) from None
    if options.strict and network.warnings:
        return None, network.warnings
    return network, network.warnings


def _settings(items: Iterable[str]) -> dict[str, float]:
    settings: dict[str, float] = {}
    for item in items:
        name, _, text = item.partition("=")
        try:
            settings[name] = int(text) if text.lstrip("-").isdecimal() else float(text)
        except ValueError:
            message = f"--set expects NAME=NUMBER, found {item[:80]!r}"
            raise files.Failure(message, files.USAGE) from None
    return settings
