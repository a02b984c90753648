"""Network → the plan of its file: every body is traced, with names in place of numbers.

Shape rules run on names here: a block's input has the channels `in_channels`, so the arguments of
its children come out as expressions over the constructor's own. Sizes of the image stay unwritten
("@…"): what depends on them is a number where all uses of the block agree, else an argument.

The spec's parameters are names too ("$width"), until something inferred turns out to depend on one
in a way that makes no network that fits together. Such a parameter is held fixed, a number in every
class, and the network is traced again with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import cast

from netspec import limits
from netspec.analysis.network import Network
from netspec.emit.torch.bodies import base, is_plain, reads
from netspec.emit.torch.calls import Calls
from netspec.emit.torch.constructs import (
    INDEX,
    Chosen,
    Construct,
    Copies,
    Given,
    Sequential,
    is_changing,
    is_uneven,
    listed,
    made_of,
    shape_behind,
)
from netspec.emit.torch.instances import Instances
from netspec.emit.torch.naming import GLOBALS, OF_TUPLES, RESERVED, class_name, renamed, unique
from netspec.emit.torch.params import block_params, class_params, names_in
from netspec.emit.torch.plan import (
    GLOBAL,
    ClassParam,
    ClassPlan,
    FilePlan,
    Work,
    bare,
    first,
    is_written,
    together,
)
from netspec.emit.torch.refusals import inside, refuse_choice, refuse_repeat
from netspec.emit.torch.scope import ClassScope, either, symbol, symbols
from netspec.emit.torch.trials import fragile
from netspec.graph.model import NodeId
from netspec.language import terms
from netspec.language.lower import Step
from netspec.language.model import BlockCall, Body, Call, GivenCall, Layer, OpCall, ShareCall
from netspec.language.names import widths
from netspec.language.terms import Argument, Condition, Maker, Ref
from netspec.ops.dim import Dim, Shape, integer, is_known, name, names, substitute
from netspec.ops.own import functions


def trace(network: Network) -> FilePlan:
    """Return what the file of a network holds."""
    params = network.graph.params
    held: set[str] = set()
    tried: set[str] = set()
    for number in count(1):
        tracer = _Tracer(network, held)
        depends = tracer.model().depends
        fixed = {text for text in params if GLOBAL + text in depends}
        if not fixed:
            model = [*tracer.classes.values()][-1]
            offered = {bare(param.name) for param in model.params}
            fixed = fragile(network, offered - tried)
            tried |= offered
        if not fixed:
            values = {text: value for text, value in params.items() if text in held}
            return FilePlan(tuple(tracer.classes.values()), values, dict(tracer.helpers.values()))
        # Where sizes of 1 broadcast, each trace may find but one more of hundreds.
        held |= fixed if number < limits.TRACES else set(params)
    raise AssertionError("with every parameter held fixed nothing depends on one")


class _Tracer:
    """Traces every class of a network, the ones that others use first."""

    def __init__(self, network: Network, held: Collection[str]) -> None:
        self.spec = network.spec
        self.graph = network.graph
        self.instances = Instances(network.graph, network.shapes)
        self.classes: dict[Body, ClassPlan] = {}
        self.helpers: dict[str, tuple[str, str]] = {}
        """What torch lacks: name → the name that it has here, and its source."""
        self.deciding: list[Layer] = []
        """The layers that are there under conditions, and then give other channels."""
        self._names = {self.spec.name, f"{self.spec.name}Output", *self.spec.blocks, *GLOBALS}
        self.reserved = RESERVED | {text.partition(".")[0] for text in functions(self.spec.ops)}
        self._params = {
            text: value if text in held else symbol(GLOBAL + text, isinstance(value, float))
            for text, value in self.graph.params.items()
        }

    def model(self) -> ClassPlan:
        """Trace the network's own class and, before it, all that it uses."""
        spec = self.spec
        inputs = [integer(substitute(x.value, self._params)) for x in spec.inputs.values()]
        walk = _Walk(self, spec.name, ClassScope(self._params, ()))
        plan = walk.plan(spec.model.body, cast("list[Shape]", inputs), spec.doc)
        weights = {
            output.name: substitute(output.weight.value, self._params)
            for output in spec.outputs
            if output.weight and len(spec.outputs) > 1
        }
        plan = replace(plan, base="nn.Module", weights=weights)
        if len(spec.outputs) > 1:
            fields = tuple(output.name for output in spec.outputs)
            plan = replace(plan, result=f"{spec.name}Output", fields=fields)
        return self._finished(plan, [], is_model=True)

    def class_of(self, body: Body, label: str, outer: ClassScope) -> ClassPlan:
        """Return the plan of a block's or an inline block's class; `outer` is what it can see."""
        # However often a body is used, it is one class: what differs are constructor arguments.
        if body in self.classes:
            return self.classes[body]
        block = next((b for b in self.spec.blocks.values() if b.body is body), None)
        params = block_params(block, self.spec.blocks, self.instances) if block else []
        own: dict[str, object] = {
            param.name: symbol(param.name, "float" in param.type) for param in params
        }
        inputs, ranks = self.graph.bodies[body].inputs, self.instances.ranks(body)
        if block:
            shapes = symbols(inputs, ranks, block.measured, set())
            named = {x: widths(inputs)[x] for x in block.measured}
            own |= {x: shapes[width.input][width.axis] for x, width in named.items()}
            scope = ClassScope({**self._params, **own}, shapes)
        else:
            # What it reads of the block around it keeps its name, so its own width needs another.
            shapes = symbols(inputs, ranks, (), reads(body) & {*outer.values})
            scope = ClassScope(outer.values, shapes)
        called = block.name if block else unique(label, self._names)
        walk = _Walk(self, called, scope, in_list=is_plain(body))
        plan = walk.plan(body, shapes, block.doc if block else "")
        # Behind a name of the class's own a parameter of the spec cannot be handed on: it is fixed.
        hidden = {
            GLOBAL + text
            for text, value in self._params.items()
            if scope.values[text] is not value or text in names(scope.symbols)
        }
        plan = replace(plan, depends=plan.depends | hidden.intersection(names_in(plan)))
        if "" not in plan.output:
            fields = tuple(renamed(plan.output, OF_TUPLES).values())
            plan = replace(plan, result=unique(f"{plan.name}Output", self._names), fields=fields)
        return self._finished(plan, params)

    def _finished(
        self, plan: ClassPlan, declared: list[ClassParam], is_model: bool = False
    ) -> ClassPlan:
        """Keep a class, with the arguments of its constructor and what they are called in it."""
        params = class_params(plan, declared, self.graph.params, self.instances, is_model)
        # An argument that hid a class would be called in its place.
        reserved = self.reserved.union(*map(made_of, plan.children.values()))
        words = renamed((bare(param.name) for param in params), reserved)
        local = {param.name: words[bare(param.name)] for param in params}
        local[INDEX] = unique("i", {*words.values(), *reserved})
        found = replace(plan, params=params, local=local, reserved=self.reserved)
        return self.classes.setdefault(plan.body, found)

    def helper(self, name: str, source: str) -> str:
        """Return the name of a class or function that an op brings along; no block has the same."""
        if name not in self.helpers:
            text = unique(name, self._names)
            self.helpers[name] = text, source.replace(name, text, 1)
        return self.helpers[name][0]


class _Walk:
    """Traces the layers of one class."""

    def __init__(
        self, tracer: _Tracer, name: str, scope: ClassScope, in_list: bool = False
    ) -> None:
        self._tracer = tracer
        self._bodies = tracer.graph.bodies
        self._name = name
        self._scope = scope
        self._calls = Calls(
            scope, tracer.instances, tracer.spec.blocks, tracer.helper, in_list=in_list
        )

    def plan(self, body: Body, inputs: Sequence[Shape], doc: str) -> ClassPlan:
        """Return the class without the arguments of its constructor."""
        lowered = self._bodies[body]
        works = {text: Work({"": x}) for text, x in zip(lowered.inputs, inputs, strict=True)}
        for step in lowered.steps:
            read = [_read(ref, works) for ref in step.layer.sources]
            works[step.layer.name] = self._step(step, read)
        if lowered.join is not None:
            assert isinstance(lowered.join.call, OpCall)
            ends = [_read(ref, works) for ref in lowered.given]
            works[lowered.end] = self._calls.op(lowered.join.call, ends, ())
        named = {ref.name: _read(ref, works) for ref in lowered.outputs}
        whole = together(works.values(), named or works[lowered.end].given)
        # A module's children stand in the file's order, whatever order they run in.
        layers = [step.layer for step in sorted(lowered.steps, key=lambda step: step.line)]
        written = [layer.name for layer in layers]
        kind = base(body, self._bodies)
        is_list = kind == "nn.Sequential"
        items = [
            (layer, _item(layer, works[layer.name]) if is_list else works[layer.name].child)
            for layer in layers
        ]
        children = dict(listed([(layer, child) for layer, child in items if child], is_list))
        if kind == "nn.Module" and any(text.isdecimal() for text in children):
            kind = "nn.ModuleDict"
        return ClassPlan(
            name=self._name,
            base=kind,
            doc=doc,
            body=body,
            lowered=lowered,
            symbols=self._scope.symbols,
            works=works,
            children=children,
            output=whole.given,
            fillers=tuple(item for text in written for item in works[text].fillers),
            depends=whole.depends,
            extras=whole.extras,
        )

    def _step(self, step: Step, inputs: Sequence[Shape], within: NodeId = ()) -> Work:
        """Trace a layer, at a path within its class."""
        layer, actor = step.layer, step.actor
        if self._presence(layer) is False or self._presence(actor) is False:
            return Work({"": inputs[0]}, is_absent=True, depends=self._deciding(layer, actor))
        path = (*within, actor.name)
        if actor.said.repeat is None:
            work = self._copy(step, actor.index or 0, inputs, path)
        else:
            work = self._repeat(actor.said.repeat, step, inputs[0], path)
        work = self._under_condition(actor, work, inputs)
        if actor is layer:
            return work
        if work.function is None:
            # What the child takes follows from where it is made: this call decides nothing of it.
            work = Work(work.given, fields=work.fields, choices=work.choices)
        return self._under_condition(layer, work, inputs)

    def _presence(self, layer: Layer) -> bool | Condition:
        """Tell whether every use of the class has a layer, or none, or on what it depends."""
        if layer.condition is None:
            return True
        found = self._scope.decide(layer.condition)
        # What no instance has is in no table, so nothing could be inferred for it.
        if isinstance(found, Condition) and not self._tracer.instances.have(layer):
            return False
        return found

    def _deciding(self, *layers: Layer) -> frozenset[str]:
        """Return the names on which it depends that no use of the class has one of the layers."""
        found = [self._scope.decide(x.condition) for x in layers if x.condition is not None]
        sides = [(x.left, x.right) for x in found if isinstance(x, Condition)]
        return frozenset(names(tuple(sides)))

    def _under_condition(self, layer: Layer, work: Work, inputs: Sequence[Shape]) -> Work:
        """Return what a layer comes to that only some uses of the class have."""
        condition = self._presence(layer)
        if not isinstance(condition, Condition):
            return work
        x = first(work.given)
        if len(x) != len(inputs[0]):
            refuse_choice(layer)
        given = {"": either(x, inputs[0], condition)}
        sizes = zip(x, inputs[0], given[""], strict=True)
        if any(is_written(a) and is_written(b) and not is_known(c) for a, b, c in sizes):
            self._tracer.deciding.append(layer)
        if work.child is not None:
            return replace(
                work, given=given, child=Chosen(work.child, condition, bool(layer.said.otherwise))
            )
        return replace(work, given=given, choices=(*work.choices, condition))

    def _copy(
        self, step: Step, index: int, inputs: Sequence[Shape], path: NodeId, item: NodeId = ()
    ) -> Work:
        """Trace one of the copies of a layer, which is that of a number.

        A loop makes copies that differ by their numbers, so that a constructor call is over any.
        """
        call = step.actor.call_of(index) if item else step.actor.call
        if not step.actor.is_counted:
            return self._once(step, call, inputs, path, item)
        work = self._at(index)._once(step, call, inputs, path, item)
        child = self._at(name(INDEX))._once(step, call, inputs, path, item).child
        return replace(work, child=child)

    def _at(self, index: Dim) -> _Walk:
        """Return the same walk where `$i` stands for something."""
        values = {**self._scope.values, terms.INDEX: index}
        scope = replace(self._scope, values=values)
        return _Walk(self._tracer, self._name, scope, self._calls.in_list)

    def _once(
        self, step: Step, call: Call, inputs: Sequence[Shape], path: NodeId, item: NodeId = ()
    ) -> Work:
        """Trace a call; `item` is which of its layer's copies it is."""
        place = (*path, *item)
        if isinstance(call, OpCall):
            work = self._calls.op(call, inputs, place)
            init = step.actor.said.init
            return replace(work, fillers=((".".join(path), init),)) if init else work
        if isinstance(call, GivenCall):
            return Work({"": inputs[0]}, Given(call.param))
        assert not isinstance(call, ShareCall)
        blocks = self._tracer.spec.blocks
        body = blocks[call.block].body if isinstance(call, BlockCall) else call
        if body is call and is_plain(body):
            work = self._stack(body, inputs[0], place)
            # A loop may make the copies: what fills their tensors has to be their own class.
            if not (item and work.fillers):
                return work
        if isinstance(call, BlockCall):
            self._define_named(call)
        label = class_name((self._name, *path))
        child = self._tracer.class_of(body, label, self._scope)
        layer = None if step.is_branch else step.actor
        return self._calls.use(child, call, inputs, layer, place)

    def _define_named(self, call: BlockCall) -> None:
        """Trace the blocks that a use names: their classes stand before the one that makes them."""
        blocks = self._tracer.spec.blocks
        params = blocks[call.block].params.values()
        given = (*(x.value for x in call.arguments.values()), *(x.default for x in params))
        for text in given:
            block = blocks.get(text) if isinstance(text, str) else None
            if block and not self._tracer.instances.lack(Maker(block.name), blocks):
                self._tracer.class_of(block.body, block.name, self._scope)

    def _stack(self, body: Body, x: Shape, path: NodeId) -> Work:
        """Trace an unnamed chain of modules, which is an nn.Sequential and needs no class."""
        walk = _Walk(self._tracer, self._name, self._scope, in_list=True)
        works, made = [], []
        for step in self._bodies[body].steps:
            works.append(walk._step(step, [x], path))
            made.append((step.layer, _item(step.layer, works[-1])))
            x = first(works[-1].given)
        parts = listed([(layer, item) for layer, item in made if item], is_folded=True)
        return together(works, {"": x}, Sequential(tuple(part for _, part in parts)))

    def _repeat(self, repeat: Argument, step: Step, x: Shape, path: NodeId) -> Work:
        """Trace the copies of a layer, until one is as the one before it.

        Where the count is a name, three copies show whether they grow.
        """
        copies = cast("Dim", integer(substitute(repeat.value, self._scope.values)))
        works: list[Work] = []
        shapes = [x]
        for i in range(copies if isinstance(copies, int) else 3):
            item = (step.actor.said.copies.name(i),)
            works.append(self._copy(step, i, shapes[-1:], path, item))
            shapes.append(first(works[-1].given))
            # A first copy that is written apart says nothing about those behind it.
            is_second = i > bool(step.actor.said.first) and shapes[-1] == shapes[-2]
            if is_second and works[-1].child == works[-2].child:
                break
        items = tuple(work.item for work in works)
        child = Copies(items, copies, step.actor.said.copies)
        whole = together(works, {"": shape_behind(items, shapes, copies)}, child)
        if isinstance(copies, int):
            return whole
        # Copies that differ by what is held fixed are compared once it is, in the next trace.
        is_final = not any(text[0] == GLOBAL for text in whole.depends)
        is_odd = is_uneven(items) or (step.actor.is_counted and is_changing(shapes[1:]))
        if is_final and is_odd:
            whole = replace(whole, depends=whole.depends | set(names(copies)))
            if not any(text[0] == GLOBAL for text in names(copies)):
                refuse_repeat(step.actor, repeat, self._culprits(step.actor, shapes))
        return whole

    def _culprits(self, layer: Layer, shapes: Sequence[Shape]) -> list[Layer]:
        """Return the conditional layers inside of one that decide about its channels."""
        if all(is_known(size) for x in shapes for size in x):
            return []
        layers = {*inside(layer.call, self._tracer.spec.blocks)}
        return [one for one in self._tracer.deciding if one in layers]


def _item(layer: Layer, work: Work) -> Construct | None:
    """Return an item of a sequence, where what does nothing has its place unless it is left out."""
    return None if work.is_absent and layer.said.otherwise else work.item


def _read(ref: Ref, works: Mapping[str, Work]) -> Shape:
    given = works[ref.name].given
    return given[ref.port] if ref.port in given else first(given)
