"""The numbers of a spec that can be stepped: parameters, arguments, sizes of inputs, counts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from netspec.analysis.network import Network
from netspec.graph.model import NodeId, path
from netspec.language.model import BlockCall, Layer, OpCall
from netspec.language.terms import Argument, Param
from netspec.limits import SIZE
from netspec.ops.arguments import Integer, Real
from netspec.ops.base import Op
from netspec.text.diagnostics import Span

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?\Z", re.ASCII)
_LAST = re.compile(r"[^\s:=]+\Z")
_WIDTH = 16
"""From here on an integer is a width, which goes in powers of two."""
_MOST = 8


class Range(NamedTuple):
    """What a number may be, and by how much it is stepped."""

    least: float | None
    most: float | None
    step: float


class Step(NamedTuple):
    """A number in the text: `layers` are the paths of the layers, or blocks, that take it."""

    span: Span
    name: str
    value: int | float
    range: Range
    layers: tuple[str, ...]


class _Number(NamedTuple):
    span: Span
    name: str
    kind: Integer | Real | None


def steps(network: Network) -> list[Step]:
    """Return the numbers of a spec's own text, in its order."""
    found: dict[_Number, list[NodeId]] = {}
    spec, graph = network.spec, network.graph
    for param in spec.params.values():
        found[_of_param(param)] = []
    for name, argument in spec.inputs.items():
        for number in _numbers(name, argument, Integer()):
            found.setdefault(number, []).append((name,))
    blocks: dict[str, list[NodeId]] = {}
    for id, use in graph.uses.items():
        if isinstance(use.layer.call, BlockCall):
            blocks.setdefault(use.layer.call.block, []).append(id)
        for number in _of_layer(use.layer):
            found.setdefault(number, []).append(id)
    for block in spec.blocks.values():
        for param in block.params.values():
            found.setdefault(_of_param(param), []).extend(blocks.get(block.name, ()))
    made = (_step(number, ids) for number, ids in found.items())
    own = (step for step in made if step and step.span.source is spec.source)
    return sorted(own, key=lambda step: step.span.start)


def _of_param(param: Param) -> _Number:
    """Return the default of a parameter, which stands at the end of its text."""
    last = _LAST.search(param.span.text)
    start = param.span.end - len(last[0]) if last else param.span.end
    return _Number(param.span._replace(start=start), param.name, None)


def _of_layer(layer: Layer) -> Iterator[_Number]:
    """Yield the numbers that a layer says: arguments, those of its first copy, how many copies."""
    call = layer.call
    if isinstance(call, OpCall | BlockCall):
        kinds = _kinds(type(call.op)) if isinstance(call, OpCall) else {}
        for name, argument in (*call.arguments.items(), *layer.said.first.items()):
            yield from _numbers(name, argument, kinds.get(name))
    if layer.said.repeat is not None:
        yield from _numbers("repeat", layer.said.repeat, Integer())


@lru_cache(maxsize=256)
def _kinds(op: type[Op]) -> Mapping[str, Integer | Real]:
    """Return what an op's numbers may be."""
    pairs = ((name, x) for name, field in op.model_fields.items() for x in field.metadata)
    return {name: x for name, x in pairs if isinstance(x, Integer | Real)}


def _numbers(name: str, argument: Argument, kind: Integer | Real | None) -> Iterator[_Number]:
    """Yield an argument, or the items of one that is a list."""
    value, span = argument.value, argument.span
    spans = span.items(len(value)) if isinstance(value, tuple) else [span]
    yield from (_Number(item, name, kind) for item in spans)


def _step(number: _Number, ids: list[NodeId]) -> Step | None:
    """Return a number as it can be stepped; none for what is an expression, or no number."""
    span, name, kind = number
    if not _NUMBER.match(span.text) or len(span.text) > _WIDTH:
        return None
    is_whole = span.text.lstrip("-").isdecimal()
    value = int(span.text) if is_whole else float(span.text)
    least = kind.minimum if kind else min(value, int(value >= 1))
    most = kind.maximum if kind else math.inf
    size = _whole_step(value) if isinstance(value, int) else _fine_step(span.text)
    limits = Range(_bound(least), _bound(most), size)
    return Step(span, name, value, limits, tuple(map(path, dict.fromkeys(ids))))


def _bound(value: float) -> float | None:
    """Return a bound that somebody may meet."""
    return value if abs(value) < SIZE else None


def _whole_step(value: int) -> int:
    """Return by how much an integer goes: a width by the power of two that is in it, up to 8."""
    return min(_MOST, value & -value) if value >= _WIDTH else 1


def _fine_step(text: str) -> float:
    """Return by how much a fraction goes: its last digit."""
    mantissa, _, exponent = text.partition("e")
    digits = len(mantissa.partition(".")[2]) - int(exponent or 0)
    return float(f"1e{-digits}")
