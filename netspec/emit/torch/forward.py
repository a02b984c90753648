"""What a class computes → the statements of its forward method, as a person would write them.

A value that is read once by the line below keeps one variable (`x = self.conv(x)`); short branches
become one nested call; a value that is needed later gets the layer's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.emit.torch.layout import (
    INDENT,
    WIDTH,
    Brackets,
    Choice,
    Code,
    Prefixed,
    call,
    flat,
    literal,
    operation,
    quoted,
    statement,
)
from netspec.emit.torch.naming import RESERVED
from netspec.emit.torch.pieces import condition_text
from netspec.emit.torch.plan import Branch, ClassPlan, Read, Step
from netspec.emit.torch.variables import Variables
from netspec.ops.base import Call, Infix, Input

Comment = Callable[[Step], str]
_NEUTRAL = ("x", "out")


@dataclass(slots=True)
class Statements:
    """Writes the statements of one forward method.

    `arguments` are the variables of the inputs, `attributes` hold functions' parameters.
    """

    plan: ClassPlan
    arguments: Mapping[str, str]
    attributes: Mapping[str, str]
    comment: Comment
    lines: list[str] = field(default_factory=list)
    live: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    named: dict[str, str] = field(default_factory=dict)
    """Layers whose variable has the name of an output."""

    # -------------------------------------------------------------- bodies

    def block(self) -> list[str]:
        """Return the statements of a block's forward; the last one returns."""
        variables = self._inputs()
        forward = self.plan.forward
        if forward.join is None:
            self._return_chain(variables)
            return self.lines
        ends = self._branches(variables)
        self._write("return ", self._function(forward.join, ends))
        return self.lines

    def _return_chain(self, variables: dict[str, str]) -> None:
        """Write a chain and return what it returns."""
        returns = self.plan.forward.returns
        kept = {source.name for source in returns}
        steps = self.plan.forward.steps
        last = self._chain(steps, variables, kept, returns=len(returns) == 1)
        items = [_read(source, variables) for source in returns] if last is None else []
        if last is not None or len(items) == 1:
            self._write("return ", items[0] if last is None else last)
        else:
            self.lines.append(f"{INDENT * 2}return {', '.join(items)}")

    def model(self, names: Sequence[str], only: set[str]) -> list[str]:
        """Return the statements of the network's forward, which returns outputs of these names.

        `only` are training-only outputs.
        """
        variables = self._inputs()
        returns = self.plan.forward.returns
        if len(returns) == 1:
            self._return_chain(variables)
            return self.lines
        outputs = dict(zip(names, returns, strict=True))
        self.named = {source.name: name for name, source in outputs.items() if source.item is None}
        self._chain(self.plan.forward.steps, variables, {source.name for source in returns})
        self._return({name: _read(s, variables) for name, s in outputs.items()}, only)
        return self.lines

    def _return(self, values: Mapping[str, str], only: set[str]) -> None:
        """Write the end of a network with several outputs."""
        everything = call(f"{self.plan.name}Output", [*values.values()])
        if not only:
            self._write("return ", everything)
            return
        self.lines.append(INDENT * 2 + "if self.training:")
        self._write("return ", everything, depth=3)
        items = {name: "None" if name in only else value for name, value in values.items()}
        kept = [value for name, value in values.items() if name not in only]
        several = call(f"{self.plan.name}Output", [*items.values()])
        self._write("return ", kept[0] if len(kept) == 1 else several)

    def _inputs(self) -> dict[str, str]:
        """Return the variables that hold the inputs, by the name that layers read."""
        self.live = set(self.arguments.values())
        self.taken = self.live - set(_NEUTRAL)
        return dict(self.arguments)

    # -------------------------------------------------------------- chains

    def _chain(
        self,
        steps: Sequence[Step],
        variables: dict[str, str],
        kept: set[str],
        returns: bool = False,
    ) -> Code | None:
        """Write a chain; `variables` learns where results are, `kept` outlive it.

        With `returns` the last step's call is returned instead of written, if it is kept.
        """
        flow = Variables(steps, variables, kept)
        in_training = False
        for step in steps:
            inputs = [_read(source, variables) for source in step.sources]
            if step.is_absent:
                flow.alias(step, inputs[0])
                continue
            code = self._apply(step, inputs, flow)
            if code is None:
                continue
            if returns and step is steps[-1] and step.name in kept and not step.has_items:
                return code
            free = flow.run(step)
            target = self._target(step, flow, free)
            if step.train_only and not in_training:
                self.lines.append(INDENT * 2 + "if self.training:")
            in_training = step.train_only
            self._write(f"{target} = ", code, self.comment(step), 3 if in_training else 2)
            self.live -= free
            self.live.add(target)
            flow.assign(step, target)
        return None

    def _target(self, step: Step, flow: Variables, free: set[str]) -> str:
        """Choose the variable for a step's result; `free` are those that it may overwrite."""
        if step.name in flow.kept and step.name in self.named:
            return self._fresh(self.named[step.name])
        if step.has_items or (flow.ends_branch(step) and not step.train_only):
            return self._fresh(step.name)
        first = flow.variables[step.sources[0].name] if step.sources else ""
        may_reuse = first in free - self.taken and not step.train_only
        if may_reuse and (first in _NEUTRAL or flow.continues(step)):
            return first
        last = flow.ends[step.name]
        if last is not step and not step.train_only:
            for text in _NEUTRAL:
                if (text not in self.live or text in free) and text not in self.taken:
                    return text
        if last.name in flow.kept and last.name in self.named:
            return self._fresh(self.named[last.name])
        return self._fresh(last.name)

    def _fresh(self, text: str) -> str:
        """Return a variable that shadows nothing and holds nothing that is still needed."""
        result = f"{self.plan.name}Output"
        while text in RESERVED or text == result or text in self.live or text in self.taken:
            text += "_"
        return text

    # -------------------------------------------------------------- branches

    def _branches(self, inputs: dict[str, str]) -> list[Code]:
        """Write the branches of a parallel body; return what holds their ends."""
        ends: list[Code] = []
        start = next(iter(inputs.values()))
        self.taken |= set(inputs.values())
        for branch in self.plan.forward.branches:
            if branch.child:
                is_list = self.plan.base == "nn.ModuleList"
                item = f"[{branch.child}]" if is_list else f".get_submodule({quoted(branch.child)})"
                ends.append(call(f"self{item}", [start]))
            else:
                ends.append(self._branch(branch, dict(inputs)) if branch.steps else start)
        return ends

    def _branch(self, branch: Branch, variables: dict[str, str]) -> str:
        nested = self._nested(branch.steps, variables)
        if nested is not None:
            target = self._fresh(branch.end)
            if len(f"{INDENT * 2}{target} = {flat(nested)}") <= WIDTH:
                self._write(f"{target} = ", nested)
                self.taken.add(target)
                return target
        self._chain(branch.steps, variables, {branch.end})
        self.taken.add(variables[branch.end])
        return variables[branch.end]

    def _nested(self, steps: Sequence[Step], variables: dict[str, str]) -> Code | None:
        """Return a short straight branch as one nested call."""
        if len(steps) > 3 or any(source.is_said for step in steps for source in step.sources):
            return None
        if any(not step.sources or step.has_items or step.choices for step in steps):
            return None
        flow = Variables(steps, variables, set())
        code: Code = variables[steps[0].sources[0].name]
        for step in steps:
            if not step.is_absent:
                code = self._apply(step, [code], flow) or code
        return code

    # -------------------------------------------------------------- calls

    def _apply(self, step: Step, inputs: Sequence[Code], flow: Variables) -> Code | None:
        """Write what computes a step; None for a free parameter that needs no statement."""
        if step.function is not None:
            code: Code = self._function(step.function, inputs)
        else:
            # `self.0` is no Python, and `self[0]` would have no type.
            path = f".get_submodule({quoted(step.child)})" if step.child.isdecimal() else ""
            child = f"self{path or '.' + step.child}"
            if not step.sources:
                return self._parameter(step, child, flow)
            code = call(child, inputs)
        for choice in step.choices:
            code = Brackets("(", (code,), hugs=True) if isinstance(code, Choice) else code
            code = Choice(condition_text(choice, self.attributes), code, flat(inputs[0]))
        return code

    def _parameter(self, step: Step, child: str, flow: Variables) -> Code | None:
        """Write a free parameter: as it is, or repeated over the batch where a reader needs it."""
        if flow.only_broadcast(step):
            flow.assign(step, child)
            self.taken.add(child)
            return None
        assert step.op is not None
        batch = f"{next(iter(self.arguments.values()))}.shape[0]"
        return call(f"{child}.expand", [batch, *["-1"] * len(step.op.shape())])

    def _function(self, function: Call | Infix, inputs: Sequence[Code]) -> Code:
        if isinstance(function, Infix):
            return operation(function.operator, inputs)
        args = [self._argument(value, inputs) for value in function.args]
        args += [
            Prefixed(f"{key}=", self._argument(value, inputs))
            for key, value in function.kwargs.items()
        ]
        return call(function.function, args)

    def _argument(self, value: object, inputs: Sequence[Code]) -> Code:
        if value is Input.ALL:
            return Brackets("(", tuple(inputs))
        return inputs[0] if value is Input.ONE else literal(value, self.attributes)

    def _write(self, head: str, code: Code, note: str = "", depth: int = 2) -> None:
        lines = statement(head, code, depth=depth)
        if note and len(lines) == 1 and len(lines[0]) + len(note) + 4 <= WIDTH:
            lines = [f"{lines[0]}  # {note}"]
        self.lines += lines


def _read(source: Read, variables: Mapping[str, str]) -> str:
    """Write what a step reads: a variable, or an item of one."""
    item = "" if source.item is None else f"[{source.item}]"
    return variables[source.name] + item
