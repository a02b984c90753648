"""What a spec holds: each noun knows where it was written, and blocks are kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from netspec.language.extras import TRAIN
from netspec.language.grammar import NOTHING, LayerKeys
from netspec.language.terms import INDEX, Argument, Condition, Expectation, Param, Ref
from netspec.ops.base import Op
from netspec.ops.dim import names, substitute
from netspec.ops.extern import Declared, op_of
from netspec.ops.fillers import Filler
from netspec.text.diagnostics import Source, Span


@dataclass(frozen=True, slots=True, eq=False)
class OpCall:
    """A use of a built-in op; arguments may still hold expressions.

    `positional` of the arguments were written without a keyword.
    """

    op: Op
    arguments: Mapping[str, Argument]
    span: Span
    positional: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class BlockCall:
    """A use of a block; `positional` of the arguments were written without a keyword."""

    block: str
    arguments: Mapping[str, Argument]
    positional: int
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class ShareCall:
    """Another call of a layer of the same chain, with the same weights."""

    target: Ref
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class GivenCall:
    """A use of the op or block that a parameter of the block names."""

    param: str
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Layers one after the other; unnamed ones are called 0, 1, 2 …"""

    layers: tuple[Layer, ...]
    named: bool
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Parallel:
    """Chains that all start at the same input, and the op that joins their ends."""

    branches: tuple[Chain, ...]
    join: OpCall
    span: Span


Body = Chain | Parallel
Call = OpCall | BlockCall | ShareCall | GivenCall | Chain | Parallel


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One line of a chain."""

    name: str
    span: Span
    call: Call
    sources: tuple[Ref, ...]
    said: LayerKeys = NOTHING
    """What it says beside its op."""
    index: int | None = None
    """Which of the copies of `splice:` it is."""

    @property
    def is_counted(self) -> bool:
        """Whether `$i` stands in its arguments."""
        given = self.call.arguments if isinstance(self.call, OpCall | BlockCall) else {}
        values = [argument.value for argument in (*given.values(), *self.said.first.values())]
        return any(INDEX in names(value) for value in values)

    def call_of(self, item: int) -> Call:
        """Return what one of its copies calls: `first:` changes the first one."""
        if item or not isinstance(self.call, BlockCall) or not self.said.first:
            return self.call
        return replace(self.call, arguments={**self.call.arguments, **self.said.first})

    @property
    def train_only(self) -> bool:
        """Whether it runs only in training."""
        return self.said.when == TRAIN

    @property
    def condition(self) -> Condition | None:
        """On what it is there at all."""
        return self.said.when if isinstance(self.said.when, Condition) else None


def numbered(layer: Layer) -> Layer:
    """Return one of the copies of `splice:` as a layer that stands alone, without `$i`."""
    if layer.index is None:
        return layer
    return replace(substituted(layer, {INDEX: layer.index}), index=None)


def substituted(layer: Layer, values: Mapping[str, object]) -> Layer:
    """Return a layer with values, or other expressions, in place of names in its arguments."""
    call = layer.call
    if not isinstance(call, OpCall | BlockCall):
        return layer
    given = {
        key: replace(x, value=substitute(x.value, values))  # type: ignore[arg-type]  # a Value
        for key, x in call.arguments.items()
    }
    call = replace(call, arguments=given)
    if isinstance(call, OpCall):
        op = type(call.op).model_validate({key: x.value for key, x in given.items()})
        call = replace(call, op=op)
    return replace(layer, call=call)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A body with parameters. The network itself is a block without any."""

    name: str
    span: Span
    params: Mapping[str, Param]
    inputs: tuple[str, ...]
    body: Body
    doc: str = ""
    outputs: tuple[Ref, ...] = ()
    """Layers of the chain that a use can read as `use.name`; none: the last layer is the output."""
    measured: Mapping[str, Span] = field(default_factory=dict)
    """The widths of its inputs that it reads, such as `in_channels`, and where it does so first."""


@dataclass(frozen=True, slots=True)
class Extern:
    """A class that the spec declares: `imported` is where it says what to import."""

    declared: Declared
    span: Span
    imported: Span
    doc: str = ""


def ops_of(externs: Mapping[str, Extern]) -> dict[str, type[Op]]:
    """Return the ops that declarations come to."""
    return {name: op_of(extern.declared) for name, extern in externs.items()}


@dataclass(frozen=True, slots=True)
class Output:
    """A named result. `ref` names the layer, which for a head is the output's own layer.

    `weight` is that layer's, in the loss.
    """

    name: str
    span: Span
    ref: Ref
    head: Layer | None = None
    weight: Argument | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Spec:
    """A whole network as written."""

    source: Source
    name: str
    params: Mapping[str, Param]
    inputs: Mapping[str, Argument]
    integers: Collection[str]
    """The inputs that hold integers."""
    blocks: Mapping[str, Block]
    model: Block
    outputs: tuple[Output, ...]
    expect: tuple[Expectation, ...] = ()
    init: Mapping[str, Mapping[str, Filler]] = field(default_factory=dict)
    """How each op's tensors are filled, by op and tensor."""
    doc: str = ""
    channels_last: Collection[str] = ()
    """The inputs whose channels lie side by side in memory."""
    own: Mapping[str, type[Op]] = field(default_factory=dict)
    """The user's own ops that it may name."""
    externs: Mapping[str, Extern] = field(default_factory=dict)

    @property
    def ops(self) -> dict[str, type[Op]]:
        """The ops that it may name beside the built-in ones."""
        return {**self.own, **ops_of(self.externs)}

    @property
    def heads(self) -> tuple[Layer, ...]:
        """The layers that stand in `outputs`."""
        return tuple(output.head for output in self.outputs if output.head is not None)

    def layers(self) -> Iterator[Layer]:
        """Yield every layer of the network, of its blocks and of its outputs."""
        for block in (self.model, *self.blocks.values()):
            yield from walk(block.body)
        yield from self.heads


INPUT = "input"
"""What a block without `inputs` calls its input."""


def walk(body: Body) -> Iterator[Layer]:
    """Yield every layer of a body, those of inline blocks included."""
    for chain in body.branches if isinstance(body, Parallel) else (body,):
        for layer in chain.layers:
            yield layer
            if isinstance(layer.call, Chain | Parallel):
                yield from walk(layer.call)
