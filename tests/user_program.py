# mypy: warn-return-any
"""A program of a user, who has `mypy --strict`: it uses all that `import netspec` offers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

import netspec


def described(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a spec's inputs and layers."""
    try:
        net: netspec.Net = netspec.load(path, classes=10)
    except netspec.SpecError as error:
        item: netspec.Diagnostic
        for item in error.diagnostics:
            span: netspec.Span | None = item.span
            print(item.code, span.line if span else 0, item.message, item.help)
        raise
    except (netspec.ParameterError, OSError) as error:
        sys.exit(str(error))
    warnings: tuple[netspec.Diagnostic, ...] = net.warnings
    parameters: dict[str, int | float] = net.params
    numbers: tuple[int, int, int, int] = (net.parameters, net.macs, net.depth, net.min_size())
    print(net.name, numbers, parameters, len(warnings))
    print(net.graph.number_of_nodes())
    return {**net.inputs, **net.layers, **net.outputs}


def written(net: netspec.Net) -> dict[str, str | bytes]:
    """Return a network in all forms."""
    report: netspec.Report = net.report(by="layer", batch=8, device="312T,2TB/s")
    pictures = net.render("pdf", width="3.5in", open=["Inception"])
    table: str = report.render("csv", table="totals")
    return {"py": net.to_python(), "yaml": net.to_yaml(), "pdf": pictures, "csv": table}


def trained(net: netspec.Net, weights: Path) -> tuple[nn.Module, Mapping[str, Tensor]]:
    """Return a model with weights, and the same weights for the network that is faster."""
    loaded: netspec.Loaded = net.load_weights(weights, match="key")
    print(loaded.loaded, dict(loaded.skipped), loaded.missing)
    fast: netspec.Fast = net.optimize(without=["in_place"], engine="compile")
    features: nn.Module = net.features(["conv1"]).build()
    print(features, fast.applied, fast.text)
    return fast.build(), fast.convert(loaded.model.state_dict())


def found(path: Path) -> float:
    """Return the largest width that keeps a contract."""
    memory: netspec.Memory = netspec.load(path).memory(batch=8, amp=True)
    space: int = memory.training("Adam") + memory.inference
    points: list[netspec.Point] = netspec.sweep(path, ["+macs"], width=[0.5, 1.0], size=224)
    best = [point.values["width"] for point in points if point.on_front and not point.reason]
    answer: netspec.Fit = netspec.fit(path, ["macs<=1.5G"], "width", 0.125, size=224)
    print(space, best, answer.best.metrics["macs"], netspec.__version__)
    return answer.value


def imported(model: nn.Module, image: Tensor) -> str:
    """Return the spec of a module."""
    try:
        return netspec.import_module(model, image, name="Net").features(["fc"]).to_yaml()
    except netspec.FeatureError as error:
        return netspec.loads(str(error)).to_yaml()


def mistaken(net: netspec.Net, path: Path) -> None:
    """Make mistakes that a checker sees: an ignore that nothing needs is an error of its own."""
    netspec.load(path, classes="10")  # type: ignore[arg-type]
    net.render("svg", pages="a4")  # type: ignore[call-arg]
    net.layers["conv1"].sum()  # type: ignore[attr-defined]
    print(net.report().tables[0].row)  # type: ignore[attr-defined]
    net.memory().training(1)  # type: ignore[arg-type]
    net.build().forwards(net.macs.real.foo)  # type: ignore[attr-defined,operator]
    netspec.fit(path, "macs<=1G", "width").value.bit_count()  # type: ignore[attr-defined]
    print(netspec.sweep(path, jobs=2)[0].parameter)  # type: ignore[attr-defined]
    net.parameters = 3  # type: ignore[misc]
    print(netspec.lod)  # type: ignore[attr-defined]
