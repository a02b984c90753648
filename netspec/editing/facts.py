"""What is true of a network by the lines of its text: shapes, costs, fields of all their uses."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from netspec.analysis.costs import NodeCost, total
from netspec.analysis.network import Network
from netspec.analysis.receptive import Fields, see
from netspec.emit.report.table import RANGE
from netspec.graph.bind import bind_value
from netspec.graph.model import Bindings, Instance, NodeId, Use
from netspec.language.model import Block, BlockCall, OpCall
from netspec.language.terms import INDEX, Argument, Maker
from netspec.ops import dim
from netspec.ops.arguments import bare
from netspec.ops.dim import Expr
from netspec.ops.split import Piece
from netspec.ops.window import times
from netspec.text.diagnostics import Sink, Source, Span

_FEW = 3
_NOWHERE = Span(Source("", ""), 0, 0)


class Site(NamedTuple):
    """An instance of a body, in which a line stands once, and what parameters are there."""

    id: NodeId
    bindings: Bindings

    def value(self, value: Expr) -> object:
        """Return what an expression comes to, None for what is no number."""
        bound = bind_value(Argument(value, _NOWHERE), self.bindings, Sink())
        return bound.value if bound and not isinstance(bound.value, bool) else None


@dataclass(frozen=True, eq=False)
class Facts:
    """The tables of one network, made when they are first asked for."""

    network: Network

    @cached_property
    def uses(self) -> Mapping[Span, Sequence[Use]]:
        """All uses of the layers that stand at a place: several where `splice:` makes copies."""
        found: dict[Span, list[Use]] = {}
        for use in self.network.graph.uses.values():
            found.setdefault(use.layer.span, []).append(use)
        return found

    @cached_property
    def calls(self) -> Mapping[Span, Sequence[Use]]:
        """The same by the places of the ops and blocks that they call."""
        return {uses[0].layer.call.span: uses for uses in self.uses.values()}

    @cached_property
    def costs(self) -> Mapping[NodeId, NodeCost]:
        """What each layer costs with all that is in it."""
        inside: dict[NodeId, list[NodeCost]] = {}
        for id, cost in self.network.costs.items():
            for level in range(1, len(id) + 1):
                inside.setdefault(id[:level], []).append(cost)
        return {id: costs[0] if len(costs) == 1 else total(costs) for id, costs in inside.items()}

    @cached_property
    def fields(self) -> Fields:
        """What each layer sees of the network's input."""
        return see(self.network.graph, self.network.shapes)

    @cached_property
    def _blocks(self) -> Mapping[NodeId, Block]:
        """The block of which each instance is one."""
        blocks = self.network.spec.blocks.values()
        return {one.id: block for block in blocks for one in self.instances(block)}

    @cached_property
    def _last(self) -> Mapping[NodeId, Instance]:
        """The instance that each layer makes, of copies the last one."""
        graph = self.network.graph
        return {one.use: one for instances in graph.instances.values() for one in instances}

    def called(self, name: str, block: str) -> Sequence[Use]:
        """Return the uses of layers with a name, in a block or without one in the graph."""
        found = [use for uses in self.uses.values() for use in uses if use.layer.name == name]
        homes = ((use, self._block_of(site(use))) for use in found)
        return [use for use, home in homes if (home.name if home else "") == block]

    def cost(self, ids: Iterable[NodeId]) -> NodeCost:
        """Return what layers cost together; what only passes its input on costs nothing."""
        return total(self.costs[id] for id in ids if id in self.costs)

    def instances(self, block: Block) -> Sequence[Instance]:
        """Return the uses of a block, each of its copies for itself."""
        return self.network.graph.instances.get(block.body, ())

    def values(self, block: str, param: str) -> Mapping[str, Sequence[NodeId]]:
        """Return what a parameter of a block, or a width that it reads, is in which uses."""
        found: dict[str, list[NodeId]] = {}
        known = self.network.spec.blocks.get(block)
        for one in self.instances(known) if known else ():
            if param in one.bindings:
                value = one.bindings[param].value
                text = value.name if isinstance(value, Maker) else bare(value)
                found.setdefault(text, []).append(one.id)
        return found

    # ------------------------------------------------------------------ what a line gives

    def outputs(self, use: Use) -> Mapping[str, NodeId]:
        """Return the nodes that give a layer's outputs: one without a name, or several by name."""
        graph, call = self.network.graph, use.layer.call
        node = graph.nodes.get(use.output)
        if node and isinstance(node.op, Piece) and node.id[:-1] == use.id:
            return {port: (*use.id, port) for port in node.op.whole.called()}
        block = self.network.spec.blocks[call.block] if isinstance(call, BlockCall) else None
        if not block or not block.outputs:
            return {"": use.output}
        inside = self._last[use.id].id
        found = {ref.name: graph.uses.get((*inside, ref.name)) for ref in block.outputs}
        return {name: inner.output for name, inner in found.items() if inner}

    def shape(self, uses: Sequence[Use]) -> str:
        """Write what a line gives in its uses; each of several outputs has its name before it."""
        sites = [*map(site, uses)]
        outputs = [self.outputs(use) for use in uses]
        ports = [port for port in outputs[0] if all(port in found for found in outputs)]
        call = uses[0].layer.call
        given = call.arguments.values() if isinstance(call, OpCall | BlockCall) else ()
        texts = {x: self.sizes([found[x] for found in outputs], sites, given) for x in ports}
        return ", ".join(f"{port} {text}".strip() for port, text in texts.items())

    def joined(self, instances: Sequence[Instance]) -> str:
        """Write what the instances of a body give."""
        return self.sizes([one.output for one in instances], [*map(site, instances)])

    def read(self, found: Sequence[Use | Instance]) -> str:
        """Write what layers, or instances of a body, read: equal shapes once."""
        sites = [*map(site, found)]
        columns = zip(*(one.inputs for one in found), strict=False)
        texts = [*dict.fromkeys(self.sizes(nodes, sites) for nodes in columns)]
        return ", ".join(texts[:_FEW] + ["…"] * (len(texts) > _FEW))

    def sizes(
        self, nodes: Sequence[NodeId], sites: Sequence[Site], given: Collection[Argument] = ()
    ) -> str:
        """Write the shapes of nodes, each at a site, as one.

        A size is a number where they agree, else an expression that is equal to it at each site,
        of those that are given or have a name there; else the range.
        """
        shapes = [self.network.shapes[node] for node in nodes]
        if len({*map(len, shapes)}) > 1:
            texts = [*dict.fromkeys(map(times, shapes))]
            return " or ".join(texts[:_FEW] + ["…"] * (len(texts) > _FEW))
        found = zip(*shapes, strict=True)
        texts = [self._size(column, sites, given) for column in found]
        return times(tuple(f"({x})" if " " in x and len(texts) > 1 else x for x in texts))

    def _size(
        self, found: Sequence[int], sites: Sequence[Site], given: Collection[Argument]
    ) -> str:
        if len({*found}) == 1:
            return str(found[0])
        same = (text for text, values in self._named(sites, given) if values == [*found])
        return next(same, f"{min(found)}{RANGE}{max(found)}")

    def _named(
        self, sites: Sequence[Site], given: Collection[Argument]
    ) -> Iterator[tuple[str, list[object]]]:
        """Yield expressions with their value at each site.

        What is given comes first, then the parameters of the block, and the widths that it reads.
        """
        for value in _expressions(given):
            yield written(value), [site.value(value) for site in sites]
        blocks = {self._block_of(site) for site in sites}
        for block in filter(None, blocks if len(blocks) == 1 else ()):
            for name in (*block.params, *block.measured):
                yield f"${name}", [site.value(dim.name(name)) for site in sites]

    def _block_of(self, site: Site) -> Block | None:
        """Return the block in a use of which a site lies, perhaps inside of inline blocks."""
        above = (site.id[:level] for level in range(len(site.id), 0, -1))
        return next((self._blocks[id] for id in above if id in self._blocks), None)


def site(found: Use | Instance) -> Site:
    """Return where a layer stands, or what an instance of a body is."""
    return Site(found.id[:-1] if isinstance(found, Use) else found.id, found.bindings)


def written(value: Expr) -> str:
    """Write an expression as a spec does, with its `$`."""
    return re.sub(r"\b[A-Za-z]\w*", r"$\g<0>", dim.python(value))


def _expressions(given: Collection[Argument]) -> Iterator[Expr]:
    """Yield the expressions in arguments, but those over the numbers of copies."""
    for argument in given:
        value = argument.value
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Expr) and INDEX not in dim.names(item):
                yield item
