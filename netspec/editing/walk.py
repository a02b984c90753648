"""The tree of a whole spec → each name in it, and where that name is defined.

It asks for no more than YAML: a spec with mistakes has places too, and names that nothing has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from netspec.editing.peers import Peer, Peers, callee, peers_of, unquoted
from netspec.language.extras import TRAIN
from netspec.language.grammar import BodyKeys, ExternKeys, LayerKeys
from netspec.language.model import INPUT
from netspec.language.names import NAME
from netspec.language.terms import INDEX
from netspec.ops.base import REGISTRY
from netspec.ops.split import Cut
from netspec.text.diagnostics import Span
from netspec.text.syntax import Entry, Scalar, Sequence, Tree, entries
from netspec.text.syntax import Mapping as Table

Kind = Literal["layer", "block", "param", "input", "output", "op", "argument", "key", "path"]
Scope = tuple[str, ...]


class Place(NamedTuple):
    """A name in a text; `target` is where it is defined: itself where it is the definition.

    Ops, their arguments and the keys of the language are defined nowhere. `scope` is the path of
    the part in which it stands: ("graph",), ("blocks", "Inception", "branch").
    """

    kind: Kind
    name: str
    span: Span
    target: Span | None
    scope: Scope


@dataclass(frozen=True, slots=True)
class Around:
    """What names mean where a chain or an expression stands."""

    scope: Scope
    params: Mapping[str, Span | None] = field(default_factory=dict)
    inputs: Mapping[str, Span | None] = field(default_factory=dict)
    fronts: Mapping[str, Span | None] = field(default_factory=dict)
    """What may stand before `_channels`: the inputs of a block that has several."""

    def inside(self, name: str) -> Around:
        """Return what names mean in the inline body of a layer."""
        return replace(self, scope=(*self.scope, name), inputs={INPUT: None})


class Walk:
    """Walks one whole spec; `found` has its places in the order of the walk."""

    def __init__(self, tree: Tree) -> None:
        self.found: list[Place] = []
        self._blocks = {key.text: (key, value) for key, value in _section(tree, "blocks")}
        externs = {key.text: (key, value) for key, value in _section(tree, "externs")}
        self._callable = {**externs, **self._blocks}
        self._signatures = {
            name: {match[1]: _within(item.span, *match.span(1)) for item, match in _params(value)}
            for name, (_, value) in self._callable.items()
        }
        self._spec(tree)

    # -------------------------------------------------------------- sections

    def _spec(self, tree: Tree) -> None:
        for key, _ in entries(tree):
            self._note("key", key.text, key.span, None, ())
        params = {key.text: key.span for key, _ in _section(tree, "params")}
        inputs = {key.text: key.span for key, _ in _section(tree, "inputs")}
        self._define("param", params, ("params",))
        self._define("input", inputs, ("inputs",))
        for key, value in _section(tree, "inputs"):
            self._keys(value, ("inputs", key.text))
            self._values(value, Around(("inputs", key.text), params))
        for op, fillings in _section(tree, "init"):
            self._callee(op, ("init",))
            self._keys(fillings, ("init", op.text))
        for name, value in _section(tree, "externs"):
            self._extern(name, value)
        for name, value in _section(tree, "blocks"):
            self._block(name, value, params)
        graph = next((v for k, v in entries(tree) if k.text == "graph"), None)
        around = Around(("graph",), params, inputs)
        peers = self._chain(graph, around) if graph else Peers()
        self._outputs(tree, peers, Around(("outputs",), params, inputs))
        self._keys(next((v for k, v in entries(tree) if k.text == "expect"), None), ("expect",))

    def _extern(self, name: Scalar, tree: Tree) -> None:
        scope = ("externs", name.text)
        params, inputs = self._signature(name, tree, scope)
        around = Around(scope, params, {}, inputs if len(inputs) > 1 else {})
        for key, value in _texts(tree):
            if key in ExternKeys.kinds() and key not in ("doc", "params", "inputs", "import"):
                self._values(value, around)

    def _block(self, name: Scalar, tree: Tree, outer: Mapping[str, Span]) -> None:
        scope = ("blocks", name.text)
        own, inputs = self._signature(name, tree, scope)
        named: Mapping[str, Span | None] = inputs or {INPUT: None}
        around = Around(scope, {**outer, **own}, named, inputs if len(inputs) > 1 else {})
        peers = self._body(tree, around)
        for item in _words(dict(_texts(tree)).get("outputs")):
            self._ref(item, peers, Around(scope))

    def _signature(
        self, name: Scalar, tree: Tree, scope: Scope
    ) -> tuple[Mapping[str, Span], Mapping[str, Span]]:
        """Note what a block or an extern says of itself; return its parameters and its inputs."""
        self._note("block", name.text, name.span, name.span, scope[:1])
        self._keys(tree, scope)
        inputs = dict(_texts(tree)).get("inputs")
        return self._params(name, scope), self._inputs(inputs, scope)

    def _outputs(self, tree: Tree, peers: Peers, around: Around) -> None:
        items = _section(tree, "outputs")
        heads = {k.text: Peer(k.span, v) for k, v in items if isinstance(v, Table)}
        known = Peers({**heads, **peers.named}, peers.copies)
        for key, value in items:
            self._note("output", key.text, key.span, key.span, around.scope)
            if isinstance(value, Scalar):
                self._ref(value, known, around)
            else:
                self._layer(key, value, known, around)

    def _params(self, block: Scalar, scope: Scope) -> Mapping[str, Span]:
        """Note the parameters of a block, and the ops that are their defaults."""
        for item, match in _params(self._callable[block.text][1]):
            span = _within(item.span, *match.span(1))
            self._note("param", match[1], span, span, scope)
            if match[2]:
                self._maker(Scalar(match[2], _within(item.span, *match.span(2))), scope)
        return self._signatures[block.text]

    def _inputs(self, tree: Tree | None, scope: Scope) -> Mapping[str, Span]:
        """Note the inputs of a block."""
        found = {item.text: unquoted(item) for item in _words(tree)}
        for name, span in found.items():
            self._note("input", name, span, span, scope)
        return found

    # -------------------------------------------------------------- bodies

    def _body(self, tree: Tree, around: Around) -> Peers:
        """Walk `chain:` or `parallel:`; return the layers that `outputs:` may name."""
        peers = Peers()
        for key, value in _texts(tree):
            if key == "chain":
                peers = self._chain(value, around)
            elif key == "parallel" and isinstance(value, Sequence):
                for branch in value.items:
                    self._chain(branch, around)
            elif key == "join" and isinstance(value, Scalar):
                self._callee(value, around.scope)
        return peers

    def _chain(self, tree: Tree, around: Around) -> Peers:
        if isinstance(tree, Sequence):
            for number, item in enumerate(tree.items):
                self._layer(Scalar(str(number), item.span), item, Peers(), around)
            return Peers()
        peers = peers_of(tree)
        for key, value in entries(tree):
            self._note("layer", key.text, key.span, key.span, around.scope)
            self._layer(key, value, peers, around)
        return peers

    def _layer(self, name: Scalar, tree: Tree, peers: Peers, around: Around) -> None:
        if isinstance(tree, Scalar):
            self._call(tree, around)
        elif isinstance(tree, Sequence):
            self._chain(tree, around.inside(name.text))
        elif tree.find("chain") or tree.find("parallel"):
            self._body(tree, around.inside(name.text))
            for key, value in tree.items:
                if key.text in BodyKeys.kinds():
                    self._note("key", key.text, key.span, None, around.scope)
                else:
                    self._said(key, value, peers, around)
        else:
            self._use(tree, peers, around)

    def _use(self, tree: Table, peers: Peers, around: Around) -> None:
        """Walk `{conv2d: [64, 3], stride: 2, from: x}`."""
        op = callee(tree, self._callable)
        if tree.find("repeat") or tree.find("splice"):
            copies = replace(around, params={**around.params, INDEX: None})
        else:
            copies = around
        for key, value in tree.items:
            if op and key is op[0]:
                self._call(key, around)
                self._given(value, key.text, copies)
            elif key.text == "first":
                self._note("key", key.text, key.span, None, around.scope)
                for name, given in entries(value):
                    self._argument(name, given, op, copies)
            elif key.text in LayerKeys.kinds():
                self._said(key, value, peers, around)
            else:
                self._argument(key, value, op, copies)

    def _argument(self, key: Scalar, value: Tree, op: Entry | None, around: Around) -> None:
        name = op[0].text if op else ""
        target = self._signatures.get(name, {}).get(key.text)
        self._note("argument", key.text, key.span, target, (*around.scope, name))
        self._given(value, name, around)
        if key.text == "names" and name in REGISTRY and issubclass(REGISTRY[name], Cut):
            for item in _words(value):
                self._note("output", item.text, unquoted(item), unquoted(item), around.scope)

    def _call(self, word: Scalar, around: Around) -> None:
        if "$" in word.text:
            self._values(word, around)
        else:
            self._callee(word, around.scope)

    def _callee(self, word: Scalar, scope: Scope) -> None:
        """Note an op, a block or an extern where it is used."""
        if word.text in self._callable:
            target = self._callable[word.text][0].span
            self._note("block", word.text, unquoted(word), target, scope)
        else:
            self._note("op", word.text, unquoted(word), None, scope)

    def _maker(self, word: Scalar, scope: Scope) -> None:
        """Note an op or a block that is an argument of a block."""
        if word.text in self._blocks or word.text in REGISTRY:
            self._callee(word, scope)

    def _given(self, tree: Tree, callee: str, around: Around) -> None:
        """Walk arguments; those of a block may name ops."""
        self._values(tree, around)
        items = tree.items if isinstance(tree, Sequence) else (tree,)
        for item in items if callee in self._blocks else ():
            if isinstance(item, Scalar) and isinstance(item.value, str):
                self._maker(item, around.scope)

    def _said(self, key: Scalar, value: Tree, peers: Peers, around: Around) -> None:
        """Walk what a layer says beside its op."""
        self._note("key", key.text, key.span, None, around.scope)
        if key.text in ("from", "share"):
            for item in value.items if isinstance(value, Sequence) else (value,):
                if isinstance(item, Scalar):
                    self._ref(item, peers, around)
        elif key.text == "init":
            self._keys(value, (*around.scope, "init"))
        elif key.text == "copies" and isinstance(value, Scalar):
            self._note("layer", value.text, unquoted(value), unquoted(value), around.scope)
        elif key.text != "doc" and not _is(value, TRAIN):
            self._values(value, around)

    # -------------------------------------------------------------- names

    def _ref(self, word: Scalar, peers: Peers, around: Around) -> None:
        """Note the name of a layer or an input, and of one of its outputs behind a dot."""
        name, dot, port = word.text.partition(".")
        span = unquoted(word)
        first = _within(span, 0, len(name))
        peer = peers.find(name)
        if peer is None and name in around.inputs:
            self._note("input", name, first, around.inputs[name], around.scope)
            return
        self._note("layer", name, first, peer.span if peer else None, around.scope)
        if dot:
            last = _within(span, len(name) + 1, len(word.text))
            target = self._port(peer.tree, port) if peer else None
            self._note("output", port, last, target, around.scope)

    def _port(self, layer: Tree, port: str) -> Span | None:
        """Return where one of several outputs of a layer is named."""
        found = callee(layer, self._callable) if isinstance(layer, Table) else None
        word = layer if isinstance(layer, Scalar) else found[0] if found else None
        if word and word.text in self._blocks:
            chain = dict(_texts(self._blocks[word.text][1])).get("chain")
            return next((key.span for key, _ in entries(chain) if key.text == port), None)
        names = dict(_texts(layer)).get("names")
        return next((unquoted(item) for item in _words(names) if item.text == port), None)

    def _values(self, tree: Tree, around: Around) -> None:
        """Note each `$name` in a value."""
        if isinstance(tree, Scalar):
            if isinstance(tree.value, str) and "$" in tree.value:
                for match in _DOLLAR.finditer(tree.span.text):
                    self._dollar(match[1], _within(tree.span, *match.span(1)), around)
        elif isinstance(tree, Sequence):
            for item in tree.items:
                self._values(item, around)
        else:
            for _, value in tree.items:
                self._values(value, around)

    def _dollar(self, name: str, span: Span, around: Around) -> None:
        """Note a parameter, or the input whose width it is."""
        front = name.rpartition("_")[0]
        target = around.fronts.get(front)
        if name in around.params or target is None:
            self._note("param", name, span, around.params.get(name), around.scope)
        else:
            self._note("input", front, _within(span, 0, len(front)), target, around.scope)

    def _define(self, kind: Kind, names: Mapping[str, Span], scope: Scope) -> None:
        for name, span in names.items():
            self._note(kind, name, span, span, scope)

    def _keys(self, tree: Tree | None, scope: Scope) -> None:
        for key, _ in entries(tree):
            self._note("key", key.text, key.span, None, scope)

    def _note(self, kind: Kind, name: str, span: Span, target: Span | None, scope: Scope) -> None:
        if name and name == span.text:  # and is no quoted key, or has line ends in it
            self.found.append(Place(kind, name, span, target, scope))


_DOLLAR = re.compile(rf"\$({NAME})")
_PARAM = re.compile(rf"\s*({NAME})\s*(?:=\s*([A-Za-z][\w.]*))?")


def _params(block: Tree) -> Iterator[tuple[Scalar, re.Match[str]]]:
    """Yield the parameters of a block or an extern: names, and words that are defaults."""
    for item in _words(dict(_texts(block)).get("params")):
        if match := _PARAM.match(item.span.text):
            yield item, match


def _section(tree: Tree, name: str) -> tuple[Entry, ...]:
    return entries(next((value for key, value in entries(tree) if key.text == name), None))


def _texts(tree: Tree | None) -> Iterator[tuple[str, Tree]]:
    """Yield the entries of a mapping with their keys as texts."""
    return ((key.text, value) for key, value in entries(tree))


def _words(tree: Tree | None) -> list[Scalar]:
    """Return the words of a list."""
    items = tree.items if isinstance(tree, Sequence) else ()
    return [item for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]


def _is(tree: Tree, word: str) -> bool:
    return isinstance(tree, Scalar) and tree.value == word


def _within(span: Span, start: int, end: int) -> Span:
    return Span(span.source, span.start + start, span.start + end)
