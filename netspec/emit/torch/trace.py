"""Network → the plan of its file: every body is walked once, with names in place of numbers.

Shape rules run on names here: a block's input has the channels `in_channels`, so the inferred
arguments of its children come out as expressions over the constructor's own arguments. Sizes of
the image stay unwritten (names that start with "@"): what depends on them is a number where it is
the same in every use of the block, and a constructor argument where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    shape_behind,
)
from netspec.emit.torch.instances import Instances
from netspec.emit.torch.naming import GLOBALS, class_name, unique
from netspec.emit.torch.params import block_params, class_params, names_in
from netspec.emit.torch.plan import (
    Branch,
    ClassParam,
    ClassPlan,
    FilePlan,
    Forward,
    Given,
    Read,
    Step,
    Tensor,
)
from netspec.emit.torch.scope import GLOBAL, ClassScope, either, first, symbol, symbols
from netspec.emit.torch.settle import Settler
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
from netspec.ops.dim import Dim, integer, names, substitute
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, SpecError

Sources = dict[str, Given]


def trace(network: Network) -> FilePlan:
    """Return what the file of a network holds."""
    tracer = _Tracer(network)
    depends = tracer.model().depends
    params = network.graph.params
    held = {text: value for text, value in params.items() if GLOBAL + text in depends}
    settler = Settler(held, [text for text in params if text not in held])
    classes = tuple(map(settler.settle, tracer.classes.values()))
    return FilePlan(classes, held, dict(tracer.helpers.values()))


class _Tracer:
    """Traces every class of a network, the ones that others use first."""

    def __init__(self, network: Network) -> None:
        self.spec = network.spec
        self.graph = network.graph
        self.instances = Instances(network.graph, network.shapes)
        self.classes: dict[Body, ClassPlan] = {}
        self.helpers: dict[str, tuple[str, str]] = {}
        """Classes that torch lacks: op → the name that its class has here, and its source."""
        self._names = {self.spec.name, f"{self.spec.name}Output", *self.spec.blocks, *GLOBALS}
        self._params = {
            text: symbol(GLOBAL + text, isinstance(value, float))
            for text, value in self.graph.params.items()
        }

    def model(self) -> ClassPlan:
        """Trace the network's own class and, before it, all that it uses."""
        spec = self.spec
        inputs = []
        for shape in spec.inputs.values():
            sizes = integer(substitute(shape.value, self.graph.params))
            named = integer(substitute(shape.value, self._params))
            inputs.append(Tensor(sizes, named))  # type: ignore[arg-type]  # a checked shape
        outputs = tuple(output.ref for output in spec.outputs)
        block = replace(spec.model, name=spec.name, doc=spec.doc, outputs=outputs)
        scope = ClassScope(self.graph.params, self._params, tuple(x.sizes for x in inputs))
        plan = _Walk(self, block, scope).plan(inputs, spec.heads)
        weights = [output.weight.value for output in spec.outputs if output.weight]
        if len(outputs) > 1:
            plan = replace(plan, weights=tuple(substitute(w, self._params) for w in weights))
        params = class_params(plan, [], self.graph.params, self.instances, is_model=True)
        self.classes[block.body] = replace(plan, base="nn.Module", params=params)
        return self.classes[block.body]

    def class_of(self, body: Body, label: str, outer: ClassScope) -> ClassPlan:
        """Return the plan of a block's or an inline block's class; `outer` is what it can see."""
        # However often a body is used, it is one class: what differs are constructor arguments.
        if body in self.classes:
            return self.classes[body]
        ranks = self.instances.ranks(body)
        block = next((b for b in self.spec.blocks.values() if b.body is body), None)
        if block is None:
            block = Block(unique(label, self._names), body.span, {}, (INPUT,), body)
            scope = ClassScope(outer.numbers, outer.named, symbols(block.inputs, ranks))
            return self._class(block, scope, [])
        params = block_params(block, self.instances)
        reals = frozenset(param.name for param in params if "float" in param.type)
        own = {text: symbol(text, text in reals) for text in block.params}
        numbers, named = {**self.graph.params, **own}, {**self._params, **own}
        block = block if block.inputs else replace(block, inputs=(INPUT,))
        scope = ClassScope(numbers, named, symbols(block.inputs, ranks))
        return self._class(block, scope, params)

    def _class(self, block: Block, scope: ClassScope, params: list[ClassParam]) -> ClassPlan:
        plan = _Walk(self, block, scope).plan([Tensor(shape, shape) for shape in scope.symbols])
        # Behind a name of the class's own a parameter of the spec cannot be handed on: it is fixed.
        hidden = {
            GLOBAL + text
            for text, value in self._params.items()
            if scope.named[text] is not value or text in names(scope.symbols)
        }
        depends = plan.depends | hidden.intersection(names_in(plan))
        arguments = class_params(plan, params, self.graph.params, self.instances)
        self.classes[block.body] = replace(plan, depends=depends, params=arguments)
        return self.classes[block.body]

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

    def plan(self, inputs: Sequence[Tensor], heads: Sequence[Layer] = ()) -> ClassPlan:
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

    def _shared(self, layer: Layer, target: Layer, inputs: tuple[Tensor, ...]) -> Work:
        """Trace another call of a layer: what it gives here, with the child that is there."""
        if self._presence(layer) is False or self._presence(target) is False:
            return Work({"": inputs[0]}, is_absent=True)
        work = self._layer(target, inputs, (target.name,))
        if work.function is None:
            # What the child takes follows from where it is made: this call decides nothing of it.
            work = Work(work.given, choices=work.choices)
        return self._under_condition(layer, work, inputs[0])

    # -------------------------------------------------------------- layers

    def _layer(self, layer: Layer, inputs: tuple[Tensor, ...], path: NodeId) -> Work:
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
        _, named = self._scope.decide(layer.condition)
        if isinstance(named, Comparison) and not self._tracer.instances.have(layer):
            return False
        return named

    def _under_condition(self, layer: Layer, work: Work, other: Tensor) -> Work:
        """Return what a layer comes to that only some uses of the class have."""
        condition = self._presence(layer)
        if layer.condition is None or not isinstance(condition, Comparison):
            return work
        x = first(work.given)
        if len(x.sizes) != len(other.sizes):
            _refuse_choice(layer)
        numbers, named = self._scope.decide(layer.condition)
        sizes = either(x.sizes, other.sizes, numbers)
        given = {"": Tensor(sizes, either(x.named, other.named, named))}
        if work.child is not None:
            return replace(work, given=given, child=Chosen(work.child, condition))
        return replace(work, given=given, choices=(*work.choices, condition))

    def _once(
        self,
        layer: Layer | None,
        call: Call,
        inputs: tuple[Tensor, ...],
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

    def _stack(self, chain: Chain, x: Tensor, path: NodeId) -> Work:
        """Trace an unnamed chain of modules, which is an nn.Sequential and needs no class."""
        works = []
        for layer in chain.layers:
            works.append(self._layer(layer, (x,), (*path, layer.name)))
            x = first(works[-1].given)
        depends, extras = together(works)
        child = Sequential(tuple(work.item for work in works))
        return Work({"": x}, child, depends=depends, extras=extras)

    def _repeat(self, layer: Layer, x: Tensor, path: NodeId) -> Work:
        """Trace the copies of a layer, until one is as the one before it.

        Where the count is a name, three copies show whether they grow. Where that name is a
        parameter of the spec the copies that it makes are traced as well, in case it is held fixed.
        """
        assert layer.repeat is not None
        values = self._scope.numbers, self._scope.named
        counts = [integer(substitute(layer.repeat.value, known)) for known in values]
        count, named = cast("list[Dim]", counts)
        least = 0 if isinstance(named, int) else 3
        steps = max(count, least) if isinstance(count, int) else least
        works: list[Work] = []
        tensors = [x]
        for i in range(steps):
            works.append(self._once(layer, call_of(layer, i), (tensors[-1],), path, (str(i),)))
            tensors.append(first(works[-1].given))
            is_second = i > bool(layer.first) and tensors[-1].sizes == tensors[-2].sizes
            if is_second and works[-1].child == works[-2].child:
                break
        items = tuple(work.item for work in works)
        depends, extras = together(works)
        if not isinstance(named, int) and is_uneven(items):
            depends |= frozenset(names(named))
            if not isinstance(count, int):
                _refuse_repeat(layer)
        sizes = shape_behind(items, [t.sizes for t in tensors], count)
        given = {"": Tensor(sizes, shape_behind(items, [t.named for t in tensors], named))}
        return Work(given, Copies(items, named), depends=depends, extras=extras)


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


def _read(ref: Ref, sources: Sources) -> Tensor:
    given = sources[ref.name]
    return given[""] if "" in given else given[ref.port]


def _source(ref: Ref, sources: Sources) -> Read:
    given = sources[ref.name]
    item = None if "" in given else list(given).index(ref.port)
    return Read(ref.name, item, ref.span is not None)
