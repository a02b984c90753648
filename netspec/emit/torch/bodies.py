"""What a body becomes in torch: a class with named children, or a sequence without names."""

from __future__ import annotations

from netspec.language.lower import Bodies, Step
from netspec.language.model import BlockCall, Body, Chain, OpCall, Parallel, walk
from netspec.ops.dim import names


def base(body: Body, bodies: Bodies) -> str:
    """Return the class to derive from: a sequence or a list has no names to give its children."""
    if is_plain(body, bodies):
        return "nn.Sequential"
    steps, join = bodies[body].steps, bodies[body].join
    is_list = join and len(steps) == len(join.sources) and all(step.is_branch for step in steps)
    return "nn.ModuleList" if is_list else "nn.Module"


def is_plain(body: Body, bodies: Bodies) -> bool:
    """Tell whether an unnamed chain is an nn.Sequential: modules only, each reading the last."""
    is_unnamed = isinstance(body, Chain) and not body.named
    return is_unnamed and all(_is_module(step, bodies) for step in bodies[body].steps)


def _is_module(step: Step, bodies: Bodies) -> bool:
    layer, call = step.layer, step.layer.call
    is_straight = layer.sources and not any(ref.span for ref in layer.sources)
    if not is_straight or layer.train_only or step.actor is not layer:
        return False
    if isinstance(call, OpCall):
        return call.op.in_sequence
    return not isinstance(call, Chain) or call.named or is_plain(call, bodies)


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
