"""Fills the plan of one class by walking its body with names in place of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netspec.dim import Dim, Expr, Shape, is_known, name, names, substitute
from netspec.emit.torch.naming import class_name
from netspec.emit.torch.plan import Construct, Made, Plan, Repeated, Stack, is_plain
from netspec.emit.torch.repeat import grouped, progression
from netspec.graph import NodeId
from netspec.ops.base import Call, Op
from netspec.spec.model import INPUT, BlockCall, Chain, Layer, OpCall, Parallel
from netspec.spec.order import execution_order

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
        is_model = plan.body is self.planner.spec.model.body
        inputs = plan.inputs
        if not is_model and inputs == ("x",):
            inputs = (INPUT,)
        sources = dict(zip(inputs, plan.symbols, strict=True))
        if isinstance(plan.body, Chain):
            plan.output = self._chain(plan.body, sources, (), plan.heads)
            return
        ends = []
        for i, branch in enumerate(plan.body.branches):
            if branch.named or not branch.layers:
                ends.append(self._chain(branch, dict(sources), ()))
                continue
            made, shape = self._stack(branch, next(iter(sources.values())), (str(i),))
            plan.children[str(i)] = made
            ends.append(shape)
        op = self._symbolic(plan.body.join.op)
        plan.calls[id(plan.body)] = op.torch(*ends)
        plan.output = op.shape(*ends)

    def _symbolic(self, op: Op) -> Op:
        return op.bind(self.values)

    def _chain(
        self,
        chain: Chain,
        sources: dict[str, Shape],
        path: NodeId,
        heads: Sequence[Layer] = (),
    ) -> Shape:
        """Plan the layers of a chain as children; return the shape at its end."""
        made: dict[str, Construct] = {}
        for layer in execution_order(chain.layers, heads):
            inputs = tuple(sources[ref.name] for ref in layer.sources)
            child, sources[layer.name] = self._layer(layer, inputs, (*path, layer.name))
            if child is not None:
                made[layer.name] = child
        for layer in (*chain.layers, *heads):
            if layer.name in made:
                self.plan.children[layer.name] = made[layer.name]
        last = chain.layers[-1].name if chain.layers else ""
        return sources[last] if last else next(iter(sources.values()))

    def _stack(self, chain: Chain, shape: Shape, path: NodeId) -> tuple[Construct, Shape]:
        """Plan an unnamed chain as an nn.Sequential."""
        items = []
        for layer in chain.layers:
            child, shape = self._layer(layer, (shape,), (*path, layer.name))
            assert child is not None
            items.append(child)
        return Stack(tuple(items)), shape

    def _layer(
        self, layer: Layer, inputs: tuple[Shape, ...], path: NodeId
    ) -> tuple[Construct | None, Shape]:
        if layer.repeat is None:
            return self._once(layer, inputs, path)
        count = substitute(layer.repeat.value, self.values)
        return self._repeat(layer, inputs[0], path, count)  # type: ignore[arg-type]  # a count

    def _once(
        self, layer: Layer, inputs: tuple[Shape, ...], path: NodeId, item: str = ""
    ) -> tuple[Construct | None, Shape]:
        place = (*path, item) if item else path
        match layer.call:
            case OpCall():
                return self._op(layer, layer.call, inputs, place)
            case Chain() if is_plain(layer.call):
                return self._stack(layer.call, inputs[0], place)
        return self._use(layer, inputs, path, place)

    def _op(
        self, layer: Layer, call: OpCall, inputs: tuple[Shape, ...], path: NodeId
    ) -> tuple[Construct | None, Shape]:
        op = self._symbolic(call.op)
        output = op.shape(*inputs)
        torch = op.torch(*inputs)
        if not op.is_module:
            self.plan.calls[id(layer)] = torch
            return None, output
        assert isinstance(torch, Call)
        inferred = op.inferred(*inputs)
        values = {key: self._inferred(call, key, value, path) for key, value in inferred.items()}
        rest = torch.args[len(inferred) :]
        note = ""
        for value in values.values():
            if isinstance(value, int) and not note:
                product = self.planner.arithmetic(call, value)
                note = f"{value} = {product}" if product else ""
        return Made(torch.function, (*values.values(), *rest), torch.kwargs, note), output

    def _inferred(self, call: OpCall, key: str, value: Dim, path: NodeId) -> Dim:
        """Return an inferred argument as an expression, a number, or a new argument's name."""
        self.plan.depends |= set(names(value))
        if is_known(value) and not any(text[0] == "@" for text in names(value)):
            return value
        return self._constant("_".join((*path, key)), self.planner.concrete(call, key, path))

    def _constant(self, text: str, found: dict[NodeId, int]) -> Dim:
        """Return the number if it is the same everywhere, else make it a constructor argument."""
        if len(set(found.values())) == 1:
            return next(iter(found.values()))
        self.plan.extras[text] = found
        return name(text)

    # -------------------------------------------------------------- uses of other classes

    def _use(
        self, layer: Layer, inputs: tuple[Shape, ...], path: NodeId, place: NodeId
    ) -> tuple[Construct, Shape]:
        call = layer.call
        planner = self.planner
        assert not isinstance(call, OpCall)
        body = planner.spec.blocks[call.block].body if isinstance(call, BlockCall) else call
        label = class_name((self.plan.name, *path))
        child = planner.class_of(body, label, self.values)
        actual = self._actual(child, call, inputs)
        extras = self._extras(child, layer, place)
        for text in child.depends:
            self.plan.depends |= set(names(actual.get(text, 0) if text in actual else name(text)))
        output = tuple(substitute(size, actual) for size in child.output)
        return self._construct(child, call, {**actual, **extras}), output  # type: ignore[return-value]  # sizes

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
                actual[param.name] = value
            return actual
        return {**self.values, **actual}

    def _extras(self, child: Plan, layer: Layer, path: NodeId) -> dict[str, Dim]:
        """Return the arguments of a class that depend on the image, for one use of it."""
        result = {}
        for text, values in child.extras.items():
            mine = {
                instance.id[: len(instance.id) - len(path)]: values[instance.id]
                for instance in self.planner.graph.instances[child.body]
                if self.planner.graph.uses[instance.use].layer is layer
                and instance.id[len(instance.id) - len(path) :] == path
            }
            result[text] = self._constant("_".join((*path, text)), mine)
        return result

    def _construct(
        self, child: Plan, call: BlockCall | Chain | Parallel, actual: Mapping[str, object]
    ) -> Made:
        """Write the constructor call as the spec writes it: positional and keyword arguments."""
        args: list[object] = []
        kwargs: dict[str, object] = {}
        channels = set(names(child.symbols))
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
                kwargs[param.name] = value
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
            made, output = self._once(layer, (outputs[-1],), path, str(i))
            assert made is not None
            items.append(made)
            outputs.append(output)
            if i and made == items[-2] and output == outputs[-2]:
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
