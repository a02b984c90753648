"""Spec → Graph: instantiate blocks, bind parameters, resolve what each layer reads."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from pydantic import ValidationError

from netspec.graph.bind import (
    bind_value,
    block_bindings,
    bound_sizes,
    holds,
    made_by,
    numbered,
    repeats,
)
from netspec.graph.count import Counter
from netspec.graph.model import (
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
from netspec.graph.widths import Widths
from netspec.language.calls import shorter
from netspec.language.check import is_train_only
from netspec.language.cures import cure
from netspec.language.lower import Bodies, Lowered
from netspec.language.model import (
    BlockCall,
    Body,
    Call,
    Chain,
    GivenCall,
    Layer,
    OpCall,
    ShareCall,
    Spec,
)
from netspec.language.terms import INDEX, Argument, Ref
from netspec.language.values import Scope
from netspec.ops.arguments import Real, spell
from netspec.ops.base import REGISTRY, Op
from netspec.ops.dim import Expr, names
from netspec.ops.split import Cut, Piece
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span
from netspec.text.fixes import whichever, writing

Inputs = tuple[NodeId, ...]
Results = NodeId | dict[str, NodeId]
"""What a layer gives: one node, or several by the name behind the dot."""


def expand(spec: Spec, bodies: Bodies, params: Mapping[str, int | float], sink: Sink) -> Graph:
    """Return the flat network at these values of the spec's parameters. Raises SpecError."""
    bindings = {
        name: Bound(params.get(name, param.default), param.span)
        for name, param in spec.params.items()
    }
    counter = Counter(spec, bodies, bindings, sink)
    with REGISTRY.enabled(spec.ops):
        counter.check()
        sink.stop()
        expander = _Expander(spec, bodies, bindings, sink, counter, Widths(sink))
        inputs: dict[NodeId, Sizes] = {}
        for name, argument in spec.inputs.items():
            inputs[(name,)] = bound_sizes(argument, bindings, sink)
        expander.widths.shapes.update(inputs)
        outputs = expander.run()
    sink.stop()
    values = {name: bound.value for name, bound in bindings.items()}
    tables = expander.nodes, expander.uses, expander.instances, expander.written
    integers = [(name,) for name in spec.integers if name in spec.inputs]
    return Graph(spec.name, values, inputs, integers, *tables, outputs, bodies)  # type: ignore[arg-type]  # numbers


_UNNAMED = "name the layers of the branch, and read the output that is meant"


class _Place(NamedTuple):
    """Where a body is being instantiated.

    `owner` is where its weights are, elsewhere if shared; `written` is its id by the numbers of
    lists as written, in which `else: nothing` makes no layer move up.
    """

    id: NodeId
    owner: NodeId
    written: NodeId
    bindings: Bindings
    origin: tuple[Span, ...]
    train_only: bool

    def child(self, name: str, written: str = "") -> _Place:
        id = (*self.id, name)
        owner = id if self.owner is self.id else (*self.owner, name)  # one tuple saves memory
        is_moved = self.written is not self.id or written not in ("", name)
        path = (*self.written, written or name) if is_moved else id
        return _Place(id, owner, path, self.bindings, self.origin, self.train_only)

    def copy(self, layer: Layer, item: int) -> _Place:
        """Return the place as the arguments of one of a layer's copies see it."""
        bindings = numbered(layer, item, self.bindings)
        return self if bindings is self.bindings else self._replace(bindings=bindings)


@dataclass(slots=True)
class _Expander:
    """Instantiates bodies; `nodes` and `uses` grow in execution order."""

    spec: Spec
    bodies: Bodies
    globals: dict[str, Bound]
    sink: Sink
    counter: Counter
    widths: Widths
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    uses: dict[NodeId, Use] = field(default_factory=dict)
    instances: dict[Body, list[Instance]] = field(default_factory=dict)
    written: dict[NodeId, NodeId] = field(default_factory=dict)
    bound: dict[tuple[object, ...], Op | None] = field(default_factory=dict)
    reads: dict[int, tuple[str, ...]] = field(default_factory=dict)
    given: dict[tuple[GivenCall, object], OpCall | BlockCall] = field(default_factory=dict)
    pieces: dict[tuple[int, int], Piece] = field(default_factory=dict)

    def run(self) -> tuple[GraphOutput, ...]:
        """Instantiate the graph and its heads; return the network's outputs."""
        graph = self.spec.model.body
        assert isinstance(graph, Chain)
        start: NodeId = ()
        place = _Place(start, start, start, self.globals, (), False)
        given = self._steps(self.bodies[graph], [(name,) for name in self.spec.inputs], place)
        outputs = []
        for output in self.spec.outputs:
            weight = self._weight(output.weight)
            node = self._read(output.ref, given)
            outputs.append(GraphOutput(output.name, node, is_train_only(output, graph), weight))
        return tuple(outputs)

    def _weight(self, weight: Argument | None) -> float:
        if weight is None:
            return 1.0
        bound = bind_value(weight, self.globals, self.sink)
        value = bound.value if bound else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            span = bound.span if bound else weight.span
            self.sink.error(Code.RANGE, f"`weight` expects a number, found {spell(value)}", span)
            return 1.0
        return value

    # -------------------------------------------------------------- bodies

    def _body(self, body: Lowered, inputs: Sequence[NodeId], place: _Place) -> Results:
        """Instantiate a body and return what it gives."""
        given = self._steps(body, inputs, place)
        if body.join is not None:
            ends = tuple([_first(given[ref.name]) for ref in body.join.sources])
            assert isinstance(body.join.call, OpCall)
            return self._op(body.join.call, ends, place.child(body.join.name))
        if body.outputs:
            return {ref.name: self._read(ref, given) for ref in body.outputs}
        return given[body.end]

    def _steps(
        self, body: Lowered, inputs: Sequence[NodeId], place: _Place
    ) -> Mapping[str, Results]:
        """Instantiate the layers of a body; return what they and the inputs give, by name."""
        given: dict[str, Results] = dict(zip(body.inputs, inputs, strict=True))
        missing = 0
        for step in body.steps:
            name = step.layer.name
            read = tuple([self._read(ref, given, step.layer.span) for ref in step.layer.sources])
            if not (self._is_there(step.layer, place) and self._is_there(step.actor, place)):
                given[name] = read[0]
                missing += bool(step.layer.said.otherwise)
            elif step.is_branch:  # nobody wrote it as a layer, so it is no use of one
                inside = place.child(name)
                found = self._call(step.layer.call, step.layer, read, inside, place.id)
                if not isinstance(found, tuple):
                    message = "a branch without names ends in a layer with several outputs"
                    self.sink.error(Code.UNKNOWN_LAYER, message, step.layer.span, help=_UNNAMED)
                given[name] = found
            else:
                number = str(int(name) - missing) if missing else name
                inside = place.child(number, name)
                given[name] = self._layer(step.layer, step.actor, read, inside)
        return given

    def _is_there(self, layer: Layer, place: _Place) -> bool:
        return layer.condition is None or holds(layer.condition, place.bindings, self.sink)

    def _read(self, ref: Ref, sources: Mapping[str, Results], reader: Span | None = None) -> NodeId:
        """Return the node that a reference names; one that nobody wrote stands at its reader."""
        found = sources[ref.name]
        if isinstance(found, tuple):
            if ref.port:
                message = f"`{ref.name}` has one output"
                help = writing(ref.span, ref.name, f"write `{ref.name}`") if ref.span else ""
                self.sink.error(Code.UNKNOWN_LAYER, message, ref.span, help=help)
            return found
        if ref.port not in found:
            names = [f"{ref.name}.{port}" for port in [*found][:8]]
            message = f"`{ref.name}` has several outputs"
            help = "say which one: " + " or ".join(f"`{name}`" for name in names)
            if ref.span:
                help = whichever(help, *(writing(ref.span, name) for name in names))
            if ref.name.isdecimal():  # nobody can say its name
                message, help = "the layer before has several outputs", _UNNAMED
            self.sink.error(Code.UNKNOWN_LAYER, message, ref.span or reader, help=help)
            return next(iter(found.values()))
        return found[ref.port]

    def _layer(self, layer: Layer, actor: Layer, inputs: Inputs, place: _Place) -> Results:
        if actor is not layer:
            place = place._replace(owner=(*place.owner[:-1], actor.name))
        if layer.train_only and not place.train_only:
            place = place._replace(train_only=True)
        if actor.said.repeat is None:
            inside = place.copy(actor, actor.index or 0)
            results = self._call(actor.call, layer, inputs, inside, place.id)
        else:
            results = self._stack(layer, actor, inputs, place)
        facts = place.bindings, (layer.span, *place.origin), place.train_only
        self._note(place)
        self.uses[place.id] = Use(place.id, layer, inputs, _first(results), *facts)
        return results

    def _stack(self, layer: Layer, actor: Layer, inputs: Inputs, place: _Place) -> Results:
        """Instantiate the copies of a repeated layer, each on what the one before it gives."""
        results: Results = place.id
        for item in range(repeats(actor, place.bindings, self.sink)):
            inside = place.child(actor.said.copies.name(item)).copy(actor, item)
            results = self._call(actor.call_of(item), layer, inputs, inside, place.id)
            inputs = (results,) if isinstance(results, tuple) else tuple(results.values())
        return results

    def _call(
        self, call: Call, layer: Layer, inputs: Inputs, place: _Place, use: NodeId
    ) -> Results:
        if isinstance(call, GivenCall):
            call = self._made_by(call, place.bindings)
        if isinstance(call, OpCall):
            return self._op(call, inputs, place)
        assert not isinstance(call, ShareCall)
        body: Body
        if isinstance(call, BlockCall):
            block = self.spec.blocks[call.block]
            bindings = self._bindings(call, layer, inputs, place)
            if bindings is None:
                return {ref.name: inputs[0] for ref in block.outputs} or inputs[0]
            place = place._replace(bindings=bindings, origin=(layer.span, *place.origin))
            body = block.body
        else:
            body = call
        results = self._body(self.bodies[body], inputs, place)
        self._note(place)
        found = Instance(place.id, inputs, _first(results), use, place.bindings)
        self.instances.setdefault(body, []).append(found)
        return results

    def _made_by(self, call: GivenCall, bindings: Bindings) -> OpCall | BlockCall:
        """Return the use that a parameter names; the same one gives the same object."""
        key = call, bindings[call.param].value
        if key not in self.given:
            self.given[key] = made_by(call, bindings)
        return self.given[key]

    def _note(self, place: _Place) -> None:
        """Keep what has moved up in a list."""
        if place.written is not place.id and place.written != place.id:
            self.written[place.id] = place.written

    def _bindings(
        self, call: BlockCall, layer: Layer, inputs: Inputs, place: _Place
    ) -> Bindings | None:
        """Return what a use of a block binds; None where that is unknown, or after a report."""
        block = self.spec.blocks[call.block]
        inner = block_bindings(call, block.params.values(), place.bindings, self.sink)
        if inner is not None and block.measured:
            widths = self.widths.of(block, inputs, place.id, layer.span)
            inner = None if widths is None else inner | widths
        if inner is None:
            return None
        # Thousands of uses may see thousands of parameters: a copy each would be their product.
        bindings = ChainMap(inner, self.globals) if inner else self.globals
        if block.measured:
            self.widths.check_shared(place.id, place.owner, layer.span)
            self.counter.check_use(block, bindings, ".".join(place.id), layer.span)
        return bindings

    # -------------------------------------------------------------- ops

    def _op(self, call: OpCall, inputs: Inputs, place: _Place) -> Results:
        op = self._bound_op(call, place.bindings) or call.op
        if isinstance(op, Cut):
            return {
                text: self._node(self._piece(op, i), call, inputs, place.child(text))
                for i, text in enumerate(op.called())
            }
        return self._node(op, call, inputs, place)

    def _piece(self, op: Cut, index: int) -> Piece:
        """Return an output of an op that has several; the same one gives the same object."""
        key = id(op), index
        if key not in self.pieces:
            self.pieces[key] = Piece(whole=op, index=index)
        return self.pieces[key]

    def _node(self, op: Op, call: OpCall, inputs: Inputs, place: _Place) -> NodeId:
        facts = place.bindings, (call.span, *place.origin), place.train_only
        self._note(place)
        self.nodes[place.id] = node = Node(place.id, place.owner, op, inputs, call, *facts)
        self.widths.waiting.append(node)
        return place.id

    def _bound_op(self, call: OpCall, bindings: Bindings) -> Op | None:
        """Bind an op's arguments; the same values give the same object."""
        used = self._reads(call)
        if not used:
            return call.op
        values = [bindings[name].value for name in used]
        key = (id(call), *values, *map(type, values))  # 1, 1.0 and true are one key of a dict
        if key not in self.bound:
            self.bound[key] = self._bind(call, bindings)
        elif self.bound[key] is None:  # what is wrong is told of each use
            self._bind(call, bindings)
        return self.bound[key]

    def _reads(self, call: OpCall) -> tuple[str, ...]:
        """Return the parameters that an op's arguments read."""
        if id(call) not in self.reads:
            values = tuple(argument.value for argument in call.arguments.values())
            self.reads[id(call)] = tuple(dict.fromkeys(names(values)))
        return self.reads[id(call)]

    def _bind(self, call: OpCall, bindings: Bindings) -> Op | None:
        for argument in call.arguments.values():
            if bind_value(argument, bindings, self.sink) is None:
                return None
        try:
            return call.op.bind({name: bindings[name].value for name in self._reads(call)})
        except ValidationError as error:
            for item in error.errors():
                key = str(item["loc"][0])
                span, use = cause(call.arguments[key], bindings)
                notes = (Label(use, f"is `{key}` of `{call.op.op_name}` here"),) if use else ()
                message = f"`{key}` of `{call.op.op_name}`: {item['msg']}"
                help = self._cure(call, key, bindings)
                found = Diagnostic(Code.RANGE, message, span, notes=notes, help=help)
                if INDEX in names(call.arguments[key].value):
                    found = replace(found, details=(f"`$i` is {bindings[INDEX].value} here",))
                self.sink.add(found)
            return None

    def _cure(self, call: OpCall, key: str, bindings: Bindings) -> str:
        """Return what to write in place of a value that an op refuses."""
        bound = bind_value(call.arguments[key], bindings, Sink())
        is_real = any(isinstance(kind, Real) for kind in type(call.op).model_fields[key].metadata)
        if bound is None or (bound.fraction and not is_real):
            return bound.fraction if bound else ""
        given = call.arguments[key].value
        if isinstance(given, Expr) and given.op != "name":
            return ""
        written = Argument(bound.value, bound.span)
        found = cure(written, type(call.op).model_fields[key], self._seen_at(bound.span))
        return found or shorter(call.op.op_name, list(call.arguments.values())[: call.positional])

    def _seen_at(self, span: Span) -> Scope:
        """Return the parameters that an expression at a place may use."""
        outer = Scope(self.spec.params)
        for block in self.spec.blocks.values():
            body = block.body.span
            if body.source is span.source and body.start <= span.start < body.end:
                return Scope(block.params, outer)
        return outer


def _first(results: Results) -> NodeId:
    """Return the node that stands for all that a layer gives."""
    return results if isinstance(results, tuple) else next(iter(results.values()))
