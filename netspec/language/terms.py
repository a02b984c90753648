"""What a key of the language can hold: each noun knows where it was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netspec.ops.base import REGISTRY
from netspec.ops.dim import Expr
from netspec.text.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Maker:
    """The bare name of an op or a block as an argument: what makes a module."""

    name: str

    @property
    def torch(self) -> str:
        """The class that generated code calls."""
        return REGISTRY[self.name].module if self.name in REGISTRY else self.name


Value = int | float | bool | str | Expr | Maker | tuple["Value", ...] | None
"""An argument as written: a scalar, an expression over parameters, or a list of them."""


INDEX = "i"
"""What an expression calls the number of a copy, from 0: `$i`."""


@dataclass(frozen=True, slots=True)
class Series:
    """Names that count on: `block2`, `block3` …"""

    stem: str
    start: int

    def name(self, item: int) -> str:
        return f"{self.stem}{self.start + item}"


NUMBERS = Series("", 0)
"""What copies are called, and the layers of a list."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A value and its place."""

    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of the spec or of a block; without a default it must be given.

    `is_op` tells whether a layer calls it, so that it names an op or a block.
    """

    name: str
    default: int | float | bool | str | None
    span: Span
    is_op: bool = False

    def meant(self, value: Any) -> Any:
        """Return what a value of the parameter stands for."""
        return Maker(value) if self.is_op and isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Ref:
    """The name of an input or of a layer of the same chain; no span: the line above, unsaid.

    `port` is the part behind the dot where a layer has several outputs: `parts.0`.
    """

    name: str
    span: Span | None = None
    port: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """When a layer is there at all, decided at compile time: `$stride != 1`."""

    left: Value
    operator: str
    right: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Expectation:
    """A line of `expect`: metric, comparison, number."""

    metric: str
    operator: str
    value: float
    argument: Argument
