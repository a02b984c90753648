"""One use of a class: how it is constructed there, and what it gives."""

from __future__ import annotations

from netspec.emit.torch.plan import ClassPlan, Given, Tensor
from netspec.emit.torch.scope import Values
from netspec.language.model import BlockCall, Chain, Parallel
from netspec.ops.base import Call
from netspec.ops.dim import Dim, Shape, name, names, substitute, unknown


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
    return tuple(_size(axis, size, len(shape), actual) for axis, size in enumerate(shape))


def _size(axis: int, size: Dim, rank: int, actual: Values) -> Dim:
    """Substitute in one size; a pair such as a kernel's gives each axis of the image its number."""
    env = {text: actual[text] for text in names(size) if text in actual}
    for text, value in env.items():
        if isinstance(value, tuple) and axis > 0 and len(value) == rank - 1:
            env[text] = value[axis - 1]
    try:
        return substitute(size, env)  # type: ignore[return-value]  # a size
    except TypeError:
        return unknown(size)
