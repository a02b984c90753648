"""What a class computes → the statements of its forward method, as a person would write them.

A value that is read once by the line below keeps one variable (`x = self.conv(x)`); short branches
become one nested call; a value that is needed later gets the layer's name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from netspec.emit.torch.layout import (
    INDENT,
    WIDTH,
    Brackets,
    Choice,
    Code,
    about,
    arguments,
    call,
    flat,
    literal,
    operation,
    statement,
)
from netspec.emit.torch.pieces import child_text, condition_text, operand
from netspec.emit.torch.plan import ClassPlan
from netspec.emit.torch.variables import Variables
from netspec.language.lower import Step
from netspec.language.model import Layer
from netspec.language.terms import Ref
from netspec.ops.base import Call, Infix, Input

Comment = Callable[[Layer], str]
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

    def body(self, names: Sequence[str] = (), only: Collection[str] = ()) -> list[str]:
        """Return the statements; the last one returns.

        `names` are those of several outputs, `only` those that are training-only.
        """
        self.live = set(self.arguments.values())
        self.taken = self.live - set(_NEUTRAL)
        variables, lowered = dict(self.arguments), self.plan.lowered
        returns = lowered.given
        kept = {ref.name for ref in returns}
        if lowered.join is not None:
            function = self.plan.works[lowered.join.name].function
            assert function is not None
            branches = self._branches(variables, lowered.join)
            inline = [step.layer.name for step in lowered.steps if step.is_branch]
            made = self._function(function, branches)
            self._write((lowered.join.name, *inline), "return ", made)
        elif len(names) > 1:
            outputs = dict(zip(names, returns, strict=True))
            self.named = {ref.name: name for name, ref in outputs.items() if not ref.port}
            self._chain(lowered.steps, variables, kept)
            self._return({name: self._read(x, variables) for name, x in outputs.items()}, only)
        else:
            giver = self._giver(returns[0].name)
            last = self._chain(lowered.steps, variables, kept, giver)
            code = last or self._read(returns[0], variables)
            self._write((giver,) if last else (), "return ", code)
        return self.lines

    def _giver(self, name: str) -> str:
        """Return whose value a layer gives: its own, unless no use of the class has it."""
        sources = {step.layer.name: step.layer.sources for step in self.plan.lowered.steps}
        while self.plan.works[name].is_absent:
            name = sources[name][0].name
        return name

    def _return(self, values: Mapping[str, str], only: Collection[str]) -> None:
        """Write the end of a network with several outputs."""
        everything: Code = call(self.plan.result, [*values.values()])
        if only:
            self.lines.append(INDENT * 2 + "if self.training:")
            self._write((), "return ", everything, depth=3)
            items = ["None" if name in only else value for name, value in values.items()]
            kept = [value for name, value in values.items() if name not in only]
            everything = kept[0] if len(kept) == 1 else call(self.plan.result, items)
        self._write((), "return ", everything)

    # -------------------------------------------------------------- chains

    def _chain(
        self,
        steps: Sequence[Step],
        variables: dict[str, str],
        kept: set[str],
        returns: str = "",
    ) -> Code | None:
        """Write a chain; `variables` learns where results are, `kept` outlive it.

        The call of the layer `returns` is returned instead of written, if no other comes after it.
        """
        flow = Variables([step.layer for step in steps], variables, kept)
        if flow.needs_batch:  # then the variable of the input must go on holding all images
            self.taken.add(next(iter(self.arguments.values())))
        in_training = False
        last = [step for step in steps if not self.plan.works[step.layer.name].is_absent][-1:]
        for step in steps:
            layer, work = step.layer, self.plan.works[step.layer.name]
            inputs = [self._read(ref, variables) for ref in layer.sources]
            if work.is_absent:
                flow.alias(layer, inputs[0])
                continue
            code = self._apply(step, inputs, flow)
            if code is None:
                continue  # a free parameter, which needs no statement
            if layer.name == returns and step in last and not work.has_items:
                return code
            free = flow.run(layer)
            target = self._target(layer, flow, free)
            if layer.train_only and not in_training:
                self.lines.append(INDENT * 2 + "if self.training:")
            in_training = layer.train_only
            depth = 3 if in_training else 2
            self._write((layer.name,), f"{target} = ", code, self.comment(layer), depth)
            self.live -= free
            self.live.add(target)
            flow.assign(layer, target)
        return None

    def _target(self, layer: Layer, flow: Variables, free: set[str]) -> str:
        """Choose the variable for a layer's result; `free` are those that it may overwrite."""
        if self._is_unpacked(layer):
            return self._unpacked(self.plan.works[layer.name].given)
        # Nothing outside of the training-only part may read a variable that it has overwritten.
        is_plain = not layer.train_only
        ends = (flow.ends_branch(layer) or flow.is_skip(layer)) and is_plain
        if layer.name in self.named or ends or self.plan.works[layer.name].has_items:
            return self._fresh(self.named.get(layer.name, layer.name))
        first = flow.variables[layer.sources[0].name] if layer.sources else ""
        may_reuse = first in free - self.taken and is_plain
        if may_reuse and (first in _NEUTRAL or flow.continues(layer)):
            return first
        last = flow.ends[layer.name]
        if last is not layer and is_plain:
            for text in _NEUTRAL:
                if (text not in self.live or text in free) and text not in self.taken:
                    return text
        return self._fresh(self.named.get(last.name, last.name))

    def _is_unpacked(self, layer: Layer) -> bool:
        """Tell whether a layer has several outputs with names, all of which are read."""
        ports = [*self.plan.works[layer.name].given]
        if len(ports) == 1 or ports[0].isdecimal():
            return False
        body = self.plan.lowered
        readers = (body.given, *(step.layer.sources for step in body.steps))
        read = {ref.port for refs in readers for ref in refs if ref.name == layer.name}
        return read == {*ports}

    def _unpacked(self, ports: Iterable[str]) -> str:
        """Return a variable for each output, as they stand before the assignment."""
        variables = []
        for port in ports:
            variables.append(self._fresh(port))
            self.taken.add(variables[-1])
        return ", ".join(variables)

    def _fresh(self, text: str) -> str:
        """Return a variable that shadows nothing and holds nothing that is still needed."""
        held = (self.plan.reserved, self.live, self.taken, (self.plan.result,))
        while any(text in names for names in held):
            text += "_"
        return text

    # -------------------------------------------------------------- branches

    def _branches(self, inputs: dict[str, str], join: Layer) -> list[Code]:
        """Write the branches of a parallel body; return what holds their ends."""
        branches: dict[int, list[Step]] = {}
        for step in self.plan.lowered.steps:
            branches.setdefault(step.branch, []).append(step)
        self.taken |= set(inputs.values())
        return [
            self._branch(branches.get(index, ()), end.name, dict(inputs))
            for index, end in enumerate(join.sources)
        ]

    def _branch(self, steps: Sequence[Step], end: str, variables: dict[str, str]) -> Code:
        if not steps:
            return variables[end]
        if steps[0].is_branch:
            read = [variables[ref.name] for ref in steps[0].layer.sources]
            return call(child_text(self.plan, end), read)
        nested = self._nested(steps, variables)
        if nested is not None:
            target = self._fresh(end)
            if len(f"{INDENT * 2}{target} = {flat(nested)}") <= WIDTH:
                self._write([step.layer.name for step in steps], f"{target} = ", nested)
                self.taken.add(target)
                return target
        self._chain(steps, variables, {end})
        self.taken.add(variables[end])
        return self._item(end, 0, variables) if self.plan.works[end].has_items else variables[end]

    def _nested(self, steps: Sequence[Step], variables: dict[str, str]) -> Code | None:
        """Return a short straight branch as one nested call."""
        layers = [step.layer for step in steps]
        works = [self.plan.works[layer.name] for layer in layers]
        if (
            len(steps) > 3
            or not all(layer.sources for layer in layers)
            or any(ref.span for layer in layers for ref in layer.sources)
            or any(work.has_items or work.choices for work in works)
        ):
            return None
        flow = Variables(layers, variables, set())
        code: Code = variables[layers[0].sources[0].name]
        for step, work in zip(steps, works, strict=True):
            if not work.is_absent:
                code = self._apply(step, [code], flow) or code
        return code

    # -------------------------------------------------------------- calls

    def _apply(self, step: Step, inputs: Sequence[Code], flow: Variables) -> Code | None:
        """Write what computes a step; None for a free parameter that needs no statement."""
        work = self.plan.works[step.layer.name]
        if work.function is not None:
            code: Code = self._function(work.function, inputs)
        else:
            child = child_text(self.plan, step.actor.name)
            if not step.layer.sources:
                return self._parameter(step.layer, child, flow)
            use = work.use or Call("", (Input.EACH,))
            code = self._function(replace(use, function=child), inputs)
        for choice in work.choices:
            code = Brackets("(", (code,), hugs=True) if isinstance(code, Choice) else code
            code = Choice(condition_text(choice, self.attributes), code, flat(inputs[0]))
        return code

    def _parameter(self, layer: Layer, child: str, flow: Variables) -> Code | None:
        """Write a free parameter: as it is, or repeated over the batch where a reader needs it."""
        batch: object = flow.batch_of(layer)
        if batch == 0:
            flow.assign(layer, child)
            self.taken.add(child)
            return None
        batch = batch or f"{next(iter(self.arguments.values()))}.shape[0]"
        rank = len(self.plan.works[layer.name].given[""])
        return call(f"{child}.expand", [str(batch), *["-1"] * rank])

    def _function(self, function: Call | Infix, inputs: Sequence[Code]) -> Code:
        if isinstance(function, Infix):
            behind = [operand(number, self.attributes) for number in function.numbers]
            return operation(function.operator, [*inputs, *behind])
        args = [code for value in function.args for code in self._arguments(value, inputs)]
        if function.takes_lists:
            args = [replace(x, open="[", close="]") if _is_tuple(x) else x for x in args]
        args += arguments(replace(function, args=()), lambda x: literal(x, self.attributes))
        item = "" if function.item is None else f"[{function.item}]"
        return replace(call(function.function, args), close=f"){item}")

    def _arguments(self, value: object, inputs: Sequence[Code]) -> Sequence[Code]:
        match value:
            case Input.EACH:
                return inputs
            case Input.ALL:
                return [Brackets("(", tuple(inputs))]
            case Input.ONE:
                return inputs[:1]
            case Input.LAST:
                return inputs[-1:]
        return [literal(value, self.attributes)]

    def _write(
        self, layers: Sequence[str], head: str, code: Code, note: str = "", depth: int = 2
    ) -> None:
        """Write a statement, which computes some layers."""
        lines = statement(head, code, depth=depth)
        if note and len(lines) == 1 and len(lines[0]) + len(note) + 4 <= WIDTH:
            lines = [f"{lines[0]}  # {note}"]
        self.lines += about(layers, lines)

    def _read(self, ref: Ref, variables: Mapping[str, str]) -> str:
        """Write what a layer reads: a variable, or an item of one."""
        ports = [*self.plan.works[ref.name].given]
        if ref.port:
            return self._item(ref.name, ports.index(ref.port), variables)
        return variables[ref.name]

    def _item(self, name: str, index: int, variables: Mapping[str, str]) -> str:
        """Write one of several outputs, which one variable holds or as many as there are."""
        texts, fields = variables[name].split(", "), self.plan.works[name].fields
        if len(texts) > 1:
            return texts[index]
        return f"{texts[0]}.{fields[index]}" if fields else f"{texts[0]}[{index}]"


def _is_tuple(code: Code) -> TypeGuard[Brackets]:
    return isinstance(code, Brackets) and code.open == "("
