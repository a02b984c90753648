"""The widths of a block's inputs, which are known as soon as all before the block is expanded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netspec.graph.model import Bound, Node, NodeId, Sizes
from netspec.language.model import Block
from netspec.language.names import widths
from netspec.ops.apply import apply
from netspec.ops.window import times
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span


@dataclass(slots=True)
class Widths:
    """Finds shapes while a network is expanded, as far as some block asks for them."""

    sink: Sink
    shapes: dict[NodeId, Sizes] = field(default_factory=dict)
    waiting: list[Node] = field(default_factory=list)
    """The nodes whose shapes nobody has asked for yet, in the order of execution."""
    known: dict[NodeId, dict[str, Bound]] = field(default_factory=dict)
    """What was found for each use of a block."""

    def of(
        self, block: Block, inputs: Sequence[NodeId], id: NodeId, place: Span
    ) -> dict[str, Bound] | None:
        """Return the widths that a block reads; None where they are unknown, or after a report."""
        self._infer()
        if self.sink.failed or any(source not in self.shapes for source in inputs):
            return None
        self.known[id] = found = {}
        named = widths(block.inputs)
        for name, where in block.measured.items():
            shape = self.shapes[inputs[named[name].input]]
            if named[name].axis == 0 and len(shape) < 2:
                self._refuse(name, shape, where, place)
                return None
            found[name] = Bound(shape[named[name].axis], place)
        return found

    def check_shared(self, id: NodeId, owner: NodeId, place: Span) -> None:
        """Report another call of a block whose weights were made for another width."""
        theirs = self.known.get(owner, {})
        for name, bound in self.known[id].items():
            if name in theirs and theirs[name].value != bound.value:
                message = f"`${name}` is {theirs[name].value} where the block is shared from"
                message += f", here it would be {bound.value}"
                help = "give both calls inputs of one width"
                self.sink.error(Code.OTHER_WEIGHTS, message, place, help=help)

    def _infer(self) -> None:
        """Find the shapes of what waits; behind what is refused there are none."""
        for node in self.waiting if not self.sink.failed else ():
            if all(source in self.shapes for source in node.inputs):
                shape, problems = apply(node.op, tuple(self.shapes[x] for x in node.inputs))
                if not problems:
                    self.shapes[node.id] = shape
        self.waiting.clear()

    def _refuse(self, name: str, shape: Sizes, where: Span, place: Span) -> None:
        message = f"`${name}` is the first of two or more dimensions, found {times(shape)}"
        notes = (Label(place, "used here"),)
        help = f"the last dimension of any input is `${name.removesuffix('channels')}features`"
        self.sink.add(Diagnostic(Code.WRONG_RANK, message, where, notes=notes, help=help))
