"""One use of a class: how it is constructed there, and what it gives."""

from __future__ import annotations

from typing import cast

from netspec.emit.torch.plan import ClassPlan, Given, Tensor
from netspec.emit.torch.scope import Values
from netspec.language.model import BlockCall, Chain, Parallel
from netspec.ops.base import Call
from netspec.ops.dim import Dim, Shape, name, substitute, unknown


def constructor_call(child: ClassPlan, call: BlockCall | Chain | Parallel, values: Values) -> Call:
    """Write an instance as the spec writes it: positional and keyword arguments."""
    args: list[object] = []
    kwargs: dict[str, object] = {}
    given = list(call.arguments) if isinstance(call, BlockCall) else []
    positional = given[: call.positional] if isinstance(call, BlockCall) else []
    for param in child.params:
        value = values.get(param.name, name(param.name))
        if param.name in positional or not (param.name in given or param.keyword_only):
            if param.name in positional or not param.has_default:
                args.append(value)
        else:
            kwargs[param.name] = value
    return Call(child.name, tuple(args), kwargs)


def substituted(given: Given, numbers: Values, named: Values) -> Given:
    """Return what a class gives in one use of it."""
    return {
        port: Tensor(_substituted(x.sizes, numbers), _substituted(x.named, named))
        for port, x in given.items()
    }


def _substituted(shape: Shape, actual: Values) -> Shape:
    """Substitute in a shape; a pair such as a kernel's gives each axis of the image its number."""
    pairs = {
        text: value
        for text, value in actual.items()
        if isinstance(value, tuple) and len(value) == len(shape) - 1
    }
    sizes = []
    for axis, size in enumerate(shape):
        mine = {text: value[axis - 1] for text, value in pairs.items()} if axis else {}
        try:
            sizes.append(substitute(size, {**actual, **mine} if mine else actual))
        except TypeError:
            sizes.append(unknown(size))
    return tuple(cast("list[Dim]", sizes))
