"""Lines of a spec before they have places: what `fold` works on, and the way to a `Spec`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from netspec.importer.flat import Flat
from netspec.language.grammar import NOTHING
from netspec.language.model import (
    INPUT,
    Block,
    BlockCall,
    Call,
    Chain,
    GivenCall,
    Layer,
    OpCall,
    Output,
    Parallel,
    ShareCall,
    Spec,
)
from netspec.language.terms import NUMBERS, Argument, Condition, Param, Ref, Series, Value
from netspec.ops.base import REGISTRY
from netspec.ops.fillers import FILLERS
from netspec.text.diagnostics import Source, Span


class Local(NamedTuple):
    """A layer or an input of the same body, and which of several outputs."""

    name: str
    port: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chain: a use of an op or a block, or a body of its own."""

    name: str
    call: str = ""
    """The op, the block, or `$` and a parameter; none where it has a body or shares weights."""
    arguments: Mapping[str, Value] = field(default_factory=dict)
    reads: tuple[Local, ...] = ()
    body: Body | None = None
    share: str = ""
    init: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    first: Mapping[str, Value] = field(default_factory=dict)
    repeat: Value = None
    splice: int = 0
    copies: Series = NUMBERS
    when: Condition | str | None = None
    is_nothing: bool = False
    """Whether it takes no number where its condition does not hold."""


@dataclass(frozen=True, slots=True)
class Body:
    """Lines, what they call the inputs, and which of them are read from outside."""

    lines: tuple[Line, ...]
    inputs: tuple[str, ...]
    outputs: tuple[Local, ...]
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class Template:
    """A block: a body over parameters, of which those with a default stand last."""

    name: str
    params: Mapping[str, Param]
    body: Body


PLACE = Span(Source("<imported>", ""), 0, 0)
"""Where all that was not written by anybody stands."""


def spec_of(flat: Flat, templates: Iterable[Template], body: Body) -> Spec:
    """Return the spec of a network's lines and blocks."""
    params = {template.name: [*template.params] for template in templates}
    blocks = {template.name: _block(template, params) for template in templates}
    results = zip(flat.outputs.items(), body.outputs, strict=True)
    outputs = tuple(
        Output(name, PLACE, _ref(local), weight=None if weight == 1 else Argument(weight, PLACE))
        for (name, (_, weight)), local in results
    )
    model = Block(flat.name, PLACE, {}, tuple(flat.inputs), _chain(body, params))
    inputs = {name: Argument(shape, PLACE) for name, shape in flat.inputs.items()}
    source, integers = PLACE.source, flat.integers
    return Spec(source, flat.name, {}, inputs, integers, blocks, model, outputs, doc=flat.doc)


Params = Mapping[str, list[str]]
"""The parameters of each block in their order."""


def _block(template: Template, params: Params) -> Block:
    body = template.body
    inputs = body.inputs if body.inputs != (INPUT,) else ()
    is_last = len(body.outputs) == 1 and body.outputs[0] == Local(body.lines[-1].name)
    outputs = () if is_last else tuple(map(_ref, body.outputs))
    made = _body(body, params)
    return Block(template.name, PLACE, template.params, inputs, made, outputs=outputs)


def _body(body: Body, params: Params) -> Chain | Parallel:
    """Return a chain, or branches where all that a body does is to join some."""
    branches = _branches(body)
    if branches is None:
        return _chain(body, params)
    made = tuple(_chain(replace(body, lines=branch), params) for branch in branches)
    join = _call(body.lines[-1], params)
    assert isinstance(join, OpCall)
    return Parallel(made, join, PLACE)


def _branches(body: Body) -> list[tuple[Line, ...]] | None:
    """Return the branches that start at the input and of which the last line joins the ends."""
    *lines, join = body.lines
    if not body.is_named or join.call != "concat" or join.arguments or len(body.inputs) != 1:
        return None
    branches: list[list[Line]] = []
    for line in lines:
        if line.reads == (Local(body.inputs[0]),):
            branches.append([line])
        elif branches and line.reads == (Local(branches[-1][-1].name),):
            branches[-1].append(line)
        else:
            return None
    ends = tuple(Local(branch[-1].name) for branch in branches)
    is_end = body.outputs == (Local(join.name),) and join.when is None
    return [*map(tuple, branches)] if ends == join.reads and is_end else None


def _chain(body: Body, params: Params) -> Chain:
    return Chain(tuple(_layer(line, params) for line in body.lines), body.is_named, PLACE)


def _layer(line: Line, params: Params) -> Layer:
    said = {
        "first": {key: Argument(value, PLACE) for key, value in line.first.items()},
        "repeat": None if line.repeat is None else Argument(line.repeat, PLACE),
        "splice": line.splice or None,
        "copies": line.copies,
        "when": line.when,
        "otherwise": "nothing" if line.is_nothing else "",
        "init": {
            tensor: FILLERS[function].model_validate(arguments)
            for tensor, given in line.init.items()
            for function, arguments in given.items()
        },
    }
    sources = tuple(map(_ref, line.reads))
    return Layer(line.name, PLACE, _call(line, params), sources, NOTHING.model_copy(update=said))


def _call(line: Line, params: Params) -> Call:
    if line.body is not None:
        return _body(line.body, params)
    if line.share:
        return ShareCall(Ref(line.share), PLACE)
    if line.call.startswith("$"):
        return GivenCall(line.call[1:], PLACE)
    given = {key: Argument(value, PLACE) for key, value in line.arguments.items()}
    if line.call in REGISTRY:
        cls = REGISTRY[line.call]
        needed = sum(field.is_required() for field in cls.model_fields.values())
        leading = _leading([*cls.model_fields][: max(cls.positional, needed)], given)
        ordered = {key: given[key] for key in cls.model_fields if key in given}
        return OpCall(cls.model_validate({**line.arguments}), ordered, PLACE, leading)
    known = params[line.call]
    ordered = {key: given[key] for key in known if key in given}
    return BlockCall(line.call, ordered, _leading(known, given), PLACE)


def _leading(keys: Iterable[str], given: Mapping[str, Argument]) -> int:
    """Return how many arguments can stand without a keyword: those up to the first left out."""
    count = 0
    for key in keys:
        if key not in given:
            break
        count += 1
    return count


def _ref(local: Local) -> Ref:
    return Ref(local.name, None, local.port)
