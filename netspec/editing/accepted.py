"""What may stand at a place: the JSON Schema, followed along the way to it.

The schema says all but what a file names itself. Of a layer it says what may stand beside any op;
here the op is known, and blocks are called like ops.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Table
from collections.abc import Sequence as Items
from functools import lru_cache
from typing import Any

from netspec.editing.cursor import Cursor, Step
from netspec.language.fmt.order import operator
from netspec.language.grammar import BodyKeys, InsertionKeys, LayerKeys
from netspec.language.keys import Keys, Schema, closed
from netspec.language.names import NAME
from netspec.language.schema.document import document
from netspec.language.schema.ops import words
from netspec.ops.arguments import EXPRESSION
from netspec.ops.base import REGISTRY
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

_LAYERS: dict[str, type[Keys]] = {"layer": LayerKeys, "insertion": InsertionKeys}
_PARAM = re.compile(rf"\s*({NAME})\s*(?:=\s*(\S+))?")
LAYER: Schema = {"layer": True}
"""Stands for an op or a block that is a whole layer."""


def parameters(block: Tree) -> dict[str, str]:
    """Return the parameters of a block and their defaults, empty for those without one."""
    params = block.get("params") if isinstance(block, Mapping) else None
    items = params.items if isinstance(params, Sequence) else ()
    found = (_PARAM.match(item.text) for item in items if isinstance(item, Scalar))
    return {match[1]: match[2] or "" for match in found if match}


class Accepted:
    """What may stand where in a spec that has some blocks; ops of inputs of a rank come first."""

    def __init__(self, blocks: Table[str, Tree], rank: int | None = None) -> None:
        self.definitions: Table[str, Any] = _definitions(tuple(REGISTRY.own.values()))
        ops = self.definitions["ops"]

        def strange(op: str) -> bool:
            return REGISTRY[op].rank not in (None, rank)

        self.makers = [*words(), *(name for name, block in blocks.items() if not needed(block))]
        """What may be called without arguments, and so be one itself."""
        self.calls: dict[str, Table[str, Schema]] = {
            **{name: _use(name, block, self.makers) for name, block in blocks.items()},
            **{
                name: ops[name]["properties"]
                for name in sorted(ops, key=strange)
                if name not in blocks
            },
        }
        self.blocks = blocks

    def at(self, cursor: Cursor) -> list[Schema]:
        """Return the schemas of the value at the cursor, or of the mapping that has the key."""
        schemas = [*self._root(cursor.tree)]
        for step in cursor.trail[: -1 if cursor.is_key else None]:
            schemas = [*self._below(schemas, step)]
        return schemas

    def is_call(self, name: str, schema: Schema) -> bool:
        """Tell whether what may stand at a key are the arguments of the op or block it names."""
        return name in self.calls and self.calls[name][name] is schema

    def _root(self, tree: Tree) -> Iterator[Schema]:
        """Yield what a spec is or a variant, or either where that is open."""
        keys = {name: set(self.definitions[name]["properties"]) for name in ("spec", "variant")}
        written = {key.text for key, _ in tree.items} if isinstance(tree, Mapping) else set()
        is_spec = written & (keys["spec"] - keys["variant"])
        is_variant = written & (keys["variant"] - keys["spec"])
        if not is_variant:
            yield from self._flat(self.definitions["spec"], tree)
        if not is_spec or is_variant:
            yield from self._flat(self.definitions["variant"], tree)

    def _below(self, schemas: Items[Schema], step: Step) -> Iterator[Schema]:
        """Yield what may stand at an entry of a collection."""
        child = step.node.items[step.at]
        tree = child[1] if isinstance(child, tuple) else child
        for schema in schemas:
            inner = _item(schema, step.at)
            if isinstance(step.node, Mapping):
                inner = _value(schema, step.key)
            if isinstance(inner, dict):
                yield from self._flat(inner, tree)

    def _flat(self, schema: Schema, tree: Tree) -> Iterator[Schema]:
        """Yield a schema and its alternatives."""
        name = schema.get("$ref", "").removeprefix("#/definitions/")
        if name in _LAYERS:
            yield {"properties": self._said(tree, _LAYERS[name])}
            yield LAYER
            yield {"items": schema}
        elif name:
            found = self.definitions
            for part in name.split("/"):
                found = found[part]
            yield from self._flat(dict(found), tree)
        else:
            yield schema
            for part in schema.get("anyOf", ()):
                yield from self._flat(part, tree)

    def _said(self, tree: Tree, keys: type[Keys]) -> dict[str, Schema]:
        """Return what may stand at each key of a layer."""
        layer = tree if isinstance(tree, Mapping) else Mapping((), tree.span)
        said = {key: self.definitions["keys"][key] for key in keys.kinds()}
        bodies = {key: self.definitions["keys"][key] for key in BodyKeys.kinds()}
        op = operator(layer, self.blocks) or ""
        if op in self.blocks:
            arguments = {k: v for k, v in self.calls[op].items() if k != op}
            said["first"] = {**said["first"], **closed(arguments)}
        if layer.find("share"):
            return said
        if any(map(layer.find, bodies)):
            return bodies | said
        if op in self.calls:
            call = {k: v if k == op else {**v, "argument": True} for k, v in self.calls[op].items()}
            return {**call, **said}
        written = {key.text for key, _ in layer.items} - {*bodies, *said}
        likely = sorted(self.calls, key=lambda name: not written <= {*self.calls[name]})
        return {**{name: self.calls[name][name] for name in likely}, **bodies, **said}


@lru_cache(maxsize=2)
def _definitions(own: Items[type]) -> dict[str, Any]:
    """Return the definitions of the schema, which depends on the ops that are enabled."""
    found: dict[str, Any] = document()["definitions"]
    return found


def declared(block: Tree) -> Iterator[str]:
    """Yield the parameters of a block as it declares them."""
    for name, default in parameters(block).items():
        yield f"{name}={default}" if default else name


def needed(block: Tree) -> list[str]:
    """Return the parameters of a block that have no default."""
    return [name for name, default in parameters(block).items() if not default]


def _use(name: str, block: Tree, makers: list[str]) -> dict[str, Schema]:
    """Return what a use of a block may say."""
    arguments = {key: _argument(default, makers) for key, default in parameters(block).items()}
    items = [*arguments.values()]
    doc = block.get("doc") if isinstance(block, Mapping) else None
    use = {"anyOf": [*items[:1], {"items": items}]}
    return {name: {**use, "description": doc.text} if isinstance(doc, Scalar) else use, **arguments}


def _argument(default: str, makers: list[str]) -> Schema:
    """Return what a parameter of a block takes; one that is called has an op as its default."""
    text = f"by default {default}" if default else "required"
    if default in ("true", "false"):
        return {"anyOf": [{"type": "boolean"}, EXPRESSION], "description": text}
    if default[:1].isalpha():
        return {"anyOf": [{"enum": makers}, EXPRESSION], "description": text}
    return {"anyOf": [EXPRESSION], "description": text}


def _value(schema: Schema, key: str) -> object:
    """Return the schema of the value at a key."""
    if key in schema.get("properties", {}):
        return schema["properties"][key]
    patterns = schema.get("patternProperties", {}).items()
    found = (inner for pattern, inner in patterns if re.search(pattern, key))
    return next(found, schema.get("additionalProperties"))


def _item(schema: Schema, index: int) -> object:
    """Return the schema of an item of a list."""
    items = schema.get("items")
    return (items[index] if index < len(items) else None) if isinstance(items, list) else items
