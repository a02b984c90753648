"""Network → the plan of its file: every body is walked once, with names in place of numbers.

Shape rules run on names here: a block's input has the channels `in_channels`, so the inferred
arguments of its children come out as expressions over the constructor's own arguments. Sizes of
the image stay unwritten (names that start with "@"): what depends on them is a number where it is
the same in every use of the block, and a constructor argument where it is not.

The spec's parameters are names too ("$width"), until something inferred turns out to depend on
one: a constructor that took it could not make a network of another size that fits together. Such a
parameter is held fixed, a number in every class alike, and the network is traced again with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NoReturn, cast

from netspec.analysis.network import Network
from netspec.emit.torch.bodies import base, fillers, is_plain
from netspec.emit.torch.constructs import (
    Chosen,
    Comparison,
    Construct,
    Copies,
    Sequential,
    is_uneven,
    made_of,
    shape_behind,
)
from netspec.emit.torch.instances import Instances
from netspec.emit.torch.naming import GLOBALS, RESERVED, class_name, renamed, unique
from netspec.emit.torch.params import block_params, class_params, names_in
from netspec.emit.torch.plan import (
    GLOBAL,
    Branch,
    ClassParam,
    ClassPlan,
    FilePlan,
    Forward,
    Given,
    Read,
    Step,
    bare,
    first,
)
from netspec.emit.torch.scope import ClassScope, either, symbol, symbols
from netspec.emit.torch.work import Calls, Work, together
from netspec.graph.bind import call_of
from netspec.graph.model import NodeId
from netspec.language.model import (
    INPUT,
    Block,
    BlockCall,
    Body,
    Call,
    Chain,
    Layer,
    OpCall,
    Parallel,
    ShareCall,
)
from netspec.language.order import execution_order
from netspec.language.terms import Ref
from netspec.ops.base import Op
from netspec.ops.dim import Dim, Shape, integer, names, substitute
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, SpecError

Sources = dict[str, Given]


def trace(network: Network) -> FilePlan:
    """Return what the file of a network holds."""
    params = network.graph.params
    held: set[str] = set()
    while True:
        tracer = _Tracer(network, held)
        depends = tracer.model().depends
        fixed = {text for text in params if GLOBAL + text in depends}
        if not fixed:
            values = {text: value for text, value in params.items() if text in held}
            return FilePlan(tuple(tracer.classes.values()), values, dict(tracer.helpers.values()))
        held |= fixed


class _Tracer:
    """Traces every class of a network, the ones that others use first."""

    def __init__(self, network: Network, held: Collection[str]) -> None:
        self.spec = network.spec
        self.graph = network.graph
        self.instances = Instances(network.graph, network.shapes)
        self.classes: dict[Body, ClassPlan] = {}
        self.helpers: dict[str, tuple[str, str]] = {}
        """Classes that torch lacks: op → the name that its class has here, and its source."""
        self._names = {self.spec.name, f"{self.spec.name}Output", *self.spec.blocks, *GLOBALS}
        self._params = {
            text: value if text in held else symbol(GLOBAL + text, isinstance(value, float))
            for text, value in self.graph.params.items()
        }

    def model(self) -> ClassPlan:
        """Trace the network's own class and, before it, all that it uses."""
        spec = self.spec
        inputs = [integer(substitute(x.value, self._params)) for x in spec.inputs.values()]
        outputs = tuple(output.ref for output in spec.outputs)
        block = replace(spec.model, name=spec.name, doc=spec.doc, outputs=outputs)
        scope = ClassScope(self._params, ())
        plan = _Walk(self, block, scope).plan(cast("list[Shape]", inputs), spec.heads)
        weights = {
            output.name: substitute(output.weight.value, self._params)
            for output in spec.outputs
            if output.weight and len(outputs) > 1
        }
        plan = replace(plan, base="nn.Module", weights=weights)
        return self._finished(plan, [], is_model=True)

    def class_of(self, body: Body, label: str, outer: ClassScope) -> ClassPlan:
        """Return the plan of a block's or an inline block's class; `outer` is what it can see."""
        # However often a body is used, it is one class: what differs are constructor arguments.
        if body in self.classes:
            return self.classes[body]
        ranks = self.instances.ranks(body)
        block = next((b for b in self.spec.blocks.values() if b.body is body), None)
        if block is None:
            block = Block(unique(label, self._names), body.span, {}, (INPUT,), body)
            scope = ClassScope(outer.values, symbols(block.inputs, ranks))
            return self._class(block, scope, [])
        params = block_params(block, self.instances)
        reals = frozenset(param.name for param in params if "float" in param.type)
        own = {text: symbol(text, text in reals) for text in block.params}
        block = block if block.inputs else replace(block, inputs=(INPUT,))
        scope = ClassScope({**self._params, **own}, symbols(block.inputs, ranks))
        return self._class(block, scope, params)

    def _class(self, block: Block, scope: ClassScope, params: list[ClassParam]) -> ClassPlan:
        plan = _Walk(self, block, scope).plan(scope.symbols)
        # Behind a name of the class's own a parameter of the spec cannot be handed on: it is fixed.
        hidden = {
            GLOBAL + text
            for text, value in self._params.items()
            if scope.values[text] is not value or text in names(scope.symbols)
        }
        depends = plan.depends | hidden.intersection(names_in(plan))
        return self._finished(replace(plan, depends=depends), params)

    def _finished(
        self, plan: ClassPlan, declared: list[ClassParam], is_model: bool = False
    ) -> ClassPlan:
        """Keep a class, with the arguments of its constructor and what they are called in it."""
        params = class_params(plan, declared, self.graph.params, self.instances, is_model)
        reserved = RESERVED.union(*map(made_of, plan.children.values()))
        words = renamed((bare(param.name) for param in params), reserved)
        local = {param.name: words[bare(param.name)] for param in params}
        local["@i"] = unique("i", {*words.values(), *reserved})
        self.classes[plan.body] = replace(plan, params=params, local=local)
        return self.classes[plan.body]

    def helper(self, op: Op) -> str:
        """Return the name of the class that an op brings along; no block has the same one."""
        if op.op_name not in self.helpers:
            text = unique(op.module, self._names)
            self.helpers[op.op_name] = text, op.helper.replace(op.module, text, 1)
        return self.helpers[op.op_name][0]


class _Walk:
    """Walks the body of one class: only here is known how chains and their lines nest."""

    def __init__(self, tracer: _Tracer, block: Block, scope: ClassScope) -> None:
        self._tracer = tracer
        self._block = block
        self._scope = scope
        self._calls = Calls(scope, tracer.instances, tracer.spec.blocks, tracer.helper)
        self._children: dict[str, Construct] = {}
        self._works: list[Work] = []

    def plan(self, inputs: Sequence[Shape], heads: Sequence[Layer] = ()) -> ClassPlan:
        """Return the class without the arguments of its constructor."""
        block, body = self._block, self._block.body
        sources: Sources = {text: {"": x} for text, x in zip(block.inputs, inputs, strict=True)}
        if isinstance(body, Parallel):
            forward, output = self._parallel(body, sources)
        else:
            forward, output = self._serial(body, sources, heads)
        depends, extras = together(self._works)
        return ClassPlan(
            name=block.name,
            base=base(body),
            doc=block.doc,
            body=body,
            inputs=block.inputs,
            symbols=self._scope.symbols,
            output=output,
            children=self._children,
            forward=forward,
            fillers=tuple(fillers(body, heads)),
            depends=depends,
            extras=extras,
        )

    # -------------------------------------------------------------- bodies

    def _serial(
        self, body: Chain, sources: Sources, heads: Sequence[Layer]
    ) -> tuple[Forward, Given]:
        steps = self._chain(body, sources, heads)
        refs = self._block.outputs or [Ref(layer.name) for layer in body.layers[-1:]]
        returns = tuple(_source(ref, sources) for ref in refs)
        output = _last(body, sources)
        if self._block.outputs:
            output = {ref.name: _read(ref, sources) for ref in refs}
        return Forward((Branch(steps),), None, returns), output

    def _parallel(self, body: Parallel, sources: Sources) -> tuple[Forward, Given]:
        """Trace branches; one without names is a child, for its layers have no names either."""
        start = first(next(iter(sources.values())))
        branches, ends = [], []
        for i, branch in enumerate(body.branches):
            if branch.named or not branch.layers:
                inside = dict(sources)
                end = branch.layers[-1].name if branch.layers else ""
                branches.append(Branch(self._chain(branch, inside), end))
                ends.append(first(_last(branch, inside)))
                continue
            work = self._once(None, branch, (start,), (str(i),))
            self._works.append(work)
            self._children[str(i)] = work.item
            branches.append(Branch(child=str(i)))
            ends.append(first(work.given))
        join = self._calls.op(body.join, ends, ())
        return Forward(tuple(branches), join.function, ()), join.given

    def _chain(
        self, chain: Chain, sources: Sources, heads: Sequence[Layer] = ()
    ) -> tuple[Step, ...]:
        """Trace the layers of a chain; `sources` learns what they give."""
        peers = {layer.name: layer for layer in (*chain.layers, *heads)}
        steps, made = [], {}
        for layer in execution_order(chain.layers, heads):
            inputs = tuple(_read(ref, sources) for ref in layer.sources)
            if isinstance(layer.call, ShareCall):
                work = self._shared(layer, peers[layer.call.target.name], inputs)
            else:
                work = self._layer(layer, inputs, (layer.name,))
            reads = tuple(_source(ref, sources) for ref in layer.sources)
            steps.append(_step(layer, reads, work))
            self._works.append(work)
            made[layer.name] = work.child
            sources[layer.name] = work.given
        # A module's children stand in the file's order, whatever order they run in.
        self._children |= {text: child for text in peers if (child := made[text])}
        return tuple(steps)

    def _shared(self, layer: Layer, target: Layer, inputs: tuple[Shape, ...]) -> Work:
        """Trace another call of a layer: what it gives here, with the child that is there."""
        if self._presence(layer) is False or self._presence(target) is False:
            return Work({"": inputs[0]}, is_absent=True)
        work = self._layer(target, inputs, (target.name,))
        if work.function is None:
            # What the child takes follows from where it is made: this call decides nothing of it.
            work = Work(work.given, choices=work.choices)
        return self._under_condition(layer, work, inputs[0])

    # -------------------------------------------------------------- layers

    def _layer(self, layer: Layer, inputs: tuple[Shape, ...], path: NodeId) -> Work:
        if self._presence(layer) is False:
            return Work({"": inputs[0]}, is_absent=True)
        if layer.repeat is None:
            work = self._once(layer, layer.call, inputs, path)
        else:
            work = self._repeat(layer, inputs[0], path)
        return self._under_condition(layer, work, inputs[0]) if layer.condition else work

    def _presence(self, layer: Layer) -> bool | Comparison:
        """Tell whether every use of the class has a layer, or none, or on what it depends."""
        if layer.condition is None:
            return True
        found = self._scope.decide(layer.condition)
        if isinstance(found, Comparison) and not self._tracer.instances.have(layer):
            return False
        return found

    def _under_condition(self, layer: Layer, work: Work, other: Shape) -> Work:
        """Return what a layer comes to that only some uses of the class have."""
        condition = self._presence(layer)
        if not isinstance(condition, Comparison):
            return work
        x = first(work.given)
        if len(x) != len(other):
            _refuse_choice(layer)
        given = {"": either(x, other, condition)}
        if work.child is not None:
            return replace(work, given=given, child=Chosen(work.child, condition))
        return replace(work, given=given, choices=(*work.choices, condition))

    def _once(
        self,
        layer: Layer | None,
        call: Call,
        inputs: tuple[Shape, ...],
        path: NodeId,
        item: NodeId = (),
    ) -> Work:
        """Trace a call; `item` is which of its layer's copies it is."""
        place = (*path, *item)
        if isinstance(call, OpCall):
            return self._calls.op(call, inputs, place)
        if isinstance(call, Chain) and is_plain(call):
            return self._stack(call, inputs[0], place)
        assert not isinstance(call, ShareCall)
        blocks = self._tracer.spec.blocks
        body = blocks[call.block].body if isinstance(call, BlockCall) else call
        label = class_name((self._block.name, *path))
        child = self._tracer.class_of(body, label, self._scope)
        return self._calls.use(child, call, inputs, layer, place)

    def _stack(self, chain: Chain, x: Shape, path: NodeId) -> Work:
        """Trace an unnamed chain of modules, which is an nn.Sequential and needs no class."""
        works = []
        for layer in chain.layers:
            works.append(self._layer(layer, (x,), (*path, layer.name)))
            x = first(works[-1].given)
        depends, extras = together(works)
        child = Sequential(tuple(work.item for work in works))
        return Work({"": x}, child, depends=depends, extras=extras)

    def _repeat(self, layer: Layer, x: Shape, path: NodeId) -> Work:
        """Trace the copies of a layer, until one is as the one before it.

        Where the count is a name, three copies show whether they grow.
        """
        assert layer.repeat is not None
        count = cast("Dim", integer(substitute(layer.repeat.value, self._scope.values)))
        works: list[Work] = []
        shapes = [x]
        for i in range(count if isinstance(count, int) else 3):
            works.append(self._once(layer, call_of(layer, i), (shapes[-1],), path, (str(i),)))
            shapes.append(first(works[-1].given))
            is_second = i > bool(layer.first) and shapes[-1] == shapes[-2]
            if is_second and works[-1].child == works[-2].child:
                break
        items = tuple(work.item for work in works)
        depends, extras = together(works)
        # Copies that differ by what is held fixed are compared once it is, in the next trace.
        is_final = not any(text[0] == GLOBAL for text in depends)
        if not isinstance(count, int) and is_final and is_uneven(items):
            depends |= frozenset(names(count))
            if not any(text[0] == GLOBAL for text in depends):
                _refuse_repeat(layer)
        given = {"": shape_behind(items, shapes, count)}
        return Work(given, Copies(items, count), depends=depends, extras=extras)


def _refuse_repeat(layer: Layer) -> NoReturn:
    """Refuse a repetition by a block's parameter that no expression can describe."""
    assert layer.repeat is not None
    message = f"the channels of `{layer.name}` grow unevenly, so its `repeat` must be a number"
    help = "write the count here, or repeat a block whose output has as many channels as its input"
    raise SpecError([Diagnostic(Code.IRREGULAR_REPEAT, message, layer.repeat.span, help=help)])


def _refuse_choice(layer: Layer) -> NoReturn:
    """Refuse a choice by a block's parameter that gives another number of dimensions."""
    assert layer.condition is not None
    message = f"with `{layer.name}` the block gives another number of dimensions than without"
    help = "write two blocks, or give the condition to a layer that keeps the dimensions"
    raise SpecError([Diagnostic(Code.RANK_BY_CONDITION, message, layer.condition.span, help=help)])


def _step(layer: Layer, sources: tuple[Read, ...], work: Work) -> Step:
    call = layer.call
    return Step(
        layer.name,
        sources,
        child=call.target.name if isinstance(call, ShareCall) else layer.name,
        op=call.op if isinstance(call, OpCall) else None,
        function=work.function,
        choices=work.choices,
        is_absent=work.is_absent,
        has_items="" not in work.given,
        train_only=layer.train_only,
    )


def _last(chain: Chain, sources: Sources) -> Given:
    """Return what stands at the end of a chain: without layers what it reads."""
    return sources[chain.layers[-1].name] if chain.layers else next(iter(sources.values()))


def _read(ref: Ref, sources: Sources) -> Shape:
    given = sources[ref.name]
    return given[""] if "" in given else given[ref.port]


def _source(ref: Ref, sources: Sources) -> Read:
    given = sources[ref.name]
    item = None if "" in given else list(given).index(ref.port)
    return Read(ref.name, item, ref.span is not None)
