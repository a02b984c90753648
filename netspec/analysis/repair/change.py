"""A change that would mend a spec: where, and what to write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from netspec.graph.model import NodeId
from netspec.language.terms import Value
from netspec.ops.arguments import spell
from netspec.ops.dim import Expr
from netspec.text.diagnostics import Cure, Span
from netspec.text.fixes import adding, cure, writing


@dataclass(frozen=True, slots=True)
class Change:
    """A place in the file, and what would make everything hold there.

    With a `key`, `key: new` is to be added to the call at `span`.
    """

    span: Span
    old: Value
    new: Value = None
    key: str = ""
    tier: tuple[bool, int] = (False, 0)
    """How old the place is: the variant's own lines, then arguments, parameters, inputs."""
    nodes: tuple[NodeId, ...] = ()
    """The layers that it feeds."""
    strangeness: float = 0
    gain: float = 0.0
    """How much stranger than before the layer would be, and how much more like its siblings."""

    @property
    def wording(self) -> str:
        """What to write."""
        return f"`{self.key}: {_bare(self.new)}`" if self.key else _shown(self.new)

    @property
    def cure(self) -> Cure:
        if not self.key:
            words = f"write {_shown(self.new)} in place of {_shown(self.old)}"
            return writing(self.span, _bare(self.new), words)
        words = f"add {self.wording}"
        edit = adding(self.span, f"{self.key}: {_bare(self.new)}")
        return cure(words, *filter(None, [edit]))

    @property
    def rank(self) -> tuple[float, ...]:
        """Order fixes by how likely such a mistake is."""
        # The largest power of 2 that divides a number says how round it is.
        roundness = self.new & -self.new if type(self.new) is int else 0
        return self.strangeness, -self.gain, bool(self.key), not self.is_slip, -roundness

    @property
    def is_slip(self) -> bool:
        """Tell whether one character lost, doubled, wrong or swapped makes the difference.

        Of one digit every other is a slip, which says nothing.
        """
        if isinstance(self.new, bool):
            return True
        if self.key or len(str(self.old)) == 1:
            return False
        old, new = str(self.old), str(self.new)
        if len(old) == len(new):
            odd = [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
            return len(odd) == 1 or (odd[1:] == [odd[0] + 1] and sorted(old) == sorted(new))
        short, long = sorted((old, new), key=len)
        return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def _shown(value: Value) -> str:
    return str(value) if type(value) is int else f"`{_bare(value)}`"


def _bare(value: Value) -> str:
    if isinstance(value, Expr):
        return re.sub(r"[A-Za-z_]\w*", r"$\g<0>", str(value))
    return spell(value).strip("`")


def slips(value: int) -> Iterator[int]:
    """Yield what a slipped finger may have made a number from."""
    yield from (value - 1, value + 1, value // 2, 2 * value)
    sign, text = 1 if value >= 0 else -1, str(abs(value))
    for i, short in enumerate(shortened(value)):
        yield short
        yield sign * int(text[:i] + text[i + 1 : i + 2] + text[i] + text[i + 2 :])


def shortened(value: int) -> Iterator[int]:
    """Yield what a number is without one of its digits."""
    sign, text = 1 if value >= 0 else -1, str(abs(value))
    for i in range(len(text)):
        yield sign * int(text[:i] + text[i + 1 :] or 0)
