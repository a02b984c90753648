"""Comments and blank lines: the tree has none, so they are found again between its nodes."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter

from netspec.text.diagnostics import Source
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment from its `#` on, and the 0-based column of that."""

    offset: int
    column: int
    text: str


BLANK = Comment(-1, 0, "")


@dataclass(slots=True)
class Trivia:
    """What stands around each anchor: the start of a key, or of the dash of a list.

    `above` goes before the anchor's line, `beside` at its end, `below` after all that it holds;
    `inner` are the comments inside flow collections, `tail` those behind the last anchor.
    """

    above: dict[int, list[Comment]] = field(default_factory=dict)
    beside: dict[int, Comment] = field(default_factory=dict)
    below: dict[int, list[Comment]] = field(default_factory=dict)
    inner: list[Comment] = field(default_factory=list)
    tail: list[Comment] = field(default_factory=list)

    def within(self, start: int, end: int) -> list[Comment]:
        """Return the comments inside flow collections between two places."""
        place = attrgetter("offset")
        first, last = (bisect_left(self.inner, at, key=place) for at in (start, end))
        return self.inner[first:last]


def is_flow(tree: Tree) -> bool:
    """Tell whether a collection is written in brackets."""
    return tree.span.source.text[tree.span.start : tree.span.start + 1] in ("{", "[")


def collect(source: Source, tree: Tree) -> Trivia:
    """Find every comment and blank line of a source, and the anchor that it belongs to."""
    text = source.text
    anchors, solid, flows = _survey(tree)
    trivia = Trivia()
    for offset, line in _lines(text):
        found = _comment(offset, line, solid)
        at = found.offset if found else offset
        if _covers(flows, at):
            trivia.inner += [found] if found else []
        elif found and text[offset:at].strip():
            _beside(trivia, anchors, found)
        elif (found or not line.strip()) and not _covers(solid, offset):
            _between(trivia, anchors, found or BLANK, offset, source)
    return trivia


_Ranges = list[tuple[int, int]]


def _survey(tree: Tree) -> tuple[list[int], _Ranges, _Ranges]:
    """Return anchors, the ranges of scalars, and those of outermost flow collections, in order."""
    anchors: list[int] = []
    scalars: _Ranges = []
    flows: _Ranges = []
    todo: list[tuple[Tree, bool]] = [(tree, False)]
    while todo:
        node, inside = todo.pop()
        if isinstance(node, Scalar):
            scalars.append((node.span.start, node.span.start + len(node.span.text.rstrip())))
            continue
        if is_flow(node) and not inside:
            flows.append((node.span.start, node.span.end))
        inside = inside or is_flow(node)
        if isinstance(node, Mapping):
            anchors += [] if inside else [key.span.start for key, _ in node.items]
            todo += [(part, inside) for item in node.items for part in item]
        else:
            anchors += [] if inside else dashes(node)
            todo += [(item, inside) for item in node.items]
    return sorted(anchors), sorted(scalars), sorted(flows)


def dashes(node: Sequence) -> list[int]:
    """Return where the dash of each item of a block list stands."""
    text = node.span.source.text
    places, end = [], node.span.start
    for item in node.items:
        # A comment may have dashes too.
        dash = next(found for found in _DASH.finditer(text, end) if found[0] == "-")
        places.append(dash.start())
        end = max(item.span.end, dash.end())
    return places


_DASH = re.compile(r"#[^\r\n]*|-")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    offset = 0
    for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", text):
        yield offset, line
        offset += len(line)


def _comment(offset: int, line: str, scalars: _Ranges) -> Comment | None:
    """Return the comment of a line: from the first `#` that stands in no scalar."""
    for match in re.finditer("#", line):
        at = match.start()
        if not _covers(scalars, offset + at):
            return Comment(offset + at, at, line[at:].rstrip())
    return None


def _covers(ranges: _Ranges, place: int) -> bool:
    i = bisect_right(ranges, place, key=itemgetter(0)) - 1
    return i >= 0 and ranges[i][0] < place < ranges[i][1]


def _beside(trivia: Trivia, anchors: list[int], comment: Comment) -> None:
    i = bisect_right(anchors, comment.offset) - 1
    anchor = anchors[max(i, 0)]
    if anchor in trivia.beside:
        trivia.above.setdefault(anchor, []).append(comment)
    else:
        trivia.beside[anchor] = comment


def _between(
    trivia: Trivia, anchors: list[int], comment: Comment, offset: int, source: Source
) -> None:
    """File a comment or a blank line under the anchor that it belongs to."""
    i = bisect_left(anchors, offset)
    is_last = i == len(anchors)
    queue = trivia.tail if is_last else trivia.above.setdefault(anchors[i], [])
    after = 0 if is_last else source.position(anchors[i])[1] - 1
    before = source.position(anchors[i - 1])[1] - 1 if i else 0
    # Indented like the anchor above and deeper than the next: it speaks of what stands above.
    if comment is not BLANK and comment.column >= before > after:
        trivia.below.setdefault(anchors[i - 1], []).extend([*queue, comment])
        queue.clear()
    else:
        queue.append(comment)
