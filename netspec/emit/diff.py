"""Two networks → what was added, removed and changed, and which weights still load."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netspec.analysis.network import Network
from netspec.graph.model import Graph, Node, NodeId, path
from netspec.language.model import BlockCall
from netspec.ops.base import Op
from netspec.text.diagnostics import escape

Tensors = Mapping[str, tuple[int, ...]]


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
    kinds = {**_kinds(before.graph), **_kinds(after.graph)}
    weights = tuple(_weights(old, new, kinds))
    return Difference(before, after, tuple(_layers(before.graph, after.graph)), weights, kept)


def _kinds(graph: Graph) -> dict[str, str]:
    """Return for each layer what it is called in its block: `ConvReLU.conv`."""
    return {path(node): _kind(node, graph) for node in graph.nodes}


def _kind(node: NodeId, graph: Graph) -> str:
    for end in range(len(node) - 1, 0, -1):
        use = graph.uses.get(node[:end])
        if use and isinstance(use.layer.call, BlockCall):
            return f"{use.layer.call.block}.{path(node[end:])}"
    return path(node)


# ------------------------------------------------------------------ layers


def _layers(old: Graph, new: Graph) -> Iterator[Change]:
    both = old.nodes.keys() & new.nodes.keys()
    reads = [_reads(graph, both) for graph in (old, new)]
    for node in old.nodes.values():
        if node.id not in both:
            yield Change("-", path(node.id), _kind(node.id, old), describe(node.op))
    for node in new.nodes.values():
        if node.id not in both:
            yield Change("+", path(node.id), _kind(node.id, new), describe(node.op))
        elif found := [*_changes(old.nodes[node.id], node), *_moved(node.id, *reads)]:
            yield Change("~", path(node.id), _kind(node.id, new), ", ".join(found))


_Reads = dict[NodeId, tuple[NodeId, ...]]


def _reads(graph: Graph, both: Iterable[NodeId]) -> _Reads:
    """Return what each layer reads, seen through the layers that only one network has."""
    seen: _Reads = {name: (name,) for name in graph.inputs}
    reads: _Reads = {}
    known = set(both)
    for node in graph.nodes.values():
        reads[node.id] = tuple(
            dict.fromkeys(origin for source in node.inputs for origin in seen[source])
        )
        seen[node.id] = (node.id,) if node.id in known else reads[node.id]
    return reads


def _moved(node: NodeId, old: _Reads, new: _Reads) -> Iterator[str]:
    if old[node] != new[node]:
        before, after = (", ".join(map(path, reads[node])) for reads in (old, new))
        yield f"from: {before} → {after}"


def _changes(old: Node, new: Node) -> Iterator[str]:
    if type(old.op) is not type(new.op):
        yield f"{describe(old.op)} → {describe(new.op)}"
        return
    for key in type(new.op).model_fields:
        before, after = getattr(old.op, key), getattr(new.op, key)
        if before != after:
            yield f"{key}: {_spell(before)} → {_spell(after)}"
    if old.train_only != new.train_only:
        yield "runs only in training" if new.train_only else "runs in inference too"


def describe(op: Op) -> str:
    """Write an op with the arguments that it was given: `max_pool2d kernel_size: 3`."""
    given = [key for key in type(op).model_fields if key in op.model_fields_set]
    arguments = ", ".join(f"{key}: {_spell(getattr(op, key))}" for key in given)
    return f"{op.op_name} {arguments}".rstrip()


def _spell(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case tuple() | list():
            return f"[{', '.join(map(_spell, value))}]"
    return str(value)


# ------------------------------------------------------------------ weights


def _weights(old: Tensors, new: Tensors, kinds: Mapping[str, str]) -> Iterator[Change]:
    for key in (key for key in old if key not in new):
        yield Change("-", key, _tensor_kind(key, kinds), _spell(old[key]))
    for key in (key for key in new if key not in old):
        yield Change("+", key, _tensor_kind(key, kinds), _spell(new[key]))
    for key in (key for key in new if key in old and old[key] != new[key]):
        text = f"{_spell(old[key])} → {_spell(new[key])}"
        yield Change("~", key, _tensor_kind(key, kinds), text)


def _tensor_kind(key: str, kinds: Mapping[str, str]) -> str:
    node, _, tensor = key.rpartition(".")
    return f"{kinds.get(node, node)}.{tensor}"


# ------------------------------------------------------------------ writing


def render(difference: Difference, form: str) -> str:
    """Write a difference as "text" for people, or as "json"."""
    return _json(difference) if form == "json" else "\n".join(_text(difference))


_NAMES = {
    "layers": "layers",
    "params": "parameters",
    "macs": "multiply-adds",
    "depth": "depth",
    "train_params": "parameters in training",
    "train_macs": "multiply-adds in training",
}


def _text(item: Difference) -> Iterator[str]:
    yield f"{_title(item.before)} → {_title(item.after)}"
    yield ""
    yield f"{'':<25} {'before':>15} {'after':>15} {'difference':>15}"
    for key, (old, new) in item.totals.items():
        yield f"{_NAMES[key]:<25} {old:>15,} {new:>15,} {new - old:>+15,}"
    for kind, pairs in _sections(item):
        changes = [f"{name}: {old} → {new}" for name, (old, new) in pairs.items() if old != new]
        yield from ["", kind, *(f"  ~ {escape(line)}" for line in changes)] if changes else []
    yield from ["", f"layers: {_counts(item.layers)}", *_grouped(item.layers)]
    total = len(item.after.tensors())
    yield from ["", f"weights: {item.kept} of {total} tensors still load; {_counts(item.weights)}"]
    yield from _grouped(item.weights)


def _title(network: Network) -> str:
    return f"{network.spec.name} ({escape(network.spec.source.name)})"


def _sections(item: Difference) -> Iterator[tuple[str, dict[str, tuple[str, str]]]]:
    """Yield parameters, inputs and outputs, each with its value before and after."""
    yield "params", _pairs(item.before.graph.params, item.after.graph.params)
    inputs = ({path(k): v for k, v in n.graph.inputs.items()} for n in (item.before, item.after))
    yield "inputs", _pairs(*inputs)
    outputs = (
        {o.name: n.shapes[o.node] for o in n.graph.outputs} for n in (item.before, item.after)
    )
    yield "outputs", _pairs(*outputs)


def _pairs(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    names = dict.fromkeys((*old, *new))
    return {
        name: tuple(_spell(table[name]) if name in table else "none" for table in (old, new))  # type: ignore[misc]  # two tables give two texts
        for name in names
    }


def _counts(changes: tuple[Change, ...]) -> str:
    names = {"+": "added", "-": "removed", "~": "changed"}
    return ", ".join(f"{sum(c.mark == k for c in changes)} {v}" for k, v in names.items())


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
    def listing(changes: tuple[Change, ...], mark: str) -> dict[str, str]:
        return {change.id: change.text for change in changes if change.mark == mark}

    document: dict[str, Any] = {
        side: {
            "name": network.spec.name,
            "file": escape(network.spec.source.name),
            **{key: values[i] for key, values in item.totals.items()},
        }
        for i, (side, network) in enumerate((("before", item.before), ("after", item.after)))
    }
    for kind, pairs in _sections(item):
        changed = {name: list(pair) for name, pair in pairs.items() if pair[0] != pair[1]}
        document[kind] = changed
    for kind, changes in (("layers", item.layers), ("weights", item.weights)):
        names = {"added": "+", "removed": "-", "changed": "~"}
        document[kind] = {name: listing(changes, mark) for name, mark in names.items()}
    document["weights"]["kept"] = item.kept
    return json.dumps(document, indent=2)
