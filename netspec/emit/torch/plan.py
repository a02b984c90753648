"""The plan of a file: what each class's constructor takes and makes, and what its forward runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.emit.torch.constructs import Construct, Repeated
from netspec.emit.torch.naming import RESERVED
from netspec.graph.model import NodeId
from netspec.language.lower import Lowered
from netspec.language.model import Body
from netspec.language.terms import Condition
from netspec.ops.base import Call, Infix
from netspec.ops.dim import Expr, Shape, is_known, names
from netspec.ops.fillers import Filler


@dataclass(frozen=True, slots=True)
class ClassParam:
    """A constructor argument."""

    name: str
    type: str
    default: object = None
    """None: it has none."""
    keyword_only: bool = False


BUFFER = "self.register_buffer"
"""What makes a tensor that is not learnt."""

GLOBAL = "$"
"""Stands before the name of a parameter of the spec: a block's own may have the same name."""

Given = Mapping[str, Shape]
"""What a layer gives, by the name behind the dot, which is empty where there is one output."""

Extras = Mapping[str, Mapping[NodeId, int]]
"""Constructor arguments that only numbers can give: name → instance → value."""


Fillers = tuple[tuple[str, Mapping[str, Filler]], ...]
"""How layers are filled that say so themselves, by path."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a layer gives in a class, and the child, or the function, that does it.

    `depends` are the names that what it infers depends on, `extras` the constructor arguments that
    only numbers can give, with their number in each instance.
    """

    given: Given
    child: Construct | None = None
    function: Call | Infix | None = None
    use: Call | None = None
    """How the child is called, where that is not simply with its inputs."""
    choices: tuple[Condition, ...] = ()
    """When a layer without a module is there, the innermost first; else its input passes."""
    fields: Sequence[str] = ()
    """What its outputs are called where it returns a NamedTuple, in the order of `given`."""
    is_absent: bool = False
    """Whether no use of the class has this layer; it then passes its input on."""
    depends: frozenset[str] = frozenset()
    extras: Extras = field(default_factory=dict)
    fillers: Fillers = ()

    @property
    def has_items(self) -> bool:
        """Whether it gives several outputs."""
        return "" not in self.given

    @property
    def item(self) -> Construct:
        """The child as an item of a sequence, where also what does nothing has its place."""
        return self.child or Call("nn.Identity")


def together(works: Collection[Work], given: Given, child: Construct | None = None) -> Work:
    """Return what several layers come to."""
    return Work(
        given,
        child,
        depends=frozenset[str]().union(*(work.depends for work in works)),
        extras={text: table for work in works for text, table in work.extras.items()},
        fillers=tuple(item for work in works for item in work.fillers),
    )


@dataclass(frozen=True, slots=True, eq=False)
class ClassPlan:
    """One generated class. `children` are in the spec's order, by attribute name."""

    name: str
    base: str
    doc: str
    body: Body
    lowered: Lowered
    symbols: tuple[Shape, ...]
    """What the sizes of the inputs are called."""
    works: Mapping[str, Work]
    """What the inputs, the layers and the join come to, by name, in the order of execution."""
    children: Mapping[str, Construct | Repeated]
    output: Given
    fillers: Fillers
    depends: frozenset[str]
    """Names that some inferred argument depends on."""
    extras: Extras
    weights: Mapping[str, object] = field(default_factory=dict)
    """What the network's outputs weigh in its loss, where the spec says it."""
    result: str = ""
    """The NamedTuple that its forward returns, if it has several outputs."""
    fields: tuple[str, ...] = ()
    """What the outputs are called in it."""
    params: tuple[ClassParam, ...] = ()
    local: Mapping[str, str] = field(default_factory=dict)
    """What the constructor calls its arguments and, under INDEX, the index of a loop."""
    reserved: frozenset[str] = RESERVED
    """What no variable of its methods may hide."""

    @property
    def calls(self) -> list[Call]:
        """The functions that its forward calls."""
        return [x.function for x in self.works.values() if isinstance(x.function, Call)]

    @property
    def read(self) -> list[str]:
        """The parameters that functions, choices and the loss read."""
        values = [value for call in self.calls for value in (*call.args, *call.kwargs.values())]
        works = self.works.values()
        values += [y for x in works if isinstance(x.function, Infix) for y in x.function.numbers]
        choices = [choice for work in self.works.values() for choice in work.choices]
        values += [side for choice in choices for side in (choice.left, choice.right)]
        values += self.weights.values()
        return list(dict.fromkeys(text for value in values for text in names(value)))

    @property
    def functions(self) -> list[str]:
        """The functions that it calls: in its forward, and to make its own tensors."""
        made = [child for child in self.children.values() if isinstance(child, Call)]
        inner = [value for call in made for value in call.args if isinstance(value, Call)]
        return [call.function for call in (*self.calls, *inner)]


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


_LONGEST = 20
"""The most operands and operators of a size that is written as arithmetic."""


def is_written(value: object) -> bool:
    """Tell whether a size is written over constructor arguments.

    None is that depends on the image, and none that nobody would read.
    """
    if isinstance(value, Expr) and value.size > _LONGEST:
        return False
    return is_known(value) and not any(text[0] == "@" for text in names(value))
