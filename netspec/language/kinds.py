"""Kinds of key that hold a word, a table or a part that a later reader takes."""

from __future__ import annotations

from typing import Any, ClassVar

from netspec import limits
from netspec.language.keys import (
    Keys,
    Kind,
    Reading,
    Schema,
    as_mapping,
    read_keys,
    refuse_form,
    words_of,
)
from netspec.language.names import BLOCK_NAME, NAME, check_name
from netspec.language.terms import Param
from netspec.ops.arguments import EXPRESSION
from netspec.text.codes import Code
from netspec.text.diagnostics import Span
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree, entries

SIZE: Schema = {"anyOf": [{"type": "integer", "minimum": 1}, EXPRESSION]}
COUNT: Schema = {"anyOf": [{"type": "integer", "minimum": 0}, EXPRESSION]}
SHAPE: Schema = {"type": "array", "items": SIZE, "minItems": 1}
NUMBER: Schema = {"type": "number"}
VALUE: Schema = {"type": ["number", "boolean"]}
REF: Schema = {"type": "string", "pattern": f"^{NAME}$"}
PATH = rf"(params|inputs|externs|blocks|graph|outputs)(\.({NAME}|[0-9]+))+"
REFS: Schema = {"type": "array", "items": REF, "minItems": 1}


def ref(name: str) -> Schema:
    """Return the schema that stands under a name in the definitions."""
    return {"$ref": f"#/definitions/{name}"}


def table(value: Schema, pattern: str, **more: Any) -> Schema:
    """Return the schema of names that the author gives, each with the same kind of value."""
    names = {"pattern": f"^{pattern}$"}
    return {"type": "object", "additionalProperties": value, "propertyNames": names, **more}


class Later(Kind[Tree]):
    """A key of a variant, which is read when it stands in the whole spec."""

    def __init__(self, kind: Kind[Any]) -> None:
        super().__init__(kind.schema, cure=kind.cure)


class Replaced(Later):
    """A section of a variant that stands in place of the extended spec's."""


class Version(Kind[Tree]):
    """The version of the language."""

    schema: ClassVar[Schema] = {"const": 1}

    def read(self, tree: Tree, reading: Reading) -> int:
        if not isinstance(tree, Scalar) or type(tree.value) is not int or tree.value != 1:
            expected = "this netspec reads language version 1"
            refuse_form(tree, expected, reading.sink, self.cure(tree))
        return 1

    def cure(self, tree: Tree | None) -> str:
        return "write `netspec: 1`"


class Word(Kind[Scalar]):
    """One word, with its place."""

    wanted = "a word"

    def fits(self, tree: Tree) -> bool:
        return isinstance(tree, Scalar) and isinstance(tree.value, str) and bool(tree.value)


class OneOf(Kind[Scalar]):
    """One of a few words."""

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__({"enum": [*words]}, wanted=" or ".join(f"`{word}`" for word in words))
        self.words = words

    def fits(self, tree: Tree) -> bool:
        return isinstance(tree, Scalar) and tree.value in self.words

    def read(self, tree: Scalar, reading: Reading) -> str:
        return tree.text


class NetworkName(Word):
    """The name of the network, which its class gets."""

    schema: ClassVar[Schema] = {"type": "string", "pattern": f"^{BLOCK_NAME}$"}

    def read(self, tree: Scalar, reading: Reading) -> Scalar:
        check_name(reading.sink, tree.text, tree.span, "network")
        return tree


class Text(Kind[Scalar]):
    """A sentence for people."""

    schema: ClassVar[Schema] = {"type": "string"}
    wanted = "a text"

    def fits(self, tree: Tree) -> bool:
        return isinstance(tree, Scalar) and isinstance(tree.value, str)

    def read(self, tree: Scalar, reading: Reading) -> str:
        if len(tree.text) > limits.TEXT:
            message = f"a text of more than {limits.TEXT:,} characters"
            reading.sink.error(Code.LIMIT, message, tree.span)
        return tree.text


class Paths(Kind[Sequence]):
    """A list of paths."""

    schema: ClassVar[Schema] = {
        "type": "array",
        "items": {"type": "string", "pattern": f"^{PATH}$"},
    }
    wanted = "a list"
    takes = (Sequence,)

    def read(self, tree: Sequence, reading: Reading) -> tuple[Scalar, ...]:
        for item in tree.items:
            if not isinstance(item, Scalar):
                refuse_form(item, "`remove` expects paths", reading.sink)
        return tuple(item for item in tree.items if isinstance(item, Scalar))


# ------------------------------------------------------------------ mappings


class Nested(Kind[Mapping]):
    """A mapping with known keys of its own."""

    wanted = "a mapping"
    takes = (Mapping,)

    def __init__(self, model: type[Keys]) -> None:
        super().__init__(model.object())
        self.model = model

    def read(self, tree: Mapping, reading: Reading) -> Keys:
        return read_keys(self.model, tree, "", reading)


class Named(Kind[Mapping]):
    """A mapping whose keys are names that the author gives."""

    wanted = "a mapping"
    takes = (Mapping,)
    what = ""

    def read(self, tree: Mapping, reading: Reading) -> Any:
        if self.what and not tree.items:
            reading.sink.error(Code.MISSING, f"a network needs an {self.what}", tree.span)
        return tree


class Layers(Named):
    """The section `graph`."""

    wanted = "named layers"

    def cure(self, tree: Tree | None) -> str:
        what = "give each a name" if tree else "it holds the layers"
        return f"{what}, for example `conv1: {{conv2d: [64, 3]}}`"


class Inputs(Named):
    """The section `inputs`."""

    what = "input"

    def cure(self, tree: Tree | None) -> str:
        if tree is None:
            return ""
        name, text = "image", tree.span.text
        if isinstance(tree, Scalar):
            name, text = (tree.text if isinstance(tree.value, str) else name), "[3, 224, 224]"
        return f"give it a name: `inputs: {{{name}: {text}}}`"


class Outputs(Named):
    """The section `outputs`."""

    what = "output"

    def cure(self, tree: Tree | None) -> str:
        if tree is None:
            return ""
        if words := words_of(tree):
            text = ", ".join(f"{word.text}: {word.text}" for word in words)
            return f"give each a name: `outputs: {{{text}}}`"
        return f"give it a name: `outputs: {{out: {tree.span.text}}}`"


class Params(Kind[Tree]):
    """The section `params`: numbers and truth values with names."""

    schema: ClassVar[Schema] = table(VALUE, NAME)

    def read(self, tree: Tree, reading: Reading) -> dict[str, Param]:
        # Names in a list stand in for parameters, so that their uses are not reported as well.
        params = {word.text: Param(word.text, 1, word.span) for word in words_of(tree)}
        text = ", ".join(f"{name}: 1" for name in params) or "classes: 10"
        help = f"give each a number: `params: {{{text}}}`"
        mapping = as_mapping(tree, reading.sink, "`params`", help)
        for key, value in entries(mapping):
            check_name(reading.sink, key.text, key.span, "parameter")
            params[key.text] = _param(key, value, reading)
        return params


def _param(key: Scalar, value: Tree, reading: Reading) -> Param:
    if isinstance(value, Scalar) and type(value.value) in (int, float, bool):
        entry = Span(key.span.source, key.span.start, value.span.end)
        return Param(key.text, value.value, entry)
    help = f"for example `{key.text}: 10`; expressions stand where they are used"
    refuse_form(value, "a parameter is a number, `true` or `false`", reading.sink, help, Code.RANGE)
    return Param(key.text, 0, key.span)
