"""What a body becomes in torch: a class with named children, or a sequence without names."""

from __future__ import annotations

from netspec.language.gaps import is_module
from netspec.language.lower import Bodies
from netspec.language.model import BlockCall, Body, Chain, OpCall, Parallel, walk
from netspec.ops.dim import names


def base(body: Body, bodies: Bodies) -> str:
    """Return the class to derive from: a sequence or a list has no names to give its children."""
    if is_plain(body):
        return "nn.Sequential"
    steps, join = bodies[body].steps, bodies[body].join
    is_list = join and len(steps) == len(join.sources) and all(step.is_branch for step in steps)
    return "nn.ModuleList" if is_list else "nn.Module"


def is_plain(body: Body) -> bool:
    """Tell whether an unnamed chain is an nn.Sequential: modules only, each reading the last."""
    return isinstance(body, Chain) and not body.named and all(map(is_module, body.layers))


def reads(body: Body) -> set[str]:
    """Return the names that expressions in a body read."""
    found: set[str] = set()
    for layer in walk(body):
        said, call = layer.said, layer.call
        arguments = [*said.first.values(), *([said.repeat] if said.repeat else [])]
        arguments += call.arguments.values() if isinstance(call, OpCall | BlockCall) else ()
        found.update(names(tuple(argument.value for argument in arguments)))
        if condition := layer.condition:
            found.update(names((condition.left, condition.right)))
    if isinstance(body, Parallel):
        found.update(names(tuple(argument.value for argument in body.join.arguments.values())))
    return found
