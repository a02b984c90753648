"""What an editor writes above the description of a part: a key its name, an alternative its form.

Editors put the titles of alternatives side by side, and give a part without one that of the nearest
part around it. Alternatives that differ in their type alone become one part.
"""

from __future__ import annotations

from typing import Any

from netspec.language.keys import Schema

_LIMITS = {
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum", "exclusiveMinimum"},
    "string": {"pattern", "maxLength"},
    "array": {"items", "additionalItems", "minItems", "maxItems", "uniqueItems"},
    "boolean": set[str](),
    "null": set[str](),
}
"""What limits the values of each type, and those of no other."""
_TABLES = ("keys", "ops")
"""The definitions that are not a part, but parts by name."""
_FORMS = {
    "integer": "number",
    "array": "list",
    "object": "mapping",
    "string": "text",
    "boolean": "true or false",
}


def titled(schema: Schema, title: str = "") -> Schema:
    """Return a schema whose parts each say what they are."""
    if "$ref" in schema:
        return schema
    schema = _joined(schema)
    parts = {key: _parts(key, value) for key, value in schema.items()}
    return {"title": title, **parts} if title and "title" not in parts else parts


def _parts(key: str, value: Any) -> Any:
    """Return what stands at a keyword, its parts with their titles; conditions need none."""
    match key, value:
        case "definitions", dict():
            tables = {name: _parts("properties", value[name]) for name in _TABLES}
            return {**{name: titled(item, name) for name, item in value.items()}, **tables}
        case "properties", dict():
            return {name: titled(item, name) for name, item in value.items()}
        case "patternProperties", dict():
            return {pattern: titled(item) for pattern, item in value.items()}
        case (("items" | "additionalProperties" | "then" | "else"), dict()):
            return titled(value)
        case (("items" | "allOf"), list()):
            return [titled(item) for item in value]
        case "anyOf", _:
            return [titled(item, _form(item)) for item in value]
    return value


def _joined(schema: Schema) -> Schema:
    """Make one part of the alternatives that have a type each, limited by what limits it alone."""
    alternatives = schema.get("anyOf", [])
    plain = [item for item in alternatives if _is_plain(item)]
    types = [item["type"] for item in plain]
    if not plain or len({_FORMS.get(kind, kind) for kind in types}) < len(types):
        return schema
    one: Schema = {key: value for item in plain for key, value in item.items()}
    one["type"] = types[0] if len(types) == 1 else types
    others = [item for item in alternatives if item not in plain]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**rest, "anyOf": [one, *others]} if others else {**one, **rest}


def _is_plain(schema: Schema) -> bool:
    kind = schema.get("type")
    return isinstance(kind, str) and kind in _LIMITS and schema.keys() <= {"type", *_LIMITS[kind]}


def _form(schema: Schema) -> str:
    """Say in a word or two what an alternative is."""
    if "required" in schema:
        return ", ".join(schema["required"])
    if "enum" in schema:
        return "word"
    types = schema.get("type", "string")
    return ", ".join(
        _FORMS.get(kind, kind) for kind in ([types] if isinstance(types, str) else types)
    )
