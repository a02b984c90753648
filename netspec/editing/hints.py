"""What each line gives, behind it: the shape of a layer, in a block that of all its uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from netspec.editing.facts import Facts
from netspec.editing.workspace import Document
from netspec.language.model import Parallel
from netspec.text.diagnostics import Span

_QUOTED_OR_COMMENT = re.compile(
    r"""(?<![^\s\[{,])("(?:\\.|[^"\\])*"|'[^']*')|(?<!\S)(?P<comment>\#.*)"""
)


class InlayHint(NamedTuple):
    """A few words behind a place in the text."""

    offset: int
    label: str


def inlay_hints(document: Document, start: int, end: int) -> Sequence[InlayHint]:
    """Return the hints of a range: one a line, of the outermost of what begins there."""
    facts = document.facts
    lines: dict[int, tuple[int, Span, Callable[[], str]]] = {}
    for level, span, label in _labelled(facts) if facts else ():
        now = document.now(span)
        if now is None or not start <= now.start <= end:
            continue
        if now.line not in lines or level <= lines[now.line][0]:
            lines[now.line] = level, now, label
    return [InlayHint(_behind(now), f"→ {label()}") for _, (_, now, label) in sorted(lines.items())]


def _labelled(facts: Facts) -> Iterator[tuple[int, Span, Callable[[], str]]]:
    """Yield layers and joins in the order of the text: their level, place and label."""
    for span, uses in facts.uses.items():
        yield len(uses[0].id), span, partial(facts.shape, uses)
    for body, instances in facts.network.graph.instances.items():
        if isinstance(body, Parallel):
            yield len(instances[0].id), body.join.span, partial(facts.joined, instances)


def _behind(span: Span) -> int:
    """Return the offset behind what stands on the line of a span, before a comment."""
    line = span.source.line(span.line)
    found = (match.start("comment") for match in _QUOTED_OR_COMMENT.finditer(line))
    end = next((start for start in found if start >= 0), len(line))
    return span.start - span.column + 1 + len(line[:end].rstrip())
