"""What of a spec a repair may change: a number, a flag, or an argument that is not written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from pydantic import ValidationError

from netspec.graph.bind import is_size
from netspec.graph.model import Bound, Graph, Node, NodeId, Sizes
from netspec.language.model import BlockCall, Spec
from netspec.language.terms import Argument, Value
from netspec.ops.base import Op
from netspec.ops.dim import names, substitute
from netspec.text.diagnostics import Span

_ADDED = ("padding", "stride", "ceil_mode", "bias")
_SCALARS = (int, bool)


class Misfit(ValueError):
    """A value that cannot stand where it should."""


@dataclass(slots=True, eq=False)
class Token:
    """A value at a place in the file, and the layers that it feeds.

    `replaces` is the place of what another value stands for: the place itself, the list around it
    (then `index` says which item), or the default that a use does not override. A token with a
    `key` is not written yet: `key: value` would be added to the call or use at `span`.
    """

    span: Span
    value: Value
    replaces: Span | None
    index: int | None = None
    key: str = ""
    feeds_input: bool = False
    nodes: dict[NodeId, Node] = field(default_factory=dict)

    def op(self, node: Node, new: Value) -> Op:
        """Return a node's op with another value. Raises Misfit."""
        values = {name: self._changed(bound, new) for name, bound in node.bindings.items()}
        given = {key: self._changed(item, new) for key, item in node.call.arguments.items()}
        if self.replaces is None:
            given[self.key] = new
        try:
            return type(node.op).model_validate(_substituted(given, values))
        except ValidationError:
            raise Misfit from None

    def inputs(
        self, spec: Spec, params: Mapping[str, int | float], new: Value
    ) -> dict[NodeId, Sizes]:
        """Return the shapes of the network's inputs that it feeds. Raises Misfit."""
        if not self.feeds_input:
            return {}
        values = {
            name: self._changed(Argument(value, spec.params[name].span), new)
            for name, value in params.items()
        }
        given = {name: self._changed(shape, new) for name, shape in spec.inputs.items()}
        shapes = _substituted(given, values)
        if not all(map(is_size, chain.from_iterable(shapes.values()))):
            raise Misfit
        return {(name,): shape for name, shape in shapes.items()}

    def _changed(self, item: Argument | Bound, new: Value) -> Value:
        """Return an argument or a parameter's value, another one if it stands at the place."""
        old = item.value
        if item.span != self.replaces:
            return old
        if self.index is None or not isinstance(old, tuple):
            return new
        return (*old[: self.index], new, *old[self.index + 1 :])


def _substituted(given: Mapping[str, Value], values: Mapping[str, Value]) -> dict[str, Any]:
    """Return what some expressions come to. Raises Misfit."""
    try:
        return {key: substitute(value, values) for key, value in given.items()}
    except (ArithmeticError, TypeError):
        raise Misfit from None


class Tokens:
    """Collects the tokens of a spec; a number that reaches layers changed is `mixed`."""

    def __init__(self, spec: Spec, graph: Graph) -> None:
        self._spec = spec
        self._graph = graph
        self._found: dict[tuple[Span, str, int | None], Token] = {}
        self.mixed: set[Span] = set()
        self._defaults = {
            param.span: (block.name, param.name)
            for block in spec.blocks.values()
            for param in block.params.values()
            if isinstance(param.default, _SCALARS)
        }

    def all(self) -> list[Token]:
        """Return what decides an argument or an input."""
        for node in self._graph.nodes.values():
            for argument in node.call.arguments.values():
                self._argument(argument, node)
            self._missing(node)
        for shape in self._spec.inputs.values():
            self._note(shape.span, shape.value)
            for name in dict.fromkeys(names(shape.value)):
                self._note(self._spec.params[name].span, self._graph.params[name])
        return [token for token in self._found.values() if token.replaces not in self.mixed]

    def _argument(self, argument: Argument, node: Node) -> None:
        self._note(argument.span, argument.value, node)
        for name in dict.fromkeys(names(argument.value)):
            bound = node.bindings[name]
            self._note(bound.span, bound.value, node)
            # Rather than the default, on which all uses rely, this one use may want its own value.
            if bound.span in self._defaults:
                self._default(bound.span, bound.value, node)

    def _note(self, span: Span, value: Value, node: Node | None = None) -> None:
        """Add a value, or each item of a list, to the tokens."""
        for place, index, item in _items(span, value):
            token = self._add(Token(place, item, span, index))
            # Repeated layers give it several values: nobody knows which is to change.
            if token.value != item:
                self.mixed.add(span)
            if node:
                token.nodes[node.id] = node
            else:
                token.feeds_input = True

    def _add(self, token: Token) -> Token:
        return self._found.setdefault((token.span, token.key, token.index), token)

    def _default(self, default: Span, value: Value, node: Node) -> None:
        """Add the argument that the use of a block leaves to the block's default."""
        block, name = self._defaults[default]
        # The innermost use of the block is the one that takes the default.
        for length in range(len(node.id) - 1, 0, -1):
            use = self._graph.uses.get(node.id[:length])
            if use and isinstance(use.layer.call, BlockCall) and use.layer.call.block == block:
                place = use.layer.call.span
                self._add(Token(place, value, default, key=name)).nodes[node.id] = node
                return

    def _missing(self, node: Node) -> None:
        """Add the arguments that are most often forgotten."""
        for key in _ADDED:
            if key in type(node.op).model_fields and key not in node.call.arguments:
                value = getattr(node.op, key)
                if value is None or isinstance(value, _SCALARS):  # not "same", nor a list
                    self._add(Token(node.call.span, value, None, key=key)).nodes[node.id] = node


def _items(span: Span, value: Value) -> Iterator[tuple[Span, int | None, Value]]:
    """Yield a scalar, or each number of a list, with its place and its index."""
    if isinstance(value, _SCALARS):
        yield span, None, value
    elif isinstance(value, tuple):
        for i, place in enumerate(span.items(len(value))):
            if type(item := value[i]) is int:
                yield place, i, item
