"""The places of a text, and of the texts that it extends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from netspec.editing.patches import patched
from netspec.editing.walk import Place, Walk
from netspec.language.variant.lineage import Lineage, Loader
from netspec.text.diagnostics import Source, Span, SpecError
from netspec.text.syntax import Mapping, Tree


class Index:
    """What stands where in a text and in those that it extends, each as its own author reads it."""

    def __init__(self, source: Source, load: Loader, trees: dict[Source, Tree]) -> None:
        self._source, self._load, self._trees = source, load, trees

    @cached_property
    def _found(self) -> dict[Source, Sequence[Place]]:
        found: dict[Source, Sequence[Place]] = {}
        todo: Source | None = self._source
        while todo is not None and todo not in found:
            found[todo], todo = self._read(todo)
        return found

    @property
    def sources(self) -> Iterable[Source]:
        """The text itself, then what it extends."""
        return self._found

    def places(self, source: Source) -> Sequence[Place]:
        """Return the places of one of the texts, in its order."""
        return self._found.get(source, ())

    def _read(self, source: Source) -> tuple[Sequence[Place], Source | None]:
        """Return the places of a text, and the text that it extends."""
        whole, sources = self._whole(source)
        own = self._trees[source]
        base = self._whole(sources[1])[0] if sources[1:] else None
        found: dict[Span, Place] = {}
        if known := whole or (own if base is None else None):
            found = {x.span: x for x in Walk(known).found if x.span.source is source}
        if isinstance(own, Mapping) and base is not None:
            found |= {place.span: place for place in patched(own, base)}
        # A name that is left out, as the key of `: relu`, stands nowhere.
        there = (place for place in found.values() if place.span.text)
        order = sorted(there, key=lambda place: place.span.start)
        return order, sources[1] if base is not None else None

    def _whole(self, source: Source) -> tuple[Tree | None, Sequence[Source]]:
        """Return the whole spec that a text stands for, as far as it fits, and what it extends."""
        lineage = Lineage([source], trees=self._trees)
        try:
            return lineage.resolve(self._load), lineage.sources
        except SpecError:
            return lineage.fitting, lineage.sources
