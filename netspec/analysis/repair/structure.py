"""Repairs that change which layers there are: repeat counts, and what a `when:` depends on.

The spec is expanded again for each, so few are tried, and only as far as a budget reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from itertools import chain
from typing import Any

from netspec.analysis.case import Case
from netspec.analysis.claims import Missed, judge
from netspec.analysis.repair.change import Change, slips
from netspec.graph.expand import expand
from netspec.language.grammar import LayerKeys
from netspec.language.lower import lower
from netspec.language.model import (
    Block,
    BlockCall,
    Body,
    Chain,
    Layer,
    Output,
    Parallel,
    Spec,
    walk,
)
from netspec.language.terms import Argument, Param, Value
from netspec.ops.dim import names
from netspec.text.diagnostics import Sink, SpecError


def find(case: Case, missed: Missed) -> list[Change]:
    """Return the changes of one count or flag with which everything holds."""
    fixes: list[Change] = []
    # A block that is used twice yields its places twice.
    for place in dict.fromkeys(_places(case.spec)):
        tried: dict[Value, Missed | None] = {}
        for new in _candidates(place.old, missed, tried):
            if not case.budget.spend(len(case.graph.nodes)):
                return fixes
            fix = replace(place, new=new)
            tried[new] = found = _missed(_edited(case.spec, fix))
            if found is not None and not any(found.values()):
                fixes.append(fix)
                break
    return fixes


def _missed(spec: Spec) -> Missed | None:
    """Return by how much a spec misses what it expects; None where a layer or a shape is wrong."""
    try:
        return judge(spec, expand(spec, lower(spec), {}, Sink()))
    except SpecError:
        return None


def _candidates(
    value: Value, missed: Missed, tried: Mapping[Value, Missed | None]
) -> Iterator[Value]:
    """Yield other values: the next one, what a straight line through it says, then slips."""
    if type(value) is not int:
        yield not value
        return
    yield value + 1
    after = tried.get(value + 1)
    lines = [(miss, after.get(key, 0) - miss) for key, miss in missed.items()] if after else []
    solutions = [value - miss // step for miss, step in lines if step and miss % step == 0]
    for new in dict.fromkeys([*solutions[:1], *([] if lines else slips(value))]):
        if new > 0 and new not in (value, value + 1):
            yield new


# ------------------------------------------------------------------ the places


def _places(spec: Spec) -> Iterator[Change]:
    """Yield what the counts and conditions of a spec depend on, as changes that change nothing."""
    bodies = {"": spec.model.body, **{name: block.body for name, block in spec.blocks.items()}}
    decisive = {name: _decisive(body) for name, body in bodies.items()}
    for layer in spec.layers():
        if layer.said.repeat and type(layer.said.repeat.value) is int:
            yield Change(layer.said.repeat.span, layer.said.repeat.value)
        if isinstance(layer.call, BlockCall):
            yield from _of_use(layer, layer.call, decisive[layer.call.block], spec)
    everywhere = set().union(*decisive.values())
    for param in spec.params.values():
        if param.name in everywhere and isinstance(param.default, int):
            yield Change(param.span, param.default)


def _of_use(layer: Layer, call: BlockCall, decisive: set[str], spec: Spec) -> Iterator[Change]:
    """Yield the decisive arguments of a use, and the flags that it leaves to their default."""
    for key, argument in chain(call.arguments.items(), layer.said.first.items()):
        if key in decisive and isinstance(argument.value, int):
            yield Change(argument.span, argument.value)
    for name, param in spec.blocks[call.block].params.items():
        is_left = name not in call.arguments and name not in layer.said.first
        if is_left and name in decisive and isinstance(param.default, bool):
            yield Change(call.span, param.default, key=name)
            yield Change(param.span, param.default)


def _decisive(body: Body) -> set[str]:
    """Return the parameters that a body's counts and conditions name."""
    found: set[str] = set()
    for layer in walk(body):
        condition = layer.condition
        values = [layer.said.repeat.value] if layer.said.repeat else []
        values += [condition.left, condition.right] if condition else []
        found.update(name for value in values for name in names(value))
    return found


# ------------------------------------------------------------------ another value


def _edited(part: Any, fix: Change) -> Any:
    """Return a part of a spec with a change made.

    It is the model that is edited, not the text: the place may stand in a file that is extended.
    """
    match part:
        # This is asked first, for the call within the layer stands at the same place.
        case Layer() if fix.key and part.call.span == fix.span:
            return _with_argument(part, fix)
        case Argument() if part.span == fix.span:
            return replace(part, value=fix.new)
        case Param() if part.span == fix.span:
            return replace(part, default=fix.new)  # type: ignore[arg-type]  # a number or a flag
        case tuple():
            return tuple(_edited(item, fix) for item in part)
        case dict():
            return {key: _edited(item, fix) for key, item in part.items()}
        case LayerKeys():
            said = {key: _edited(getattr(part, key), fix) for key in ("repeat", "first")}
            return part.model_copy(update=said)
        case Spec() | Block() | Chain() | Parallel() | Layer() | Output() | BlockCall():
            parts = {field.name: getattr(part, field.name) for field in fields(part)}
            return replace(part, **_edited(parts, fix))
    return part


def _with_argument(layer: Layer, fix: Change) -> Layer:
    """Return a layer with one more argument of its block, or of its first copy."""
    added = {fix.key: Argument(fix.new, fix.span)}
    if layer.said.first:
        said = layer.said.model_copy(update={"first": {**layer.said.first, **added}})
        return replace(layer, said=said)
    assert isinstance(layer.call, BlockCall)
    return replace(layer, call=replace(layer.call, arguments={**layer.call.arguments, **added}))
