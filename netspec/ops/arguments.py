"""Kinds of op argument, as pydantic annotations: validation, wording and JSON Schema in one place.

Types are strict (`true` is no integer, `"64"` is no number). An expression over parameters passes
everywhere and is validated when its parameters are bound.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from netspec.dim import Expr

MAX_SIZE = 2**31 - 1
EXPRESSION: dict[str, Any] = {"type": "string", "pattern": r"\$", "maxLength": 200}


class Argument(ABC):
    """A pydantic annotation that accepts some values and says in YAML's words what it wanted."""

    @property
    @abstractmethod
    def wanted(self) -> str:
        """What is accepted, as it reads after "expected"."""

    @abstractmethod
    def accepts(self, value: object) -> bool:
        """Tell whether a value, which is no expression, is accepted."""

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
        return {"anyOf": [*self.json_schema(), EXPRESSION]}

    def _validate(self, value: object) -> object:
        value = tuple(value) if isinstance(value, list) else value
        if isinstance(value, Expr) or self.accepts(value):
            return value
        raise PydanticCustomError(
            "netspec",
            "expected {wanted}, found {found}",
            {"wanted": self.wanted, "found": spell(value)},
        )


@dataclass(frozen=True)
class Integer(Argument):
    """An integer in a range; with `count`, also one for each of `count` spatial dimensions."""

    minimum: int = 1
    count: int = 1
    words: tuple[str, ...] = ()
    optional: bool = False
    maximum: int = MAX_SIZE

    @property
    def wanted(self) -> str:
        one = {0: "an integer of 0 or more", 1: "a positive integer", -MAX_SIZE: "an integer"}
        text = one.get(self.minimum, f"an integer of {self.minimum} or more")
        if self.maximum < MAX_SIZE:
            text = f"an integer from {self.minimum} to {self.maximum}"
        if self.count > 1:
            text += {2: " or a pair [height, width]"}.get(self.count, f" or {self.count} of them")
        text += "".join(f", or `{word}`" for word in self.words)
        return text + (", or null" if self.optional else "")

    def accepts(self, value: object) -> bool:
        if value is None:
            return self.optional
        if isinstance(value, str):
            return value in self.words
        if isinstance(value, tuple):
            return len(value) == self.count > 1 and all(self._fits(item) for item in value)
        return self._fits(value)

    def _fits(self, value: object) -> bool:
        if isinstance(value, Expr):
            return True
        return type(value) is int and self.minimum <= value <= min(self.maximum, MAX_SIZE)

    def json_schema(self) -> list[dict[str, Any]]:
        one = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        options: list[dict[str, Any]] = [one]
        if self.count > 1:
            items = {"anyOf": [one, EXPRESSION]}
            size = {"minItems": self.count, "maxItems": self.count}
            options.append({"type": "array", "items": items, **size})
        if self.words:
            options.append({"enum": list(self.words)})
        return [*options, {"type": "null"}] if self.optional else options


@dataclass(frozen=True)
class Real(Argument):
    """A finite number in a range."""

    minimum: float = -math.inf
    maximum: float = math.inf
    optional: bool = False

    @property
    def wanted(self) -> str:
        text = "a number"
        if math.isfinite(self.maximum):
            text = f"a number from {self.minimum:g} to {self.maximum:g}"
        elif math.isfinite(self.minimum):
            text = f"a number of {self.minimum:g} or more"
        return text + (", or null" if self.optional else "")

    def accepts(self, value: object) -> bool:
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return math.isfinite(value) and self.minimum <= value <= self.maximum

    def json_schema(self) -> list[dict[str, Any]]:
        number: dict[str, Any] = {"type": "number"}
        if math.isfinite(self.minimum):
            number["minimum"] = self.minimum
        if math.isfinite(self.maximum):
            number["maximum"] = self.maximum
        return [number, {"type": "null"}] if self.optional else [number]


@dataclass(frozen=True)
class Boolean(Argument):
    """`true` or `false`."""

    @property
    def wanted(self) -> str:
        return "`true` or `false`"

    def accepts(self, value: object) -> bool:
        return isinstance(value, bool)

    def json_schema(self) -> list[dict[str, Any]]:
        return [{"type": "boolean"}]


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


def spell(value: object) -> str:
    """Write a value in the YAML's words, ready to stand in a message."""
    match value:
        case str():
            return f'the text "{value}"'
        case tuple():
            return f"`[{', '.join(_bare(item) for item in value)}]`"
    return f"`{_bare(value)}`"


def _bare(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(_bare(item) for item in value)}]"
    return str(value)


Size = Annotated[int, Integer()]
Count = Annotated[int, Integer(0)]
Axis = Annotated[int, Integer(-MAX_SIZE)]
Pair = Annotated[int | tuple[int, int], Integer(count=2)]
PairFrom0 = Annotated[int | tuple[int, int], Integer(0, count=2)]
OptionalPair = Annotated[int | tuple[int, int] | None, Integer(count=2, optional=True)]
Flag = Annotated[bool, Boolean()]
Probability = Annotated[float, Real(0, 1)]
Positive = Annotated[float, Real(0)]
AnyReal = Annotated[float, Real()]
OptionalReal = Annotated[float | None, Real(0, 1, optional=True)]
