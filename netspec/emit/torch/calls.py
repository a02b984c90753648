"""What a call of an op or of another class comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from netspec.emit.torch.instances import Instances
from netspec.emit.torch.plan import BUFFER, ClassPlan, Given, Work, is_written
from netspec.emit.torch.scope import ClassScope, Values
from netspec.emit.torch.wrappers import wrapper_call, wrapper_name, wrapper_source
from netspec.graph.model import NodeId
from netspec.language.model import Block, BlockCall, Chain, Layer, OpCall, Parallel
from netspec.language.terms import Maker
from netspec.ops.base import Call, Infix, Op
from netspec.ops.collect import collected
from netspec.ops.dim import Dim, Expr, Shape, integer, name, names, substitute, unknown
from netspec.ops.split import Cut


@dataclass(frozen=True, slots=True)
class Calls:
    """Writes calls of ops and of other classes with the names that a class sees."""

    scope: ClassScope
    instances: Instances
    blocks: Mapping[str, Block]
    helper: Callable[[str, str], str]
    """What a class or function is called in the file that an op brings along: name and source."""
    in_list: bool = False
    """Whether they stand in an nn.Sequential, which holds functions as modules."""

    def op(self, call: OpCall, inputs: Sequence[Shape], path: NodeId) -> Work:
        """Return what an op comes to. What it infers from its input opens a constructor's call."""
        op = call.op.bind(self.scope.values)
        torch = op.torch(*inputs)
        seen = op.inferred(*inputs) if inputs else {}
        found = {
            (*path, key): self.instances.inferred(call, key, path)
            for key, value in seen.items()
            if not is_written(value)
        }
        constants, extras = self.scope.constants(found)
        values = {key: constants.get((*path, key), value) for key, value in seen.items()}
        depends = frozenset(names(tuple(seen[key] for *_, key in found)))
        shapes = {"": op.shape(*inputs)}
        if isinstance(op, Cut):
            shapes = {text: op.piece(i, inputs[0]) for i, text in enumerate(op.called())}
        given: Given = {text: tuple(map(collected, x)) for text, x in shapes.items()}
        work = Work(given, depends=depends, extras=extras)
        if op.is_module:
            assert isinstance(torch, Call)
            function = self._function(torch, op)
            first = [value for key, value in values.items() if key not in torch.kwargs]
            args = (*first, *torch.args[len(first) :])
            kwargs = {key: values.get(key, value) for key, value in torch.kwargs.items()}
            child = Call(function, args, kwargs, self._note(call, values))
            return replace(work, child=child, use=op.use(*inputs))
        if isinstance(torch, Infix):
            return self._done(work, op, torch)
        function = self._function(torch, op)
        if not op.reads[0]:
            keywords = {} if op.buffers() else {"persistent": False}
            return replace(work, child=Call(BUFFER, (path[-1], self._named(torch, op)), keywords))
        args = torch.args
        for key, value in values.items():
            args = tuple(_swapped(item, seen[key], value) for item in args)
        return self._done(work, op, replace(torch, function=function, args=args))

    def _done(self, work: Work, op: Op, made: Call | Infix) -> Work:
        """Return what a function comes to: a call in forward, or a module that calls it."""
        if not (self.in_list and op.is_wrapped):
            return replace(work, function=made)
        name = self.helper(wrapper_name(op), wrapper_source(op, made))
        return replace(work, child=wrapper_call(name, made))

    def _function(self, call: Call, op: Op) -> str:
        """Return what a call calls; what torch lacks the file holds, under a name of its own."""
        source = op.helpers.get(call.function)
        return call.function if source is None else self.helper(call.function, source)

    def _named(self, call: Call, op: Op) -> Call:
        """Return a call, and those in its arguments, with the names that the file has for them."""
        args = tuple(
            self._named(item, op) if isinstance(item, Call) else item for item in call.args
        )
        return replace(call, function=self._function(call, op), args=args)

    def _note(self, call: OpCall, values: Mapping[str, Dim]) -> str:
        """Return the arithmetic behind the first number that is the size of a flattened map."""
        numbers = [value for value in values.values() if isinstance(value, int)]
        products = [(value, self.instances.arithmetic(call, value)) for value in numbers]
        return next((f"{value} = {product}" for value, product in products if product), "")

    def use(
        self,
        child: ClassPlan,
        call: BlockCall | Chain | Parallel,
        inputs: Sequence[Shape],
        layer: Layer | None,
        place: NodeId,
    ) -> Work:
        """Return what an instance of a class comes to that a layer makes at a place."""
        mine = self.instances.of(child.body, layer, place)
        values = self._meaning(child, call, inputs)
        # Only numbers say what follows from the image: whoever makes an instance hands them on.
        homes = [one.id[: -len(place)] for one in mine]
        tables = {
            text: [table.get(one.id, _any(table)) for one in mine]
            for text, table in child.extras.items()
        }
        taken = {param.name for param in child.params}
        widths = {
            text: (index, axis)
            for index, symbols in enumerate(child.symbols)
            for axis, symbol in enumerate(symbols)
            for text in taken.intersection(names(symbol))
        }
        for text, (index, axis) in widths.items():
            if not is_written(values[text]):
                tables[text] = self.instances.sizes(mine, index, axis)
        found = {
            (*place, text): dict(zip(homes, table, strict=True)) for text, table in tables.items()
        }
        constants, extras = self.scope.constants(found)
        read = [*child.depends, *tables]
        depends = frozenset(names(tuple(values.get(text, name(text)) for text in read)))
        values |= dict(zip(tables, constants.values(), strict=True))
        given = {port: _substituted(x, values) for port, x in child.output.items()}
        made = _constructor_call(child, call, values)
        return Work(given, made, fields=child.fields, depends=depends, extras=extras)

    def _meaning(
        self, child: ClassPlan, call: BlockCall | Chain | Parallel, shapes: Sequence[Shape]
    ) -> dict[str, object]:
        """Return what each name of a class stands for in one use of it."""
        pairs = zip(child.symbols, shapes, strict=True)
        sizes = [pair for symbols, shape in pairs for pair in zip(symbols, shape, strict=True)]
        found: dict[str, object] = {
            str(symbol.args[0]): size for symbol, size in sizes if isinstance(symbol, Expr)
        }
        if not isinstance(call, BlockCall):
            return {**self.scope.values, **found}
        reals = {param.name for param in child.params if "float" in param.type}
        for param in self.blocks[call.block].params.values():
            given = call.arguments.get(param.name)
            value = substitute(given.value, self.scope.values) if given else param.default
            value = param.meant(value if param.name in reals else integer(value))
            # What the network never makes has no class, and this use does not call it.
            is_idle = self.instances.lack(value, self.blocks)
            found[param.name] = Maker("identity") if is_idle else value
        return found


def _any(table: Mapping[NodeId, int]) -> int:
    """Return a number for an instance that has not the layer which needs it: any one will do."""
    return next(iter(table.values()))


def _swapped(value: object, old: Dim, new: Dim) -> object:
    """Replace a size in nested tuples."""
    if isinstance(value, tuple):
        return tuple(_swapped(item, old, new) for item in value)
    return new if value == old else value


def _constructor_call(child: ClassPlan, call: BlockCall | Chain | Parallel, values: Values) -> Call:
    """Write an instance as the spec writes it: positional and keyword arguments."""
    args: list[object] = []
    kwargs: dict[str, object] = {}
    given = list(call.arguments) if isinstance(call, BlockCall) else []
    positional = given[: call.positional] if isinstance(call, BlockCall) else []
    for param in child.params:
        value = values.get(param.name, name(param.name))
        if param.name in positional or not (param.name in given or param.keyword_only):
            if param.name in positional or param.default is None:
                args.append(value)
        else:
            kwargs[child.local[param.name]] = value
    return Call(child.name, tuple(args), kwargs)


def _substituted(shape: Shape, actual: Values) -> Shape:
    """Substitute in a shape; a pair such as a kernel's gives each axis of the image its number."""
    pairs = {
        text: value
        for text, value in actual.items()
        if isinstance(value, tuple) and len(value) == len(shape) - 1
    }
    sizes: list[Dim] = []
    for axis, size in enumerate(shape):
        mine = {text: value[axis - 1] for text, value in pairs.items()} if axis else {}
        try:
            found = cast("Dim", substitute(size, {**actual, **mine} if mine else actual))
            sizes.append(collected(found))
        except TypeError:
            sizes.append(unknown(size))
    return tuple(sizes)
