"""Fills the plan of one class by walking its body with names in place of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from netspec.emit.torch.naming import class_name, unique
from netspec.emit.torch.pieces import local_names
from netspec.emit.torch.plan import (
    Chosen,
    Comparison,
    Construct,
    Given,
    Made,
    Plan,
    Repeated,
    Stack,
    is_plain,
    is_written,
)
from netspec.emit.torch.repeat import grouped, progression
from netspec.graph.bind import call_of, compare
from netspec.graph.model import NodeId
from netspec.language.model import BlockCall, Chain, Layer, OpCall, Parallel, ShareCall
from netspec.language.model import Call as Called
from netspec.language.order import execution_order
from netspec.language.terms import Ref
from netspec.ops.base import Call, Infix, Op
from netspec.ops.dim import Dim, Expr, Shape, equal, integer, name, names, substitute, unknown
from netspec.ops.split import Cut

if TYPE_CHECKING:
    from netspec.emit.torch.planner import Planner


@dataclass(slots=True)
class Filler:
    """Walks the body of one class with its names."""

    planner: Planner
    plan: Plan
    values: dict[str, object]

    def fill(self) -> None:
        plan = self.plan
        sources: dict[str, Given] = dict(zip(plan.inputs, plan.symbols, strict=True))
        if isinstance(plan.body, Chain):
            plan.output = self._chain(plan.body, sources, (), plan.heads)
            return
        ends = []
        for i, branch in enumerate(plan.body.branches):
            if branch.named or not branch.layers:
                ends.append(_first(self._chain(branch, dict(sources), ())))
                continue
            start = _first(next(iter(sources.values())))
            plan.children[str(i)], end = self._branch(branch, start, (str(i),))
            ends.append(_first(end))
        op = self._symbolic(plan.body.join.op)
        plan.calls[id(plan.body)] = op.torch(*ends)
        plan.output = op.shape(*ends)

    def _branch(self, branch: Chain, shape: Shape, path: NodeId) -> tuple[Construct, Given]:
        """Plan an unnamed branch: an nn.Sequential, or a class if it calls functions."""
        if is_plain(branch):
            return self._stack(branch, shape, path)
        return self._use(None, branch, (shape,), path, path)

    def _symbolic(self, op: Op) -> Op:
        return op.bind(self.values)

    def _chain(
        self,
        chain: Chain,
        sources: dict[str, Given],
        path: NodeId,
        heads: Sequence[Layer] = (),
    ) -> Given:
        """Plan the layers of a chain as children; return the shape at its end."""
        made: dict[str, Construct] = {}
        peers = {layer.name: layer for layer in (*chain.layers, *heads)}
        for layer in execution_order(chain.layers, heads):
            inputs = tuple(_read(ref, sources) for ref in layer.sources)
            if isinstance(layer.call, ShareCall):
                target = peers[layer.call.target.name]
                sources[layer.name] = self._shared(layer, target, inputs, path)
                self._note_ports(layer.name, sources[layer.name])
                continue
            child, sources[layer.name] = self._layer(layer, inputs, (*path, layer.name))
            if child is not None:
                made[layer.name] = child
            self._note_ports(layer.name, sources[layer.name])
        self.plan.children |= {text: made[text] for text in peers if text in made}
        if self.plan.body is chain and self.plan.outputs:
            return {ref.name: _read(ref, sources) for ref in self.plan.outputs}
        last = chain.layers[-1].name if chain.layers else ""
        return sources[last] if last else next(iter(sources.values()))

    def _note_ports(self, text: str, given: Given) -> None:
        if isinstance(given, dict):
            self.plan.ports[text] = tuple(given)

    def _shared(
        self, layer: Layer, target: Layer, inputs: tuple[Shape, ...], path: NodeId
    ) -> Given:
        """Return what another call of a layer gives; it makes no child."""
        presence = self._presence(layer)
        if presence is False or self._presence(target) is False:
            self.plan.absent.add(id(layer))
            return inputs[0]
        scratch = replace(self.plan, children={}, calls={}, choices={}, extras={}, depends=set())
        filler = Filler(self.planner, scratch, self.values)
        given = filler._layer(target, inputs, (*path, target.name))[1]
        if presence is True:
            return given
        self.plan.choices[id(layer)] = presence
        return self._either(layer, given, inputs[0], presence)

    def _stack(self, chain: Chain, shape: Shape, path: NodeId) -> tuple[Construct, Shape]:
        """Plan an unnamed chain as an nn.Sequential."""
        items: list[Construct] = []
        for layer in chain.layers:
            child, given = self._layer(layer, (shape,), (*path, layer.name))
            shape = _first(given)
            items.append(child or Made("nn.Identity"))
        return Stack(tuple(items)), shape

    def _layer(
        self, layer: Layer, inputs: tuple[Shape, ...], path: NodeId
    ) -> tuple[Construct | None, Given]:
        presence = self._presence(layer)
        if presence is False:
            self.plan.absent.add(id(layer))
            return None, inputs[0]
        if presence is True:
            return self._present(layer, inputs, path)
        return self._chosen(layer, inputs, path, presence)

    def _presence(self, layer: Layer) -> bool | Comparison:
        """Tell whether every use of the class has a layer, or none, or on what it depends."""
        if layer.condition is None:
            return True
        left, right = (
            substitute(side, self.values) for side in (layer.condition.left, layer.condition.right)
        )
        read = any(True for side in (left, right) for _ in names(side))
        if read and layer in self.planner.used_layers:
            return Comparison(left, layer.condition.operator, right)
        return not read and compare(left, layer.condition.operator, right)

    def _chosen(
        self, layer: Layer, inputs: tuple[Shape, ...], path: NodeId, condition: Comparison
    ) -> tuple[Construct | None, Given]:
        """Plan a layer that only some uses of the block have."""
        made, given = self._present(layer, inputs, path)
        if made is None:
            self.plan.choices[id(layer)] = condition
        else:
            self.plan.conditions |= set(names((condition.left, condition.right)))
        shape = self._either(layer, given, inputs[0], condition)
        return (Chosen(made, condition) if made else None), shape

    def _either(self, layer: Layer, given: Given, other: Shape, condition: Comparison) -> Shape:
        """Return the shape behind a layer that is there only under a condition."""
        shape = _first(given)
        if len(shape) != len(other):
            self.planner.refuse_choice(layer)
        read = sorted(set(names((condition.left, condition.right))))
        return tuple(
            one if equal(one, two) else unknown(one, two, *map(name, read))
            for one, two in zip(shape, other, strict=True)
        )

    def _present(
        self, layer: Layer, inputs: tuple[Shape, ...], path: NodeId
    ) -> tuple[Construct | None, Given]:
        if layer.repeat is None:
            return self._once(layer, layer.call, inputs, path)
        count = integer(substitute(layer.repeat.value, self.values))
        return self._repeat(layer, inputs[0], path, count)  # type: ignore[arg-type]  # a count

    def _once(
        self, layer: Layer, call: Called, inputs: tuple[Shape, ...], path: NodeId, item: str = ""
    ) -> tuple[Construct | None, Given]:
        place = (*path, item) if item else path
        match call:
            case OpCall():
                return self._op(layer, call, inputs, place)
            case Chain() if is_plain(call):
                return self._stack(call, inputs[0], place)
        return self._use(layer, call, inputs, path, place)

    def _op(
        self, layer: Layer, call: OpCall, inputs: tuple[Shape, ...], path: NodeId
    ) -> tuple[Construct | None, Given]:
        op = self._symbolic(call.op)
        output: Given = op.shape(*inputs)
        torch = op.torch(*inputs)
        if isinstance(op, Cut):
            output = {str(i): op.piece(i, inputs[0]) for i in range(op.count())}
        if not op.is_module:
            inferred = op.inferred(inputs[0]) if inputs else {}
            self.plan.calls[id(layer)] = self._resolved(torch, inferred, call, path)
            return None, output
        assert isinstance(torch, Call)
        inferred = op.inferred(inputs[0]) if inputs else {}
        values = {key: self._inferred(call, key, value, path) for key, value in inferred.items()}
        rest = torch.args[len(inferred) :]
        note = ""
        for value in values.values():
            if isinstance(value, int) and not note:
                product = self.planner.arithmetic(call, value)
                note = f"{value} = {product}" if product else ""
        function = self.planner.helper(op) if op.helper else torch.function
        return Made(function, (*values.values(), *rest), torch.kwargs, note), output

    def _resolved(
        self, torch: Call | Infix, inferred: Mapping[str, Dim], call: OpCall, path: NodeId
    ) -> Call | Infix:
        """Write a function's inferred arguments as numbers or constructor arguments."""
        if isinstance(torch, Infix):
            return torch
        args = torch.args
        for key, value in inferred.items():
            new = self._inferred(call, key, value, path)
            args = tuple(_swap(item, value, new) for item in args)
        return replace(torch, args=args)

    def _inferred(self, call: OpCall, key: str, value: Dim, path: NodeId) -> Dim:
        """Return an inferred argument as an expression, a number, or a new argument's name."""
        self.plan.depends |= set(names(value))
        if is_written(value):
            return value
        return self._constant((*path, key), self.planner.concrete(call, key, path))

    def _constant(self, place: NodeId, found: dict[NodeId, int]) -> Dim:
        """Return the number if it is the same everywhere, else make it a constructor argument."""
        if len(set(found.values())) <= 1:
            return next(iter(found.values()), 1)  # 1: no use of the block has this layer
        known = self.plan.extra_names
        if place not in known:
            taken = {*self.values, *names(self.plan.symbols), *known.values()}
            known[place] = unique("_".join(place), taken)
        self.plan.extras[known[place]] = found
        return name(known[place])

    # -------------------------------------------------------------- uses of other classes

    def _use(
        self,
        layer: Layer | None,
        call: Called,
        inputs: tuple[Shape, ...],
        path: NodeId,
        place: NodeId,
    ) -> tuple[Construct, Given]:
        planner = self.planner
        assert not isinstance(call, OpCall | ShareCall)
        body = planner.spec.blocks[call.block].body if isinstance(call, BlockCall) else call
        label = class_name((self.plan.name, *path))
        child = planner.class_of(body, label, self.values)
        actual = self._actual(child, call, inputs)
        extras = self._extras(child, layer, place, actual)
        for text in child.depends:
            self.plan.depends |= set(names(actual.get(text, 0) if text in actual else name(text)))
        actual |= extras
        return self._construct(child, call, actual), _substituted(child.output, actual)

    def _actual(
        self, child: Plan, call: BlockCall | Chain | Parallel, inputs: tuple[Shape, ...]
    ) -> dict[str, object]:
        """Return what each name of a class stands for in one use of it."""
        actual: dict[str, object] = {}
        for symbols, shape in zip(child.symbols, inputs, strict=True):
            for symbol, size in zip(symbols, shape, strict=True):
                assert isinstance(symbol, Expr)
                actual[str(symbol.args[0])] = size
        if isinstance(call, BlockCall):
            block = self.planner.spec.blocks[call.block]
            for param in block.params.values():
                given = call.arguments.get(param.name)
                value = substitute(given.value, self.values) if given else param.default
                actual[param.name] = value if param.name in child.reals else integer(value)
            return actual
        return {**self.values, **actual}

    def _extras(
        self, child: Plan, layer: Layer | None, path: NodeId, actual: Mapping[str, object]
    ) -> dict[str, Dim]:
        """Return the arguments of a class that only numbers can give, for one use of it."""
        planner = self.planner
        mine = [
            instance
            for instance in planner.instances(child.body, layer)
            if instance.id[len(instance.id) - len(path) :] == path
        ]
        tables = {text: [values[i.id] for i in mine] for text, values in child.extras.items()}
        taken = {param.name for param in child.params}
        for k, symbols in enumerate(child.symbols):
            text = str(next(names(symbols)))
            if text in taken and not is_written(actual[text]):
                self.plan.depends |= set(names(actual[text]))
                tables[text] = [planner.shapes[i.inputs[k]][0] for i in mine]
        places = [instance.id[: len(instance.id) - len(path)] for instance in mine]
        return {
            text: self._constant((*path, text), dict(zip(places, values, strict=True)))
            for text, values in tables.items()
        }

    def _construct(
        self, child: Plan, call: BlockCall | Chain | Parallel, actual: Mapping[str, object]
    ) -> Made:
        """Write the constructor call as the spec writes it: positional and keyword arguments."""
        args: list[object] = []
        kwargs: dict[str, object] = {}
        channels = set(names(child.symbols))
        local = local_names(child)
        given = list(call.arguments) if isinstance(call, BlockCall) else []
        positional = given[: call.positional] if isinstance(call, BlockCall) else []
        for param in child.params:
            value = actual.get(param.name, self.values.get(param.name, name(param.name)))
            if param.name in channels:
                self.plan.depends |= set(names(value))
            if param.name in positional or not (param.name in given or param.keyword_only):
                if param.name in positional or not param.has_default:
                    args.append(value)
            else:
                kwargs[local.get(param.name, param.name)] = value
        return Made(child.name, tuple(args), kwargs)

    # -------------------------------------------------------------- repetition

    def _repeat(
        self, layer: Layer, shape: Shape, path: NodeId, count: Dim
    ) -> tuple[Construct, Shape]:
        """Plan a repeated layer; the constructor calls are grouped where they are alike."""
        steps = count if isinstance(count, int) else 3
        items: list[Construct] = []
        outputs = [shape]
        for i in range(steps):
            made, output = self._once(layer, call_of(layer, i), (outputs[-1],), path, str(i))
            items.append(made or Made("nn.Identity"))
            outputs.append(_first(output))
            if i > bool(layer.first) and made == items[-2] and output == outputs[-2]:
                break
        if isinstance(count, int):
            items += [items[-1]] * (count - len(items))
            return Stack(tuple(grouped(items))), outputs[-1]
        return self._repeat_by_name(layer, items, outputs, count)

    def _repeat_by_name(
        self, layer: Layer, items: list[Construct], outputs: list[Shape], count: Dim
    ) -> tuple[Construct, Shape]:
        """Group a repetition whose count is a constructor argument."""
        if len(items) > 1 and items[0] == items[1]:
            return Stack((Repeated(items[0], count),)), outputs[-1]
        if (growing := progression(items)) is not None and len(items) == 3:
            last = [a + (b - a) * count for a, b in zip(outputs[0], outputs[1], strict=True)]
            return Stack((Repeated(growing, count),)), tuple(last)
        if items[-1] != items[-2]:
            self.plan.depends |= set(names(count))
            self.planner.refuse(layer, count)
        rest = Repeated(items[-1], count - 1)
        return Stack((items[0], rest)), outputs[-1]


def _swap(value: object, old: Dim, new: Dim) -> object:
    """Replace a size in nested tuples."""
    if isinstance(value, tuple):
        return tuple(_swap(item, old, new) for item in value)
    return new if value == old else value


def _first(given: Given) -> Shape:
    return next(iter(given.values())) if isinstance(given, dict) else given


def _read(ref: Ref, sources: Mapping[str, Given]) -> Shape:
    given = sources[ref.name]
    return given[ref.port] if isinstance(given, dict) else given


def _substituted(given: Given, actual: Mapping[str, object]) -> Given:
    if isinstance(given, dict):
        return {key: _first(_substituted(shape, actual)) for key, shape in given.items()}
    return tuple(_size(i, size, len(given), actual) for i, size in enumerate(given))


def _size(axis: int, size: Dim, rank: int, actual: Mapping[str, object]) -> Dim:
    """Substitute in one size; a pair such as a kernel's gives each axis of the image its number."""
    env = {
        text: actual[text][axis - 1] if _is_pair(actual[text], axis, rank) else actual[text]  # type: ignore[index]  # a tuple
        for text in names(size)
        if text in actual
    }
    try:
        return substitute(size, env)  # type: ignore[return-value]  # a size
    except TypeError:
        return unknown(size)


def _is_pair(value: object, axis: int, rank: int) -> bool:
    return isinstance(value, tuple) and axis > 0 and len(value) == rank - 1
