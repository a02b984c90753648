"""The plan of a file: what each class's constructor takes and makes, and what its forward runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from netspec.emit.torch.constructs import Comparison, Construct
from netspec.graph.model import NodeId
from netspec.language.model import Body
from netspec.ops.base import Call, Infix, Op
from netspec.ops.dim import Shape, is_known, names
from netspec.ops.fillers import Filler


@dataclass(frozen=True, slots=True)
class ClassParam:
    """A constructor argument."""

    name: str
    type: str
    default: object = None
    has_default: bool = False
    keyword_only: bool = False


class Read(NamedTuple):
    """What a step reads: an input or a step, and which of its outputs if it has several."""

    name: str
    item: int | None = None
    is_said: bool = True
    """Whether the spec says so; else it is the line above."""


@dataclass(frozen=True, slots=True)
class Step:
    """One layer in a forward method. It calls a child, or a function if it has one."""

    name: str
    sources: tuple[Read, ...]
    child: str
    op: Op | None
    """What the layer is, if it is neither a block nor another call of a layer."""
    function: Call | Infix | None
    choices: tuple[Comparison, ...]
    """When a layer without a module is there, the innermost first; else its input passes."""
    is_absent: bool
    """Whether no use of the class has this layer; it then passes its input on."""
    has_items: bool
    train_only: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """Steps in the order in which they run, or a child that is the whole branch, or nothing."""

    steps: tuple[Step, ...] = ()
    end: str = ""
    """The step whose result is the branch's."""
    child: str = ""


GLOBAL = "$"
"""Stands before the name of a parameter of the spec: a block's own may have the same name."""

Given = Mapping[str, Shape]
"""What a layer gives, by the name behind the dot, which is empty where there is one output."""

Extras = Mapping[str, Mapping[NodeId, int]]
"""Constructor arguments that only numbers can give: name → instance → value."""


@dataclass(frozen=True, slots=True)
class Forward:
    """What a class computes: branches, which `join` joins, and what it returns."""

    branches: tuple[Branch, ...]
    join: Call | Infix | None
    returns: tuple[Read, ...]

    @property
    def steps(self) -> list[Step]:
        return [step for branch in self.branches for step in branch.steps]

    @property
    def calls(self) -> list[Call]:
        """The functions that are called."""
        functions = [*(step.function for step in self.steps), self.join]
        return [call for call in functions if isinstance(call, Call)]

    @property
    def names(self) -> list[str]:
        """The parameters that functions and choices read."""
        values = [value for call in self.calls for value in (*call.args, *call.kwargs.values())]
        choices = [choice for step in self.steps for choice in step.choices]
        values += [side for choice in choices for side in (choice.left, choice.right)]
        return list(dict.fromkeys(text for value in values for text in names(value)))


@dataclass(frozen=True, slots=True, eq=False)
class ClassPlan:
    """One generated class. `children` are in the spec's order, by attribute name."""

    name: str
    base: str
    doc: str
    body: Body
    inputs: tuple[str, ...]
    symbols: tuple[Shape, ...]
    """What the sizes of the inputs are called."""
    output: Given
    children: Mapping[str, Construct]
    forward: Forward
    fillers: tuple[tuple[str, Mapping[str, Filler]], ...]
    """How layers are filled that say so themselves, by path."""
    depends: frozenset[str]
    """Names that some inferred argument depends on."""
    extras: Extras
    weights: Mapping[str, object] = field(default_factory=dict)
    """What the network's outputs weigh in its loss, where the spec says it."""
    params: tuple[ClassParam, ...] = ()
    local: Mapping[str, str] = field(default_factory=dict)
    """What the constructor calls its arguments and, under "@i", the index of a loop."""

    @property
    def functions(self) -> list[str]:
        """The functions that it calls: in its forward, and to make its own tensors."""
        made = [child for child in self.children.values() if isinstance(child, Call)]
        inner = [value for call in made for value in call.args if isinstance(value, Call)]
        return [call.function for call in (*self.forward.calls, *inner)]


@dataclass(frozen=True, slots=True)
class FilePlan:
    """All classes, each before those that use it, the network's own last."""

    classes: tuple[ClassPlan, ...]
    held: Mapping[str, int | float]
    """The spec's parameters that are numbers in the code."""
    helpers: Mapping[str, str]
    """The source of each class that torch lacks, by name."""

    @property
    def model(self) -> ClassPlan:
        return self.classes[-1]


def bare(text: str) -> str:
    """Return a parameter's name as the spec has it."""
    return text.removeprefix(GLOBAL)


def first(given: Given) -> Shape:
    """Return the only output, or the first one."""
    return next(iter(given.values()))


def is_written(value: object) -> bool:
    """Tell whether a size can be written over constructor arguments: no size of the image in it."""
    return is_known(value) and not any(text[0] == "@" for text in names(value))
