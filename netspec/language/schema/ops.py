"""Op classes → schemas of their arguments, with documentation."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from pydantic import BaseModel

from netspec.language.keys import Schema
from netspec.ops.arguments import bare
from netspec.ops.base import REGISTRY, Op
from netspec.ops.fillers import FILLERS, Filler
from netspec.ops.own import is_torchs, package_of


def definitions() -> dict[str, Schema]:
    """Return for each op what may stand at its name and at its arguments' names."""
    found = {}
    for name, cls in sorted(REGISTRY.items()):
        schemas = cls.model_json_schema().get("properties", {})
        arguments = {key: _argument(key, schema) for key, schema in schemas.items()}
        found[name] = {"properties": {**arguments, name: _call(cls, arguments)}}
    return found


def fillers() -> list[Schema]:
    """Return the alternatives for a function of torch.nn.init."""
    return [{"enum": _complete(FILLERS)}, *map(_filler, FILLERS.values())]


def _filler(cls: type[Filler]) -> Schema:
    schemas = cls.model_json_schema().get("properties", {})
    arguments = {key: {**schema, "title": key} for key, schema in schemas.items()}
    call = {**_positional(arguments), "description": cls.__doc__}
    keys = {cls.function: call, **arguments}
    return {
        "type": "object",
        "properties": keys,
        "required": [cls.function],
        "additionalProperties": False,
    }


def words() -> list[str]:
    """Return the ops that need no argument, and so may stand as a word."""
    return sorted(_complete(REGISTRY))


def _complete(models: Mapping[str, type[BaseModel]]) -> list[str]:
    """Return the names of those models all of whose fields have defaults."""
    return [
        name
        for name, cls in models.items()
        if not any(field.is_required() for field in cls.model_fields.values())
    ]


def describe(cls: type[Op]) -> str:
    """Return what an op does: its docstring, in one paragraph for each of the docstring's."""
    return inspect.getdoc(cls) or ""


def signature(cls: type[Op]) -> str:
    """Write an op's arguments in order: `kernel_size, stride=null, padding=0`."""
    return ", ".join(
        name if field.is_required() else f"{name}={bare(field.default)}"
        for name, field in cls.model_fields.items()
    )


def link(cls: type[Op]) -> str:
    """Return the address of PyTorch's page about an op, nothing for a class of the user's own."""
    if package_of(cls.module) and not is_torchs(cls.module):
        return ""
    name = cls.module.replace("nn.", "torch.nn.", 1) if cls.is_module else cls.module
    name = name.replace("F.", "torch.nn.functional.", 1) if name.startswith("F.") else name
    return f"https://docs.pytorch.org/docs/stable/generated/{name}.html"


def _argument(name: str, schema: Schema) -> Schema:
    tail = f"; by default {bare(schema['default'])}" if "default" in schema else "; required"
    return {**schema, "title": name, "description": schema["description"] + tail}


def _call(cls: type[Op], arguments: dict[str, Schema]) -> Schema:
    """Return the schema of `conv2d: …`: one argument, or the list of them."""
    return {
        **_positional(arguments),
        "description": describe(cls),
        "markdownDescription": about(cls),
    }


def about(cls: type[Op]) -> str:
    """Return what an op does and takes, and where PyTorch says more, in Markdown."""
    return f"{describe(cls)}\n\n`{cls.op_name}: [{signature(cls)}]`\n\n{_called(cls)}"


def _called(cls: type[Op]) -> str:
    page = link(cls)
    return f"[{cls.module} in PyTorch]({page})" if page else f"`{cls.module}`"


def _positional(arguments: dict[str, Schema]) -> Schema:
    """Return the schema of a first argument alone, or of a list of arguments."""
    items = [{k: v for k, v in schema.items() if k != "default"} for schema in arguments.values()]
    title = f"[{', '.join(arguments)}]"
    listing: Schema = {"title": title, "type": "array", "maxItems": len(items)}
    if items:
        listing |= {"items": items, "additionalItems": False}
    return {"anyOf": [*items[:1], listing]}
