"""Random specs: what the compiler infers is what PyTorch does, and every command takes them."""

from __future__ import annotations

import inspect
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import nn

import netspec
from netspec.emit.diagram.tree import build
from netspec.emit.diff import diff
from netspec.emit.html import to_html
from netspec.emit.mermaid import to_mermaid
from netspec.emit.report import FORMATS, render, report
from netspec.language.fmt.text import formatted
from netspec.runtime.verify import state
from netspec.text.diagnostics import SpecError
from netspec.text.syntax import decode
from tests.random_spec import renamed_specs, specs
from tests.support import draws, loads, verified

EXAMPLES = draws(25, 120)
Model = Callable[..., nn.Module]


def examples(number: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=[phase for phase in Phase if phase is not Phase.explain],
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


def run(source: str) -> Model:
    """Return the class of the network in a generated module."""
    scope: dict[str, Any] = {"__name__": "generated"}
    exec(compile(source, "<generated>", "exec"), scope)
    model: Model = scope["Net"]
    return model


NAMES = {"NS006", "NS013", "NS014", "NS015"}
UNEVEN = ["NS028"]
"""Channels that grow by a parameter in a way that no expression describes."""


@examples(EXAMPLES)
@given(drawn=renamed_specs())
def test_the_module_is_as_inferred(folder: Path, drawn: tuple[str, dict[str, str]]) -> None:
    text, names = drawn
    try:
        net = loads(text)
        source = net.to_python()
    except SpecError as error:
        codes = [item.code for item in error.diagnostics]
        assert codes == UNEVEN or set(codes) & NAMES
        return
    number = len(list(folder.iterdir()))
    if number < 100:
        (folder / f"net{number}.py").write_text(source)
    assert verified(net.network, source) == []
    with torch.device("meta"):
        check_arguments(run(source), text, names)


def check_arguments(make: Model, text: str, names: dict[str, str]) -> None:
    """Compare what the constructor's arguments do with what the spec's parameters do."""
    other = {
        names.get(k, k): v
        for k, v in {"classes": 7, "width": 16, "deep": 2, "plain": False}.items()
    }
    known = inspect.signature(make).parameters
    # With a parameter `self`, which is called `self_` in code, `self_` is another one there.
    given = {k: v for k, v in other.items() if k in known and k.rstrip("_") not in {*other} - {k}}
    try:
        net: netspec.Net = loads(text, **given)
    except SpecError:
        return
    found = {key: list(value.shape) for key, value in make(**given).state_dict().items()}
    assert dict(sorted(found.items())) == state(net.network)


@examples(draws(12, 60))
@given(text=specs(), format=st.sampled_from(sorted(FORMATS)))
def test_every_emitter_takes_it(text: str, format: str) -> None:
    net = loads(text)
    network = net.network
    assert render(net.report(by="layer"), format)
    assert net.to_dot() and net.to_svg() and to_mermaid(network) and to_html(network)
    assert to_html(network) == to_html(loads(text).network)
    labels = {item.label for item in build(network).children}
    assert {output.name for output in network.graph.outputs} <= labels


@examples(draws(15, 60))
@given(text=specs())
def test_tables_agree_however_they_are_folded(text: str) -> None:
    network = loads(text).network
    total = network.totals.training
    for by in ("block", "layer", "op"):
        table = report(network, by).tables[0]
        keys = [column.key for column in table.columns]
        for key, wanted in (("params", total.params), ("macs", total.macs)):
            place = keys.index(key)
            assert sum(row[place] for row in table.rows) == wanted
            assert table.totals[-1][place] == wanted


@examples(draws(15, 60))
@given(text=specs())
def test_formatting_and_comparing(text: str) -> None:
    new = formatted(decode(text.encode(), "net.yaml"))
    assert formatted(decode(new.encode(), "net.yaml")) == new
    found = diff(loads(text).network, loads(new).network)
    assert not found.layers and not found.weights


def test_code_is_a_fixed_point_of_ruff(folder: Path) -> None:
    command = ("ruff", "format", "--isolated", "--diff", str(folder))
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[:5000]
    rules = "E,F,W,I,UP,B,SIM,PYI,RUF,PIE,RET"
    command = ("ruff", "check", "--isolated", "--select", rules, str(folder))
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[:5000]
