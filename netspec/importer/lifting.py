"""What lifting calls to steps has in common, whatever form they come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from netspec.language.terms import Value
from netspec.ops.apply import apply
from netspec.ops.base import REGISTRY

_Lift = TypeVar("_Lift", bound=Callable[..., Any])


class Held(NamedTuple):
    """A tensor as netspec sees it: what gives it, and its sizes without the batch.

    `shift` is what must be added to a dimension of PyTorch's: 1 where PyTorch's first one is no
    batch, or the batch times the first of `sizes`.
    """

    draft: int
    """The number of a draft; of an input -1, -2 …"""
    port: str
    sizes: tuple[int, ...]
    shift: int
    has_batch: bool = True

    @property
    def rank(self) -> int:
        """The number of PyTorch's dimensions."""
        return len(self.sizes) + 1 - self.shift


class NoCounterpart(Exception):
    """A call that netspec cannot say, and what comes nearest to it."""


def registering(lifts: dict[str, _Lift]) -> Callable[..., Callable[[_Lift], _Lift]]:
    """Return a decorator that enters a function under the names that it is given."""

    def named(*names: str) -> Callable[[_Lift], _Lift]:
        def register(lift: _Lift) -> _Lift:
            lifts.update(dict.fromkeys(names, lift))
            return lift

        return register

    return named


class Tried(NamedTuple):
    """The arguments of a step that are not defaults, the sizes that it gives, what is wrong."""

    given: dict[str, Value]
    sizes: tuple[int, ...]
    problem: str


def tried(op: str, arguments: Mapping[str, Any], reads: Sequence[Held]) -> Tried:
    """Return what a step would be. Raises pydantic.ValidationError."""
    given = chosen(op, arguments)
    made = REGISTRY[op].model_validate(given)
    sizes, problems = apply(made, tuple(read.sizes for read in reads))
    return Tried(given, sizes, problems[0].message if problems else "")


def given_by(draft: int, sizes: tuple[int, ...], reads: Sequence[Held]) -> Held:
    """Return what a draft gives of what it reads: the batch stands where that has it."""
    batched = [read for read in reads if read.has_batch] or [*reads]
    shift = batched[0].shift if batched else 1
    return Held(draft, "", sizes, shift, any(read.has_batch for read in reads))


def chosen(op: str, arguments: Mapping[str, Any]) -> dict[str, Value]:
    """Return the arguments that are not the op's defaults, pairs of one number as that."""
    fields = REGISTRY[op].model_fields
    found: dict[str, Value] = {}
    for key, value in arguments.items():
        value = plain(value)
        default = fields[key].default
        if fields[key].is_required() or value != default or type(value) is not type(default):
            found[key] = value
    return found


def plain(value: Any) -> Any:
    """Return lists as tuples."""
    return tuple(value) if isinstance(value, list | tuple) else value


def one(value: Any) -> Any:
    """Return a list of one number again and again as that number."""
    items = plain(value)
    if isinstance(items, tuple):
        return items[0] if items and len({*items}) == 1 else items
    return items
