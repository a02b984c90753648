"""What several tests share."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet

import netspec
from netspec.analysis.network import Network
from netspec.cli import main
from netspec.compiler import compile_spec
from netspec.runtime.verify import CHILD, differences, order
from netspec.text.diagnostics import Diagnostic, SpecError
from netspec.text.syntax import decode

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
FEW = [path for path in SPECS if path.stem in ("googlenet", "resnet18", "swin_t")]
"""What is tested in every run where all are in a long one."""


def draws(number: T, many: T) -> T:
    """Return how many random cases to draw, or which: `many` in a long run (`pytest --long`)."""
    return many if os.environ.get("NETSPEC_LONG_DRAWS") else number


def mostly(often: Iterable[object], values: Iterable[T]) -> list[T | ParameterSet]:
    """Return a test's parameters: in every run those called so, in a long one all."""
    names = set(map(str, often))
    return [
        value if str(value) in names else pytest.param(value, marks=pytest.mark.long)
        for value in values
    ]


def compiled(text: str, **params: float) -> Network:
    """Compile a spec from its (indented) text."""
    return compile_spec(decode(textwrap.dedent(text).encode(), "spec.yaml"), params)


def verified(network: Network, source: str) -> list[str]:
    """Return what `netspec.runtime.verify.verify` does, measured in this process."""
    printed, before = io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(order(network, source))
    try:
        with redirect_stdout(printed), warnings.catch_warnings():
            exec(compile(CHILD, "<child>", "exec"), {})
    finally:
        sys.stdin = before
    return differences(network, json.loads(printed.getvalue()))


def printed(command: str, given: str = "", errors: bool = True) -> str:
    """Return what a command prints on standard output, and with `errors` on standard error."""
    with tempfile.TemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        stream = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        other = stream if errors else io.StringIO()
        with redirect_stdout(stream), redirect_stderr(other):
            main(command.split())
        file.seek(0)
        return file.read().decode()


def mistakes(text: str) -> list[Diagnostic]:
    """Return what the compiler says about a spec's text, errors and warnings."""
    try:
        return list(compiled(text).warnings)
    except SpecError as error:
        return list(error.diagnostics)


def one_block(body: str, inputs: str = "image: [3, 16, 16]") -> str:
    """Return a spec around lines of `graph`, the last of which is called `out`."""
    graph = textwrap.indent(textwrap.dedent(body).strip("\n"), "  ")
    return f"netspec: 1\nname: Net\ninputs: {{{inputs}}}\ngraph:\n{graph}\noutputs: {{y1: out}}\n"


def load(path: Path, **params: float) -> netspec.Net:
    return netspec.load(str(path), **params)


def loads(text: str, **params: float) -> netspec.Net:
    return netspec.loads(text, **params)
