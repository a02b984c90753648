"""Values for parameters: what an argument, a repetition, a condition or a block's use comes to."""

from __future__ import annotations

import operator
import re
from collections import ChainMap
from collections.abc import Callable, Iterable
from typing import Any

from netspec import limits
from netspec.graph.model import Bindings, Bound, Sizes, cause, cause_of
from netspec.language.model import BlockCall, GivenCall, Layer, OpCall
from netspec.language.terms import INDEX, Argument, Condition, Maker, Param, Value
from netspec.ops.arguments import spell
from netspec.ops.base import REGISTRY
from netspec.ops.dim import Expr, names, python, substitute
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span
from netspec.text.fixes import writing

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
        found = bindings[str(argument.value.args[0])]
        return found if cause_of(argument, bindings) else found._replace(span=argument.span)
    values = {name: bindings[name].value for name in names(argument.value)}
    try:
        value: Value = argument.value
        if values:
            value = substitute(value, values)  # type: ignore[assignment]  # a Value
        span = only.span if (only := cause_of(argument, bindings)) else argument.span
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
    text = span.text.replace("-", "", 1)
    help = writing(span, text) if is_minus and "-" in span.text else ""
    return span, bound.fraction or help


def bound_sizes(argument: Argument, bindings: Bindings, sink: Sink) -> Sizes:
    """Return an input's shape at some values of parameters."""
    bound = bind_value(argument, bindings, sink)
    values = bound.value if bound and isinstance(bound.value, tuple) else ()
    for index, value in enumerate(values):
        if bound and not is_size(value):
            span, help = at_item(argument, bound, index)
            message = f"a size is a positive integer, found {spell(value)}"
            if value in (None, -1) and not index:
                help = "shapes leave out the batch"
            if isinstance(value, str) and value in bindings:
                words = f"a parameter is written with `$`: `${value}`"
                help = writing(span, f"${value}", words, safe=True)
            sink.error(Code.RANGE, message, span, help=help)
    return values  # type: ignore[return-value]  # checked above


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
    given = re.sub(r"\b[A-Za-z]\w*", lambda found: str(bindings[found[0]].value), text)
    rounded = re.sub(r"\b[A-Za-z]\w*", r"$\g<0>", f"({text})" if written.op in "+-" else text)
    return f"{given} = {value} is no integer; `{rounded} // 1` rounds it down"


def repeats(layer: Layer, bindings: Bindings, sink: Sink) -> int:
    """Return how often a layer is there; after reporting a number that is none, once."""
    count = layer.said.repeat
    bound = bind_value(count, bindings, sink) if count else None
    if count is None or bound is None:
        return 1
    if not is_size(bound.value):
        message = f"`repeat` expects a positive integer, found {spell(bound.value)}"
        span, help = at_item(count, bound, 0)
        sink.error(Code.RANGE, message, span, help=help)
        return 1
    return int(bound.value)  # type: ignore[arg-type]  # a size


def holds(condition: Condition, bindings: Bindings, sink: Sink) -> bool:
    """Tell whether a layer with this `when:` is there."""
    left = bind_value(Argument(condition.left, condition.span), bindings, sink)
    right = bind_value(Argument(condition.right, condition.span), bindings, sink)
    if left is None or right is None:
        return True
    try:
        return compare(left.value, condition.operator, right.value)
    except TypeError:
        message = f"`when` cannot compare {spell(left.value)} and {spell(right.value)}"
        sink.error(Code.EXPRESSION, message, condition.span)
        return True


def compare(left: object, sign: str, right: object) -> bool:
    """Compare two values. Raises TypeError for values without an order."""
    return bool(_COMPARE[sign](left, right))


def block_bindings(
    call: BlockCall, params: Iterable[Param], outer: Bindings, sink: Sink
) -> dict[str, Bound] | None:
    """Bind parameters of a block for one use; None after reporting what has no value."""
    result: dict[str, Bound] = {}
    for param in params:
        given = call.arguments.get(param.name)
        bound = bind_value(given, outer, sink) if given else Bound(param.default, param.span)
        if bound is None:
            return None
        result[param.name] = bound._replace(value=param.meant(bound.value))
    return result


def numbered(layer: Layer, item: int, bindings: Bindings) -> Bindings:
    """Return what the arguments of one of a layer's copies see: `$i` is its number."""
    is_copy = layer.said.repeat is not None or layer.index is not None
    if not is_copy or not layer.is_counted:
        return bindings
    return ChainMap({INDEX: Bound(item, layer.span)}, bindings)  # type: ignore[arg-type]  # only read


def made_by(call: GivenCall, bindings: Bindings) -> OpCall | BlockCall:
    """Return the use of the op or block that a parameter names."""
    maker = bindings[call.param].value
    assert isinstance(maker, Maker)
    if maker.name in REGISTRY:
        return OpCall(REGISTRY[maker.name].model_validate({}), {}, call.span)
    return BlockCall(maker.name, {}, 0, call.span)
