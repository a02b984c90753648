"""What is known of the name under the pointer: of a layer its shape, costs and field, and docs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import dedent
from typing import NamedTuple

from netspec.analysis.network import Network
from netspec.editing.facts import Facts, site
from netspec.editing.lenses import often
from netspec.editing.links import generated, statements
from netspec.editing.places import Place, Scope, place_at, places
from netspec.editing.workspace import Document
from netspec.emit.opsdoc import argument
from netspec.emit.report.markup import md
from netspec.emit.report.rows import FIELD, field_cells
from netspec.emit.report.table import RANGE, show
from netspec.graph.model import Instance, NodeId, Use, path
from netspec.language.grammar import (
    BlockKeys,
    ExpectKeys,
    ExternKeys,
    InlineKeys,
    InputKeys,
    InsertionKeys,
    SpecKeys,
    TensorKeys,
    VariantKeys,
)
from netspec.language.keys import Keys
from netspec.language.model import INPUT, Block, BlockCall, GivenCall, Layer, OpCall, ShareCall
from netspec.language.schema.ops import about
from netspec.language.terms import INDEX
from netspec.ops.arguments import bare
from netspec.ops.base import REGISTRY
from netspec.ops.fillers import FILLERS
from netspec.ops.window import times
from netspec.text.diagnostics import Span, SpecError

_FEW = 6
"""How many places are listed; of more the first ones and the last."""
_MOST = 24
"""How many values, or lines of code, are listed."""


class Hover(NamedTuple):
    """A text in Markdown, and the name that it is about."""

    text: str
    span: Span


def hover(document: Document, offset: int) -> Hover | None:
    """Return what is known of the name at an offset."""
    place = place_at(document, offset)
    if place is None:
        return None
    own = document.facts.network.spec.ops if document.facts else {}
    with REGISTRY.enabled(own):
        text = "\n\n".join(filter(None, _paragraphs(document, place)))
    return Hover(text, place.span) if text else None


def _paragraphs(document: Document, place: Place) -> Iterator[str]:
    """Yield what is known of a place: what it is in the network, then what it is in general."""
    facts = document.facts
    uses = _uses(document, facts, place) if facts else ()
    if facts and uses:
        yield from _layer(facts, uses)
    block = facts.network.spec.blocks.get(_block(place)) if facts else None
    match place.kind:
        case "block" if facts and block:
            yield from _of_block(facts, block, place.span == place.target)
        case "op" | "block" if place.name in REGISTRY:
            yield "" if uses else about(REGISTRY[place.name])
            extern = facts.network.spec.externs.get(place.name) if facts else None
            yield md(" ".join(extern.doc.split())) if extern else ""
        case "argument" if place.scope[-1] in REGISTRY:
            field = REGISTRY[place.scope[-1]].model_fields.get(place.name)
            yield f"`{place.name}`: {argument(field)}" if field else ""
        case "param" | "argument" if facts:
            yield from _param(facts, block, place.name)
        case "input" if facts:
            yield _input(facts, block, place)
        case "output" if facts and not uses:
            yield _output(document, facts, place)
        case "key":
            yield _key(place, is_variant=bool(document.asked))


def _block(place: Place) -> str:
    """Return the name of the block that a place is about."""
    if place.kind == "block":
        return place.name
    if place.kind == "argument":
        return place.scope[-1]
    return place.scope[1] if place.scope[:1] == ("blocks",) and place.scope[1:] else ""


def _uses(document: Document, facts: Facts, place: Place) -> Sequence[Use]:
    """Return the uses of the layer that a place names, or whose op it is."""
    for span in filter(None, (place.span, place.target)):
        at = document.was(span) if span.source is document.source else span
        if at and (found := facts.uses.get(at) or facts.calls.get(at)):
            return found
    return facts.called(place.name, _block(place)) if place.kind == "layer" else ()


# ------------------------------------------------------------------ layers and blocks


def _layer(facts: Facts, uses: Sequence[Use]) -> Iterator[str]:
    layer = uses[0].layer
    when = ", only in training" if all(use.train_only for use in uses) else ""
    count = f", {often(len(uses))}" if len(uses) > 1 else ""
    yield f"**{layer.name}**: {_called(layer)}{count}{when}"
    yield from _measured(facts, uses, facts.shape(uses))
    yield _code(facts.network, uses[0].id)
    if isinstance(layer.call, OpCall):
        yield about(type(layer.call.op))


def _code(network: Network, id: NodeId) -> str:
    """Return the lines of the generated code that make a layer and run it."""
    try:
        code = generated(network)
    except SpecError:  # it would import what the call has not allowed, for example
        return ""
    lines = code.text.split("\n")
    texts = [dedent("\n".join(lines[i] for i in x)) for x in statements(network, code, id) if x]
    shown = "\n".join(texts).split("\n")
    shown = shown if len(shown) <= _MOST else [*shown[: _MOST - 1], "# …"]
    return "\n".join(["```python", *shown, "```"]) if texts else ""


def _called(layer: Layer) -> str:
    match layer.call:
        case OpCall():
            return f"`{layer.call.op.op_name}`"
        case BlockCall():
            return f"`{layer.call.block}`"
        case ShareCall():
            return f"another call of `{layer.call.target.name}`, with its weights"
        case GivenCall():
            return f"`${layer.call.param}`"
    return "an inline block"


def _of_block(facts: Facts, block: Block, is_definition: bool) -> Iterator[str]:
    """Yield how a block is called and, where it is defined, what all its uses come to."""
    params = (
        x.name + ("" if x.default is None else f"={bare(x.default)}") for x in block.params.values()
    )
    yield f"`{block.name}: [{', '.join(params)}]`"
    yield md(" ".join(block.doc.split()))
    if is_definition:
        found = facts.instances(block)
        yield f"**{block.name}**: {often(len(found))}"
        yield from _measured(facts, found, facts.joined(found)) if found else ()


def _measured(facts: Facts, found: Sequence[Use | Instance], gives: str) -> Iterator[str]:
    """Yield the shapes and costs of layers, or of instances of a block, and what they see."""
    yield md(f"{facts.read(found)} → {gives}".strip())
    costs = [facts.cost([one.id]) for one in found]
    texts = [_together([cost.params for cost in costs], "parameters")]
    texts.append(_together([cost.macs for cost in costs], "MACs"))
    seen = [*filter(None, dict.fromkeys(_seen(facts, one.output) for one in found))]
    texts += [f"receptive field/stride {_listed(seen)}"] if seen else []
    yield "\n".join(f"- {text}" for text in texts)


def _together(values: Sequence[int], what: str) -> str:
    """Write numbers as their range, and their sum."""
    low, high = min(values), max(values)
    text = f"{low:,}" if low == high else f"{low:,}{RANGE}{high:,}"
    return f"{text} {what}" + (f", together {sum(values):,}" if len(values) > 1 and high else "")


def _seen(facts: Facts, node: NodeId) -> str:
    """Write a receptive field as the report does."""
    cells = field_cells(facts.fields.get(node, ()))
    low, high, stride, _ = (show(column, cells[column.key]) for column in FIELD)
    extent = low if low == high else f"{low}{RANGE}{high}"
    return f"{extent}/{stride}" if stride else extent


def _listed(texts: Sequence[str]) -> str:
    """Write a list, of many the first ones and the last."""
    some = texts if len(texts) <= _FEW else [*texts[: _FEW - 1], "…", texts[-1]]
    return ", ".join(some)


# ------------------------------------------------------------------ parameters, inputs, keys


def _param(facts: Facts, block: Block | None, name: str) -> Iterator[str]:
    """Yield the value of a parameter, or of a width: of a block's the values in its uses."""
    values = facts.network.graph.params
    if block and name in (*block.params, *block.measured):
        yield f"`${name}` of `{block.name}`"
        found = facts.values(block.name, name).items()
        lines = [f"- {text}: {_listed([f'`{path(id)}`' for id in ids])}" for text, ids in found]
        yield "\n".join(lines[:_MOST] + ["- …"] * (len(lines) > _MOST))
    elif name in values:
        text = bare(values[name])
        yield f"`${name}` is {text}; `--set {name}={text}` gives it another value"
    elif name == INDEX:
        yield f"`${name}` is the number of a copy, from 0"


def _input(facts: Facts, block: Block | None, place: Place) -> str:
    """Return the shape of an input of the network or of a block."""
    names = (block.inputs or (INPUT,)) if block else ()
    if block and not place.scope[2:] and place.name in names:  # an inline block has its own
        found = facts.instances(block)
        index = names.index(place.name)
        shape = facts.sizes([one.inputs[index] for one in found], [*map(site, found)])
        return f"**{place.name}** of `{block.name}`: {md(shape)}"
    shapes = facts.network.graph.inputs
    return f"**{place.name}**: {times(shapes[place.name,])}" if (place.name,) in shapes else ""


def _output(document: Document, facts: Facts, place: Place) -> str:
    """Return the shape of an output of the network, or of one of several of a layer."""
    outputs = {output.name: output.node for output in facts.network.graph.outputs}
    if place.scope == ("outputs",) and place.span == place.target:
        found = outputs.get(place.name)
        shape = times(facts.network.shapes[found]) if found else ""
        return f"**{place.name}**: {shape}, of `{path(found)}`" if found else ""
    before = (x for x in reversed(places(document)) if x.span.start < place.span.start)
    owner = next((x for x in before if x.kind == "layer"), None)
    uses = _uses(document, facts, owner) if owner else ()
    nodes = [node for use in uses if (node := facts.outputs(use).get(place.name))]
    if not nodes or len(nodes) < len(uses):
        return ""
    return f"**{place.name}**: {md(facts.sizes(nodes, [*map(site, uses)]))}"


def _key(place: Place, is_variant: bool) -> str:
    """Return what a key of the language says."""
    if place.scope[-1:] == ("init",) and place.name in FILLERS:
        return f"`{place.name}`: {FILLERS[place.name].__doc__}"
    found = (model for model in _models(place.scope, is_variant) if place.name in model.kinds())
    model = next(found, None)
    if model is None:
        return ""
    about = model.properties()[place.name]["description"]
    return "\n\n".join(filter(None, (f"`{place.name}`: {about}", model.example(place.name))))


def _models(scope: Scope, is_variant: bool) -> tuple[type[Keys], ...]:
    """Return the mappings that may stand in a scope."""
    if not scope:
        return (VariantKeys,) if is_variant else (SpecKeys, VariantKeys)
    first = _SECTIONS.get(scope[0], (InlineKeys, InsertionKeys, BlockKeys))
    return (TensorKeys, *first) if scope[-1:] == ("init",) else first


_SECTIONS: dict[str, tuple[type[Keys], ...]] = {
    "expect": (ExpectKeys,),
    "init": (TensorKeys,),
    "externs": (ExternKeys,),
    "inputs": (InputKeys,),
}
"""The mappings of the sections that hold no layers."""
