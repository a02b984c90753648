"""Where each name of a document stands, and where it is defined."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from netspec.editing.walk import Kind, Place, Scope
from netspec.editing.workspace import Document

__all__ = ["Kind", "Place", "Scope", "place_at", "places"]


def places(document: Document) -> Sequence[Place]:
    """Return the names of a document in the order of its text; none where YAML is broken."""
    return document.index.places(document.source)


def place_at(document: Document, offset: int) -> Place | None:
    """Return the name at an offset, or the one that ends there."""
    found = places(document)
    after = bisect_right(found, offset, key=lambda place: place.span.start)
    # Of `use.low` the dot belongs to `use`, and a cursor behind the dot to `low`.
    place = found[after - 1] if after else None
    return place if place and offset <= place.span.end else None
