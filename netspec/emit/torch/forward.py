"""A class's body → the statements of its forward method, as a person would write them.

A value that is read once by the line below keeps one variable (`x = self.conv(x)`); short branches
become one nested call; a value that is needed later gets the layer's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.emit.torch.flow import Flow
from netspec.emit.torch.layout import (
    INDENT,
    WIDTH,
    Choice,
    Code,
    Group,
    Prefixed,
    call,
    flat,
    literal,
    operation,
    quoted,
    statement,
)
from netspec.emit.torch.naming import RESERVED
from netspec.emit.torch.pieces import base, condition_text
from netspec.emit.torch.plan import Plan
from netspec.language.model import Chain, Layer, OpCall, Output, Parallel, ShareCall
from netspec.language.order import execution_order
from netspec.language.terms import Ref
from netspec.ops.base import Call, Infix, Input

Comment = Callable[[Layer], str]
_NEUTRAL = ("x", "out")


@dataclass(slots=True)
class Forward:
    """Writes the statements of one forward method.

    `arguments` are the variables of the inputs, `attributes` hold functions' parameters.
    """

    plan: Plan
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
        body = self.plan.body
        variables = self._inputs()
        if isinstance(body, Chain):
            refs = self.plan.outputs or (Ref(body.layers[-1].name),)
            self._return_chain(body, variables, refs)
            return self.lines
        ends = self._branches(body, variables)
        self._write("return ", self._function(self.plan.calls[id(body)], ends))
        return self.lines

    def _return_chain(self, body: Chain, variables: dict[str, str], refs: Sequence[Ref]) -> None:
        """Write a chain and return what `refs` name."""
        kept = {ref.name for ref in refs}
        last = self._chain(body.layers, variables, kept, returns=len(refs) == 1)
        items = [self._read(ref, variables) for ref in refs] if last is None else []
        if last is not None or len(items) == 1:
            self._write("return ", items[0] if last is None else last)
        else:
            self.lines.append(f"{INDENT * 2}return {', '.join(items)}")

    def model(self, outputs: Sequence[Output], only: set[str]) -> list[str]:
        """Return the statements of the network's forward; `only` are training-only outputs."""
        body = self.plan.body
        assert isinstance(body, Chain)
        variables = self._inputs()
        if len(outputs) == 1:
            self._return_chain(body, variables, [outputs[0].ref])
            return self.lines
        self.named = {o.ref.name: o.name for o in outputs if not o.ref.port}
        self._chain(body.layers, variables, {output.ref.name for output in outputs})
        self._return(outputs, only, {o.name: self._read(o.ref, variables) for o in outputs})
        return self.lines

    def _return(self, outputs: Sequence[Output], only: set[str], values: dict[str, str]) -> None:
        """Write the end of a network with several outputs."""
        everything = call(f"{self.plan.name}Output", [values[o.name] for o in outputs])
        if not only:
            self._write("return ", everything)
            return
        self.lines.append(INDENT * 2 + "if self.training:")
        self._write("return ", everything, depth=3)
        kept = [values[o.name] for o in outputs if o.name not in only]
        items = ["None" if o.name in only else values[o.name] for o in outputs]
        several = call(f"{self.plan.name}Output", items)
        self._write("return ", kept[0] if len(kept) == 1 else several)

    def _inputs(self) -> dict[str, str]:
        """Return the variables that hold the inputs, by the name that layers read."""
        self.live = set(self.arguments.values())
        self.taken = self.live - set(_NEUTRAL)
        return dict(self.arguments)

    def _read(self, ref: Ref, variables: Mapping[str, str]) -> str:
        """Write what a reference names: a variable, or an item of one."""
        ports = self.plan.ports.get(ref.name)
        item = f"[{ports.index(ref.port)}]" if ports else ""
        return variables[ref.name] + item

    # -------------------------------------------------------------- chains

    def _chain(
        self,
        layers: Sequence[Layer],
        variables: dict[str, str],
        kept: set[str],
        returns: bool = False,
    ) -> Code | None:
        """Write a chain; `variables` learns where results are, `kept` outlive it.

        With `returns` the last layer's call is returned instead of written, if it is kept.
        """
        flow = Flow(execution_order(layers, self.plan.heads), variables, kept)
        in_training = False
        for layer in flow.order:
            if id(layer) in self.plan.absent:
                flow.alias(layer, self._read(layer.sources[0], variables))
                continue
            code = self._apply(layer, [self._read(ref, variables) for ref in layer.sources], flow)
            if code is None:
                continue
            is_last = layer is flow.order[-1] and layer.name in kept
            if returns and is_last and layer.name not in self.plan.ports:
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

    def _target(self, layer: Layer, flow: Flow, free: set[str]) -> str:
        """Choose the variable for a layer's result; `free` are those that it may overwrite."""
        if layer.name in flow.kept and layer.name in self.named:
            return self._fresh(self.named[layer.name])
        if layer.name in self.plan.ports or (flow.ends_branch(layer) and not layer.train_only):
            return self._fresh(layer.name)
        first = flow.variables[layer.sources[0].name] if layer.sources else ""
        may_reuse = first in free - self.taken and not layer.train_only
        if may_reuse and (first in _NEUTRAL or flow.continues(layer)):
            return first
        last = flow.ends[layer.name]
        if last is not layer and not layer.train_only:
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
                child = f"self[{i}]" if is_list else f"self.get_submodule({quoted(str(i))})"
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
        if any(not layer.sources or layer.name in self.plan.ports for layer in layers):
            return None
        if any(id(layer) in self.plan.choices for layer in layers):
            return None
        flow = Flow(layers, variables, set())
        code: Code = variables[layers[0].sources[0].name]
        for layer in layers:
            if id(layer) not in self.plan.absent:
                code = self._apply(layer, [code], flow) or code
        return code

    # -------------------------------------------------------------- calls

    def _apply(self, layer: Layer, inputs: Sequence[Code], flow: Flow) -> Code | None:
        """Write what computes a layer; None for a free parameter that needs no statement."""
        if isinstance(layer.call, ShareCall):
            name = layer.call.target.name
            target = next(peer for peer in flow.order if peer.name == name)
            code = self._apply(target, inputs, flow)
            assert code is not None
            code = Group("(", (code,), hugs=True) if isinstance(code, Choice) else code
            return self._if_chosen(layer, code, inputs)
        if id(layer) in self.plan.calls:
            code = self._function(self.plan.calls[id(layer)], inputs)
            return self._if_chosen(layer, code, inputs)
        child = f"self.{layer.name}"
        if layer.name.isdecimal():
            child = f"self.get_submodule({quoted(layer.name)})"
        return call(child, inputs) if layer.sources else self._parameter(layer, child, flow)

    def _if_chosen(self, layer: Layer, code: Code, inputs: Sequence[Code]) -> Code:
        choice = self.plan.choices.get(id(layer))
        if choice is None:
            return code
        return Choice(condition_text(choice, self.attributes), code, flat(inputs[0]))

    def _parameter(self, layer: Layer, child: str, flow: Flow) -> Code | None:
        """Write a free parameter: as it is, or repeated over the batch where a reader needs it."""
        if flow.only_broadcast(layer):
            flow.assign(layer, child)
            self.taken.add(child)
            return None
        assert isinstance(layer.call, OpCall)
        batch = f"{next(iter(self.arguments.values()))}.shape[0]"
        return call(f"{child}.expand", [batch, *["-1"] * len(layer.call.op.shape())])

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
            return Group("(", tuple(inputs))
        return inputs[0] if value is Input.ONE else literal(value, self.attributes)

    def _write(self, head: str, code: Code, note: str = "", depth: int = 2) -> None:
        lines = statement(head, code, depth=depth)
        if note and len(lines) == 1 and len(lines[0]) + len(note) + 4 <= WIDTH:
            lines = [f"{lines[0]}  # {note}"]
        self.lines += lines
