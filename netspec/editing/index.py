"""The places of a text, and of the texts that it extends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from netspec.editing.patches import patched
from netspec.editing.walk import Place, Walk
from netspec.language.variant.lineage import Lineage, Loader
from netspec.text.diagnostics import Source, SpecError
from netspec.text.syntax import Mapping, Tree, parse


class Index:
    """What stands where in a text and in those that it extends, each as its own author reads it."""

    def __init__(self, source: Source, load: Loader) -> None:
        self._source, self._load = source, load

    @cached_property
    def _found(self) -> dict[Source, Sequence[Place]]:
        found: dict[Source, Sequence[Place]] = {}
        todo: Source | None = self._source
        while todo is not None and todo not in found:
            found[todo], todo = _read(todo, self._load)
        return found

    @property
    def sources(self) -> Iterable[Source]:
        """The text itself, then what it extends."""
        return self._found

    def places(self, source: Source) -> Sequence[Place]:
        """Return the places of one of the texts, in its order."""
        return self._found.get(source, ())


def _read(source: Source, load: Loader) -> tuple[Sequence[Place], Source | None]:
    """Return the places of a text, and the text that it extends."""
    try:
        own = parse(source)
    except SpecError:
        return (), None
    lineage = Lineage([source])
    whole: Tree | None
    try:
        whole = lineage.resolve(load)
    except SpecError:
        whole = None
    base = _base(lineage.sources[1:], load)
    found = {}
    if whole is not None or base is None:
        walk = Walk(own if whole is None else whole)
        found = {place.span: place for place in walk.found if place.span.source is source}
    if isinstance(own, Mapping) and base is not None:
        found |= {place.span: place for place in patched(own, base)}
    order = sorted(found.values(), key=lambda place: place.span.start)
    return order, lineage.sources[1] if base is not None else None


def _base(sources: Sequence[Source], load: Loader) -> Tree | None:
    """Return the whole spec that a variant extends."""
    try:
        return Lineage([*sources[:1]]).resolve(load) if sources else None
    except SpecError:
        return None
