"""Ops and blocks as arguments of blocks: which parameters name one, and which ones may be named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pydantic import ValidationError

from netspec.language.calls import inferred
from netspec.language.lookup import Context, is_callable, refuse_op
from netspec.language.model import Block, BlockCall, GivenCall, Layer, OpCall, walk
from netspec.language.terms import Argument, Maker, Param
from netspec.ops.arguments import spell
from netspec.ops.base import REGISTRY, Op
from netspec.ops.dim import Expr, name, names
from netspec.text.codes import Code
from netspec.text.diagnostics import Span

_RANK = 3
Makers = dict[str, set[str]]
"""The parameters of each block that name an op or a block."""


def resolved(
    blocks: dict[str, Block], layers: Iterable[Layer], context: Context
) -> dict[str, Block]:
    """Return blocks whose parameters know whether they name ops; report what cannot be named.

    `layers` are those of the network itself.
    """
    checker = _Checker(blocks, _makers(blocks), context)
    checker.uses(layers, set())
    for block in blocks.values():
        checker.uses(walk(block.body), checker.makers[block.name])
    return {text: replace(block, params=checker.params(block)) for text, block in blocks.items()}


def _makers(blocks: dict[str, Block]) -> Makers:
    """Return the parameters that layers call, or hand on to blocks that do."""
    found: Makers = {text: set() for text in blocks}
    todo = True
    while todo:
        todo = False
        for block in blocks.values():
            called = {text for layer in walk(block.body) for text in _called(layer, found)}
            new = (called & block.params.keys()) - found[block.name]
            found[block.name] |= new
            todo = todo or bool(new)
    return found


def _called(layer: Layer, makers: Makers) -> Iterator[str]:
    if isinstance(layer.call, GivenCall):
        yield layer.call.param
    for text, argument in _arguments(layer):
        is_name = isinstance(argument.value, Expr) and argument.value.op == "name"
        known = makers.get(layer.call.block, ()) if isinstance(layer.call, BlockCall) else ()
        if is_name and text in known:
            yield from names(argument.value)


def _arguments(layer: Layer) -> Iterator[tuple[str, Argument]]:
    """Yield what a use of a block gives to it, to the first of its copies too."""
    if isinstance(layer.call, BlockCall):
        yield from layer.call.arguments.items()
        yield from layer.said.first.items()


@dataclass(frozen=True, slots=True)
class _Checker:
    blocks: dict[str, Block]
    makers: Makers
    context: Context

    def uses(self, layers: Iterable[Layer], own: set[str]) -> None:
        """Report arguments that name no op where one is called; `own` are names of makers."""
        for layer in layers:
            if isinstance(layer.call, GivenCall) and layer.call.param not in own:
                message = f"`${layer.call.param}` is a parameter of the spec: it names no op"
                help = "a block's own parameter can: `params: [act=relu]`"
                self.context.sink.error(Code.RANGE, message, layer.call.span, help=help)
            if not isinstance(layer.call, BlockCall):
                continue
            known = self.makers.get(layer.call.block, ())
            for text, argument in _arguments(layer):
                if text in known and not own.intersection(_name(argument)):
                    self._check(argument, f"`{text}` of `{layer.call.block}`")

    def params(self, block: Block) -> dict[str, Param]:
        """Return the parameters of a block; report defaults that are no numbers, or no ops."""
        makers = self.makers[block.name]
        for text, param in block.params.items():
            if text in makers and param.default is not None:
                self._check(Argument(param.default, param.span), f"`{text}` of `{block.name}`")
            elif isinstance(param.default, str):
                message = f"the default of `{text}` is no number: `{param.default}`"
                is_op = self._is_op(param.default)
                help = f"a layer would call it as `{text}: ${text}`" if is_op else ""
                end = param.span.end
                place = Span(param.span.source, end - len(param.default), end)
                self.context.sink.error(Code.RANGE, message, place, help=help)
        pairs = block.params.items()
        return {text: replace(param, is_op=text in makers) for text, param in pairs}

    def _is_op(self, text: str) -> bool:
        return is_callable(text, self.context)

    def _check(self, argument: Argument, what: str) -> None:
        sink, value = self.context.sink, argument.value
        value = value.name if isinstance(value, Maker) else value
        if not isinstance(value, str):
            message = f"{what} expects the name of an op or of a block, found {spell(value)}"
            sink.error(Code.RANGE, message, argument.span, help="for example `relu`")
            return
        if not self._is_op(value):
            refuse_op(value, argument.span, self.context)
            return
        self.context.used_blocks.add(value)
        if fault := self._fault(value):
            message = f"{what} cannot be `{value}`, which {fault}"
            help = "an op or a block is an argument by its bare name: it keeps its input's shape "
            help += "and takes nothing further, as `relu` does"
            sink.error(Code.RANGE, message, argument.span, help=help)

    def _fault(self, text: str) -> str:
        """Say why an op or a block cannot be made without arguments, or nothing."""
        if text in REGISTRY:
            return _fault_of(REGISTRY[text])
        block = self.blocks.get(text)
        if block is None:
            return ""  # what is wrong with it is told
        needed = [param.name for param in block.params.values() if param.default is None]
        if needed:
            return f"needs `{needed[0]}`"
        if len(block.inputs) > 1 or block.outputs:
            return "has several inputs or outputs"
        return next(filter(None, (self._fault_within(x, block) for x in walk(block.body))), "")

    def _fault_within(self, layer: Layer, block: Block) -> str:
        call = layer.call
        given = call.arguments if isinstance(call, OpCall | BlockCall) else {}
        read = [text for argument in given.values() for text in names(argument.value)]
        if others := [text for text in read if text not in block.params]:
            return f"reads `${others[0]}`, a parameter of the spec"
        if isinstance(call, OpCall) and (needed := inferred(call.op.op_name)):
            return f"has a `{call.op.op_name}`, which needs `{needed[0]}` of its input"
        return ""


def _name(argument: Argument) -> set[str]:
    is_name = isinstance(argument.value, Expr) and argument.value.op == "name"
    return {*names(argument.value)} if is_name else set()


def _fault_of(cls: type[Op]) -> str:
    """Say why an op cannot be made without arguments, or nothing."""
    if cls.reads != (1,):
        return "reads several inputs"
    if needed := inferred(cls.op_name):
        return f"needs `{needed[0]}` of its input"
    try:
        op = cls.model_validate({})
    except ValidationError as error:
        return f"needs `{error.errors()[0]['loc'][0]}`"
    shape = tuple(name(f"size{axis}") for axis in range(cls.rank or _RANK))
    if op.shape(*[shape]) != shape:
        return "gives another shape than its input's"
    if not op.in_sequence or op.helpers:
        return "is a function, and no class of torch"
    made = op.torch(shape)
    return "" if made == type(made)(cls.module) else "is not made without arguments"
