"""What a body becomes in torch: a class with named children, or a sequence without names."""

from __future__ import annotations

from netspec.language.gaps import is_module
from netspec.language.lower import Bodies
from netspec.language.model import Body, Chain


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
