"""One body of a spec, as a rewrite sees it: its layers, who reads them, and every use of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from netspec.analysis.network import Network
from netspec.graph.model import Node, NodeId, Sizes, Use, path
from netspec.language.lower import END, Lowered
from netspec.language.model import Body, Chain, Layer, OpCall, Parallel, ShareCall
from netspec.language.terms import Argument, Condition, Ref, Value
from netspec.ops.base import Op, Storage
from netspec.rewrite.tensors import Arithmetic, Old

Source = Callable[[str, NodeId], Arithmetic]
"""Where the tensor of a new layer comes from: its name in the layer, and where the body is used."""
_VIEWS = (Storage.VIEW, Storage.IDLE)


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """Another body in place of one; `tensors` says, by layer, where the tensors come from.

    Layers that are not mentioned keep theirs.
    """

    old: Body
    new: Body
    tensors: Mapping[str, Source] = field(default_factory=dict)
    times: int = 1
    """How many places of the body it changes."""


@dataclass(frozen=True, eq=False)
class View:
    """A body with its uses in a network."""

    network: Network
    body: Body

    @cached_property
    def lowered(self) -> Lowered:
        return self.network.graph.bodies[self.body]

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """The layers in execution order, but for branches without names."""
        return {step.layer.name: step.layer for step in self.lowered.steps if not step.is_branch}

    @cached_property
    def places(self) -> Sequence[NodeId]:
        """Where the body is used."""
        if self.body is self.network.spec.model.body:
            return ((),)
        return [use.id for use in self.network.graph.instances.get(self.body, ())]

    def at(self, place: NodeId, name: str) -> NodeId:
        """Return the id of a layer, which in a list may have moved up, or of nothing."""
        graph = self.network.graph
        written, id = (*graph.written.get(place, place), name), (*place, name)
        return self._moved.get(written) or (() if id in graph.written else id)

    @cached_property
    def _moved(self) -> Mapping[NodeId, NodeId]:
        """What has moved up in a list, by its id as written."""
        return {written: id for id, written in self.network.graph.written.items()}

    def name_at(self, id: NodeId) -> str:
        """Return how a layer of the body with this id is written."""
        return self.network.graph.written.get(id, id)[-1]

    def old(self, place: NodeId, name: str, *tensor: str) -> Old:
        """Return a tensor of a layer in one use of the body."""
        return Old(path((*self.at(place, name), *filter(None, tensor))))

    def moved(self, name: str) -> Source:
        """Return the source of the tensors of a layer that was called otherwise."""
        return lambda tensor, place: self.old(place, name, tensor)

    @cached_property
    def _shared(self) -> set[str]:
        """The layers that take part in sharing."""
        calls = [(name, layer.call) for name, layer in self.layers.items()]
        pairs = [(name, call.target.name) for name, call in calls if isinstance(call, ShareCall)]
        return {name for pair in pairs for name in pair}

    def is_plain(self, layer: Layer) -> bool:
        """Tell whether a layer is there once, with weights of its own and one use of them."""
        return layer.said.repeat is None and layer.name not in self._shared

    def feeds(self, name: str, reader: str) -> bool:
        """Tell whether one layer is all that reads another one."""
        return set(self.lowered.graph.successors(name)) == {reader}

    def gives(self, name: str) -> bool:
        """Tell whether something outside of the body reads a layer."""
        return END in self.lowered.graph.successors(name)

    def _uses(self, name: str) -> Iterator[Use]:
        """Yield a layer as it stands in each use of the body."""
        found = (self.network.graph.uses.get(self.at(place, name)) for place in self.places)
        yield from (use for use in found if use is not None)

    def is_overwritten(self, name: str) -> bool:
        """Tell whether an op overwrites what a layer gives, or a view of it."""
        return self._overwrites({use.output for use in self._uses(name)})

    def reads_overwritten(self, name: str) -> bool:
        """Tell whether an op overwrites something that a layer reads, so that order counts."""
        nodes = self.network.graph.nodes
        read = [id for use in self._uses(name) for id in use.inputs]
        for id in read:
            if id in nodes and nodes[id].op.storage in _VIEWS:
                read += nodes[id].inputs
        return self._overwrites({*read})

    def _overwrites(self, found: set[NodeId]) -> bool:
        """Tell whether an op overwrites one of some nodes, or a view of it."""
        for node in self.network.graph.nodes.values():
            if not found.isdisjoint(node.inputs):
                if getattr(node.op, "inplace", False):
                    return True
                if node.op.storage in _VIEWS:
                    found.add(node.id)
        return False

    def nodes(self, name: str) -> list[Node]:
        """Return an op of the body in each use of the body."""
        found = (self.network.graph.nodes.get(self.at(place, name)) for place in self.places)
        return [node for node in found if node is not None]

    def ops(self, name: str) -> list[Op]:
        """Return what an op comes to in each use of the body."""
        return [node.op for node in self.nodes(name)]

    def is_op(self, layer: Layer, *kinds: type[Op]) -> bool:
        """Tell whether a layer is an op of some kinds, there once, wherever the body is used."""
        is_kind = isinstance(layer.call, OpCall) and isinstance(layer.call.op, kinds)
        return is_kind and self.is_plain(layer) and bool(self.nodes(layer.name))

    def sizes(self, name: str) -> list[Sizes]:
        """Return the shapes of what a layer reads in each use of the body."""
        return [self.network.shapes[node.inputs[0]] for node in self.nodes(name)]

    def above(self, layer: Layer) -> Layer | None:
        """Return the only layer that a layer reads, if it is of this body."""
        (ref, *others) = layer.sources or (Ref(""),)
        return None if others or ref.port else self.layers.get(ref.name)

    def may_go(self, layer: Layer) -> bool:
        """Tell whether what a layer reads can stand in its place, at the end of a chain too."""
        if self.lowered.outputs:
            return layer.name not in {ref.name for ref in self.lowered.outputs}
        for chain in self.body.branches if isinstance(self.body, Parallel) else (self.body,):
            if layer in chain.layers:
                above = chain.layers[: chain.layers.index(layer)]
                is_below = bool(above) and above[-1].name == layer.sources[0].name
                return is_below or (layer is not chain.layers[-1] and len(chain.layers) > 1)
        return False

    def called(self, layer: Layer, op: type[Op], **given: Value) -> Layer:
        """Return a layer that calls another op, or its own with other arguments."""
        call = layer.call
        assert isinstance(call, OpCall)
        arguments = {**call.arguments, **{key: Argument(x, call.span) for key, x in given.items()}}
        new = op.model_validate({key: x.value for key, x in arguments.items()})
        return replace(layer, call=replace(call, op=new, arguments=arguments))

    def edit(
        self,
        changed: Mapping[str, Layer | None],
        instead: Mapping[str, str] | None = None,
        tensors: Mapping[str, Source] | None = None,
    ) -> Edit:
        """Return the body with some layers changed or gone (None).

        `instead` says by which layer those that are gone are replaced where they were read.
        """
        numbers: dict[str, str] = {}

        def chain(old: Chain) -> Chain:
            found = (changed.get(layer.name, layer) for layer in old.layers)
            kept = [layer for layer in found if layer is not None]
            if not old.named:
                numbers.update({layer.name: str(i) for i, layer in enumerate(kept)})
            return replace(old, layers=tuple(kept))

        body = self.body
        new: Body
        if isinstance(body, Chain):
            new = chain(body)
        else:
            branches = (chain(branch) if branch.named else branch for branch in body.branches)
            new = replace(body, branches=tuple(branches))
        names = {old: numbers.get(to, to) for old, to in (instead or {}).items()}
        new = _renamed(new, numbers | names, numbers)
        sources = {to: self.moved(old) for old, to in numbers.items() if to != old}
        sources |= {numbers.get(name, name): source for name, source in (tensors or {}).items()}
        return Edit(body, new, sources)


def _renamed(body: Body, read: Mapping[str, str], numbers: Mapping[str, str]) -> Body:
    """Return a body whose layers read others, and have other numbers."""
    if isinstance(body, Parallel):
        branches = (_renamed(x, read, numbers) if x.named else x for x in body.branches)
        return replace(body, branches=tuple(branches))  # type: ignore[arg-type]  # each is a chain

    def layer(old: Layer) -> Layer:
        sources = tuple(replace(ref, name=read.get(ref.name, ref.name)) for ref in old.sources)
        return replace(old, name=numbers.get(old.name, old.name), sources=sources)

    return replace(body, layers=tuple(layer(old) for old in body.layers))


def same_condition(one: Layer, two: Layer) -> bool:
    """Tell whether two layers are there under the same condition."""

    def key(when: Condition | str | None) -> object:
        if isinstance(when, Condition):
            return when.left, when.operator, when.right
        return when

    return key(one.said.when) == key(two.said.when) and not (
        one.said.otherwise or two.said.otherwise
    )


def unused(name: str, taken: Iterable[str]) -> str:
    """Return a name that no layer has yet."""
    while name in taken:
        name += "_"
    return name
