"""Kinds of op argument, as pydantic annotations: validation, wording and JSON Schema in one place.

Types are strict (`true` is no integer, `"64"` is no number). An expression over parameters passes
everywhere and is validated when its parameters are bound.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from netspec import limits
from netspec.ops.dim import Expr, has_names, integer

EXPRESSION: dict[str, Any] = {"type": "string", "pattern": r"\$", "maxLength": limits.EXPRESSION}


class Argument(ABC):
    """A pydantic annotation that accepts some values and says in YAML's words what it wanted."""

    @property
    def takes_expression(self) -> bool:
        """Tell whether an expression may stand for the whole value."""
        return True

    @property
    @abstractmethod
    def wanted(self) -> str:
        """What is accepted, as it reads after "expected"."""

    @abstractmethod
    def accepts(self, value: object) -> bool:
        """Tell whether a value, which is no expression, is accepted."""

    def settled(self, value: object) -> object:
        """Return an accepted value as code is to hold it."""
        return value

    @abstractmethod
    def json_schema(self) -> list[dict[str, Any]]:
        """Return the alternatives for editors."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self._validate)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        expression = [EXPRESSION] if self.takes_expression else []
        return {"anyOf": [*self.json_schema(), *expression]}

    def _validate(self, value: object) -> object:
        value = tuple(value) if isinstance(value, list) else value
        if self.takes_expression if isinstance(value, Expr) else self.accepts(value):
            return self.settled(value)
        raise PydanticCustomError(
            "netspec",
            "expected {wanted}, found {found}",
            {"wanted": self.wanted, "found": spell(value)},
        )


@dataclass(frozen=True)
class Integer(Argument):
    """An integer in a range; with `count`, also one for each of `count` spatial dimensions.

    `also` are integers outside the range; with `gaps`, null may stand for one of the `count`.
    """

    minimum: int = 1
    count: int = 1
    words: tuple[str, ...] = ()
    optional: bool = False
    maximum: int = limits.SIZE
    also: tuple[int, ...] = ()
    gaps: bool = False

    @property
    def wanted(self) -> str:
        one = {0: "an integer of 0 or more", 1: "a positive integer", -limits.SIZE: "an integer"}
        text = one.get(self.minimum, f"an integer of {self.minimum} or more")
        if self.maximum < limits.SIZE:
            text = f"an integer from {self.minimum} to {self.maximum}"
        if self.count > 1:
            text += {2: " or a pair [height, width]"}.get(self.count, f" or {self.count} of them")
        text += " in which null keeps a size" if self.gaps else ""
        text += "".join(f", or {number}" for number in self.also)
        text += "".join(f", or `{word}`" for word in self.words)
        return text + (", or null" if self.optional else "")

    def accepts(self, value: object) -> bool:
        if value is None:
            return self.optional
        if isinstance(value, str):
            return value in self.words
        if isinstance(value, tuple):
            return len(value) == self.count > 1 and all(self._fills(item) for item in value)
        return self._fits(value)

    def settled(self, value: object) -> object:
        return integer(value)

    def _fills(self, item: object) -> bool:
        return isinstance(item, Expr) or (self.gaps and item is None) or self._fits(item)

    def _fits(self, value: object) -> bool:
        if type(value) is not int:
            return False
        return value in self.also or self.minimum <= value <= min(self.maximum, limits.SIZE)

    def json_schema(self) -> list[dict[str, Any]]:
        one = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        options: list[dict[str, Any]] = [one]
        if self.count > 1:
            items = {"anyOf": [one, EXPRESSION, *([{"type": "null"}] if self.gaps else [])]}
            size = {"minItems": self.count, "maxItems": self.count}
            options.append({"type": "array", "items": items, **size})
        if self.words or self.also:
            options.append({"enum": [*self.words, *self.also]})
        return [*options, {"type": "null"}] if self.optional else options


@dataclass(frozen=True)
class Real(Argument):
    """A finite number in a range; with `above`, the minimum itself is refused."""

    minimum: float = -math.inf
    maximum: float = math.inf
    optional: bool = False
    above: bool = False

    @property
    def wanted(self) -> str:
        text = "a number"
        if math.isfinite(self.maximum):
            text = f"a number from {self.minimum:g} to {self.maximum:g}"
        elif math.isfinite(self.minimum):
            minimum = f"{self.minimum:g}"
            text = f"a number above {minimum}" if self.above else f"a number of {minimum} or more"
        return text + (", or null" if self.optional else "")

    def accepts(self, value: object) -> bool:
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.above and value == self.minimum:
            return False
        return math.isfinite(value) and self.minimum <= value <= self.maximum

    def json_schema(self) -> list[dict[str, Any]]:
        number: dict[str, Any] = {"type": "number"}
        if math.isfinite(self.minimum):
            number["exclusiveMinimum" if self.above else "minimum"] = self.minimum
        if math.isfinite(self.maximum):
            number["maximum"] = self.maximum
        return [number, {"type": "null"}] if self.optional else [number]


@dataclass(frozen=True)
class Boolean(Argument):
    """`true` or `false`."""

    optional: bool = False

    @property
    def wanted(self) -> str:
        return "`true` or `false`" + (", or null" if self.optional else "")

    def accepts(self, value: object) -> bool:
        return isinstance(value, bool) or (self.optional and value is None)

    def json_schema(self) -> list[dict[str, Any]]:
        return [{"type": "boolean"}, *([{"type": "null"}] if self.optional else [])]


@dataclass(frozen=True)
class Number(Argument):
    """A finite number, or a truth value: what a parameter of an extern can be."""

    @property
    def wanted(self) -> str:
        return "a number, `true` or `false`"

    def accepts(self, value: object) -> bool:
        return isinstance(value, int | float) and math.isfinite(value)

    def json_schema(self) -> list[dict[str, Any]]:
        return [{"type": ["number", "boolean"]}]


@dataclass(frozen=True)
class Word(Argument):
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def wanted(self) -> str:
        return "one of " + ", ".join(f"`{word}`" for word in self.words)

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value in self.words

    def json_schema(self) -> list[dict[str, Any]]:
        return [{"enum": list(self.words)}]


@dataclass(frozen=True)
class ListOf(Argument):
    """A list of at least one item; with `single`, also one item alone.

    Without `single` the list itself must be written, because its length counts dimensions.
    """

    item: Argument
    single: bool = False

    @property
    def takes_expression(self) -> bool:
        return self.single

    @property
    def wanted(self) -> str:
        if self.single:
            return f"{self.item.wanted}, or a list of such"
        return f"a list, each item {self.item.wanted}"

    def accepts(self, value: object) -> bool:
        if not isinstance(value, tuple):
            return self.single and self.item.accepts(value)
        return bool(value) and all(
            isinstance(item, Expr) or self.item.accepts(item) for item in value
        )

    def settled(self, value: object) -> object:
        return self.item.settled(value)

    def json_schema(self) -> list[dict[str, Any]]:
        one = self.item.json_schema()
        items = {"anyOf": [*one, EXPRESSION]}
        return [*(one if self.single else []), {"type": "array", "items": items, "minItems": 1}]


@dataclass(frozen=True)
class Names(Argument):
    """A list of different names."""

    optional: bool = False

    @property
    def takes_expression(self) -> bool:
        return False

    @property
    def wanted(self) -> str:
        return "a list of different names" + (", or null" if self.optional else "")

    def accepts(self, value: object) -> bool:
        if not isinstance(value, tuple) or not value or len(value) > limits.PIECES:
            return value is None and self.optional
        return all(map(_is_name, value)) and len({*value}) == len(value)

    def json_schema(self) -> list[dict[str, Any]]:
        names = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
        found = {"type": "array", "items": names, "minItems": 1, "uniqueItems": True}
        return [found, *([{"type": "null"}] if self.optional else [])]


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isidentifier()


@dataclass(frozen=True)
class Fixed(Argument):
    """Another kind without expressions: which dimensions there are depends on the value."""

    kind: Argument

    @property
    def takes_expression(self) -> bool:
        return False

    @property
    def wanted(self) -> str:
        return self.kind.wanted

    def accepts(self, value: object) -> bool:
        return self.kind.accepts(value) and not has_names(value)

    def json_schema(self) -> list[dict[str, Any]]:
        return self.kind.json_schema()


def spell(value: object) -> str:
    """Write a value in the YAML's words, ready to stand in a message."""
    match value:
        case str():
            return f'the text "{value}"'
        case Expr():
            return "an expression"
        case tuple():
            return f"`[{', '.join(bare(item) for item in value)}]`"
    return f"`{bare(value)}`"


def bare(value: object) -> str:
    """Write a value as a spec does."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case tuple() | list():
            return f"[{', '.join(map(bare, value))}]"
    return str(value)


PieceNames = Annotated[tuple[str, ...] | None, Names(optional=True)]
Size = Annotated[int, Integer()]
Count = Annotated[int, Integer(0)]
OptionalSize = Annotated[int | None, Integer(optional=True)]
Axis = Annotated[int, Fixed(Integer(-limits.SIZE))]
Pair = Annotated[int | tuple[int, int], Integer(count=2)]
PairFrom0 = Annotated[int | tuple[int, int], Integer(0, count=2)]
OptionalPair = Annotated[int | tuple[int, int] | None, Integer(count=2, optional=True)]
Triple = Annotated[int | tuple[int, int, int], Integer(count=3)]
TripleFrom0 = Annotated[int | tuple[int, int, int], Integer(0, count=3)]
OptionalTriple = Annotated[int | tuple[int, int, int] | None, Integer(count=3, optional=True)]
Flag = Annotated[bool, Boolean()]
Probability = Annotated[float, Real(0, 1)]
Positive = Annotated[float, Real(0, above=True)]
From0 = Annotated[float, Real(0)]
AnyReal = Annotated[float, Real()]
OptionalReal = Annotated[float | None, Real(0, 1, optional=True)]

# What several ops take in the same sense has its words with it.
Inplace = Annotated[Flag, Field(description="overwrite the input")]
Bias = Annotated[Flag, Field(description="whether a learnt bias is added")]
Dimension = Annotated[Axis, Field(description="the dimension; 0 is the batch, 1 the channels")]
