"""`shape:` and `expect:`: what a spec says about itself must be true."""

from __future__ import annotations

import operator
from collections.abc import Mapping

from netspec.costs import Costs, Totals
from netspec.diagnostics import Diagnostic, Label, Severity, Sink
from netspec.expand import bind_value
from netspec.graph import Graph, NodeId, Use, path
from netspec.ops.window import times
from netspec.shapes import Shapes
from netspec.spec.model import Expectation, Spec

_COMPARE = {
    "==": operator.eq,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


def check_shapes(graph: Graph, shapes: Shapes, sink: Sink, severity: Severity = "error") -> None:
    """Report each layer whose shape is not the one it declares; only the first on each path."""
    tainted: set[NodeId] = set()
    by_output: dict[NodeId, list[Use]] = {}
    for use in graph.uses.values():
        if use.layer.shape is not None:
            by_output.setdefault(use.output, []).append(use)
    for node in graph.nodes.values():
        if any(source in tainted for source in node.inputs):
            tainted.add(node.id)
            continue
        for use in by_output.get(node.id, ()):
            if _check_shape(use, shapes, sink, severity):
                tainted.add(node.id)


def _check_shape(use: Use, shapes: Shapes, sink: Sink, severity: Severity) -> bool:
    """Report a broken `shape:`; tell whether it was broken."""
    contract = use.layer.shape
    assert contract is not None
    bound = bind_value(contract, use.bindings, sink)
    actual = shapes[use.output]
    if bound is None or bound.value == actual:
        return False
    wanted = bound.value if isinstance(bound.value, tuple) else ()
    message = f"`{path(use.id)}` gives {times(actual)}, the spec says {times(wanted)}"
    reads = ", ".join(f"{times(shapes[source])} from `{path(source)}`" for source in use.inputs)
    notes = (Label(use.layer.call.span, f"reads {reads}"),)
    help = f"correct the layer, or write `shape: [{', '.join(map(str, actual))}]`"
    sink.add(Diagnostic("NS055", message, contract.span, notes=notes, help=help, severity=severity))
    return True


def check_expectations(
    spec: Spec, totals: Totals, costs: Costs, sink: Sink, severity: Severity = "error"
) -> None:
    """Report each line of `expect` that does not hold, with what contributes most."""
    values = metrics(totals)
    for expectation in spec.expect:
        actual = values[expectation.metric]
        if not _COMPARE[expectation.operator](actual, expectation.value):
            sink.add(_broken(expectation, actual, costs, severity))


def metrics(totals: Totals) -> Mapping[str, int]:
    """Return what `expect` can measure."""
    return {
        "params": totals.inference.params,
        "macs": totals.inference.macs,
        "depth": totals.depth,
        "train_params": totals.training.params,
        "train_macs": totals.training.macs,
    }


def _broken(item: Expectation, actual: int, costs: Costs, severity: Severity) -> Diagnostic:
    bound = f"{item.operator} " if item.operator != "==" else ""
    message = f"`{item.metric}` is {actual:,}, the spec expects {bound}{item.value:,}"
    details: tuple[str, ...] = (f"the difference is {actual - item.value:+,}",)
    column = item.metric.removeprefix("train_")
    if column in ("params", "macs"):
        ranked = sorted(costs, key=lambda node: -getattr(costs[node], column))[:3]
        most = ", ".join(f"`{path(n)}` {getattr(costs[n], column):,}" for n in ranked)
        details = (*details, f"the largest: {most}")
    return Diagnostic("NS056", message, item.argument.span, details=details, severity=severity)
