"""The last step of a trace: which of the spec's parameters are numbers in the code is known now.

A parameter that something inferred depends on is held fixed, in every class alike: a constructor
that took it could not make a network of another size that fits together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netspec.emit.torch.constructs import (
    Chosen,
    Comparison,
    Construct,
    Copies,
    Sequential,
    made_of,
)
from netspec.emit.torch.naming import RESERVED, renamed, unique
from netspec.emit.torch.plan import ClassPlan, Forward, Step, Tensor
from netspec.emit.torch.scope import GLOBAL
from netspec.graph.bind import compare
from netspec.ops.base import Call, Infix
from netspec.ops.dim import Dim, Shape, name, names, substitute


class Settler:
    """Gives the spec's parameters their final form in classes, those first that others use."""

    def __init__(self, held: Mapping[str, object], free: list[str]) -> None:
        self._held = {GLOBAL + text for text in held}
        self._values: dict[str, object] = {GLOBAL + text: name(text) for text in free}
        self._values |= {GLOBAL + text: value for text, value in held.items()}
        self._local: dict[str, Mapping[str, str]] = {}
        """What the arguments of each class are called in its constructor."""

    def settle(self, plan: ClassPlan) -> ClassPlan:
        """Return a class with the spec's parameters as numbers where they are held fixed."""
        children = {text: self._construct(child) for text, child in plan.children.items()}
        params = [
            replace(param, name=param.name.removeprefix(GLOBAL))
            for param in plan.params
            if param.name not in self._held
        ]
        reserved = RESERVED | {made for child in children.values() for made in made_of(child)}
        local = renamed((param.name for param in params), reserved)
        self._local[plan.name] = local
        return replace(
            plan,
            params=tuple(params),
            children=children,
            forward=self._forward(plan.forward),
            output={port: self._tensor(x) for port, x in plan.output.items()},
            weights=tuple(self._value(weight) for weight in plan.weights),
            local={**local, "@i": unique("i", {*local.values(), *reserved})},
        )

    def _value(self, value: object) -> object:
        return self._call(value) if isinstance(value, Call) else substitute(value, self._values)

    def _tensor(self, x: Tensor) -> Tensor:
        """Return a shape as it is written: a size in numbers unless a name that it has is free."""
        pairs = zip(x.sizes, x.named, strict=True)
        shape: Shape = tuple(
            size
            if self._held.issuperset(text for text in names(other) if text[0] == GLOBAL)
            else substitute(other, self._values)  # type: ignore[misc]  # a size
            for size, other in pairs
        )
        return Tensor(shape, shape)

    def _construct(self, construct: Construct) -> Construct:
        match construct:
            case Call():
                return self._call(construct)
            case Sequential(items):
                return Sequential(tuple(map(self._construct, items)))
            case Copies(items, count):
                number: Dim = self._value(count)  # type: ignore[assignment]  # a count
                return Copies(tuple(map(self._construct, items)), number)
            case Chosen(made, condition):
                made = self._construct(made)
                left = self._comparison(condition)
                return Chosen(made, left) if left else made

    def _call(self, call: Call) -> Call:
        """Return a call; a class takes no argument that is held fixed, and calls others locally."""
        args = tuple(map(self._value, call.args))
        given = {k: self._value(v) for k, v in call.kwargs.items() if k not in self._held}
        local = self._local.get(call.function)
        if local:
            given = {local[k.removeprefix(GLOBAL)]: value for k, value in given.items()}
        return replace(call, args=args, kwargs=given)

    def _comparison(self, condition: Comparison) -> Comparison | None:
        """Return a comparison, None if it holds: a layer that is not there is not traced."""
        left, right = self._value(condition.left), self._value(condition.right)
        if any(True for _ in names((left, right))):
            return Comparison(left, condition.operator, right)
        assert compare(left, condition.operator, right)
        return None

    def _forward(self, forward: Forward) -> Forward:
        branches = tuple(
            replace(branch, steps=tuple(map(self._step, branch.steps)))
            for branch in forward.branches
        )
        return replace(forward, branches=branches, join=self._function(forward.join))

    def _step(self, step: Step) -> Step:
        choices = tuple(filter(None, map(self._comparison, step.choices)))
        return replace(step, function=self._function(step.function), choices=choices)

    def _function(self, function: Call | Infix | None) -> Call | Infix | None:
        return self._call(function) if isinstance(function, Call) else function
