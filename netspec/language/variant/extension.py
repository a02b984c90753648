"""What a variant extends, for what is said about the variant as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.text.diagnostics import Diagnostic, Label, Source
from netspec.text.syntax import Mapping, Scalar

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
        return Diagnostic("NS056", message, self.link.span, notes=(*missed, *notes), help=help)


def _params(base: Mapping) -> str:
    """Write the parameters of a spec as it does."""
    found = base.find("params")
    items = found[1].items if found and isinstance(found[1], Mapping) else ()
    texts = [f"{key.text}: {value.span.text}" for key, value in items[:_MAX_SHOWN]]
    return ", ".join([*texts, *["…"] * (len(items) > _MAX_SHOWN)])
