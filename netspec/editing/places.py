"""Where each name of a document stands, where it is defined, and where else it is used."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from netspec.editing.walk import Kind, Place, Scope
from netspec.editing.workspace import Document
from netspec.text.diagnostics import Span

__all__ = ["Kind", "Place", "Scope", "definition", "place_at", "places", "references", "uses"]


def places(document: Document) -> Sequence[Place]:
    """Return the names of a document in the order of its text."""
    return document.index.places(document.source)


def place_at(document: Document, offset: int) -> Place | None:
    """Return the name at an offset, or the one that ends there."""
    found = places(document)
    after = bisect_right(found, offset, key=lambda place: place.span.start)
    place = found[after - 1] if after else None
    return place if place and offset <= place.span.end else None


def definition(document: Document, offset: int) -> Span | None:
    """Return where the name at an offset is defined, perhaps in a file that this one extends."""
    place = place_at(document, offset)
    return place.target if place else None


def references(document: Document, offset: int, beside: Iterable[Document] = ()) -> Sequence[Span]:
    """Return every place of what the name at an offset means, its definitions included.

    They stand in the text, in those that it extends, and in documents `beside` it. An op, which is
    defined nowhere, is looked for in the text alone.
    """
    place = place_at(document, offset)
    if place is None:
        return []
    if place.kind == "op":
        return [other.span for other in places(document) if other[:2] == place[:2]]
    return [other.span for other in uses(document, place, beside)]


def uses(document: Document, place: Place, beside: Iterable[Document] = ()) -> Sequence[Place]:
    """Return the places that mean the same as one of a document's, file by file.

    What a variant changes or gives another value is what its base defines.
    """
    targets: dict[At, At] = {}
    known: dict[At, Place] = {}
    for each in (document, *beside):
        for other in _all(each):
            if other.target:
                known.setdefault(_at(other.span), other)
                targets.setdefault(_at(other.span), _at(other.target))
    if place.target is None:
        return []
    wanted = _root(_at(place.span), targets)
    return [known[at] for at in sorted(known) if _root(at, targets) == wanted]


At = tuple[str, int]
"""A file and an offset: a file that is not open has a source for each document that extends it."""


def _at(span: Span) -> At:
    return span.source.name, span.start


def _all(document: Document) -> Iterator[Place]:
    for source in document.index.sources:
        yield from document.index.places(source)


def _root(at: At, targets: dict[At, At]) -> At:
    """Return the first definition behind a place."""
    seen = {at}
    while (target := targets.get(at, at)) not in seen:
        seen.add(target)
        at = target
    return at
