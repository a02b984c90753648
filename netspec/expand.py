"""Spec → Graph: instantiate blocks, bind parameters, resolve what each layer reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from netspec.check import is_train_only
from netspec.diagnostics import Diagnostic, Label, Sink, Span
from netspec.dim import Expr, names, substitute
from netspec.graph import (
    Bindings,
    Bound,
    Graph,
    GraphOutput,
    Instance,
    Node,
    NodeId,
    Sizes,
    Use,
    cause,
)
from netspec.ops.arguments import MAX_SIZE, spell
from netspec.ops.base import Op
from netspec.spec.model import (
    INPUT,
    Argument,
    Block,
    BlockCall,
    Body,
    Chain,
    Layer,
    OpCall,
    Parallel,
    Spec,
    chains,
)
from netspec.spec.order import execution_order

MAX_LAYERS = 100_000


def expand(spec: Spec, params: Mapping[str, int | float], sink: Sink) -> Graph:
    """Return the flat network at these values of the spec's parameters. Raises SpecError."""
    bindings = {
        name: Bound(params.get(name, param.default), param.span)
        for name, param in spec.params.items()
    }
    _Counter(spec, sink).count_all(bindings)
    sink.stop()
    expander = _Expander(spec, bindings, sink)
    inputs = {(name,): expander.sizes(shape, bindings) for name, shape in spec.inputs.items()}
    outputs = expander.run()
    sink.stop()
    values = {name: bound.value for name, bound in bindings.items()}
    tables = expander.nodes, expander.uses, expander.instances
    return Graph(spec.name, values, inputs, *tables, outputs)  # type: ignore[arg-type]  # numbers


def bind_value(argument: Argument, bindings: Bindings, sink: Sink) -> Bound | None:
    """Return an argument's value and cause, or None after reporting why it has none."""
    span, use = cause(argument, bindings)
    if not isinstance(argument.value, Expr | tuple):
        return Bound(argument.value, span)
    try:
        values = {name: bindings[name].value for name in names(argument.value)}
        return Bound(substitute(argument.value, values), span)  # type: ignore[arg-type]  # a Value
    except ZeroDivisionError:
        message = "division by zero"
    except OverflowError:
        message = "the result is beyond 10**15"
    except TypeError:
        message = "arithmetic needs numbers"
    notes = (Label(use, "used here"),) if use else ()
    given = ", ".join(f"{name} = {bindings[name].value}" for name in names(argument.value))
    sink.add(Diagnostic("NS016", f"{message} with {given}", span, notes=notes))
    return None


def _repeats(layer: Layer, bindings: Bindings, sink: Sink) -> int | None:
    """Return how often a layer is repeated; None for a layer that does not say `repeat:`."""
    if layer.repeat is None:
        return None
    bound = bind_value(layer.repeat, bindings, sink)
    if bound is None:
        return 1
    if type(bound.value) is not int or not 1 <= bound.value <= MAX_SIZE:
        message = f"`repeat` expects a positive integer, found {spell(bound.value)}"
        sink.error("NS035", message, bound.span)
        return 1
    return bound.value


def _inner(call: BlockCall, block: Block, outer: Bindings, sink: Sink) -> dict[str, Bound] | None:
    """Bind a block's parameters for one use."""
    result: dict[str, Bound] = {}
    for name, param in block.params.items():
        if name in call.arguments:
            bound = bind_value(call.arguments[name], outer, sink)
        else:
            bound = Bound(param.default, param.span)
        if bound is None:
            return None
        result[name] = bound
    return result


class _Counter:
    """Counts the layers of an expansion without doing it."""

    def __init__(self, spec: Spec, sink: Sink) -> None:
        self._spec = spec
        self._sink = sink
        self._known: dict[tuple[object, ...], int] = {}
        self._globals: Bindings = {}

    def count_all(self, bindings: Bindings) -> None:
        """Report a network that is too large to expand."""
        self._globals = bindings
        total = 0
        body = self._spec.model.body
        for layer in (*chains(body)[0].layers, *self._spec.heads):
            total += self._layer(layer, bindings)
            if total > MAX_LAYERS or len(self._known) > MAX_LAYERS:
                message = f"more than {MAX_LAYERS:,} layers after expansion"
                self._sink.error("NS001", message, layer.span, "too many from here on")
                return

    def _body(self, body: Body, bindings: Bindings) -> int:
        total = int(isinstance(body, Parallel))
        for chain in chains(body):
            for layer in chain.layers:
                total += self._layer(layer, bindings)
                if total > MAX_LAYERS or len(self._known) > MAX_LAYERS:
                    return total
        return total

    def _layer(self, layer: Layer, bindings: Bindings) -> int:
        quiet = Sink()
        times = _repeats(layer, bindings, quiet) or 1
        if isinstance(layer.call, OpCall):
            return times
        if not isinstance(layer.call, BlockCall):
            return times * self._body(layer.call, bindings)
        block = self._spec.blocks[layer.call.block]
        inner = _inner(layer.call, block, bindings, quiet)
        if inner is None:
            return times
        key = (block.name, *(bound.value for bound in inner.values()))
        if key not in self._known:
            self._known[key] = 1
            self._known[key] = self._body(block.body, {**self._globals, **inner})
        return times * self._known[key]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a body is being instantiated."""

    id: NodeId
    bindings: Bindings
    origin: tuple[Span, ...]
    train_only: bool

    def child(self, name: str, origin: Span | None = None) -> _Place:
        spans = self.origin if origin is None else (origin, *self.origin)
        return replace(self, id=(*self.id, name), origin=spans)


@dataclass(slots=True)
class _Expander:
    """Instantiates bodies; `nodes` and `uses` grow in execution order."""

    spec: Spec
    globals: Bindings
    sink: Sink
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    uses: dict[NodeId, Use] = field(default_factory=dict)
    instances: dict[Body, list[Instance]] = field(default_factory=dict)
    bound: dict[tuple[object, ...], Op | None] = field(default_factory=dict)

    def run(self) -> tuple[GraphOutput, ...]:
        """Instantiate the graph and its heads; return the network's outputs."""
        graph = self.spec.model.body
        assert isinstance(graph, Chain)
        sources: dict[str, NodeId] = {name: (name,) for name in self.spec.inputs}
        place = _Place((), self.globals, (), False)
        self._chain(graph.layers, sources, place, self.spec.heads)
        outputs = []
        for output in self.spec.outputs:
            weight = self._weight(output.head, self.globals)
            only = is_train_only(output, graph)
            outputs.append(GraphOutput(output.name, sources[output.ref.name], only, weight))
        return tuple(outputs)

    def sizes(self, argument: Argument, bindings: Bindings) -> Sizes:
        """Return an input's shape."""
        bound = bind_value(argument, bindings, self.sink)
        values = bound.value if bound and isinstance(bound.value, tuple) else ()
        for value in values:
            if type(value) is not int or not 1 <= value <= MAX_SIZE:
                span = bound.span if bound else argument.span
                message = f"a size is a positive integer, found {spell(value)}"
                self.sink.error("NS035", message, span)
        return values  # type: ignore[return-value]  # checked above

    def _weight(self, head: Layer | None, bindings: Bindings) -> float:
        if head is None or head.weight is None:
            return 1.0
        bound = bind_value(head.weight, bindings, self.sink)
        if (
            bound is None
            or isinstance(bound.value, bool)
            or not isinstance(bound.value, int | float)
        ):
            message = "`weight` expects a number"
            self.sink.error("NS035", message, bound.span if bound else head.weight.span)
            return 1.0
        return bound.value

    def _chain(
        self,
        layers: Sequence[Layer],
        sources: dict[str, NodeId],
        place: _Place,
        heads: Sequence[Layer] = (),
    ) -> None:
        """Instantiate layers; `sources` maps names to nodes and grows by the layers' outputs."""
        for layer in execution_order(layers, heads):
            inputs = tuple(sources[ref.name] for ref in layer.sources)
            sources[layer.name] = self._layer(layer, inputs, place.child(layer.name))

    def _layer(self, layer: Layer, inputs: tuple[NodeId, ...], place: _Place) -> NodeId:
        place = replace(place, train_only=place.train_only or layer.train_only)
        times = _repeats(layer, place.bindings, self.sink)
        use = place.id
        if times is None:
            output = self._call(layer, inputs, place, use)
        else:
            current = inputs
            for i in range(times):
                output = self._call(layer, current, place.child(str(i)), use)
                current = (output,)
        origin = (layer.span, *place.origin)
        self.uses[place.id] = Use(
            place.id, layer, inputs, output, place.bindings, origin, place.train_only
        )
        return output

    def _call(self, layer: Layer, inputs: tuple[NodeId, ...], place: _Place, use: NodeId) -> NodeId:
        call = layer.call
        body: Body
        match call:
            case OpCall():
                return self._op(call, inputs, place)
            case BlockCall():
                block = self.spec.blocks[call.block]
                inner = _inner(call, block, place.bindings, self.sink)
                if inner is None:
                    return inputs[0]
                bindings = {**self.globals, **inner}
                place = replace(place, bindings=bindings, origin=(layer.span, *place.origin))
                names = block.inputs or (INPUT,)
                body = block.body
            case _:
                names, body = (INPUT,), call
        output = self._body(body, dict(zip(names, inputs, strict=True)), place)
        instance = Instance(place.id, inputs, output, use, place.bindings)
        self.instances.setdefault(body, []).append(instance)
        return output

    def _body(self, body: Body, inputs: dict[str, NodeId], place: _Place) -> NodeId:
        if isinstance(body, Chain):
            return self._ends(body, inputs, place)
        ends = []
        for i, branch in enumerate(body.branches):
            inside = place if branch.named or not branch.layers else place.child(str(i))
            ends.append(self._ends(branch, inputs, inside))
        name = body.join.op.op_name
        while (*place.id, name) in self.nodes or (*place.id, name) in self.uses:
            name += "_"
        return self._op(body.join, tuple(ends), place.child(name))

    def _ends(self, chain: Chain, inputs: dict[str, NodeId], place: _Place) -> NodeId:
        """Instantiate a chain and return the node at its end; no layers: its input."""
        if not chain.layers:
            return next(iter(inputs.values()))
        sources = dict(inputs)
        self._chain(chain.layers, sources, place)
        return sources[chain.layers[-1].name]

    def _op(self, call: OpCall, inputs: tuple[NodeId, ...], place: _Place) -> NodeId:
        op = self._bound_op(call, place.bindings)
        if op is None:
            op = call.op
        origin = (call.span, *place.origin)
        self.nodes[place.id] = Node(
            place.id, op, inputs, call, place.bindings, origin, place.train_only
        )
        return place.id

    def _bound_op(self, call: OpCall, bindings: Bindings) -> Op | None:
        """Bind an op's arguments; the same values give the same object."""
        used = dict.fromkeys(
            n for argument in call.arguments.values() for n in names(argument.value)
        )
        if not used:
            return call.op
        key = (id(call), *((bindings[name].value, type(bindings[name].value)) for name in used))
        if key not in self.bound:
            self.bound[key] = self._bind(call, bindings)
        elif self.bound[key] is None:
            self._bind(call, bindings)
        return self.bound[key]

    def _bind(self, call: OpCall, bindings: Bindings) -> Op | None:
        for argument in call.arguments.values():
            if bind_value(argument, bindings, self.sink) is None:
                return None
        try:
            return call.op.bind({name: bound.value for name, bound in bindings.items()})
        except ValidationError as error:
            for item in error.errors():
                key = str(item["loc"][0])
                span, use = cause(call.arguments[key], bindings)
                notes = (Label(use, f"is `{key}` of `{call.op.op_name}` here"),) if use else ()
                message = f"`{key}` of `{call.op.op_name}`: {item['msg']}"
                self.sink.add(Diagnostic("NS035", message, span, notes=notes))
            return None
