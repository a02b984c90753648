"""Network → plans of its classes.

Shape rules run on names here: a block's input has the channels `in_channels`, so the inferred
arguments of its children come out as expressions over the constructor's own arguments. Sizes of
the image stay unwritten (names that start with "@"): what depends on them is a number where it is
the same in every use of the block, and a constructor argument where it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod

from netspec.analysis.shapes import Shapes
from netspec.emit.torch.filler import Filler
from netspec.emit.torch.naming import GLOBALS, unique
from netspec.emit.torch.plan import Param, Plan, function_names, used_names
from netspec.graph.model import Graph, Instance, NodeId
from netspec.language.model import INPUT, Body, Layer, OpCall, Spec
from netspec.ops.base import Op, Storage
from netspec.ops.dim import Expr, Shape, integer, name, names, real, substitute
from netspec.text.diagnostics import Diagnostic, SpecError


class Planner:
    """Plans every class of a network, the ones that others use first."""

    def __init__(
        self, spec: Spec, graph: Graph, shapes: Shapes, fixed: Mapping[str, object]
    ) -> None:
        self.spec = spec
        self.graph = graph
        self.shapes = shapes
        self.fixed = dict(fixed)
        self.plans: dict[Body, Plan] = {}
        self._nodes: dict[OpCall, list[NodeId]] = {}
        for node in graph.nodes.values():
            self._nodes.setdefault(node.call, []).append(node.id)
        self._by_layer: dict[Body, dict[Layer, list[Instance]]] = {}
        self.used_layers = {use.layer for use in graph.uses.values()}
        self._names = {spec.name, f"{spec.name}Output", *spec.blocks, *GLOBALS}
        self.helpers: dict[str, tuple[str, str]] = {}
        """Classes that torch lacks: op → the name that its class has here, and its source."""

    def plan_model(self) -> Plan:
        """Plan the network's own class and, before it, all that it uses."""
        model = self.spec.model
        plan = Plan(self.spec.name, model.body, model.inputs, self.spec.doc, heads=self.spec.heads)
        if len(self.spec.outputs) > 1:
            plan.weights = tuple(o.weight.value for o in self.spec.outputs if o.weight)
        values = self._values()
        plan.symbols = tuple(
            integer(substitute(shape.value, values))  # type: ignore[misc]  # a checked shape
            for shape in self.spec.inputs.values()
        )
        self._fill(plan, values)
        return plan

    # -------------------------------------------------------------- classes

    def class_of(self, body: Body, label: str, outer: Mapping[str, object]) -> Plan:
        """Return the plan of a block's or an inline block's class; `outer` is what it can see."""
        if body in self.plans:
            return self.plans[body]
        block = next((b for b in self.spec.blocks.values() if b.body is body), None)
        inputs = (block.inputs if block else ()) or (INPUT,)
        title = block.name if block else unique(label, self._names)
        plan = Plan(title, body, inputs, block.doc if block else "")
        plan.outputs = block.outputs if block else ()
        instances = self.graph.instances[body]
        ranks = [len(self.shapes[source]) for source in instances[0].inputs]
        plan.symbols = tuple(_symbols(i, text, ranks) for i, text in enumerate(inputs))
        values = dict(outer)
        if block:
            values = self._values()
            plan.params = [
                Param(
                    p.name,
                    self._type(p.name, instances, p.default),
                    p.default,
                    p.default is not None,
                )
                for p in block.params.values()
            ]
            plan.reals = {param.name for param in plan.params if "float" in param.type}
            values |= {n: _symbol(n, n in plan.reals) for n in block.params}
        self._fill(plan, values)
        return plan

    def helper(self, op: Op) -> str:
        """Return the name of the class that an op brings along; no block has the same one."""
        if op.op_name not in self.helpers:
            text = unique(op.module, self._names)
            source = op.helper.replace(op.module, text, 1)
            self.helpers[op.op_name] = text, source
        return self.helpers[op.op_name][0]

    def _values(self) -> dict[str, object]:
        """Return what the spec's parameters are in code: their names, but for those held fixed."""
        given = self.graph.params
        return {
            n: self.fixed.get(n, _symbol(n, isinstance(given[n], float))) for n in self.spec.params
        }

    def _type(self, param: str, instances: Iterable[Instance], default: object = None) -> str:
        values = [i.bindings[param].value for i in instances]
        known = values if default is None else [default, *values]
        return " | ".join(dict.fromkeys(map(_type_of, known)))

    def _fill(self, plan: Plan, values: Mapping[str, object]) -> None:
        """Plan the children of a class and find its output shape and free names."""
        Filler(self, plan, dict(values)).fill()
        self._add_free_params(plan)
        self.plans[plan.body] = plan

    def _add_free_params(self, plan: Plan) -> None:
        """Add the constructor arguments that the declared ones do not cover."""
        used = dict.fromkeys(n for child in plan.children.values() for n in used_names(child))
        used |= dict.fromkeys(function_names(plan))
        used |= dict.fromkeys(n for n in self.spec.params if n in plan.conditions)
        used |= dict.fromkeys(sorted(plan.conditions))
        plan.params = [param for param in plan.params if param.name in used]
        declared = {param.name for param in plan.params}
        channels = [n for shape in plan.symbols for n in names(shape) if n in used and n[0] != "@"]
        is_model = plan.body is self.spec.model.body
        if is_model:
            used |= dict.fromkeys(names(plan.weights))
            channels = []
        front = [Param(n, "int") for n in dict.fromkeys(channels)]
        known = declared | {param.name for param in front}
        free = [n for n in used if n not in known and n[0] != "@" and n not in plan.extras]
        order = [*self.spec.params, *free]
        free.sort(key=order.index)
        back = [self._free_param(plan, text, is_model) for text in free]
        back += [Param(text, "int", keyword_only=True) for text in plan.extras]
        plan.params = [*front, *plan.params, *back]

    def _free_param(self, plan: Plan, text: str, is_model: bool) -> Param:
        if text in self.spec.params:
            value = self.graph.params[text]
            return Param(text, _type_of(value), value, is_model, keyword_only=not is_model)
        return Param(text, self._type(text, self.graph.instances[plan.body]), keyword_only=True)

    def refuse(self, layer: Layer, count: object) -> None:
        """Refuse a repetition by a block's parameter that no expression can describe."""
        if set(names(count)) <= set(self.spec.params):
            return
        assert layer.repeat is not None
        message = f"the channels of `{layer.name}` grow unevenly, so its `repeat` must be a number"
        help = (
            "write the count here, or repeat a block whose output has as many channels as its input"
        )
        raise SpecError([Diagnostic("NS028", message, layer.repeat.span, help=help)])

    def refuse_choice(self, layer: Layer) -> None:
        """Refuse a choice by a block's parameter that gives another number of dimensions."""
        assert layer.condition is not None
        message = f"with `{layer.name}` the block gives another number of dimensions than without"
        help = "write two blocks, or give the condition to a layer that keeps the dimensions"
        raise SpecError([Diagnostic("NS029", message, layer.condition.span, help=help)])

    def instances(self, body: Body, layer: Layer | None) -> Sequence[Instance]:
        """Return the instances of a body that come from a layer; without a layer all of them."""
        if layer is None:
            return self.graph.instances[body]
        if body not in self._by_layer:
            groups = self._by_layer[body] = {}
            for instance in self.graph.instances[body]:
                groups.setdefault(self.graph.uses[instance.use].layer, []).append(instance)
        return self._by_layer[body].get(layer, ())

    # -------------------------------------------------------------- numbers behind names

    def concrete(self, call: OpCall, argument: str, path: NodeId) -> dict[NodeId, int]:
        """Return an inferred argument's value in each instance; `path` leads from there to it."""
        found = {}
        for node in self._nodes.get(call, ()):
            if node[len(node) - len(path) :] != path:
                continue
            inputs = [self.shapes[source] for source in self.graph.nodes[node].inputs]
            value = self.graph.nodes[node].op.inferred(*inputs)[argument]
            assert isinstance(value, int)
            found[node[: len(node) - len(path)]] = value
        return found

    def arithmetic(self, call: OpCall, value: int) -> str:
        """Return the product behind a flattened size, such as `128 * 4 * 4`."""
        node = self.graph.nodes[self._nodes[call][0]]
        while node.inputs and node.inputs[0] in self.graph.nodes:
            node = self.graph.nodes[node.inputs[0]]
            before = self.shapes[node.inputs[0]]
            if len(before) > len(self.shapes[node.id]) and prod(before) == value:
                return " * ".join(map(str, before)) if max(before[1:]) > 1 else ""
            if node.op.storage is Storage.OWN:
                break
        return ""


def _symbol(text: str, is_real: bool) -> Expr:
    return real(text) if is_real else name(text)


def _symbols(index: int, text: str, ranks: Sequence[int]) -> Shape:
    """Name the sizes of a block's input: its channels by a word, the image's by "@"."""
    rank = ranks[index]
    word = "features" if rank == 1 else "channels"
    first = name(f"in_{word}" if len(ranks) == 1 else f"{text}_{word}")
    return (first, *(name(f"@{index}.{axis}") for axis in range(1, rank)))


def _type_of(value: object) -> str:
    if isinstance(value, tuple):
        return f"tuple[{', '.join(_type_of(item) for item in value)}]"
    return type(value).__name__
