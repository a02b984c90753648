"""How large an expansion would be, counted without doing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from netspec import limits
from netspec.graph.bind import block_bindings, made_by, numbered, repeats
from netspec.graph.model import Bindings
from netspec.language.lower import Bodies, Lowered, Step, walk
from netspec.language.model import Block, BlockCall, Call, GivenCall, Layer, OpCall, ShareCall, Spec
from netspec.ops.dim import names
from netspec.ops.split import Cut
from netspec.text.codes import Code
from netspec.text.diagnostics import Sink, Span


class Extent(NamedTuple):
    """What an expansion comes to: layers, what they and the uses of blocks read, their paths."""

    layers: int = 0
    connections: int = 0
    letters: int = 0

    def plus(self, other: Extent) -> Extent:
        return Extent(*(a + b for a, b in zip(self, other, strict=True)))

    def under(self, name: str, times: int, reads: int) -> Extent:
        """Return what so many copies come to that stand under a name, each with its inputs."""
        return Extent(
            self.layers * times,
            (self.connections + reads) * times,
            (self.letters + self.layers * (len(name) + 1)) * times,
        )

    def excess(self) -> str:
        """Say which limit is exceeded, or nothing."""
        names = ("layers", "connections", "characters in the layers' paths")
        found = zip(self, LIMITS, names, strict=True)
        return next((f"{most:,} {what}" for count, most, what in found if count > most), "")


LIMITS = Extent(limits.LAYERS, limits.CONNECTIONS, limits.PATHS)


class Counter:
    """Counts layers; what a block comes to is kept for each set of arguments that decide it.

    A block whose inputs' widths decide it is counted once they are known, use by use.
    """

    def __init__(self, spec: Spec, bodies: Bodies, bindings: Bindings, sink: Sink) -> None:
        self._spec = spec
        self._bodies = bodies
        self._globals = bindings
        self._sink = sink
        self._known: dict[tuple[object, ...], Extent] = {}
        self._deciding: dict[str, tuple[str, ...]] = {}
        self._total = Extent()

    def check(self) -> None:
        """Report a network that is too large to expand."""
        # In the order of the file, so that the first layer too many is the one that is shown.
        steps = sorted(self._bodies[self._spec.model.body].steps, key=lambda step: step.line)
        for step, total in self._running(steps, self._globals):
            if self._is_refused(total, step.layer.span):
                return
            self._total = total

    def check_use(self, block: Block, bindings: Bindings, path: str, place: Span) -> None:
        """Count a use of a block of which the inputs' widths decide how large it is."""
        if not block.measured.keys().isdisjoint(self._params(block)):
            found = self._body(self._bodies[block.body], bindings).under(path, 1, 0)
            self._total = self._total.plus(found)
            if self._is_refused(self._total, place):
                self._sink.stop()

    def _is_refused(self, total: Extent, place: Span) -> bool:
        if excess := total.excess():
            message = f"more than {excess} after expansion"
            self._sink.error(Code.LIMIT, message, place, "too many from here on")
        return bool(excess)

    def _running(self, steps: Iterable[Step], bindings: Bindings) -> Iterator[tuple[Step, Extent]]:
        """Yield each layer with the sum up to it."""
        total = Extent()
        for step in steps:
            total = total.plus(self._step(step, bindings))
            yield step, total

    def _body(self, body: Lowered, bindings: Bindings) -> Extent:
        total = Extent()
        for _, total in self._running(body.steps, bindings):
            if total.excess():
                return total
        if body.join is None:
            return total
        return total.plus(Extent(1, len(body.join.sources), len(body.join.name)))

    def _step(self, step: Step, bindings: Bindings) -> Extent:
        actor = step.actor
        if step.is_branch:
            return self._call(actor.call, bindings)
        times = repeats(actor, bindings, Sink())
        name, reads = step.layer.name, max(1, len(step.layer.sources))
        total = Extent()
        # Copies are alike behind the first one, unless `$i` tells them apart.
        few = times if actor.is_counted else min(times, 1 + bool(actor.said.first))
        for item in range(few):
            index = item if actor.index is None else actor.index
            found = self._call(actor.call_of(item), numbered(actor, index, bindings))
            alike = times - item if item == few - 1 else 1
            total = total.plus(found.under(name, alike, reads))
            if total.excess():
                break
        return total

    def _call(self, call: Call, bindings: Bindings) -> Extent:
        if isinstance(call, GivenCall):
            call = made_by(call, bindings)
        if isinstance(call, OpCall):
            count = call.op.count() if isinstance(call.op, Cut) else 1
            return Extent(count, count, 0)
        if not isinstance(call, BlockCall):
            assert not isinstance(call, ShareCall)
            return self._body(self._bodies[call], bindings)
        block = self._spec.blocks[call.block]
        if not block.measured.keys().isdisjoint(self._params(block)):
            return Extent()  # counted where its inputs are known
        deciding = [block.params[name] for name in self._params(block)]
        inner = block_bindings(call, deciding, bindings, Sink())
        if inner is None:
            return Extent(1)
        # Blocks nest, so that counting each use anew would double the work at every level.
        key = (block.name, *(bound.value for bound in inner.values()))
        if key not in self._known:
            self._known[key] = self._body(self._bodies[block.body], {**self._globals, **inner})
        return self._known[key]

    # -------------------------------------------------------------- what decides a count

    def _params(self, block: Block) -> tuple[str, ...]:
        """Return the parameters and widths of a block that a repetition in it depends on."""
        if block.name not in self._deciding:
            layers = walk(self._bodies[block.body], self._bodies)
            read = {name for _, layer in layers for name in self._read(layer)}
            visible = (*block.params, *block.measured)
            self._deciding[block.name] = tuple(name for name in visible if name in read)
        return self._deciding[block.name]

    def _read(self, layer: Layer) -> Iterable[str]:
        """Yield the parameters that decide how often a layer, and what is in it, is there."""
        if layer.said.repeat is not None:
            yield from names(layer.said.repeat.value)
        if isinstance(layer.call, GivenCall):
            yield layer.call.param
        if isinstance(layer.call, BlockCall):
            for name in self._params(self._spec.blocks[layer.call.block]):
                for arguments in (layer.call.arguments, layer.said.first):
                    yield from names(arguments[name].value) if name in arguments else ()
