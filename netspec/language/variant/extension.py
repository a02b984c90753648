"""What a variant extends, for what is said about the variant as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netspec.language.variant.places import parts
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Source, Span, nearest
from netspec.text.fixes import either, inserting
from netspec.text.syntax import Mapping, Scalar, Tree, entries

_CHANGES = ("params", "change", "insert", "remove")
_MAX_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Extension:
    """What the file of a variant says, beside the whole spec that it extends."""

    link: Scalar
    variant: Mapping
    base: Mapping

    @property
    def source(self) -> Source:
        """The variant's own text."""
        return self.link.span.source

    def too_little(self, missed: tuple[Label, ...]) -> Diagnostic:
        """Say that the variant does not make of its base the network that it expects."""
        written = [key for key, _ in self.variant.items if key.text in _CHANGES]
        message = f"this variant changes nothing of {self.link.text}, but expects other numbers"
        if written:
            names = " and ".join(f"`{key.text}`" for key in written)
            message = (
                f"with {names} this variant of {self.link.text} has none of the numbers it expects"
            )
        notes = tuple(Label(key.span, "what it changes") for key in written)
        help = "say what differs in `params`, `change`, `insert` or `remove`"
        if params := entries(self.base.get("params")):
            texts = [f"{key.text}: {value.span.text}" for key, value in params[:_MAX_SHOWN]]
            more = ", …" if len(params) > _MAX_SHOWN else ""
            help += f"; {self.link.text} has `params: {{{', '.join(texts)}{more}}}`"
        return Diagnostic(
            Code.BROKEN_EXPECT, message, self.link.span, notes=(*missed, *notes), help=help
        )

    def without_numbers(self, expect: str, missed: tuple[Label, ...]) -> Diagnostic:
        """Say that the numbers of the base are not the variant's, which gives none."""
        message = f"this variant says no `expect:`, and what {self.link.text} expects does not hold"
        end = self.variant.items[-1][1].span.end
        below = Label(Span(self.source, end - 1, end), "`expect:` could stand below this")
        text = f"expect: {{{expect}}}"
        behind = Span(self.source, end, end)
        wrote = inserting(behind, f"{self.source.line_end}{text}", f"write `{text}`")
        help = either(wrote, "correct what the variant changes")
        return Diagnostic(
            Code.BROKEN_EXPECT, message, self.link.span, notes=(below, *missed), help=help
        )

    def path_at(self, place: Span) -> str:
        """Return how the variant names the part of its base that holds a place, or nothing."""
        names: list[str] = []
        inner = parts(self.base, "spec")
        while found := next(((n, at) for n, at in inner.items() if _holds(at.tree, place)), None):
            names.append(found[0])
            inner = found[1].parts
        return ".".join(names) if len(names) > 1 else ""

    def unchanged(self) -> Iterator[tuple[Scalar, str, Tree]]:
        """Yield what stands in the base beside parts that the variant changes, with its path."""
        keys = [key for key, _ in entries(self.variant.get("change"))]
        written = {key.text for key in keys}
        for parent, key in {key.text.rpartition(".")[0]: key for key in keys}.items():
            inner = parts(self.base, "spec")
            for name in parent.split("."):
                inner = inner[name].parts if name in inner else {}
            for name, place in inner.items():
                if f"{parent}.{name}" not in written:
                    yield key, f"{parent}.{name}", place.tree

    def beside(self, place: Span) -> Iterator[Label]:
        """Yield where the variant changes what has nearly the path of a place of its base."""
        paths = {key.text: key.span for key, _ in entries(self.variant.get("change"))}
        for near in nearest(self.path_at(place), paths):
            yield Label(paths[near], f"`{near}` is changed here")


def _holds(tree: Tree, place: Span) -> bool:
    span = tree.span
    return span.source is place.source and span.start <= place.start < max(span.end, span.start + 1)
