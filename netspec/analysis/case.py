"""A network whose contracts are checked, and how far the cause of a broken one is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from netspec import limits
from netspec.analysis.shapes import Shapes
from netspec.graph.model import Graph
from netspec.language.model import Spec
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Severity, Sink, Span

if TYPE_CHECKING:  # both are for specs with mistakes, or variants
    from netspec.analysis.repair.change import Change
    from netspec.language.variant.extension import Extension


_MAX_FIXES = 4
_MAX_OTHERS = 2


@dataclass(slots=True)
class Budget:
    """How many layers may still be computed again; every search of a check draws on it.

    Layers are counted, not seconds, so that a slow machine gives the same diagnostics.
    """

    left: int = limits.REPAIRS

    def spend(self, layers: int = 1) -> bool:
        """Take off some layers; tell whether there were so many."""
        self.left -= layers
        return self.left >= 0


@dataclass(frozen=True, eq=False)
class Case:
    """A network whose contracts are checked. A broken one is an error, or a warning.

    Without `totals` nothing is expected of the whole network; a variant has an `extension`; a
    `trial` is only asked whether everything holds, so that nothing is searched for.
    """

    spec: Spec
    graph: Graph
    shapes: Shapes
    sink: Sink
    severity: Severity = "error"
    totals: bool = True
    extension: Extension | None = None
    trial: bool = False
    budget: Budget = field(default_factory=Budget)

    def cure(self, fix: Change) -> str:
        """Say how to make a change; a variant leaves what it extends as it is."""
        if self.extension is None or fix.span.source is self.extension.source:
            return fix.cure
        name = next((p.name for p in self.spec.params.values() if p.span == fix.span), "")
        if name:
            return f"add `{name}: {fix.new}` to the variant's `params`"
        path = self.extension.path_at(fix.span)
        return f"{fix.cure} by `change: {{{path}: …}}`" if path else fix.cure

    @property
    def unused(self) -> dict[str, Span]:
        """Return the parameters that no expression uses, with their places."""
        found = (item for item in self.sink.items if item.code == Code.UNUSED_PARAM)
        spans = [item.span for item in found if item.span]
        return {span.text.partition("=")[0].partition(":")[0].strip(): span for span in spans}

    def doubted(self, item: Diagnostic) -> Diagnostic:
        """Return a mistake whose cause may be elsewhere; what is declared in vain hints at it."""
        if self.severity == "warning":
            return item
        hints = [Label(span, f"nothing uses `{name}`") for name, span in self.unused.items()]
        guesses = tuple(self.unused)
        return replace(item, notes=(*item.notes, *hints), guesses=guesses, is_open=True)


def is_clear(fixes: Sequence[Change]) -> bool:
    """Tell whether the first of some fixes is likelier than the others."""
    return len(fixes) == 1 or (len(fixes) > 1 and fixes[0].rank < fixes[1].rank)


def others(fixes: Sequence[Change]) -> list[Label]:
    """Show what would do as well as the first of some fixes."""
    return [Label(fix.span, f"or {fix.wording} here") for fix in fixes[1 : 1 + _MAX_OTHERS]]


def hints(fixes: Sequence[Change]) -> list[Label]:
    """Show some fixes of which none is likelier than the others."""
    return [Label(fix.span, f"{fix.wording} here would make it hold") for fix in fixes[:_MAX_FIXES]]
