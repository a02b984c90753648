"""What every reader gives: the ops of a network in order, with the names of what is around each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from netspec.language.terms import Value

Path = tuple[str, ...]
"""Names from the outside in: of the modules around an op, its own last; of an input one name."""


class Read(NamedTuple):
    """What a step reads: a step or an input by its path, and which of several outputs."""

    path: Path
    port: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One op of a network.

    The path is the step's own. Its names are ones that a spec can have, or numbers where all that
    has weights in a module is numbered from 0; `key` then is `path` with dots between.
    """

    path: Path
    op: str
    """netspec's name of it."""
    arguments: Mapping[str, Value] = field(default_factory=dict)
    """As a spec says them, in the op's order, without those that have their default."""
    reads: tuple[Read, ...] = ()
    classes: tuple[str, ...] = ()
    """What the source calls the kind of each module around the op; "" or too few: unknown."""
    is_training: bool = False
    """Whether it runs in training only."""
    shares: Path = ()
    """Another step whose weights this one uses too; its op and arguments are the same."""
    tensors: Mapping[str, str] = field(default_factory=dict)
    """netspec's name of each of its tensors (`weight`) → the source's key, where they have keys."""
    init: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """Tensor → {function of torch.nn.init: its arguments}; left out: as the op begins."""
    place: str = ""
    """Where it stands in the source, for diagnostics: a file and a line, or a node's name."""


class Result(NamedTuple):
    """A result of a network, and its share of the loss."""

    read: Read
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Flat:
    """A network as a reader found it. Steps stand behind those that they read."""

    name: str
    """Capitalised, the network's class."""
    doc: str
    inputs: Mapping[str, tuple[int, ...]]
    """The shapes without the batch."""
    steps: tuple[Step, ...]
    outputs: Mapping[str, Result]
    integers: frozenset[str] = frozenset()
    """The inputs that hold integers."""
    keys: tuple[str, ...] = ()
    """The keys of the source's state_dict in its order; none: the order of the steps."""
    remarks: tuple[str, ...] = ()
    """What the source says and a spec has no key for, a sentence each: comments of the spec."""
