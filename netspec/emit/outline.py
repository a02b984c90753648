"""What the page to explore shows of a network, as plain data.

The page figure and the page share their routes: which links are lines, on which side a lane runs,
what has tags. That is decided here once, for open blocks, and a closed block keeps it; the script
measures and places with the rules of `figure/stack`, since only it knows what is open.

A body that several blocks share stands once: in it nothing says where it is used. What differs from
use to use, the receptive fields, is a list of its own, in the order of a walk over all items.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from netspec import limits
from netspec.analysis.network import Network
from netspec.analysis.receptive import describe, see
from netspec.emit.diagram.flow import Fan, Series, Side
from netspec.emit.diagram.numbers import shape_text
from netspec.emit.diagram.routes import Routes, route
from netspec.emit.diagram.runs import readable, shorten, size, unframed
from netspec.emit.diagram.tree import Cluster, Item, Leaf, Outline, leaves, walk
from netspec.emit.diagram.words import Wording
from netspec.emit.palette import Fill, fill, fills
from netspec.graph.model import Node, NodeId, path
from netspec.ops.arguments import bare
from netspec.ops.base import Op
from netspec.ops.dim import Dim, Shape
from netspec.ops.window import times
from netspec.text.diagnostics import SpecError
from netspec.text.diagnostics import escape as shown

HEAT = 8
"""Steps of the scale of costs."""
_EXACT = 2**53
"""Above it a number of the script is not exact."""
_FEW = 6
"""A box of more ops is a closed block, which nobody reads op by op."""


def outlined(network: Network, root: Cluster) -> dict[str, Any]:
    """Return everything that the page shows of a network, whose blocks are in `root`."""
    bodies = _Bodies(network, root)
    last = bodies.add(route(root))
    fields = see(network.graph, network.shapes)
    seen: dict[str, int] = {}
    places = [
        seen.setdefault(describe(fields.get(item.output or (), ())), len(seen))
        for item in walk(root)
    ]
    return {
        "heat": HEAT,
        "root": last,
        "bodies": bodies.found,
        "ops": [*map(json.loads, bodies.ops)],
        "fields": [*seen],
        "seen": places,
        "code": _code(network),
        "kinds": {fill.key: fill.name for fill in colours(root)},
        "notes": bodies.wording.notes(),
    }


def whole(network: Network) -> Cluster:
    """Return the network with all its blocks, or as deep as a page can hold."""
    outline = Outline(network)
    root = outline.at(readable(outline, None, limits.HTML_BOXES))
    return unframed(root if size(root) <= limits.HTML_BOXES else shorten(root, limits.HTML_BOXES))


def colours(root: Cluster) -> list[Fill]:
    """Return the fills of all that the page may show, in the order of its legend."""
    return fills((_fill(item) for item in walk(root)), brief=False)


def _fill(item: Item) -> tuple[str, Shape]:
    return item.kind, item.kernel if isinstance(item, Leaf) else ()


def _code(network: Network) -> dict[str, str]:
    """Return the generated class of each block; where one cannot be generated there is none."""
    from netspec.emit.torch.module import block_classes

    try:
        return block_classes(network) if network.spec.blocks else {}
    except SpecError:
        return {}


def _number(value: int) -> int | str:
    return value if value < _EXACT else str(value)


class _Bodies:
    """Turns the tree, its flows and its routes into plain data, equal bodies into one."""

    def __init__(self, network: Network, root: Cluster) -> None:
        self._network = network
        self.wording = Wording(root)
        self._busiest = max(1, *(leaf.cost.macs for leaf in leaves(root)))
        self._places: dict[str, int] = {}
        self.found: list[dict[str, Any]] = []
        self.ops: dict[str, int] = {}

    def add(self, routes: Routes) -> int:
        """Return the number of a cluster's body: its items, and how they follow each other."""
        owner, narrow = routes.cluster, routes.flow.branched
        items = [
            self._item(child, owner, i in narrow)
            | (self._inner(routes, i) if i in routes.inner else {})
            for i, child in enumerate(owner.children)
        ]
        flow = self._series(routes, routes.flow.main)
        sides = [self._side(routes, side) for side in routes.flow.sides]
        flow |= {"sides": sides} if sides else {}
        links = [[x.source, x.target, owner.children[x.target].reads.index(x.node)]
                 for x in dict.fromkeys(owner.links)]  # fmt: skip
        body = {"items": items, "links": links, "flow": flow}
        number = self._places.setdefault(json.dumps(body), len(self.found))
        if number == len(self.found):
            self.found.append(body)
        return number

    def _inner(self, routes: Routes, i: int) -> dict[str, Any]:
        """Return the body of a block, and what it gives beside its output behind numbers."""
        child, inner = routes.cluster.children[i], routes.inner[i]
        carried = dict.fromkeys(x for y in inner.walk() for nodes in y.out.values() for x in nodes)
        given = [node for node in carried if node in child.exits and node != child.output]
        gives = [_relative(routes, node) for node in given]
        return {"body": self.add(inner)} | ({"gives": gives} if gives else {})

    # ------------------------------------------------------------------ items

    def _item(self, item: Item, owner: Cluster, is_narrow: bool) -> dict[str, Any]:
        """Return what the page shows of a box; one in a branch has few words."""
        label = item.counted
        if isinstance(item, Leaf):
            label = self.wording.text(item, is_narrow)
        result: dict[str, Any] = {"label": label, "kind": fill(*_fill(item)).key}
        if item.id[0]:
            result["name"] = path(item.id[len(owner.id) :])
        result |= {"block": item.block} if item.block else {}
        result |= {"count": item.count} if item.count > 1 else {}
        result |= {"head": 1} if item.train_only else {}
        result |= {"yaml": yaml} if (yaml := self._yaml(item)) else {}
        result["out"] = times(item.shape)
        if item.reads and item.id[0]:
            result["in"] = [times(self._network.shapes[node]) for node in item.reads[:12]]
        return result | self._costs(item) | self._ops(item)

    def _costs(self, item: Item) -> dict[str, Any]:
        """Return parameters and multiply-adds, and how long the bar is that shows them."""
        cost = item.cost
        if not (cost.params or cost.macs):
            return {}
        result: dict[str, Any] = {"params": _number(cost.params), "macs": _number(cost.macs)}
        result |= {"lender": item.lender} if item.lender else {}
        result |= {"cost": item.costs} if isinstance(item, Cluster) else {}
        bar = round(min(1.0, cost.macs / self._busiest), 3)
        return result | ({"bar": bar} if bar else {})

    def _ops(self, item: Item) -> dict[str, Any]:
        """Return the ops in a box with their names, each with its arguments."""
        nodes = self._network.graph.nodes
        found = [nodes[node] for node in item.nodes if node in nodes]
        if not isinstance(item, Leaf) or not 0 < len(found) <= _FEW or item.count > 1:
            return {}
        return {"ops": [[path(x.id[len(item.id) :]), self._op(x)] for x in found]}

    def _op(self, node: Node) -> int:
        """Return the number of an op: its name, its words, what is given, inferred and default."""
        op = node.op
        sizes = [self._network.shapes[source] for source in node.inputs]
        inferred = op.inferred(*sizes) if sizes else {}
        arguments = [_given(op), _written(inferred), _defaults(op, inferred)]
        text = json.dumps([node.call.op.op_name, op.label(), *arguments], ensure_ascii=False)
        return self.ops.setdefault(text, len(self.ops))

    def _yaml(self, item: Item) -> str:
        """Return the line of the spec that a box comes from."""
        graph = self._network.graph
        use = graph.uses.get(item.id) or graph.uses.get(item.id[:-1])
        if use is None or not item.nodes or use.layer.span.source.secret:
            return ""
        span = use.layer.span
        name = PurePath(span.source.name).name
        return shown(f"{name}:{span.line}  {span.source.line(span.line).strip()[:120]}")

    # ------------------------------------------------------------------ how they follow each other

    def _side(self, routes: Routes, side: Side) -> dict[str, Any]:
        head, flow = int(routes.is_head(side.link.target)), self._series(routes, side.series)
        return {"after": side.after, "tap": int(side.is_tap), "head": head, "flow": flow}

    def _series(self, routes: Routes, series: Series) -> dict[str, Any]:
        parts = [self._part(routes, series, i) for i in range(len(series.parts))]
        skips = []
        for skip, side in routes.lanes[series].lanes:
            port, head = routes.port(skip.link), int(routes.is_head(skip.link.target))
            skips.append([skip.start, skip.end, side, port, head])
        result: dict[str, Any] = {"entry": series.entry, "parts": parts}
        result |= {"skips": skips} if skips else {}
        last = series.parts[-1] if series.parts else None
        if isinstance(last, int) and last in routes.out:
            result["out"] = _numbers(routes, last)
        return result | ({"head": 1} if routes.are_heads(series) else {})

    def _part(self, routes: Routes, series: Series, i: int) -> dict[str, Any]:
        """Return one part, with what stands on the lines from the part above."""
        part, before = series.parts[i], routes.before(series, i)
        lines = [[link.source, routes.port(link)] for link in routes.drawn(series, i)]
        result: dict[str, Any] = {}
        if isinstance(part, Fan):
            result["fan"] = [self._series(routes, branch) for branch in part.branches]
        elif part < 0:
            result["port"] = -1 - part
            result |= {"into": [[_relative(routes, routes.output(part)), 0]]} if i else {}
        else:
            result["item"] = part
            result |= ({"lines": lines} if lines else {}) | _tags(routes, part)
            result |= {"head": 1} if routes.is_head(part) else {}
        if before is None:
            return result
        if i and (lines or (isinstance(part, Fan) and part.entry is not None)):
            result["shape"] = shape_text(self._network.shapes[routes.output(before)])
        # What a branch forks from has its numbers where all fork.
        if before in routes.out and (i or series is routes.flow.main):
            result["out"] = _numbers(routes, before)
        return result


def _given(op: Op) -> dict[str, str]:
    found = {key: getattr(op, key) for key in type(op).model_fields if key in op.model_fields_set}
    # One output of an op that has several: what is written is the whole op.
    whole = [value for value in found.values() if isinstance(value, Op)]
    own = {key: value for key, value in found.items() if not isinstance(value, Op)}
    return {key: text for inner in whole for key, text in _given(inner).items()} | _written(own)


def _defaults(op: Op, inferred: Mapping[str, Dim]) -> dict[str, str]:
    keys = [x for x in type(op).model_fields if x not in op.model_fields_set and x not in inferred]
    return _written({key: getattr(op, key) for key in keys})


def _written(values: Mapping[str, object]) -> dict[str, str]:
    """Return arguments as a spec writes them."""
    return {key: shown(bare(value))[:200] for key, value in values.items()}


def _numbers(routes: Routes, part: int) -> list[str]:
    """Return what goes on elsewhere from a part behind numbers."""
    return [_relative(routes, node) for node in routes.out[part]]


def _tags(routes: Routes, part: int) -> dict[str, Any]:
    """Return the tags that point at a child, each with the input that it belongs to."""
    reads, nodes = routes.cluster.children[part].reads, routes.into.get(part, [])
    tags = [[_relative(routes, x), reads.index(x)] for x in dict.fromkeys(nodes)]
    return {"into": tags} if tags else {}


def _relative(routes: Routes, node: NodeId) -> str:
    """Return a node's path below the cluster, or from the top with a "/" where it lies outside."""
    id = routes.cluster.id
    is_inside: Sequence[str] = node[: len(id)]
    return path(node[len(id) :]) if is_inside == id else f"/{path(node)}"
