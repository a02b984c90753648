"""ATen calls → drafts of steps, on tensors whose shapes leave out the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.importer.flat import Path
from netspec.importer.lifting import Held, NoCounterpart, given_by, registering, tried
from netspec.importer.refusal import Unliftable
from netspec.importer.torch_alias import clobbering, is_in_place, name_of
from netspec.importer.torch_tables import table
from netspec.importer.torch_trace import Scope, Trace, place, scope
from netspec.language.terms import Value
from netspec.ops.base import REGISTRY

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node


class Weight(NamedTuple):
    """A tensor of the state_dict that no step has used yet."""

    key: str
    sizes: tuple[int, ...]
    is_learnt: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A step before it has its name."""

    scope: Scope
    op: str
    arguments: Mapping[str, Value]
    reads: tuple[Held, ...]
    tensors: Mapping[str, str]
    place: str
    path: Path = ()
    """Where a tensor itself stands."""


Lift = Callable[["Lifter", "Node"], Any]
LIFTS: dict[str, Lift] = {}
lifts = registering(LIFTS)
"""Registers what lifts calls of some names, without `aten.`, overload and trailing `_`."""


@dataclass(slots=True)
class Lifter:
    """Lifts the calls of a trace one after the other; `drafts` and `missing` grow."""

    trace: Trace
    shapes: Mapping[str, tuple[int, ...]]
    """Of the tensors of the state_dict."""
    state: Mapping[str, Tensor]
    drafts: list[Draft] = field(default_factory=list)
    missing: list[Unliftable] = field(default_factory=list)
    held: dict[Node, Any] = field(default_factory=dict)
    made: dict[str, Held] = field(default_factory=dict)
    """Tensors of the state_dict that stand as layers of their own, by key."""
    clobbering: frozenset[Node] = frozenset()
    """Calls that overwrite what is read again under another name."""

    def begin(self) -> None:
        """Take the inputs."""
        self.clobbering = clobbering(self.trace.nodes)
        for number, node in enumerate(self.trace.inputs):
            sizes = tuple(int(size) for size in node.meta["val"].shape[1:])
            self.held[node] = Held(-1 - number, "", sizes, 0)

    def lift(self, node: Node) -> None:
        """Lift a call; of one behind what cannot be lifted only its name is looked at."""
        if not self.is_behind_missing([node]):
            self.attempt(node, str(node.target), self._lift)
        elif name_of(node) not in LIFTS:
            self.attempt(node, str(node.target), _refuse)

    def is_size(self, node: Node) -> bool:
        """Tell whether a call makes a size that depends on the batch."""
        return symbol_of(node.meta.get("val")) is not None

    def is_behind_missing(self, nodes: Sequence[Node]) -> bool:
        """Tell whether calls read one that could not be lifted."""
        sources = {source for node in nodes for source in node.all_input_nodes} - {*nodes}
        return any(x.op == "call_function" and x not in self.held for x in sources)

    def attempt(self, node: Node, call: str, lift: Callable[[Node], None]) -> None:
        """Lift something, or note that it has no counterpart."""
        try:
            lift(node)
        except NoCounterpart as error:
            self.missing.append(Unliftable(call, scope(node).path, place(node), str(error)))

    def _lift(self, node: Node) -> None:
        name = name_of(node)
        if (symbol := symbol_of(node.meta.get("val"))) is not None:
            self.held[node] = symbol
        elif self.is_constant(node):
            self.held[node] = self._computed(node)
        elif name in LIFTS:
            self.held[node] = LIFTS[name](self, node)
            if is_in_place(node):
                self._overwrite(node)
        else:
            _refuse(node)

    def _overwrite(self, node: Node) -> None:
        """Let whoever reads what was overwritten read the new value."""
        target: Any = node.args[0]
        if self.held[node] is self.held.get(target):
            return  # it has left what was there
        if node in self.clobbering:
            raise NoCounterpart("the same without overwriting what is read again")
        if target in self.held:
            self.held[target] = self.held[node]

    # ------------------------------------------------------------ values

    def is_constant(self, node: Node) -> bool:
        """Tell whether a call reads nothing but numbers."""
        import torch
        from torch.fx import Node as AnyNode

        if name_of(node) in RANDOM:
            return False
        if name_of(node) in FILLED:
            return all(isinstance(size, int) for size in node.meta["val"].shape)

        def is_known(value: object) -> bool:
            known = self.value(value) if isinstance(value, AnyNode) else value
            return isinstance(known, torch.Tensor | int | float | str | None)

        makes = isinstance(node.meta.get("val"), torch.Tensor)
        is_sized = makes and all(isinstance(size, int) for size in node.meta["val"].shape)
        return is_sized and all(map(is_known, node.all_input_nodes))

    def _computed(self, node: Node) -> Tensor:
        import torch

        def value(source: Node) -> Any:
            found = self.value(source)
            return torch.zeros(()) if isinstance(found, Held) else found

        given = torch.fx.node.map_arg((node.args, node.kwargs), value)
        with torch.no_grad():
            return node.target(*given[0], **given[1])  # type: ignore[operator,no-any-return]

    def value(self, node: Node) -> Any:
        """Return what a node stands for: a held tensor, a weight, a constant, a number."""
        if node in self.held:
            return self.held[node]
        if key := self.trace.tensors.get(node.name):
            return self.made.get(key) or Weight(
                key, self.shapes[key], node.name in self.trace.learnt
            )
        if node.name in self.trace.constants:
            return self.trace.constants[node.name]
        raise NoCounterpart("")

    def value_or_none(self, node: Node) -> Any:
        """Return what a node stands for, None for one that is not lifted."""
        try:
            return self.value(node)
        except NoCounterpart:
            return None

    def argument(self, node: Node, place: int, name: str = "", default: Any = None) -> Any:
        """Return an argument of a call by its place or its name, nodes as what they stand for."""
        from torch.fx import Node as AnyNode

        if place < len(node.args):
            given: Any = node.args[place]
        else:
            given = node.kwargs.get(name, default)
        return self.value(given) if isinstance(given, AnyNode) else given

    def tensor(self, node: Node, place: int) -> Held:
        """Return a tensor that a call reads, as a layer."""
        return self.layer(node, self.argument(node, place))

    def layer(self, node: Node, value: Any) -> Held:
        """Return a value as a layer: weights and numbers become layers of their own."""
        import torch

        match value:
            case Held():
                return value
            case Weight():
                return self.weight_layer(node, value)
            case torch.Tensor():
                return self.constant(node, value)
        raise NoCounterpart("")

    def weight_layer(self, node: Node, weight: Weight, batch: bool = False) -> Held:
        """Return a tensor of the state_dict as a layer; `batch`: its first size is the batch's."""
        path = tuple(weight.key.split("."))
        if not weight.is_learnt:
            self.made[weight.key] = self._table(node, self.state[weight.key], weight.key)
            return self.made[weight.key]
        arguments: dict[str, Value] = {"size": weight.sizes[1:] if batch else weight.sizes}
        arguments |= {"batch": 1} if batch else {}
        where = Scope(path[:-1], scope(node).classes[: len(path) - 1], "")
        self.drafts.append(
            Draft(where, "parameter", arguments, (), {"": weight.key}, place(node), path)
        )
        sizes = weight.sizes[1:] if batch else weight.sizes
        held = Held(len(self.drafts) - 1, "", sizes, 0 if batch else 1, False)
        self.made[weight.key] = held
        return held

    def constant(self, node: Node, value: Tensor) -> Held:
        """Return numbers as a layer."""
        if value.numel() == 1:
            return self.number(node, value.item(), tuple(value.shape))
        return self._table(node, value, "")

    def number(self, node: Node, value: float, sizes: tuple[int, ...]) -> Held:
        """Return a number as a layer."""
        arguments = {"value": value, "size": sizes or (1,)}
        return self.emit(node, "constant", arguments, ())._replace(shift=1, has_batch=False)

    def place(self, held: Held, where: Scope, path: Path = ()) -> None:
        """Say where a step stands."""
        draft = self.drafts[held.draft]
        self.drafts[held.draft] = replace(draft, scope=where, path=path)

    def _table(self, node: Node, value: Tensor, key: str) -> Held:
        """Return numbers as a layer: a table that netspec knows, or a short list."""
        arguments = table(value)
        if arguments is None:
            raise NoCounterpart("constant: a number, a short list, or a table of windows")
        tensors = {}
        if key:
            arguments |= {"persistent": True}
            tensors = {"": Weight(key, tuple(value.shape), False)}
        held = self.emit(node, "constant", arguments, (), tensors)
        if key:
            path = tuple(key.split("."))
            where = Scope(path[:-1], scope(node).classes[: len(path) - 1], "")
            self.place(held, where, path)
        return held._replace(shift=1, has_batch=False)

    # ------------------------------------------------------------- steps

    def emit(
        self,
        node: Node,
        op: str,
        arguments: Mapping[str, Any],
        reads: Sequence[Held],
        tensors: Mapping[str, Any] | None = None,
    ) -> Held:
        """Add a step; return what it gives. Raises NoCounterpart for what netspec refuses."""
        keys = {
            name: weight.key
            for name, weight in (tensors or {}).items()
            if isinstance(weight, Weight)
        }
        given, sizes, problem = tried(op, arguments, reads)
        if problem:
            raise NoCounterpart(f"{op}: {problem}")
        draft = Draft(scope(node), op, given, tuple(reads), keys, place(node))
        self.drafts.append(draft)
        return given_by(len(self.drafts) - 1, sizes, reads)


FILLED = ("new_zeros", "new_ones", "new_full")
"""Calls that take no more of a tensor than what its elements are."""
RANDOM = ("empty", "new_empty", "bernoulli", "rand", "randn", "rand_like")
"""Calls that give others each time."""


class Symbol(NamedTuple):
    """A size that depends on the batch: so many times it."""

    factor: int


def _refuse(node: Node) -> None:
    raise NoCounterpart(nearest(name_of(node)))


def symbol_of(value: object) -> Symbol | None:
    """Return what multiple of the batch a size is."""
    import torch

    if not isinstance(value, torch.SymInt):
        return None
    expr = value.node.expr
    (symbol,) = expr.free_symbols or (None,)
    factor = expr if symbol is None else expr.subs(symbol, 1)
    return Symbol(int(factor))


def nearest(name: str) -> str:
    """Return the op whose name is most like a call's."""
    from netspec.text.diagnostics import suggest

    return suggest(name, REGISTRY).removeprefix("did you mean ").rstrip("?")
