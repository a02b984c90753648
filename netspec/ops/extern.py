"""Externs: classes of somebody's own that a spec declares, as ops whose rules are expressions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, cast

from pydantic import Field, create_model

from netspec import limits
from netspec.ops.arguments import Number
from netspec.ops.base import Call, Cost, Op, Problem, product
from netspec.ops.dim import Dim, Shape, names, substitute
from netspec.text.codes import Code
from netspec.text.diagnostics import counted

_MACS = 10**15
Sizes = tuple[Dim | None, ...]
Tensors = tuple[tuple[str, Shape], ...]
_KINDS = {"channels": (0, 2), "features": (-1, 1), "height": (-2, 3), "width": (-1, 3)}
"""What the sizes of an input are called: their dimension, and how many an input needs for that."""


def measures(inputs: tuple[str, ...]) -> dict[str, tuple[int, int, int]]:
    """Return what names a size of an input: which input, which dimension, and how many it needs.

    `in_channels`, `in_features`, `in_height` and `in_width`; of several inputs `low_channels` ….
    """
    fronts = inputs if len(inputs) > 1 else ("in",)
    return {f"{x}_{kind}": (i, *_KINDS[kind]) for i, x in enumerate(fronts) for kind in _KINDS}


@dataclass(frozen=True, slots=True)
class Declared:
    """What a spec says of an extern; every size is an expression over parameters and sizes."""

    name: str
    package: str
    params: tuple[tuple[str, int | float | bool | None], ...]
    inputs: tuple[str, ...]
    arguments: tuple[tuple[str, object], ...]
    """What the constructor takes, by keyword."""
    shape: Sizes | None
    """None: that of the first input; of a list, None is a size of the first input."""
    weights: Tensors
    buffers: Tensors
    macs: Dim

    @property
    def function(self) -> str:
        """What generated code calls."""
        return f"{self.package}.{self.name}"


class Extern(Op):
    """A class that a spec declares. Nothing imports it but what generated code runs."""

    style: ClassVar[str] = "other"
    may_run_once: ClassVar[bool] = False
    declared: ClassVar[Declared]

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        try:
            env = self._env(x, *others)
            given = {key: substitute(value, env) for key, value in self._measuring()}
        except (ArithmeticError, TypeError):  # `check` has said so
            return {}
        return cast("dict[str, Dim]", given)

    def _measuring(self) -> Iterator[tuple[str, object]]:
        """Yield the arguments of the constructor that follow from sizes of the inputs."""
        sizes = measures(self.declared.inputs)
        for key, value in self.declared.arguments:
            if not sizes.keys().isdisjoint(names(value)):
                yield key, value

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        found = self._env(*inputs)
        for text, (i, _, rank) in measures(self.declared.inputs).items():
            if text in self._read() and text not in found:
                wanted = counted(rank, "dimension")
                message = f"`${text}` needs an input of {wanted}, found {len(inputs[i])}"
                yield Problem(None, message, code=Code.WRONG_RANK)
                return
        said = self.declared
        sizes = {"shape": said.shape or (), **dict(said.weights), **dict(said.buffers)}
        if said.shape is not None:
            kept = [i for i, size in enumerate(said.shape) if size is None]
            if kept and kept[-1] >= len(inputs[0]):
                message = f"`shape` keeps dimension {kept[-1] + 1} of an input that has fewer"
                yield Problem(None, message, code=Code.WRONG_RANK)
        for key, shape in sizes.items():
            yield from _refused(key, shape, found, 1)
        yield from _refused("macs", (said.macs,), found, 0)
        for key, value in said.arguments:
            yield from _refused(key, (value,), found, None)

    def _read(self) -> set[str]:
        """Return the names that stand in the rules."""
        said = self.declared
        values = (said.shape, said.weights, said.buffers, said.macs, said.arguments)
        return set(names(values))

    def _env(self, *inputs: Shape) -> dict[str, object]:
        """Return what names stand for: parameters, and the sizes that the inputs have."""
        given: dict[str, object] = {key: getattr(self, key) for key in type(self).model_fields}
        for text, (i, axis, rank) in measures(self.declared.inputs).items():
            if i < len(inputs) and len(inputs[i]) >= rank:
                given[text] = inputs[i][axis]
        return given

    def _sizes(self, shape: Sizes, inputs: tuple[Shape, ...]) -> Shape:
        env = self._env(*inputs)
        kept = (inputs[0][i] if x is None else substitute(x, env) for i, x in enumerate(shape))
        return cast("Shape", tuple(kept))

    def shape(self, *inputs: Shape) -> Shape:
        said = self.declared.shape
        return inputs[0] if said is None else self._sizes(said, inputs)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {key: self._sizes(shape, inputs) for key, shape in self.declared.weights}

    def buffers(self, *inputs: Shape) -> dict[str, Shape]:
        return {key: self._sizes(shape, inputs) for key, shape in self.declared.buffers}

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(product(self._sizes((self.declared.macs,), inputs)))

    def torch(self, *inputs: Shape) -> Call:
        env = self._env(*inputs)
        given = {key: substitute(value, env) for key, value in self.declared.arguments}
        return Call(self.module, (), given)

    def label(self) -> str:
        return self.op_name

    def __reduce__(self) -> tuple[Any, ...]:
        # Its class stands in no module, from which another process could take it.
        values = {key: getattr(self, key) for key in self.model_fields_set}
        return _restored, (self.declared, values)


def _refused(
    what: str, shape: tuple[object, ...], env: Mapping[str, object], least: int | None
) -> Iterator[Problem]:
    """Yield what is wrong with the values of expressions; sizes are at least `least`."""
    most = limits.SIZE if least else _MACS
    for written in shape:
        try:
            value = substitute(written, env)
        except (ArithmeticError, TypeError) as error:
            why = "division by zero" if isinstance(error, ZeroDivisionError) else "no number"
            yield Problem(None, f"`{what}` comes to {why}", code=Code.EXPRESSION)
            return
        if least is None or value is None:
            continue
        if type(value) is not int or not least <= value <= most:
            wanted = "a positive integer" if least else "an integer of 0 or more"
            message = f"`{what}` comes to {value}, where {wanted} is expected"
            yield Problem(None, message, code=Code.RANGE)


def _restored(declared: Declared, values: Mapping[str, object]) -> Op:
    return op_of(declared).model_validate(dict(values))


def op_of(declared: Declared) -> type[Extern]:
    """Return the op of a declaration, the same class for the same declaration."""
    return _made(declared, repr(declared))


@lru_cache(maxsize=256)
def _made(declared: Declared, text: str) -> type[Extern]:
    """Make the class; `text` tells 1 from true, which are equal."""
    fields: dict[str, Any] = {
        key: (_Value, Field(... if default is None else default, description="a parameter"))
        for key, default in declared.params
    }
    cls: type[Extern] = create_model(declared.name, __base__=Extern, **fields)
    cls.__doc__ = f"An extern: {declared.function}."
    cls.op_name, cls.module, cls.declared = declared.name, declared.function, declared
    cls.reads = (len(declared.inputs) or 1,)
    cls.positional = 0
    cls.has_depth = bool(declared.weights)
    return cls


_Value = Annotated[int | float | bool, Number()]
