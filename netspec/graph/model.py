"""The flat network: every layer of every use of every block, frozen, in execution order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from netspec.language.lower import Bodies
from netspec.language.model import Body, Layer, OpCall
from netspec.language.terms import INDEX, Argument, Value
from netspec.ops.base import Op
from netspec.ops.dim import Expr, names
from netspec.text.diagnostics import Span

NodeId = tuple[str, ...]
Sizes = tuple[int, ...]
"""A shape of numbers, without the batch."""


class Bound(NamedTuple):
    """The value of a parameter, and the place in the file that decided it.

    `fraction` is the arithmetic behind a value that is no whole number, and its cure.
    """

    value: Value
    span: Span
    fraction: str = ""


Bindings = Mapping[str, Bound]


class Node(NamedTuple):
    """One op at work. Its `owner` is the state_dict prefix of its weights: its id unless shared.

    `call` is the op as written, `bindings` the parameters where it stands, `origin` its place in
    the block and then each use of the block, the innermost first.
    """

    id: NodeId
    owner: NodeId
    op: Op
    inputs: tuple[NodeId, ...]
    call: OpCall
    bindings: Bindings
    origin: tuple[Span, ...]
    train_only: bool


class Use(NamedTuple):
    """One layer as it stands in the flat network: an op, or a whole block with members below it."""

    id: NodeId
    layer: Layer
    inputs: tuple[NodeId, ...]
    output: NodeId
    bindings: Bindings
    origin: tuple[Span, ...]
    train_only: bool


class Instance(NamedTuple):
    """One instantiation of a body: a use of a block, or one of its repetitions."""

    id: NodeId
    inputs: tuple[NodeId, ...]
    output: NodeId
    use: NodeId
    bindings: Bindings


@dataclass(frozen=True, slots=True)
class GraphOutput:
    """A named result: which node gives it, whether only in training, its weight in the loss."""

    name: str
    node: NodeId
    train_only: bool
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Nodes in execution order; `inputs` are the shapes of the network's inputs."""

    name: str
    params: Mapping[str, int | float]
    inputs: Mapping[NodeId, Sizes]
    integers: Collection[NodeId]
    """The inputs that hold integers."""
    nodes: Mapping[NodeId, Node]
    uses: Mapping[NodeId, Use]
    instances: Mapping[Body, Sequence[Instance]]
    written: Mapping[NodeId, NodeId]
    """What has moved up in a list, by the numbers as written."""
    outputs: tuple[GraphOutput, ...]
    bodies: Bodies
    """What was expanded, lowered."""

    def inference(self) -> Iterator[Node]:
        """Yield the nodes that run in inference."""
        return (node for node in self.nodes.values() if not node.train_only)


def cause(argument: Argument, bindings: Bindings) -> tuple[Span, Span | None]:
    """Return the place that decided an argument's value, and the place that uses it if another.

    The only parameter of an expression is its cause; an expression over several is its own.
    """
    only = cause_of(argument, bindings)
    if only is None or only.span == argument.span:
        return argument.span, None
    return only.span, argument.span


def cause_of(argument: Argument, bindings: Bindings) -> Bound | None:
    """Return the only parameter of an expression; the number of a copy is nobody's to change."""
    found = {*names(argument.value)}
    return bindings.get(found.pop()) if len(found) == 1 and INDEX not in found else None


def written(argument: Argument) -> str:
    """Return an argument as it stands in the file."""
    return str(argument.value) if isinstance(argument.value, Expr) else argument.span.text


def path(node: NodeId) -> str:
    """Write an id as a path: inception_3a.conv3x3.conv."""
    return ".".join(node)


def key(node: Node, tensor: str) -> str:
    """Return the key of one of a node's tensors in the state_dict."""
    return f"{path(node.owner)}.{tensor}".rstrip(".")
