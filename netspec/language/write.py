"""Spec → its text: one file, without `extends`, in the form of `fmt`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Any

from netspec.language.fmt.text import formatted
from netspec.language.model import (
    INPUT,
    Block,
    BlockCall,
    Body,
    Call,
    Chain,
    GivenCall,
    Layer,
    OpCall,
    Parallel,
    ShareCall,
    Spec,
    numbered,
)
from netspec.language.terms import NUMBERS, Condition, Maker, Param, Ref, Series, Value
from netspec.ops.base import CHANNELS_LAST, INTEGER
from netspec.ops.dim import Expr, python
from netspec.ops.fillers import Filler
from netspec.text.diagnostics import Source

Data = Any
"""What YAML is made of: mappings, lists, texts, numbers, truth values, None."""


class _Inline(dict[str, Data]):
    """A mapping that stands in brackets."""


def written(spec: Spec, expect: Mapping[str, int]) -> str:
    """Return the text of a spec with these numbers for its `expect`."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes mappings in brackets where they are to stand so, and every list of values."""

        def ignore_aliases(self, data: Data) -> bool:
            return True

    Dumper.add_representer(
        _Inline, lambda dumper, data: dumper.represent_mapping(_MAP, data.items(), True)
    )
    Dumper.add_representer(tuple, lambda dumper, data: dumper.represent_sequence(_LIST, data, True))

    def dump(data: Data, depth: int = 0) -> str:
        width = _WIDTH - depth
        made = yaml.dump(data, Dumper=Dumper, allow_unicode=True, sort_keys=False, width=width)
        return indent(made, " " * depth)

    text = ""
    for key, section in _spec(spec, expect).items():
        # What a reader looks for stands apart.
        text += "\n" if key in _APART else ""
        if key == "blocks":
            blocks = [dump({name: block}, 2) for name, block in section.items()]
            text += "blocks:\n" + "\n".join(blocks)
        else:
            text += dump({key: section})
    return formatted(Source("<written>", text))


_WIDTH, _APART = 96, ("blocks", "graph", "outputs", "expect")
_MAP, _LIST = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"


def _spec(spec: Spec, expect: Mapping[str, int]) -> Data:
    sections = {
        "netspec": 1,
        "name": spec.name,
        "doc": spec.doc.strip(),
        "params": _Inline({param.name: param.default for param in spec.params.values()}),
        "inputs": _Inline({name: _input(spec, name) for name in spec.inputs}),
        "init": {op: _fillers(tensors) for op, tensors in spec.init.items()},
        "blocks": {name: _block(block) for name, block in spec.blocks.items()},
        "graph": _body(spec.model.body, tuple(spec.inputs))["chain"],
        "outputs": _outputs(spec),
        "expect": _Inline(expect),
    }
    return {key: value for key, value in sections.items() if value}


def _outputs(spec: Spec) -> Data:
    given = {
        output.name: _layer(output.head, ()) if output.head else _ref(output.ref)
        for output in spec.outputs
    }
    return _Inline(given) if all(isinstance(x, str) for x in given.values()) else given


def _input(spec: Spec, name: str) -> Data:
    shape = _value(spec.inputs[name].value)
    said = {"dtype": INTEGER} if name in spec.integers else {}
    said |= {"memory_format": CHANNELS_LAST} if name in spec.channels_last else {}
    return _Inline(shape=shape, **said) if said else shape


def _fillers(tensors: Mapping[str, Filler]) -> Data:
    if "" in tensors:  # the only tensor of a `parameter`
        return _filler(tensors[""])
    return _Inline({tensor: _filler(filler) for tensor, filler in tensors.items()})


def _filler(filler: Filler) -> Data:
    fields = type(filler).model_fields
    given = {key: getattr(filler, key) for key in fields if key in filler.model_fields_set}
    needed = [given.pop(key) for key in fields if fields[key].is_required()]
    if not needed and not given:
        return filler.function
    leading = needed[0] if len(needed) == 1 else tuple(needed)
    return _Inline({filler.function: leading}, **given)


def _block(block: Block) -> Data:
    said: dict[str, Data] = {
        "doc": block.doc.strip(),
        "params": tuple(_param(param) for param in block.params.values()),
        "inputs": block.inputs,
        "outputs": tuple(_ref(ref) for ref in block.outputs),
    }
    given = {key: value for key, value in said.items() if value}
    return given | _body(block.body, block.inputs or (INPUT,))


def _param(param: Param) -> str:
    if isinstance(param.default, bool):
        return f"{param.name}={'true' if param.default else 'false'}"
    return param.name if param.default is None else f"{param.name}={param.default}"


def _body(body: Body, inputs: Sequence[str]) -> dict[str, Data]:
    first = inputs[0] if len(inputs) == 1 else ""  # of several each layer says which it reads
    if isinstance(body, Chain):
        return {"chain": _chain(body, first)}
    branches = [_chain(branch, first) for branch in body.branches]
    return {"parallel": branches, "join": body.join.op.op_name}


def _chain(chain: Chain, first: str) -> Data:
    """Return the layers of a chain; `first` is what the first one reads unless it says more."""
    above = [first, *map(_last, chain.layers)]
    layers = [_layer(layer, (Ref(name),)) for layer, name in zip(chain.layers, above, strict=False)]
    if not chain.named:
        return _in_brackets(layers) or layers or ()
    return {layer.name: data for layer, data in zip(chain.layers, layers, strict=True)}


def _in_brackets(layers: Sequence[Data]) -> tuple[Data, ...]:
    """Return layers without names as a list for one line, none if they do not fit on one."""
    if not all(isinstance(layer, str | _Inline | tuple) for layer in layers):
        return ()
    return tuple(layers) if len(str(layers).replace("'", "")) <= _BESIDE else ()


_BESIDE = 76
"""How long a list may be to stand in brackets."""


def _last(layer: Layer) -> str:
    """Return the name of a layer, of copies that are layers themselves that of the last one."""
    if not layer.said.splice:
        return layer.name
    series = Series("", int(layer.name)) if layer.name.isdecimal() else layer.said.copies
    return series.name(layer.said.splice - 1)


def _layer(layer: Layer, above: Sequence[Ref]) -> Data:
    """Return a layer; `above` is what it reads without saying so."""
    call = _call(numbered(layer).call)
    said = _said(layer)
    read = [(ref.name, ref.port) for ref in layer.sources]
    if read and read != [(ref.name, ref.port) for ref in above]:
        names = tuple(_ref(ref) for ref in layer.sources)
        said["from"] = names if names[1:] else names[0]
    if not said:
        return call
    if isinstance(call, list):
        call = {"chain": call}
    elif not isinstance(call, dict):
        call = _Inline({"chain": call} if isinstance(call, tuple) else {call: ()})
    return type(call)({**call, **said})


def _said(layer: Layer) -> dict[str, Data]:
    """Return what a layer says beside its op and what it reads."""
    said = layer.said
    numbers = {key: getattr(said, key) for key in ("repeat", "weight", "shape")}
    given: dict[str, Data] = {key: _value(x.value) for key, x in numbers.items() if x is not None}
    if said.first:
        given["first"] = _Inline({key: _value(x.value) for key, x in said.first.items()})
    if said.copies != NUMBERS:
        given["copies"] = said.copies.name(0)
    if said.when is not None:
        given["when"] = _condition(said.when) if isinstance(said.when, Condition) else said.when
    if said.init:
        given["init"] = _fillers(said.init)
    words = {"splice": said.splice, "else": said.otherwise, "doc": said.doc.strip()}
    return given | {key: word for key, word in words.items() if word}


def _condition(condition: Condition) -> Data:
    if condition.operator == "!=" and condition.right is False:
        return _value(condition.left)
    sides = (_value(condition.left), _value(condition.right))
    left, right = (str(side).lower() if isinstance(side, bool) else side for side in sides)
    return f"{left} {condition.operator} {right}"


def _call(call: Call) -> Data:
    match call:
        case ShareCall():
            return _Inline(share=_ref(call.target))
        case GivenCall():
            return f"${call.param}"
        case Chain(named=False):
            return _chain(call, INPUT)
        case Chain() | Parallel():
            said = _body(call, (INPUT,))
            return _Inline(said) if isinstance(said.get("chain"), tuple) else said
        case OpCall():
            name = call.op.op_name
        case BlockCall():
            name = call.block
    given = {key: _value(x.value) for key, x in call.arguments.items()}
    leading = tuple(given.pop(key) for key in [*given][: call.positional])
    if not leading and not given:
        return name
    is_plain = len(leading) == 1 and not isinstance(leading[0], tuple)
    return _Inline({name: leading[0] if is_plain else leading}, **given)


def _value(value: Value) -> Data:
    if isinstance(value, tuple):
        return tuple(_value(item) for item in value)
    if isinstance(value, Maker):
        return value.name
    if isinstance(value, Expr):
        return re.sub(r"\b[A-Za-z]\w*", r"$\g<0>", python(value))
    return value


def _ref(ref: Ref) -> str:
    return f"{ref.name}.{ref.port}" if ref.port else ref.name
