"""Op classes → schemas of their arguments, with documentation."""

from __future__ import annotations

import inspect
from typing import Any

from pydantic import BaseModel

from netspec.ops.base import REGISTRY, Op
from netspec.ops.fillers import FILLERS, Filler

Schema = dict[str, Any]


def definitions() -> dict[str, Schema]:
    """Return for each op what may stand at its name and at its arguments' names."""
    return {name: {"properties": properties(cls)} for name, cls in sorted(REGISTRY.items())}


def properties(cls: type[Op]) -> dict[str, Schema]:
    """Return the schema of an op's own key and of each of its arguments as a keyword."""
    arguments = _arguments(cls)
    return {**arguments, cls.op_name: _call(cls, arguments)}


def fillers() -> list[Schema]:
    """Return the alternatives for a function of torch.nn.init."""
    words = [n for n, c in FILLERS.items() if not any(f.is_required() for f in _fields(c))]
    return [{"enum": words}, *map(_filler, FILLERS.values())]


def _filler(cls: type[Filler]) -> Schema:
    arguments = cls.model_json_schema().get("properties", {})
    items = [{k: v for k, v in schema.items() if k != "title"} for schema in arguments.values()]
    call = {**_positional(items), "description": cls.__doc__}
    keys = {cls.function: call, **dict(zip(arguments, items, strict=True))}
    return {
        "type": "object",
        "properties": keys,
        "required": [cls.function],
        "additionalProperties": False,
    }


def _fields(cls: type[BaseModel]) -> list[Any]:
    return list(cls.model_fields.values())


def bare() -> list[str]:
    """Return the ops that need no argument, and so may stand as a word."""
    return sorted(n for n, c in REGISTRY.items() if not any(map(is_required, _fields(c))))


def is_required(field: Any) -> bool:
    """Tell whether a field has no default."""
    required: bool = field.is_required()
    return required


def describe(cls: type[Op]) -> str:
    """Return what an op does: its docstring, in one paragraph for each of the docstring's."""
    return inspect.getdoc(cls) or ""


def signature(cls: type[Op]) -> str:
    """Write an op's arguments in order: `kernel_size, stride=null, padding=0`."""
    parts = []
    for name, field in cls.model_fields.items():
        parts.append(name if is_required(field) else f"{name}={spell(field.default)}")
    return ", ".join(parts)


def link(cls: type[Op]) -> str:
    """Return the address of PyTorch's page about an op."""
    name = cls.module.replace("nn.", "torch.nn.", 1) if cls.is_module else cls.module
    name = name.replace("F.", "torch.nn.functional.", 1) if name.startswith("F.") else name
    return f"https://docs.pytorch.org/docs/stable/generated/{name}.html"


def spell(value: object) -> str:
    """Write a default as a spec writes it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
    return str(value)


def _arguments(cls: type[Op]) -> dict[str, Schema]:
    found = cls.model_json_schema().get("properties", {})
    return {name: _argument(schema) for name, schema in found.items()}


def _argument(schema: Schema) -> Schema:
    schema = {key: value for key, value in schema.items() if key != "title"}
    tail = f"; by default {spell(schema['default'])}" if "default" in schema else "; required"
    return {**schema, "description": schema["description"] + tail}


def _call(cls: type[Op], arguments: dict[str, Schema]) -> Schema:
    """Return the schema of `conv2d: …`: one argument, or the list of them."""
    items = [{k: v for k, v in schema.items() if k != "default"} for schema in arguments.values()]
    text = describe(cls)
    return {
        **_positional(items),
        "description": text,
        "markdownDescription": f"{text}\n\n`{cls.op_name}: [{signature(cls)}]`\n\n"
        f"[{cls.module} in PyTorch]({link(cls)})",
    }


def _positional(items: list[Schema]) -> Schema:
    """Return the schema of a first argument alone, or of a list of arguments."""
    listing: Schema = {"type": "array", "maxItems": len(items)}
    if items:
        listing |= {"items": items, "additionalItems": False}
    return {"anyOf": [*items[:1], listing]}
