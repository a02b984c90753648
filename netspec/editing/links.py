"""What links the views of a network: where each layer stands in the text, and in the code."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from netspec.analysis.network import Network
from netspec.emit.torch.module import Generated, Methods, generate
from netspec.graph.model import Graph, NodeId, path
from netspec.text.diagnostics import Source, Span
from netspec.text.syntax import Mapping as Entries
from netspec.text.syntax import Sequence as Items
from netspec.text.syntax import Tree, parse
from netspec.version import __version__

Lines = tuple[int, int]
"""The first and the last line of a stretch of code, from 0."""


def places(network: Network) -> Mapping[NodeId, Sequence[Span]]:
    """Return where each node and input is written: its own layer first, then each use around it.

    A place is a whole layer, or what of it stands in front of the layers inside.
    """
    graph = network.graph
    named: dict[NodeId, list[Span]] = {(name,): [x.span] for name, x in network.spec.inputs.items()}
    named |= {id: [*_written(id, graph)] for id in graph.nodes}
    spans = dict.fromkeys(span for found in named.values() for span in found)
    whole = _whole([span for span in spans if not span.source.secret])
    return {id: [whole[span] for span in found if span in whole] for id, found in named.items()}


def _written(id: NodeId, graph: Graph) -> Iterator[Span]:
    """Yield the spans of a node's layer, or of the word that joins, and of each use around it."""
    first, *uses = graph.nodes[id].origin
    yield graph.uses[id].layer.span if id in graph.uses else first
    yield from uses


def _whole(spans: Sequence[Span]) -> Mapping[Span, Span]:
    """Return what each span begins, up to the next one that begins inside."""
    starts: dict[Source, list[int]] = {}
    for span in spans:
        starts.setdefault(span.source, []).append(span.start)
    for found in starts.values():
        found.sort()
    return {span: _up_to_next(span, starts[span.source]) for span in spans}


def _up_to_next(span: Span, starts: Sequence[int]) -> Span:
    source, start, end = span
    after = bisect_right(starts, start)
    stop = starts[after] if after < len(starts) else len(source.text)
    end = max(end, min(stop, _ends(source).get(end, end)))
    return Span(source, start, start + len(source.text[start:end].rstrip()))


@lru_cache(maxsize=8)
def _ends(source: Source) -> Mapping[int, int]:
    """Return where each entry of a text ends, by where its key ends, which may be a path."""
    found: dict[int, int] = {}
    waiting: list[Tree] = [parse(source)]
    while waiting:
        match waiting.pop():
            case Entries(items):
                found |= {key.span.end: value.span.end for key, value in items}
                waiting += [value for _, value in items]
            case Items(items):
                waiting += items
    return found


# An older network is asked for again and again while its text has mistakes.
@lru_cache(maxsize=4)
def generated(network: Network) -> Generated:
    """Return the code of a network. Raises SpecError."""
    return generate(network, __version__)


def code_lines(network: Network, code: Generated) -> Mapping[NodeId, Sequence[Lines]]:
    """Return the lines that are about each node: in its own class first, then each use around."""
    classes = _classes(network, code)
    return {id: [*_stretches(_numbers(id, classes))] for id in network.graph.nodes}


def statements(network: Network, code: Generated, id: NodeId) -> Sequence[Sequence[int]]:
    """Return the lines of a layer, and of what is in it, in the methods of its own class."""
    classes = _classes(network, code)
    start = next(level for level in range(len(id) - 1, -1, -1) if id[:level] in classes)
    inside = f"{path(id[start:])}."
    found = []
    for method in classes[id[:start]]:
        inner = [numbers for name, numbers in method.items() if name.startswith(inside)]
        found.append(sorted({*chain(_nearest(method, id[start:]), *inner)}))
    return found


def _classes(network: Network, code: Generated) -> Mapping[NodeId, Methods]:
    """Return the class of the network and that of each instance of a body that has one."""
    classes: dict[NodeId, Methods] = {(): code.places[network.spec.model.body]}
    for body, instances in network.graph.instances.items():
        classes |= {one.id: code.places[body] for one in instances if body in code.places}
    return classes


def _numbers(id: NodeId, classes: Mapping[NodeId, Methods]) -> Iterator[int]:
    """Yield the lines of a node in each class that it is in, the innermost first."""
    end = len(id)
    for start in range(len(id) - 1, -1, -1):
        if id[:start] in classes:
            for method in classes[id[:start]]:
                yield from _nearest(method, id[start:end])
            end = start


def _nearest(method: Mapping[str, Sequence[int]], layer: NodeId) -> Sequence[int]:
    """Return the lines of a layer, or of what it is a part of."""
    names = (path(layer[:end]) for end in range(len(layer), -1, -1))
    return next((method[name] for name in names if name in method), ())


def _stretches(numbers: Iterator[int]) -> Iterator[Lines]:
    first = last = -1
    for number in numbers:
        if number != last + 1 and last >= 0:
            yield first, last
        if number != last + 1 or last < 0:
            first = number
        last = number
    if last >= 0:
        yield first, last
