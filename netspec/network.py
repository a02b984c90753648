"""A compiled spec: what every emitter reads."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.costs import Costs, Totals
from netspec.diagnostics import Diagnostic
from netspec.graph import Graph
from netspec.shapes import Shapes
from netspec.spec.model import Spec


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network as written and flat, with its shapes and costs keyed by node."""

    spec: Spec
    graph: Graph
    shapes: Shapes
    costs: Costs
    totals: Totals
    warnings: tuple[Diagnostic, ...]
