"""Steps in the making: names, shapes, and what ops say about their arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from pydantic import ValidationError

from netspec import limits
from netspec.importer.caffe_net import Layer, Sizes
from netspec.importer.flat import Read, Step
from netspec.importer.naming import Names
from netspec.importer.prototxt import Message, refuse
from netspec.ops.apply import apply
from netspec.ops.base import REGISTRY, Op, numbers, product
from netspec.ops.split import Cut
from netspec.ops.window import times
from netspec.text.codes import Code

Init = Mapping[str, Mapping[str, Any]]


@dataclass
class Builder:
    """Collects steps; `shapes` are those of inputs and of what steps give."""

    names: Names = field(default_factory=Names)
    steps: list[Step] = field(default_factory=list)
    shapes: dict[Read, Sizes] = field(default_factory=dict)
    owners: dict[tuple[object, ...], Step] = field(default_factory=dict)
    """The first step with weights that have a name."""
    params: int = 0

    def take(self, step: Step, op: Op, shapes: Sequence[Sizes]) -> Read:
        """Append a step, and return what it gives."""
        self.steps.append(step)
        self.params += sum(product(size) for size in op.weights(*shapes).values())
        given = Read(step.path)
        self.shapes[given] = numbers(op.shape(*shapes))
        if isinstance(op, Cut):
            for index, name in enumerate(op.called()):
                self.shapes[Read(step.path, name)] = numbers(op.piece(index, shapes[0]))
        return given


@dataclass
class Site:
    """A layer that becomes steps, and what it reads."""

    layer: Layer
    reads: tuple[Read, ...]
    builder: Builder
    scale: Layer | None = None
    """Of a batch normalisation: the layer behind it that scales and shifts."""
    is_training: bool = False

    @property
    def own(self) -> Message:
        return self.layer.parameters

    def shape(self, index: int = 0) -> Sizes:
        """Return the shape of what the layer reads."""
        return self.builder.shapes[self.reads[index]]

    def refuse(self, message: str, help: str = "") -> NoReturn:
        """Say that no op does what the layer does."""
        refuse(f"`{self.layer.name}`: {message}", self.layer.span, help, Code.NOT_LIFTED)

    def add(
        self,
        op: str,
        *reads: Read,
        suffix: str = "",
        fill: Init | None = None,
        tensors: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> Read:
        """Append a step that reads these, by default what the layer reads first."""
        if op not in REGISTRY:
            self.refuse(f"there is no {op} for {times(self.shape())}")
        read = reads or self.reads[: REGISTRY[op].reads[0]]
        shapes = [self.builder.shapes[item] for item in read]
        made = self._validated(op, arguments, shapes)
        fields = type(made).model_fields
        given = {key: arguments[key] for key in fields if key in arguments}
        step = Step(
            (self.builder.names.new(self.layer.name + suffix, op.split("_")[0].rstrip("123d")),),
            op,
            {key: value for key, value in given.items() if value != fields[key].default},
            tuple(read),
            is_training=self.is_training,
            tensors=tensors or {},
            init=fill or {},
            place=str(self.layer.span),
        )
        found = self.builder.take(self._sharing(step) if tensors else step, made, shapes)
        if self.builder.params > limits.PARAMETERS:
            self.refuse(f"the network has {self.builder.params:,} parameters up to here")
        return found

    def _validated(self, name: str, arguments: Mapping[str, Any], shapes: Sequence[Sizes]) -> Op:
        try:
            made = REGISTRY[name].model_validate(arguments)
        except ValidationError as error:
            first = error.errors()[0]
            said = _SAID.get(str(first["loc"][0]), str(first["loc"][0]))
            found = self.own.all(said)
            span = found[-1].value.span if found else self.layer.span
            message = f"`{self.layer.name}`: `{said}` of {name}: {first['msg']}"
            refuse(message, span, code=Code.NOT_LIFTED)
        for problem in apply(made, tuple(shapes))[1]:
            self.refuse(problem.message, problem.help)
        return made

    def _sharing(self, step: Step) -> Step:
        """Return a step that uses another one's weights if it names them as that one does."""
        names = tuple(param.text("name") for param in self.layer.said.messages("param"))
        if not any(names):
            return step
        owner = self.builder.owners.setdefault((names, step.op), step)
        if owner is step:
            return step
        if owner.arguments != step.arguments or "" in names[: len(step.tensors)]:
            self.refuse(f"it shares weights with `{owner.path[-1]}`, but is no other use of it")
        return replace(step, shares=owner.path)


_SAID = {
    "out_channels": "num_output",
    "out_features": "num_output",
    "padding": "pad",
    "groups": "group",
    "p": "dropout_ratio",
    "size": "local_size",
    "split_size_or_sections": "slice_point",
}
"""What Caffe calls an argument."""


def blobs(layer: Layer, *tensors: str, first: int = 0) -> dict[str, str]:
    """Return what a layer's blobs are called in pycaffe's manner, by netspec's name for each."""
    return {name: f"{layer.name}[{index}]" for index, name in enumerate(tensors, first)}
