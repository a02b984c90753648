"""Tensors of a rewritten network as arithmetic on those of the network as written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Old:
    """A tensor of the state_dict as it was, by its key."""

    key: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a function of `folding` makes of tensors and numbers."""

    function: str
    args: tuple[Arithmetic | float | None, ...]


Arithmetic = Old | Made


def through(value: Arithmetic, before: Mapping[str, Arithmetic]) -> Arithmetic:
    """Return a tensor in terms of the network in front, whose tensors were made themselves."""
    if isinstance(value, Old):
        return before[value.key]
    args = (through(arg, before) if isinstance(arg, Old | Made) else arg for arg in value.args)
    return Made(value.function, tuple(args))


def keys(value: object) -> Iterator[str]:
    """Yield the keys that a tensor is made of."""
    if isinstance(value, Old):
        yield value.key
    for arg in value.args if isinstance(value, Made) else ():
        yield from keys(arg)


def computed(tensors: Mapping[str, Arithmetic], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Compute tensors from a state_dict. Raises KeyError for a key that it lacks."""
    from netspec.rewrite import folding

    def value(of: Arithmetic | float | None) -> Any:
        if isinstance(of, Old):
            return state[of.key]
        return getattr(folding, of.function)(*map(value, of.args)) if isinstance(of, Made) else of

    return {key: value(made) for key, made in tensors.items()}
