"""Two networks → what was added, removed and changed, and which weights still load."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netspec.analysis.network import Network
from netspec.graph.model import Graph, Node, NodeId, path
from netspec.language.model import BlockCall
from netspec.ops.arguments import bare
from netspec.ops.base import Op
from netspec.text.diagnostics import escape

Tensors = Mapping[str, tuple[int, ...]]
FORMATS = ("text", "json")
FORMAT = "netspec-diff-1"
"""The version of the JSON; another number where a program that reads it would fail."""


@dataclass(frozen=True, slots=True)
class Change:
    """One layer or tensor: `mark` is + - or ~; `kind` names what many uses of a block share."""

    mark: str
    id: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """What distinguishes two networks; layers and weights in the order of the second one."""

    before: Network
    after: Network
    layers: tuple[Change, ...]
    weights: tuple[Change, ...]
    kept: int

    @property
    def totals(self) -> dict[str, tuple[int, int]]:
        """Each metric before and after."""
        old, new = self.before, self.after
        first = {"layers": (len(old.graph.nodes), len(new.graph.nodes))}
        values = new.totals.metrics
        return first | {key: (n, values[key]) for key, n in old.totals.metrics.items()}


def diff(before: Network, after: Network) -> Difference:
    """Compare two networks layer by layer, by the names of the layers."""
    old, new = before.tensors(), after.tensors()
    kept = sum(new.get(key) == shape for key, shape in old.items())
    graphs = before.graph, after.graph
    kinds = {path(node): _kind(node, graph) for graph in graphs for node in graph.nodes}
    weights = tuple(_weights(old, new, kinds))
    return Difference(before, after, tuple(_layers(*graphs)), weights, kept)


def _kind(node: NodeId, graph: Graph) -> str:
    """Return what a layer is called in its block: `ConvReLU.conv`."""
    for end in range(len(node) - 1, 0, -1):
        use = graph.uses.get(node[:end])
        if use and isinstance(use.layer.call, BlockCall):
            return f"{use.layer.call.block}.{path(node[end:])}"
    return path(node)


# ------------------------------------------------------------------ layers


def _layers(old: Graph, new: Graph) -> Iterator[Change]:
    both = old.nodes.keys() & new.nodes.keys()
    before, after = (_reads(graph, both) for graph in (old, new))
    for id, node in old.nodes.items():
        if id not in both:
            yield Change("-", path(id), _kind(id, old), describe(node.op))
    for id, node in new.nodes.items():
        if id not in both:
            yield Change("+", path(id), _kind(id, new), describe(node.op))
            continue
        found = [*_changes(old.nodes[id], node)]
        if before[id] != after[id]:
            found.append(
                f"from: {' → '.join(', '.join(map(path, x[id])) for x in (before, after))}"
            )
        if found:
            yield Change("~", path(id), _kind(id, new), ", ".join(found))


_Reads = dict[NodeId, tuple[NodeId, ...]]


def _reads(graph: Graph, both: Collection[NodeId]) -> _Reads:
    """Return what each layer reads, seen through the layers that only one network has."""
    seen: _Reads = {name: (name,) for name in graph.inputs}
    reads: _Reads = {}
    for node in graph.nodes.values():
        origins = (origin for source in node.inputs for origin in seen[source])
        reads[node.id] = tuple(dict.fromkeys(origins))
        seen[node.id] = (node.id,) if node.id in both else reads[node.id]
    return reads


def _changes(old: Node, new: Node) -> Iterator[str]:
    if type(old.op) is not type(new.op):
        before, after = describe(old.op), describe(new.op)
        yield f"{before} → {after}" if before != after else f"{after}, declared otherwise"
        return
    for key in type(new.op).model_fields:
        before, after = getattr(old.op, key), getattr(new.op, key)
        if before != after:
            yield f"{key}: {bare(before)} → {bare(after)}"
    if old.train_only != new.train_only:
        yield "runs only in training" if new.train_only else "runs in inference too"


def describe(op: Op) -> str:
    """Write an op with the arguments that it was given: `max_pool2d kernel_size: 3`."""
    given = [key for key in type(op).model_fields if key in op.model_fields_set]
    arguments = ", ".join(f"{key}: {bare(getattr(op, key))}" for key in given)
    return f"{op.op_name} {arguments}".rstrip()


# ------------------------------------------------------------------ weights


def _weights(old: Tensors, new: Tensors, kinds: Mapping[str, str]) -> Iterator[Change]:
    gone = {key: bare(shape) for key, shape in old.items() if key not in new}
    come = {key: bare(shape) for key, shape in new.items() if key not in old}
    other = {
        key: f"{bare(old[key])} → {bare(shape)}"
        for key, shape in new.items()
        if key in old and old[key] != shape
    }
    for mark, texts in (("-", gone), ("+", come), ("~", other)):
        for key, text in texts.items():
            node, _, tensor = key.rpartition(".")
            yield Change(mark, key, f"{kinds.get(node, node)}.{tensor}", text)


# ------------------------------------------------------------------ writing


def render(difference: Difference, form: str) -> str:
    """Write a difference as "text" for people, or as "json"."""
    return _json(difference) if form == "json" else "\n".join(_text(difference))


NAMES = {
    "layers": "layers",
    "params": "parameters",
    "macs": "multiply-adds",
    "depth": "depth",
    "train_params": "parameters with heads",
    "train_macs": "multiply-adds with heads",
}


def _text(item: Difference) -> Iterator[str]:
    yield f"{_title(item.before)} → {_title(item.after)}"
    yield ""
    yield f"{'':<25} {'before':>15} {'after':>15} {'difference':>15}"
    for key, (old, new) in _shown(item).items():
        yield f"{NAMES[key]:<25} {old:>15,} {new:>15,} {new - old:>+15,}"
    for kind, pairs in _sections(item):
        changes = [f"{name}: {old} → {new}" for name, (old, new) in pairs.items() if old != new]
        yield from ["", kind, *(f"  ~ {escape(line)}" for line in changes)] if changes else []
    yield from ["", f"layers: {_counts(item.layers)}", *_grouped(item.layers)]
    total = len(item.after.tensors())
    yield from ["", f"weights: {item.kept} of {total} tensors still load; {_counts(item.weights)}"]
    yield from _grouped(item.weights)


def _shown(item: Difference) -> dict[str, tuple[int, int]]:
    """Return the metrics, without those of heads where neither network has any."""
    has_heads = any(any(network.totals.heads) for network in (item.before, item.after))
    return {key: x for key, x in item.totals.items() if has_heads or not key.startswith("train_")}


def _title(network: Network) -> str:
    return f"{network.spec.name} ({escape(network.spec.source.name)})"


def _sections(item: Difference) -> Iterator[tuple[str, dict[str, tuple[str, str]]]]:
    """Yield parameters, inputs and outputs, each with its value before and after."""
    both = item.before, item.after
    yield "params", _pairs(*(network.graph.params for network in both))
    yield "inputs", _pairs(*({path(k): v for k, v in n.graph.inputs.items()} for n in both))
    yield "outputs", _pairs(*({o.name: n.shapes[o.node] for o in n.graph.outputs} for n in both))


def _pairs(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    names = dict.fromkeys((*old, *new))
    return {
        name: tuple(bare(table[name]) if name in table else "none" for table in (old, new))  # type: ignore[misc]  # two tables give two texts
        for name in names
    }


MARKS = {"added": "+", "removed": "-", "changed": "~"}


def _counts(changes: tuple[Change, ...]) -> str:
    return ", ".join(f"{sum(c.mark == mark for c in changes)} {x}" for x, mark in MARKS.items())


def _grouped(changes: Iterable[Change]) -> Iterator[str]:
    """Yield a line for each change, one for all uses of a block that change alike."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        groups.setdefault((change.mark, change.kind, _plain(change)), []).append(change.id)
    for (mark, kind, text), places in groups.items():
        one = len(places) == 1
        where = "" if one else f"({len(places)} times, first {places[0]})"
        yield "  ".join(filter(None, (f"  {mark} {places[0] if one else kind}", text, where)))


def _plain(change: Change) -> str:
    """Return what a group shares: tensors that come or go differ in their sizes."""
    return "" if change.mark != "~" and change.text.startswith("[") else change.text


def _json(item: Difference) -> str:
    document: dict[str, Any] = {"format": FORMAT} | {
        side: {
            "name": network.spec.name,
            "file": escape(network.spec.source.name),
            **{key: values[i] for key, values in item.totals.items()},
        }
        for i, (side, network) in enumerate((("before", item.before), ("after", item.after)))
    }
    for kind, pairs in _sections(item):
        document[kind] = {name: list(pair) for name, pair in pairs.items() if pair[0] != pair[1]}
    for kind, changes in (("layers", item.layers), ("weights", item.weights)):
        document[kind] = {
            name: {change.id: change.text for change in changes if change.mark == mark}
            for name, mark in MARKS.items()
        }
    document["weights"]["kept"] = item.kept
    return json.dumps(document, indent=2)
