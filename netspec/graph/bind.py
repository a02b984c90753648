"""Values for parameters: what an argument, a repetition, a condition or a block's use comes to."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from netspec import limits
from netspec.graph.model import Bindings, Bound, cause
from netspec.language.model import Block, BlockCall, Call, Layer
from netspec.language.terms import Argument, Condition, Value
from netspec.ops.arguments import spell
from netspec.ops.dim import Expr, names, python, substitute
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span

_COMPARE: dict[str, Callable[[Any, Any], object]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


def bind_value(argument: Argument, bindings: Bindings, sink: Sink) -> Bound | None:
    """Return an argument's value and cause, or None after reporting why it has none."""
    if not isinstance(argument.value, Expr | tuple):
        return Bound(argument.value, argument.span)
    if isinstance(argument.value, Expr) and argument.value.op == "name":
        return bindings[str(argument.value.args[0])]
    values = {name: bindings[name].value for name in names(argument.value)}
    try:
        value: Value = argument.value
        if values:
            value = substitute(value, values)  # type: ignore[assignment]  # a Value
        span = bindings[next(iter(values))].span if len(values) == 1 else argument.span
        return Bound(value, span, _fraction(argument.value, value, bindings))
    except ZeroDivisionError:
        message = "division by zero"
    except OverflowError:
        message = "the result is beyond 10**15"
    except TypeError:
        message = "arithmetic needs numbers"
    span, use = cause(argument, bindings)
    notes = (Label(use, "used here"),) if use else ()
    given = ", ".join(f"{name} = {value}" for name, value in values.items())
    sink.add(Diagnostic(Code.EXPRESSION, f"{message} with {given}", span, notes=notes))
    return None


def is_size(value: object) -> bool:
    """Tell whether a value is a size of a dimension."""
    return type(value) is int and 0 < value <= limits.SIZE


def at_item(argument: Argument, bound: Bound, index: int) -> tuple[Span, str]:
    """Return the place of an item that is no size, alone if that can be, and its cure."""
    values = bound.value if isinstance(bound.value, tuple) else (bound.value,)
    written = argument.value[index] if isinstance(argument.value, tuple) else argument.value
    place = bound.span if isinstance(written, Expr) else argument.span
    span = [*place.items(len(values)), *[place] * len(values)][index]
    is_minus = re.fullmatch(rf"(\w+\s*[:=]\s*)?{values[index]}", span.text)
    help = f"write `{span.text.replace('-', '', 1)}`" if is_minus and "-" in span.text else ""
    return span, bound.fraction or help


def _fraction(written: Value, value: Value, bindings: Bindings) -> str:
    """Show the arithmetic behind a value that is no whole number, and how to round it."""
    if isinstance(written, tuple) and isinstance(value, tuple):
        found = (_fraction(one, two, bindings) for one, two in zip(written, value, strict=True))
        return next(filter(None, found), "")
    if not isinstance(value, float) or not isinstance(written, Expr):
        return ""
    if written.op == "name":
        return bindings[str(written.args[0])].fraction
    text = python(written)
    given = re.sub(r"[A-Za-z]\w*", lambda found: str(bindings[found[0]].value), text)
    rounded = re.sub(r"[A-Za-z]\w*", r"$\g<0>", f"({text})" if written.op in "+-" else text)
    return f"{given} = {value} is no integer; `{rounded} // 1` rounds it down"


def repeats(layer: Layer, bindings: Bindings, sink: Sink) -> int | None:
    """Return how often a layer is repeated; None for a layer that does not say `repeat:`."""
    if layer.repeat is None:
        return None
    bound = bind_value(layer.repeat, bindings, sink)
    if bound is None:
        return 1
    if not is_size(bound.value):
        message = f"`repeat` expects a positive integer, found {spell(bound.value)}"
        span, help = at_item(layer.repeat, bound, 0)
        sink.error(Code.RANGE, message, span, help=help)
        return 1
    return int(bound.value)  # type: ignore[arg-type]  # a size


def holds(condition: Condition | None, bindings: Bindings, sink: Sink) -> bool:
    """Tell whether a layer with this `when:` is there."""
    if condition is None:
        return True
    sides = [
        bind_value(Argument(side, condition.span), bindings, sink)
        for side in (condition.left, condition.right)
    ]
    if sides[0] is None or sides[1] is None:
        return True
    try:
        return compare(sides[0].value, condition.operator, sides[1].value)
    except TypeError:
        given = " and ".join(spell(side.value) for side in sides if side)
        sink.error(Code.EXPRESSION, f"`when` cannot compare {given}", condition.span)
        return True


def compare(left: object, sign: str, right: object) -> bool:
    """Compare two values. Raises TypeError for values without an order."""
    return bool(_COMPARE[sign](left, right))


def block_bindings(
    call: BlockCall, block: Block, outer: Bindings, sink: Sink
) -> dict[str, Bound] | None:
    """Bind a block's parameters for one use; None after reporting what has no value."""
    result: dict[str, Bound] = {}
    for name, param in block.params.items():
        if name in call.arguments:
            bound = bind_value(call.arguments[name], outer, sink)
        else:
            bound = Bound(param.default, param.span)
        if bound is None:
            return None
        result[name] = bound
    return result


def call_of(layer: Layer, item: int) -> Call:
    """Return what a layer calls in one of its repetitions: `first:` changes the first one."""
    call = layer.call
    if item == 0 and isinstance(call, BlockCall) and layer.first:
        return replace(call, arguments={**call.arguments, **layer.first})
    return call
