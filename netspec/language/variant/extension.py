"""What a variant extends, for what is said about the variant as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netspec.language.variant.places import parts_of, path_at
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Source, Span, nearest
from netspec.text.syntax import Mapping, Scalar, Tree

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
        if params := _params(self.base):
            help += f"; {self.link.text} has `params: {{{params}}}`"
        return Diagnostic(
            Code.BROKEN_EXPECT, message, self.link.span, notes=(*missed, *notes), help=help
        )

    def without_numbers(self, expect: str, missed: tuple[Label, ...]) -> Diagnostic:
        """Say that the numbers of the base are not the variant's, which gives none."""
        message = f"this variant says no `expect:`, and what {self.link.text} expects does not hold"
        end = self.variant.items[-1][1].span.end
        below = Label(Span(self.source, end - 1, end), "`expect:` could stand below this")
        help = f"write `expect: {{{expect}}}`, or correct what the variant changes"
        return Diagnostic(
            Code.BROKEN_EXPECT, message, self.link.span, notes=(below, *missed), help=help
        )

    def path_at(self, place: Span) -> str:
        """Return how the variant names the part of its base that holds a place, or nothing."""
        return path_at(self.base, place)

    def unchanged(self) -> Iterator[tuple[Scalar, str, Tree]]:
        """Yield what stands in the base beside parts that the variant changes, with its path."""
        found = self.variant.find("change")
        keys = [key for key, _ in found[1].items] if found and isinstance(found[1], Mapping) else []
        written = {key.text for key, _ in self.variant.items} | {key.text for key in keys}
        for parent, key in {key.text.rpartition(".")[0]: key for key in keys}.items():
            for name, place in parts_of(self.base, parent).items():
                if f"{parent}.{name}" not in written:
                    yield key, f"{parent}.{name}", place.tree

    def beside(self, place: Span) -> Iterator[Label]:
        """Yield where the variant changes what has nearly the path of a place of its base."""
        path, found = self.path_at(place), self.variant.find("change")
        if path and found and isinstance(found[1], Mapping):
            paths = {key.text: key.span for key, _ in found[1].items}
            for near in nearest(path, paths):
                yield Label(paths[near], f"`{near}` is changed here")


def _params(base: Mapping) -> str:
    """Write the parameters of a spec as it does."""
    found = base.find("params")
    items = found[1].items if found and isinstance(found[1], Mapping) else ()
    texts = [f"{key.text}: {value.span.text}" for key, value in items[:_MAX_SHOWN]]
    return ", ".join([*texts, *["…"] * (len(items) > _MAX_SHOWN)])
