"""The whole schema (draft 7, the one that editors support best): spec, variant, block, layer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from netspec.language.blocks import BLOCK_KEYS
from netspec.language.extras import LAYER_KEYS
from netspec.language.init import TENSORS
from netspec.language.layers import BODY_KEYS
from netspec.language.schema import glossary
from netspec.language.schema.ops import Schema, bare, definitions, fillers
from netspec.language.sections import METRICS, SECTIONS
from netspec.ops.arguments import EXPRESSION
from netspec.ops.base import REGISTRY, Join

NAME = "[A-Za-z][A-Za-z0-9_]{0,63}"
BLOCK_NAME = "[A-Z][A-Za-z0-9_]{0,63}"
_NUMBER: Schema = {"type": "number"}
_TEXT: Schema = {"type": "string"}
_SIZE: Schema = {"anyOf": [{"type": "integer", "minimum": 1}, EXPRESSION]}
_SHAPE: Schema = {"type": "array", "items": _SIZE, "minItems": 1}
_CONTRACT: Schema = {
    "type": "array",
    "items": {"anyOf": [*_SIZE["anyOf"], {"type": "null"}]},
    "minItems": 1,
}
_REF: Schema = {"type": "string", "pattern": f"^{NAME}$"}
_SOURCE: Schema = {"type": "string", "pattern": f"^{NAME}([.][A-Za-z0-9_]+)?$"}
_SCALAR: Schema = {"type": ["number", "string", "boolean", "null"]}
_ARGUMENTS: Schema = {"anyOf": [_SCALAR, {"type": "array"}]}
_PATH = rf"^(graph|outputs|blocks)(\.({NAME}|[0-9]+))+$"
_BOUND = r"^(<=|>=|<|>)?\s*[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]{1,2})?\s*[KMG]?$"


def text() -> str:
    """Return the schema as the text of a JSON file."""
    return _lines(document(), 3) + "\n"


def _lines(value: Any, depth: int) -> str:
    """Write JSON with a line for each entry, down to a depth below which lines would be many."""
    if depth == 0 or not isinstance(value, dict) or not value:
        return json.dumps(value)
    entries = (f"{json.dumps(key)}: {_lines(item, depth - 1)}" for key, item in value.items())
    return "{\n" + ",\n".join(entries) + "\n}"


def document() -> Schema:
    """Return the schema of a spec or a variant."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "netspec, version 1",
        "description": "A neural network as a graph of named layers",
        "type": "object",
        "if": {"anyOf": [{"required": [key]} for key in ("extends", "change", "insert", "remove")]},
        "then": _ref("variant"),
        "else": _ref("spec"),
        "definitions": {
            "spec": _spec(),
            "variant": _variant(),
            "block": _block(),
            "chain": _chain(),
            "layer": _layer(LAYER_KEYS),
            "insertion": _layer((*LAYER_KEYS, *glossary.PLACE)),
            "keys": _keys(),
            "filler": {"anyOf": fillers()},
            "init": {"anyOf": [_ref("filler"), _object(dict.fromkeys(TENSORS, _ref("filler")))]},
            "output": {"anyOf": [_REF, _ref("layer")]},
            "bound": {"anyOf": [_NUMBER, {"type": "string", "pattern": _BOUND}]},
            "ops": definitions(),
        },
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _described(keys: Iterable[str], words: Mapping[str, str], schemas: Mapping[str, Schema]) -> Any:
    """Return properties: each key with its schema and its line of the glossary."""
    return {k: {**schemas.get(k, {}), "description": words.get(k, k)} for k in keys}


def _object(properties: Schema, required: Iterable[str] = (), **more: Any) -> Schema:
    result = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    return result | ({"required": list(required)} if required else {})


def _table(value: Schema, pattern: str, **more: Any) -> Schema:
    """Return the schema of names that the author gives, each with the same kind of value."""
    names = {"pattern": pattern}
    return {"type": "object", "additionalProperties": value, "propertyNames": names, **more}


def _common() -> dict[str, Schema]:
    """Return the sections that a spec and a variant both have."""
    bounds = {key: {"$ref": "#/definitions/bound"} for key in METRICS}
    return {
        "netspec": {"const": 1},
        "name": {"type": "string", "pattern": f"^{BLOCK_NAME}$"},
        "doc": _TEXT,
        "params": _table(_NUMBER, f"^{NAME}$"),
        "init": _object(dict.fromkeys(sorted(REGISTRY), _ref("init"))),
        "expect": _object(
            {k: {"allOf": [v], "description": glossary.METRICS[k]} for k, v in bounds.items()}
        ),
    }


def _spec() -> Schema:
    schemas = _common() | {
        "inputs": _table(_SHAPE, f"^{NAME}$", minProperties=1),
        "blocks": _table(_ref("block"), f"^{BLOCK_NAME}$"),
        "graph": _table(_ref("layer"), f"^{NAME}$", minProperties=1),
        "outputs": _table(_ref("output"), f"^{NAME}$", minProperties=1),
    }
    required = ("netspec", "name", "inputs", "graph", "outputs")
    return _object(_described(SECTIONS, glossary.SECTIONS, schemas), required)


def _variant() -> Schema:
    part = {"anyOf": [_ref("layer"), _ref("block"), _REF]}
    new = {"anyOf": [_ref("insertion"), _ref("block"), _REF]}
    paths = {"type": "array", "items": {"type": "string", "pattern": _PATH}}
    schemas = _common() | {
        "extends": {"type": "string", "pattern": r"^[^/~\\:][^\\:]*\.yaml$"},
        "change": _table(part, _PATH),
        "insert": _table(new, _PATH),
        "remove": paths,
    }
    properties = _described(glossary.VARIANT, glossary.VARIANT, schemas)
    return _object(properties, ("netspec", "extends"))


def _bodies() -> dict[str, Schema]:
    joins = sorted(name for name, cls in REGISTRY.items() if issubclass(cls, Join))
    return {
        "chain": _ref("chain"),
        "parallel": {"type": "array", "items": _ref("chain"), "minItems": 1},
        "join": {"enum": joins},
    }


def _block() -> Schema:
    schemas = _bodies() | {
        "doc": _TEXT,
        "params": {"type": "array", "items": {"type": "string", "pattern": rf"^\s*{NAME}\s*(=|$)"}},
        "inputs": {"type": "array", "items": _REF, "minItems": 1},
        "outputs": {"type": "array", "items": _REF, "minItems": 1},
    }
    bodies = [{"required": ["chain"]}, {"required": ["parallel", "join"]}]
    return _object(_described(BLOCK_KEYS, glossary.BLOCK, schemas), anyOf=bodies)


def _chain() -> Schema:
    layer = _ref("layer")
    return {"anyOf": [_table(layer, f"^{NAME}$"), {"type": "array", "items": layer}]}


# ------------------------------------------------------------------ one layer


def _layer(keys: Iterable[str]) -> Schema:
    """Return the schema of a layer that takes these keys beside its op and the op's arguments."""
    extras = {key: _ref(f"keys/{key}") for key in keys}
    return {
        "anyOf": [
            _mapping(extras),
            {"type": "string", "anyOf": [{"enum": bare()}, {"pattern": f"^{BLOCK_NAME}$"}]},
            {"type": "array", "items": _ref("layer")},
        ]
    }


def _keys() -> Schema:
    """Return what any layer may say, with documentation."""
    schemas: dict[str, Schema] = {
        "from": {"anyOf": [_SOURCE, {"type": "array", "items": _SOURCE, "minItems": 1}]},
        "shape": _CONTRACT,
        "when": {"anyOf": [{"enum": ["train", True, False]}, EXPRESSION]},
        "weight": {"anyOf": [_NUMBER, EXPRESSION]},
        "repeat": _SIZE,
        "first": {"type": "object", "additionalProperties": _ARGUMENTS},
        "share": _REF,
        "init": _ref("init"),
        "doc": _TEXT,
        **_bodies(),
        **dict.fromkeys(glossary.PLACE, _REF),
    }
    words = {**glossary.BLOCK, **glossary.LAYER, **glossary.PLACE}
    keys: Schema = _described((*LAYER_KEYS, *BODY_KEYS, *glossary.PLACE), words, schemas)
    return keys


def _mapping(extras: dict[str, Schema]) -> Schema:
    """Offer every op until one is there, and then only its own arguments."""
    bodies = {key: _ref(f"keys/{key}") for key in BODY_KEYS}
    ops = {name: _op(name, name) for name in sorted(REGISTRY)}
    is_block_use = {"not": {"propertyNames": {"not": {"pattern": "^[A-Z]"}}}}
    has_op = {"anyOf": [is_block_use, *({"required": [name]} for name in ops)]}
    return {
        "type": "object",
        "allOf": [
            {
                "if": has_op,
                "else": _object({**ops, **bodies, **extras}, minProperties=1),
            },
            *(_call(name, extras) for name in ops),
            {"if": is_block_use, "then": _block_use(extras)},
        ],
    }


def _op(name: str, key: str) -> Schema:
    return {"$ref": f"#/definitions/ops/{name}/properties/{key}"}


def _call(name: str, extras: dict[str, Schema]) -> Schema:
    keys = (name, *REGISTRY[name].model_fields)
    then = _object({**{key: _op(name, key) for key in keys}, **extras})
    return {"if": {"required": [name]}, "then": then}


def _block_use(extras: dict[str, Schema]) -> Schema:
    arguments = {**_ARGUMENTS, "description": "a block of this file, with its arguments in order"}
    return {
        "properties": extras,
        "patternProperties": {f"^{BLOCK_NAME}$": arguments},
        "additionalProperties": _ARGUMENTS,
    }
