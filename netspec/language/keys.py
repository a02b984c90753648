"""Mappings with known keys, and the one reader of all of them.

A model has a field for each key; the field's kind turns a tree with places into a value. pydantic
asks the kinds, and knows what is required. What is wrong is said here, in the YAML's words.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import ErrorDetails, core_schema

from netspec.language.strays import gathered, key_meant
from netspec.language.values import Scope
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Sink, meant, nearest, suggest
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

Role = Literal[
    "spec", "externs", "extern", "blocks", "block", "chain", "branches", "layer", "patch", "plain"
]
"""What a part of a spec is, which decides how it is written."""
Schema = dict[str, Any]
T = TypeVar("T", bound=Tree)
M = TypeVar("M", bound=BaseModel)
K = TypeVar("K", bound="Keys")


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a key may need: where mistakes go, and the parameters that are visible."""

    sink: Sink
    scope: Scope = field(default_factory=lambda: Scope({}))


class Kind(Generic[T]):
    """A pydantic annotation: what may stand at a key. By itself it takes any tree, as it is."""

    schema: ClassVar[Schema]
    """What editors accept."""
    wanted: str = ""
    """What is accepted, as it reads after "expects"."""
    role: Role = "plain"
    takes: ClassVar[tuple[type[Tree], ...]] = (Mapping, Sequence, Scalar)

    def __init__(self, schema: Schema | None = None, **words: Any) -> None:
        self.__dict__ |= words | ({"schema": schema} if schema else {})  # in place of the class's

    def fits(self, tree: Tree) -> bool:
        """Tell whether a tree can be read at all."""
        return isinstance(tree, self.takes)

    def read(self, tree: T, reading: Reading) -> Any:
        """Return the value of a tree that fits, or what is left of it after reporting mistakes."""
        return tree

    def cure(self, tree: Tree | None) -> str:
        """Return what to write in place of a tree that does not fit, or where there is none.

        By default it is the key's first example.
        """
        return ""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(self._validate)

    def _validate(self, tree: Tree | None, info: core_schema.ValidationInfo) -> Any:
        if tree is None:  # stands in for a required key that could not be read
            return None
        if not self.fits(tree):
            raise ValueError(f"expected {self.wanted}, found {kind(tree)}")
        return self.read(tree, info.context)  # type: ignore[arg-type]  # it fits; see `read_known`


def key(default: Any, description: str, *examples: str, alias: str | None = None) -> Any:
    """Return a field: what an absent key stands for (`...`: nothing may), and what people read."""
    words: dict[str, Any] = {"description": description, "examples": examples, "alias": alias}
    if isinstance(default, type):
        return Field(default_factory=default, **words)
    return Field(default, **words)


class Keys(BaseModel):
    """The keys of a mapping of the language, in the order in which they are written."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, defer_build=True, arbitrary_types_allowed=True
    )
    unknown: ClassVar[str] = "`{key}` is not a key of {what}"

    @classmethod
    @cache
    def kinds(cls) -> dict[str, Kind[Any]]:
        """Return the kind of each key."""
        return {
            info.alias or name: next(item for item in info.metadata if isinstance(item, Kind))
            for name, info in cls.model_fields.items()
        }

    @classmethod
    def instead(cls, key: Scalar, value: Tree, absent: list[str]) -> str:
        """Return what to write for a key that somebody may expect to be there."""
        return ""

    @classmethod
    def example(cls, key: str) -> str:
        """Show a key with its first example, if it has one."""
        texts = (f.examples for name, f in cls.model_fields.items() if key in (f.alias, name))
        return "".join(f"for example `{key}: {text}`" for text in (next(texts) or ())[:1])

    @classmethod
    def properties(cls) -> Schema:
        """Return what editors accept at each key, and tell about it."""
        found = zip(cls.kinds().items(), cls.model_fields.values(), strict=True)
        return {key: {**kind.schema, "description": f.description} for (key, kind), f in found}

    @classmethod
    def required(cls) -> list[str]:
        """Return the keys that must be there."""
        return [f.alias or name for name, f in cls.model_fields.items() if f.is_required()]

    @classmethod
    def object(cls, **more: Any) -> Schema:
        """Return the schema of a mapping with these keys and no others."""
        required = {"required": cls.required()} if cls.required() else {}
        return closed(cls.properties(), **more, **required)


def closed(properties: Schema, **more: Any) -> Schema:
    """Return the schema of a mapping that has no other keys."""
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


# ------------------------------------------------------------------ the reader


def read_keys(cls: type[K], tree: Mapping, what: str, reading: Reading) -> K:
    """Read a mapping; what is wrong in it is reported, and left out or read as it was meant."""
    return read_known(cls, corrected(cls, tree, what, reading.sink), what, reading)


def read_known(cls: type[K], tree: Mapping, what: str, reading: Reading) -> K:
    """Read those entries of a mapping that are keys of a model."""
    kinds = cls.kinds()
    trees = {key.text: value for key, value in tree.items if key.text in kinds}
    wrong: set[str] = set()

    def tell(key: str, mistake: ErrorDetails) -> None:
        wrong.add(key)
        value = trees.get(key)
        help = kinds[key].cure(value) or cls.example(key)
        if value is None:
            first = tree.items[0][0].span if tree.items else tree.span
            reading.sink.error(Code.MISSING, f"{what} needs `{key}:`", first, help=help)
        else:
            refuse_form(value, f"`{key}` expects {kinds[key].wanted}", reading.sink, help)

    model = validated(cls, trees, tell, reading)
    if model is None:  # read the rest, so that one run tells every mistake
        rest = {key: value for key, value in trees.items() if key not in wrong}
        model = cls.model_validate({**dict.fromkeys(cls.required()), **rest}, context=reading)
    return model


def validated(
    cls: type[M],
    values: Table[str, object],
    tell: Callable[[str, ErrorDetails], None],
    context: object = None,
) -> M | None:
    """Return the model of values by key, or None after telling what is wrong with each."""
    try:
        return cls.model_validate(values, context=context)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            tell(str(item["loc"][0]), item)
    return None


def corrected(cls: type[Keys], tree: Mapping, what: str, sink: Sink) -> Mapping:
    """Report unknown keys, and return the mapping as it was meant where that is likely."""
    kinds = cls.kinds()
    headings = [key for key, kind in kinds.items() if Mapping in kind.takes]
    tree = gathered(tree, kinds, headings, sink)
    written = {key.text for key, _ in tree.items}
    absent = [key for key in kinds if key not in written]
    items = []
    for key, value in tree.items:
        if key.text not in kinds:
            found, help = _meant(cls, key, value, absent)
            message = cls.unknown.format(key=key.text, what=what)
            guesses = tuple(name for name in absent if name != "doc")
            sink.add(Diagnostic(Code.UNKNOWN_KEY, message, key.span, help=help, guesses=guesses))
            if found:  # a second unknown key cannot mean the same
                absent.remove(found)
                key = Scalar(found, key.span)
        items.append((key, value))
    return Mapping(tuple(items), tree.span)


def _meant(cls: type[Keys], key: Scalar, value: Tree, absent: list[str]) -> tuple[str, str]:
    """Return which absent key is likely meant by one that is unknown, if any, and the cure."""
    near = nearest(key.text, absent)
    # A name that is nearly right says more than a value that could stand at several keys.
    if not near and (found := key_meant(value, absent)):
        return found, meant([found], key.text, key.span)
    if help := cls.instead(key, value, absent):
        return "", help
    help = suggest(key.text, near or cls.kinds(), key.span) or "known: " + ", ".join(cls.kinds())
    return "".join(near), help


# ------------------------------------------------------------------ words for trees


def kind(tree: Tree) -> str:
    """Name a tree in the YAML's words."""
    match tree:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
    match tree.value:
        case None:
            return "nothing"
        case bool():
            return f"`{tree.span.text}`"
        case str():
            return f'the text "{tree.text[:40]}"'
    return f"the number {tree.span.text[:40]}"


def refuse_form(
    tree: Tree, expected: str, sink: Sink, help: str = "", code: str = Code.FORM
) -> None:
    """Report that something else stands where a form is expected."""
    sink.error(code, f"{expected}, found {kind(tree)}", tree.span, help=help)


def as_mapping(tree: Tree, sink: Sink, what: str, help: str = "") -> Mapping | None:
    """Return a tree that must be a mapping, or None after reporting that it is none."""
    if isinstance(tree, Mapping):
        return tree
    refuse_form(tree, f"{what} expects a mapping", sink, help)
    return None


def words_of(tree: Tree) -> list[Scalar]:
    """Return the texts in a list."""
    items = tree.items if isinstance(tree, Sequence) else ()
    return [item for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]


def is_words(tree: Tree) -> bool:
    """Tell whether a tree is a list of texts, and not empty."""
    return isinstance(tree, Sequence) and 0 < len(tree.items) == len(words_of(tree))
