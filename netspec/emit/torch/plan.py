"""Plans of classes: what each constructor takes, which children it makes, and of what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from netspec.graph.model import NodeId
from netspec.language.model import Body, Chain, Layer, OpCall, ShareCall
from netspec.language.terms import Ref
from netspec.ops.base import Call, Infix
from netspec.ops.dim import Dim, Shape, is_known, names


@dataclass(frozen=True, slots=True)
class Param:
    """A constructor argument."""

    name: str
    type: str
    default: object = None
    has_default: bool = False
    keyword_only: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A constructor call as data; `note` is the arithmetic behind an inferred number."""

    function: str
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Repeated:
    """A constructor call `count` times; arguments may use the name "@i" of the loop's index."""

    made: Construct
    count: Dim


@dataclass(frozen=True, slots=True)
class Stack:
    """An nn.Sequential of constructor calls."""

    items: tuple[Construct, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison over constructor arguments."""

    left: object
    operator: str
    right: object


@dataclass(frozen=True, slots=True)
class Chosen:
    """A constructor call if a condition over the arguments holds, else nn.Identity()."""

    made: Construct
    condition: Comparison


Construct = Made | Repeated | Stack | Chosen
Given = Shape | dict[str, Shape]
"""What a layer gives: one shape, or several by the name behind the dot."""


@dataclass(slots=True)
class Plan:
    """One generated class. `children` are in the spec's order, by attribute name."""

    name: str
    body: Body
    inputs: tuple[str, ...]
    doc: str = ""
    params: list[Param] = field(default_factory=list)
    reals: set[str] = field(default_factory=set)
    """Parameters that some use gives a fraction for."""
    children: dict[str, Construct] = field(default_factory=dict)
    calls: dict[int, Call | Infix] = field(default_factory=dict)
    """For layers and joins without a module: the function that does the work."""
    choices: dict[int, Comparison] = field(default_factory=dict)
    """For layers without a module that only some uses have: when; else the first input passes."""
    symbols: tuple[Shape, ...] = ()
    output: Given = ()
    ports: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Layers with several outputs, and what stands behind the dot to read them."""
    absent: set[int] = field(default_factory=set)
    """Layers that no use of the class has; they pass their input on."""
    conditions: set[str] = field(default_factory=set)
    """Parameters that a condition reads."""
    extras: dict[str, dict[NodeId, int]] = field(default_factory=dict)
    """Constructor arguments that depend on the image: name → instance → value."""
    extra_names: dict[NodeId, str] = field(default_factory=dict)
    """What such an argument is called, by the path of what needs it."""
    depends: set[str] = field(default_factory=set)
    """Names that some inferred constant depends on."""
    heads: tuple[Layer, ...] = ()
    outputs: tuple[Ref, ...] = ()
    weights: tuple[object, ...] = ()
    """What the network's outputs weigh in its loss, where the spec says it."""


def is_written(value: object) -> bool:
    """Tell whether a size can be written over constructor arguments: no size of the image in it."""
    return is_known(value) and not any(text[0] == "@" for text in names(value))


def function_names(plan: Plan) -> list[str]:
    """Return the parameters that the functions and choices of a class's forward read."""
    calls = [call for call in plan.calls.values() if isinstance(call, Call)]
    values = [value for call in calls for value in (*call.args, *call.kwargs.values())]
    values += [side for choice in plan.choices.values() for side in (choice.left, choice.right)]
    return list(dict.fromkeys(text for value in values for text in names(value)))


def functions_of(plan: Plan) -> list[str]:
    """Return the functions that a class calls: in its forward, and to make its parameters."""
    made = [child for child in plan.children.values() if isinstance(child, Made)]
    inner = [value for child in made for value in child.args if isinstance(value, Call)]
    calls = [call for call in plan.calls.values() if isinstance(call, Call)]
    return [call.function for call in (*calls, *inner)]


def used_names(construct: Construct) -> Iterable[str]:
    """Yield the names in a constructor call."""
    match construct:
        case Made():
            for value in (*construct.args, *construct.kwargs.values()):
                yield from names(value.args if isinstance(value, Call) else value)
        case Chosen():
            yield from used_names(construct.made)
        case Repeated():
            yield from names(construct.count)
            yield from used_names(construct.made)
        case Stack():
            for item in construct.items:
                yield from used_names(item)


def made_of(construct: Construct) -> Iterable[str]:
    """Yield the classes that a constructor call makes instances of."""
    match construct:
        case Made():
            yield construct.function
        case Chosen() | Repeated():
            yield from made_of(construct.made)
        case Stack():
            for item in construct.items:
                yield from made_of(item)


def is_plain(chain: Chain) -> bool:
    """Tell whether an unnamed chain is an nn.Sequential: modules only, each reading the last."""
    for layer in chain.layers:
        if any(ref.span for ref in layer.sources) or layer.train_only:
            return False
        if isinstance(layer.call, ShareCall) or not layer.sources:
            return False
        if isinstance(layer.call, OpCall) and not layer.call.op.is_module:
            return False
        if isinstance(layer.call, Chain) and not layer.call.named and not is_plain(layer.call):
            return False
    return not chain.named
