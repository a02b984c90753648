"""A class's body → the statements of its forward method, as a person would write them.

A value that is read once by the line below keeps one variable (`x = self.conv(x)`); short branches
become one nested call; a value that is needed later gets the layer's name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from netspec.emit.torch.layout import (
    INDENT,
    WIDTH,
    Code,
    Group,
    Operation,
    call,
    flat,
    literal,
    statement,
)
from netspec.emit.torch.naming import RESERVED_LOCALS
from netspec.emit.torch.pieces import base
from netspec.emit.torch.plan import Plan
from netspec.ops.base import Call, Infix, Input
from netspec.spec.model import INPUT, Chain, Layer, Output, Parallel
from netspec.spec.order import execution_order

Comment = Callable[[Layer], str]
_NEUTRAL = ("x", "out")


@dataclass(slots=True)
class Forward:
    """Writes the statements of one forward method."""

    plan: Plan
    local: dict[str, str]
    comment: Comment
    lines: list[str] = field(default_factory=list)
    live: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)

    # -------------------------------------------------------------- bodies

    def block(self) -> list[str]:
        """Return the statements of a block's forward; the last one returns."""
        body = self.plan.body
        inputs = self._inputs()
        self.live = set(inputs.values())
        if isinstance(body, Chain):
            variables = dict(inputs)
            last = self._chain(body.layers, variables, {body.layers[-1].name}, returns=True)
            if last is not None:
                self._write("return ", last)
            return self.lines
        ends = self._branches(body, inputs)
        self._write("return ", self._function(self.plan.calls[id(body)], ends))
        return self.lines

    def model(self, outputs: Sequence[Output], only: set[str]) -> list[str]:
        """Return the statements of the network's forward; `only` are training-only outputs."""
        body = self.plan.body
        assert isinstance(body, Chain)
        variables = self._inputs()
        self.live = set(variables.values())
        kept = {output.ref.name for output in outputs}
        self.taken = {*variables.values()}
        last = None
        if len(outputs) == 1:
            last = self._chain(body.layers, variables, kept, returns=True)
        else:
            self._named = {o.ref.name: o.name for o in outputs}
            self._chain(body.layers, variables, kept)
        self._return(outputs, only, variables, last)
        return self.lines

    _named: dict[str, str] = field(default_factory=dict)

    def _return(
        self,
        outputs: Sequence[Output],
        only: set[str],
        variables: dict[str, str],
        last: Code | None,
    ) -> None:
        result = f"{self.plan.name}Output"
        values = {o.name: variables[o.ref.name] for o in outputs if o.ref.name in variables}
        if len(outputs) == 1:
            self._write("return ", last if last is not None else values[outputs[0].name])
            return
        if not only:
            self._write("return ", call(result, [values[o.name] for o in outputs]))
            return
        self.lines.append(INDENT * 2 + "if self.training:")
        full = call(result, [values[o.name] for o in outputs])
        self.lines += statement("return ", full, depth=3)
        kept = [values[o.name] for o in outputs if o.name not in only]
        if len(kept) == 1:
            self._write("return ", kept[0])
        else:
            items = ["None" if o.name in only else values[o.name] for o in outputs]
            self._write("return ", call(result, items))

    def _inputs(self) -> dict[str, str]:
        """Return the variables that hold the inputs, by the name that layers read."""
        if self.plan.inputs == ("x",):
            return {INPUT: "x", "x": "x"}
        return {text: self.local.get(text, text) for text in self.plan.inputs}

    # -------------------------------------------------------------- chains

    def _chain(
        self,
        layers: Sequence[Layer],
        variables: dict[str, str],
        kept: set[str],
        returns: bool = False,
    ) -> Code | None:
        """Write a chain; `variables` learns where results are, `kept` outlive it.

        With `returns` the last layer's call is returned instead of written.
        """
        flow = _Flow(execution_order(layers, self.plan.heads), variables, kept)
        in_training = False
        for layer in flow.order:
            code = self._apply(layer, [variables[ref.name] for ref in layer.sources])
            if returns and layer is flow.order[-1] and layer.name in kept:
                return code
            free = flow.run(layer)
            target = self._target(layer, flow, free)
            if layer.train_only and not in_training:
                self.lines.append(INDENT * 2 + "if self.training:")
            in_training = layer.train_only
            self._write(f"{target} = ", code, self.comment(layer), 3 if in_training else 2)
            self.live -= free
            self.live.add(target)
            flow.assign(layer, target)
        return None

    def _target(self, layer: Layer, flow: _Flow, free: set[str]) -> str:
        """Choose the variable for a layer's result; `free` are those that it may overwrite."""
        if layer.name in flow.kept and layer.name in self._named:
            return self._fresh(self._named[layer.name])
        first = flow.variables[layer.sources[0].name] if layer.sources else ""
        may_reuse = first in free - self.taken and not layer.train_only
        if may_reuse and (first in _NEUTRAL or flow.continues(layer)):
            return first
        last = flow.ends[layer.name]
        if last is not layer and not layer.train_only:
            for text in _NEUTRAL:
                if (text not in self.live or text in free) and text not in self.taken:
                    return text
        if last.name in flow.kept and last.name in self._named:
            return self._fresh(self._named[last.name])
        return self._fresh(last.name)

    def _fresh(self, text: str) -> str:
        """Return a variable that shadows nothing and holds nothing that is still needed."""
        while text in RESERVED_LOCALS or text in self.live or text in self.taken:
            text += "_"
        return text

    # -------------------------------------------------------------- branches

    def _branches(self, body: Parallel, inputs: dict[str, str]) -> list[Code]:
        """Write the branches of a parallel body; return what holds their ends."""
        ends: list[Code] = []
        start = next(iter(inputs.values()))
        is_list = base(body) == "nn.ModuleList"
        self.taken |= set(inputs.values())
        for i, branch in enumerate(body.branches):
            if not branch.layers:
                ends.append(start)
            elif not branch.named:
                child = f"self[{i}]" if is_list else f'self.get_submodule("{i}")'
                ends.append(call(child, [start]))
            else:
                ends.append(self._branch(branch, dict(inputs)))
        return ends

    def _branch(self, branch: Chain, variables: dict[str, str]) -> str:
        layers = execution_order(branch.layers)
        nested = self._nested(layers, variables)
        if nested is not None:
            target = self._fresh(layers[-1].name)
            if len(f"{INDENT * 2}{target} = {flat(nested)}") <= WIDTH:
                self._write(f"{target} = ", nested)
                self.taken.add(target)
                return target
        last = branch.layers[-1].name
        self._chain(branch.layers, variables, {last})
        self.taken.add(variables[last])
        return variables[last]

    def _nested(self, layers: Sequence[Layer], variables: dict[str, str]) -> Code | None:
        """Return a short straight branch as one nested call."""
        if len(layers) > 3 or any(ref.span for layer in layers for ref in layer.sources):
            return None
        code: Code = variables[layers[0].sources[0].name]
        for layer in layers:
            code = self._apply(layer, [code])
        return code

    # -------------------------------------------------------------- calls

    def _apply(self, layer: Layer, inputs: list[Code]) -> Code:
        if id(layer) in self.plan.calls:
            return self._function(self.plan.calls[id(layer)], inputs)
        if layer.name.isdecimal():
            return call(f'self.get_submodule("{layer.name}")', inputs)
        return call(f"self.{layer.name}", inputs)

    def _function(self, function: Call | Infix, inputs: list[Code]) -> Code:
        if isinstance(function, Infix):
            return Operation(function.operator, tuple(inputs))
        args = [self._argument(value, inputs) for value in function.args]
        args += [f"{k}={flat(self._argument(v, inputs))}" for k, v in function.kwargs.items()]
        return call(function.function, args)

    def _argument(self, value: object, inputs: list[Code]) -> Code:
        if value is Input.ALL:
            return Group("(", tuple(inputs))
        return inputs[0] if value is Input.ONE else literal(value, self.local)

    def _write(self, head: str, code: Code, note: str = "", depth: int = 2) -> None:
        lines = statement(head, code, depth=depth)
        if note and len(lines) == 1 and len(lines[0]) + len(note) + 4 <= WIDTH:
            lines = [f"{lines[0]}  # {note}"]
        self.lines += lines


class _Flow:
    """Where the values of a chain are while it runs: in which variable, and for how long."""

    def __init__(self, order: Sequence[Layer], variables: dict[str, str], kept: set[str]) -> None:
        self.order = order
        self.variables = variables
        self.kept = kept
        self._readers: dict[str, list[Layer]] = {}
        for layer in order:
            for ref in layer.sources:
                self._readers.setdefault(ref.name, []).append(layer)
        self._pending = {name: len(layers) for name, layers in self._readers.items()}
        self._holds: dict[str, list[str]] = {}
        for name, variable in variables.items():
            self._holds.setdefault(variable, []).append(name)
        self.ends: dict[str, Layer] = {}
        """The last layer of the straight run that starts at each layer."""
        for layer in reversed(order):
            following = self._readers.get(layer.name, ())
            goes_on = len(following) == 1 and len(following[0].sources) == 1
            self.ends[layer.name] = self.ends[following[0].name] if goes_on else layer

    def run(self, layer: Layer) -> set[str]:
        """Note that a layer has read its inputs; return the variables that nothing needs now."""
        for ref in layer.sources:
            self._pending[ref.name] -= 1
        return {v for v in (self.variables[r.name] for r in layer.sources) if self._is_free(v)}

    def _is_free(self, variable: str) -> bool:
        names = self._holds[variable]
        return not any(name in self.kept or self._pending.get(name) for name in names)

    def continues(self, layer: Layer) -> bool:
        """Tell whether a layer is the only reader of the only thing that it reads."""
        return len(layer.sources) == 1 and len(self._readers[layer.sources[0].name]) == 1

    def assign(self, layer: Layer, variable: str) -> None:
        """Note which variable holds a layer's result."""
        self.variables[layer.name] = variable
        self._holds[variable] = [layer.name]
