"""What of a text can be folded: each part of several lines, and comments of several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from netspec.editing.workspace import Document
from netspec.text.diagnostics import Span
from netspec.text.syntax import Mapping, Scalar, Tree
from netspec.text.syntax import Sequence as Listed

_COMMENTS = re.compile(r"^[ ]*#.*(\n[ ]*#.*)+", re.MULTILINE)


def folds(document: Document) -> Sequence[Span]:
    """Return places from the line that stays to the end of the last line that goes."""
    source = document.source
    comments = (Span(source, *match.span()) for match in _COMMENTS.finditer(source.text))
    found = [*comments, *_folds(document.loose)]
    by_line = {span.line: span for span in reversed(found) if span.line < _last(span)}
    return [by_line[line] for line in sorted(by_line)]


def _folds(tree: Tree) -> Iterator[Span]:
    """Yield what may be folded in a tree, the outer before the inner."""
    if isinstance(tree, Mapping):
        for key, value in tree.items:
            yield Span(key.span.source, key.span.start, value.span.end)
            yield from _folds(value)
    elif isinstance(tree, Listed):
        for item in tree.items:
            if not isinstance(item, Scalar):
                yield item.span
                yield from _folds(item)


def _last(span: Span) -> int:
    return span.source.position(span.end)[0]
