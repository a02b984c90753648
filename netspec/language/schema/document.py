"""The whole schema (draft 7, the one that editors support best): spec, variant, block, layer."""

from __future__ import annotations

import json
from typing import Any

from netspec.language.extras import ARGUMENTS
from netspec.language.grammar import (
    BlockKeys,
    BodyKeys,
    ExternKeys,
    InsertionKeys,
    LayerKeys,
    SpecKeys,
    TensorKeys,
    VariantKeys,
)
from netspec.language.keys import Keys, Schema, closed
from netspec.language.kinds import REF, ref, table
from netspec.language.names import BLOCK_NAME, NAME
from netspec.language.schema.ops import definitions, fillers, words
from netspec.language.schema.titles import titled
from netspec.ops.base import REGISTRY


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
    return titled(_whole())


def _whole() -> Schema:
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:netspec:spec:1",
        "title": "netspec, version 1",
        "description": "A neural network as a graph of named layers",
        "type": "object",
        "if": {"anyOf": [{"required": [key]} for key in ("extends", "change", "insert", "remove")]},
        "then": ref("variant"),
        "else": ref("spec"),
        "definitions": {
            "spec": SpecKeys.object(),
            "variant": VariantKeys.object(),
            "extern": ExternKeys.object(),
            "block": BlockKeys.object(anyOf=_BODIES),
            "chain": {"anyOf": [table(ref("layer"), NAME), _LAYERS]},
            "layer": _layer(LayerKeys),
            "insertion": _layer(InsertionKeys),
            "keys": {**InsertionKeys.properties(), **BodyKeys.properties()},
            "filler": {"anyOf": fillers()},
            "init": {"anyOf": [ref("filler"), TensorKeys.object()]},
            "output": {"anyOf": [REF, ref("layer")]},
            "ops": definitions(),
        },
    }


_USED = rf"({BLOCK_NAME}|\${NAME})"
"""A block, or a parameter that names an op or a block."""
_LAYERS = {"title": "layers without names", "type": "array", "items": ref("layer")}
_BODIES = [{"required": ["chain"]}, {"required": ["parallel", "join"]}]


# ------------------------------------------------------------------ one layer


def _layer(keys: type[Keys]) -> Schema:
    """Return the schema of a layer that takes these keys beside its op and the op's arguments."""
    extras = {key: ref(f"keys/{key}") for key in keys.kinds()}
    return {
        "anyOf": [
            {"title": "layer", **_mapping(extras)},
            {
                "title": "layer without arguments",
                "type": "string",
                "anyOf": [{"enum": words()}, {"pattern": f"^{_USED}$"}],
            },
            _LAYERS,
        ]
    }


def _mapping(extras: dict[str, Schema]) -> Schema:
    """Offer every op until one is there, and then only its own arguments."""
    bodies = {key: ref(f"keys/{key}") for key in BodyKeys.kinds()}
    ops = {name: _op(name, name) for name in sorted(REGISTRY)}
    # Draft 7 cannot say "some key": not all keys are without a capital.
    is_block_use = {"not": {"propertyNames": {"not": {"pattern": "^[A-Z$]"}}}}
    has_op = {"anyOf": [is_block_use, *({"required": [name]} for name in ops)]}
    return {
        "type": "object",
        "allOf": [
            {"if": has_op, "else": closed({**ops, **bodies, **extras}, minProperties=1)},
            *(_call(name, extras) for name in ops),
            {"if": is_block_use, "then": _block_use(extras)},
        ],
    }


def _op(name: str, key: str) -> Schema:
    return {"$ref": f"#/definitions/ops/{name}/properties/{key}"}


def _call(name: str, extras: dict[str, Schema]) -> Schema:
    keys = (name, *REGISTRY[name].model_fields)
    then = closed({**{key: _op(name, key) for key in keys}, **extras})
    return {"if": {"required": [name]}, "then": then}


def _block_use(extras: dict[str, Schema]) -> Schema:
    arguments = {**ARGUMENTS, "description": "a block of this file, with its arguments in order"}
    return {
        "properties": extras,
        "patternProperties": {f"^{_USED}$": arguments},
        "additionalProperties": ARGUMENTS,
    }
