"""A compiled spec: what every emitter reads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netspec.analysis.costs import Costs, Totals
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph, Node, key, path
from netspec.language.model import Spec
from netspec.ops.base import numbers
from netspec.ops.dim import Shape
from netspec.text.diagnostics import Diagnostic, Source

if TYPE_CHECKING:
    import networkx


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network as written and flat, with its shapes and costs keyed by node."""

    spec: Spec
    graph: Graph
    shapes: Shapes
    costs: Costs
    totals: Totals
    warnings: tuple[Diagnostic, ...]
    sources: tuple[Source, ...]
    """The spec's own text first, then what it extends."""
    imports: tuple[str, ...] = ()
    """The packages, or modules, that the call lets generated code import for externs."""

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Return the tensors of the state_dict, key → shape, in the order of execution."""
        found: dict[str, tuple[int, ...]] = {}
        seen: dict[tuple[object, ...], dict[str, Shape]] = {}
        for node in self.graph.nodes.values():
            case = (id(node.op), *(self.shapes[source] for source in node.inputs))
            if case not in seen:
                seen[case] = self.tensors_of(node)
            found.update((key(node, name), numbers(size)) for name, size in seen[case].items())
        return found

    def tensors_of(self, node: Node) -> dict[str, Shape]:
        """Return the tensors that a node's op has, learnt or not, by its own names of them."""
        inputs = [self.shapes[source] for source in node.inputs]
        return {**node.op.weights(*inputs), **node.op.buffers(*inputs)}

    def to_networkx(self) -> networkx.DiGraph:
        """Return the flat network for networkx, frozen; `Net.graph` says what it holds."""
        import networkx as nx

        graph = nx.DiGraph(name=self.spec.name)
        for name, argument in self.spec.inputs.items():
            free = {"op": "input", "params": 0, "macs": 0, "train_only": False}
            graph.add_node(name, **free, shape=self.shapes[(name,)], line=argument.span.line)
        for node in self.graph.nodes.values():
            cost = self.costs[node.id]
            graph.add_node(
                path(node.id),
                op=node.call.op.op_name,
                shape=self.shapes[node.id],
                params=cost.params,
                macs=cost.macs,
                train_only=node.train_only,
                line=node.origin[0].line,
            )
            graph.add_edges_from((path(source), path(node.id)) for source in node.inputs)
        graph.graph["outputs"] = {out.name: path(out.node) for out in self.graph.outputs}
        return nx.freeze(graph)

    @property
    def digest(self) -> str:
        """The SHA-256 of the spec's text without a byte order mark, its lines ended by line feeds.

        For a variant, that of the digests in lines, its own first: what
        `sha256sum variant.yaml base.yaml | cut -c1-64 | sha256sum` prints.
        """
        # A checkout of git's has the line ends of its system, and its module the same digest.
        texts = [source.text.replace("\r\n", "\n") for source in self.sources]
        digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        lines = "".join(f"{line}\n" for line in digests)
        return hashlib.sha256(lines.encode()).hexdigest() if digests[1:] else digests[0]
