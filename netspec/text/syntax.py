"""YAML text → a tree in which every key and value knows its place.

Reads parser events, never `compose` (which crashes on deep nesting), and resolves plain scalars by
the language's own rules. A broken limit or a YAML error stops at once; other mistakes collect.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import yaml

from netspec import limits
from netspec.text.characters import JOINER, code_point, fail, refuse_characters
from netspec.text.codes import Code
from netspec.text.diagnostics import Cure, Diagnostic, Fix, Sink, Source, Span, SpecError
from netspec.text.fixes import edited, writing
from netspec.text.plain import RENAME, resolve
from netspec.text.yaml_errors import texts

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, truth value, null or text; expressions are still text here."""

    value: int | float | bool | str | None
    span: Span
    quoted: bool = False

    @property
    def text(self) -> str:
        """The text as a name: what stands in the file, without quotes."""
        return self.value if isinstance(self.value, str) else self.span.text


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys in the order of the file; no key stands twice."""

    items: tuple[tuple[Scalar, Tree], ...]
    span: Span

    def find(self, key: str) -> tuple[Scalar, Tree] | None:
        """Return the entry with this key."""
        for item in self.items:  # no generator: it is called so often that its making counts
            if item[0].text == key:
                return item
        return None

    def get(self, key: str) -> Tree | None:
        """Return the value at this key."""
        found = self.find(key)
        return found and found[1]


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Tree, ...]
    span: Span


Tree = Scalar | Mapping | Sequence
Entry = tuple[Scalar, Tree]


def entries(tree: Tree | None) -> tuple[Entry, ...]:
    """Return the entries of a mapping; anything else has none."""
    return tree.items if isinstance(tree, Mapping) else ()


def decode(data: bytes, name: str) -> Source:
    """Return the source text of a file's bytes. Raises SpecError if it is no fit UTF-8 text."""
    start = Span(Source(name, ""), 0, 0)
    if len(data) > limits.BYTES:
        fail(Code.LIMIT, f"the file has more than {limits.BYTES // 1024**2} MiB", start)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        fail(Code.NOT_YAML, "the file is UTF-16", start, "save it as UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        source = Source(name, data[: error.start].decode("utf-8"))
        place = Span(source, len(source.text), len(source.text))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        fail(Code.NOT_YAML, message, place, "save it as UTF-8")
    return Source(name, text.removeprefix("\ufeff"))


def parse(source: Source, read: int = 0) -> Tree:
    """Read one YAML document; `read` values of other files count against the limit with its own.

    Raises SpecError with every mistake found.
    """
    refuse_characters(source)
    builder = _Builder(source, read)
    try:
        for event in yaml.parse(source.text, _LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        from netspec.text.yaml_errors.refused import explain

        raise SpecError([_tried(explain(source, error), error)]) from None
    builder.sink.stop()
    if builder.root is None:
        start = Span(source, 0, 0)
        fail(Code.NOT_YAML, "the spec is empty", start, "`netspec init NAME` writes a first one")
    return builder.root


def is_readable(text: str) -> bool:
    """Tell whether a text is YAML at all: where it is not, `parse` searches for the cause."""
    return _unread(text) is None


def _unread(text: str) -> int | None:
    """Return where YAML gives up on a text, None if it reads all of it."""
    try:
        deque(yaml.parse(text, _LOADER), maxlen=0)
    except yaml.YAMLError as error:
        return _place(error)
    return None


def _place(error: yaml.YAMLError) -> int:
    mark = getattr(error, "problem_mark", None)
    return _index(mark) if mark else 0


def _tried(found: Diagnostic, error: yaml.YAMLError) -> Diagnostic:
    """Return a mistake with those fixes alone with which YAML reads on."""
    fixes = []
    for fix in found.fixes:
        source = fix.edits[0].span.source
        new = Source(source.name, edited(source, [fix]))
        place = _unread(new.text)
        last = source.position(_place(error))[0]
        # What is wrong right behind the place shows that the fix is none.
        if place is None or new.position(place)[0] > last + _NEAR:
            fixes.append(fix)
    return _proven(replace(found, help=Cure(found.help, *fixes)))


_NEAR = 3


def _proven(found: Diagnostic) -> Diagnostic:
    """Return a mistake of which no fix is safe that leaves another one."""
    fixes = [replace(fix, is_safe=fix.is_safe and _is_sound(fix)) for fix in found.fixes]
    return replace(found, help=Cure(found.help, *fixes))


def _is_sound(fix: Fix) -> bool:
    """Tell whether YAML reads a text with a fix made, and finds it fit for a spec."""
    source = fix.edits[0].span.source
    builder = _Builder(Source(source.name, edited(source, [fix])), 0, is_trial=True)
    try:
        for event in yaml.parse(builder.source.text, _LOADER):
            builder.take(event)
    except (yaml.YAMLError, SpecError):
        return False
    return not builder.sink.failed


_BRACKET = re.compile(r"[\[{]")
_SENTENCES = ("doc",)
_FREE = (*_SENTENCES, "extends")


def _index(mark: Any) -> int:
    """Return a mark's place; the stubs allow the C parser's marks to be missing."""
    index: int = mark.index
    return index


@dataclass(slots=True)
class _Open:
    """A collection that is being read; `keys` is None for a list."""

    start: int
    flow: bool
    keys: dict[str, Scalar] | None
    items: list[tuple[Scalar, Tree]] = field(default_factory=list)
    values: list[Tree] = field(default_factory=list)
    key: Scalar | None = None

    @property
    def awaits_key(self) -> bool:
        return self.keys is not None and self.key is None

    def holds(self, keys: tuple[str, ...]) -> bool:
        """Tell whether what is read next is the value of one of some keys."""
        return self.key is not None and self.key.text in keys


class _Builder:
    """Turns events into a tree with an explicit stack, and counts while it reads."""

    def __init__(self, source: Source, read: int, is_trial: bool = False) -> None:
        self.source = source
        self._is_trial = is_trial
        self.sink = Sink()
        self.root: Tree | None = None
        self._stack: list[_Open] = []
        self._has_joiners = JOINER.search(source.text) is not None
        self._has_odd_key = False
        self._nodes = read
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._refuse_extras(event)
                self._add(self._scalar(event))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._refuse_extras(event)
                self._open(event, {} if isinstance(event, yaml.MappingStartEvent) else None)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._add(self._close(event))
            case yaml.AliasEvent():
                self._unsupported("an alias", event)
            case yaml.DocumentStartEvent():
                self._document(event)

    def _refused(self, found: Diagnostic) -> SpecError:
        """Return what ends the reading; a trial is only asked whether it ends."""
        return SpecError([found if self._is_trial else _proven(found)])

    def _span(self, event: yaml.Event) -> Span:
        return Span(self.source, _index(event.start_mark), _index(event.end_mark))

    def _unsupported(self, what: str, event: yaml.Event) -> None:
        help = "write the value out, or put it in quotes if it is a text"
        fail(Code.LEFT_OUT, f"{what} is not part of netspec", self._span(event), help)

    def _refuse_extras(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        self._nodes += 1
        if self._nodes > limits.VALUES:
            fail(Code.LIMIT, f"more than {limits.VALUES:,} YAML values", self._span(event))
        if event.anchor is not None:
            self._unsupported("an anchor", event)
        if event.tag is not None:
            self._unsupported("a tag", event)

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            fail(Code.NOT_YAML, "a second document", self._span(event), "one file holds one spec")
        if event.version or event.tags:
            self._unsupported("a % directive", event)

    def _open(self, event: yaml.CollectionStartEvent, keys: dict[str, Scalar] | None) -> None:
        if len(self._stack) >= limits.DEPTH:
            fail(Code.LIMIT, f"nested deeper than {limits.DEPTH}", self._span(event))
        if self._stack and self._stack[-1].awaits_key:
            from netspec.text.yaml_errors.refused import collection_as_key

            raise self._refused(collection_as_key(self.source, _index(event.start_mark)))
        self._stack.append(_Open(_index(event.start_mark), bool(event.flow_style), keys))

    def _close(self, event: yaml.Event) -> Tree:
        top = self._stack.pop()
        end = _index(event.end_mark)
        children = [value for _, value in top.items] if top.keys is not None else top.values
        if not top.flow and children:
            # For the parser a block ends where the next entry begins, comments included.
            end = max(children[-1].span.end, top.items[-1][0].span.end if top.items else 0)
        span = Span(self.source, top.start, end)
        if top.keys is None:
            return Sequence(tuple(top.values), span)
        self._refuse_comma_trap(top)
        self._refuse_twins(top)
        return Mapping(tuple(top.items), span)

    def _add(self, value: Tree) -> None:
        if not self._stack:
            self.root = value
            return
        top = self._stack[-1]
        if top.keys is None:
            top.values.append(value)
        elif top.key is None:
            assert isinstance(value, Scalar)
            top.key = self._checked_key(value, top.keys)
        else:
            if top.flow and _is_empty(value) and not top.key.quoted:
                self._refuse(texts.odd_key(top.key.span))
            top.items.append((top.key, value))
            top.key = None

    def _checked_key(self, key: Scalar, seen: dict[str, Scalar]) -> Scalar:
        if key.text == "<<" and not key.quoted:
            message = "a merge key is not part of netspec"
            fail(Code.LEFT_OUT, message, key.span, "write the keys out")
        if not (key.quoted or self._has_odd_key) and _BRACKET.search(key.text):
            self._has_odd_key = True  # to look at each would take quadratic time
            from netspec.text.yaml_errors.refused import bracket_in_key

            if found := bracket_in_key(self.source, key.span.start):
                raise self._refused(found)
        if key.quoted:
            trial = Sink()
            is_plain = resolve(key.text, key.span, trial) == key.text and not trial.failed
            plain = writing(key.span, key.text, "write it without quotes", safe=True)
            help = plain if is_plain else RENAME
            self.sink.error(Code.LEFT_OUT, "a quoted key", key.span, help=help)
        return seen.setdefault(key.text, key) and key

    def _refuse_twins(self, top: _Open) -> None:
        first: dict[str, tuple[Scalar, Tree]] = {}
        for entry in top.items:
            twin = first.setdefault(entry[0].text, entry)
            if twin is not entry:
                self.sink.add(texts.key_twice(entry[0].text, *map(_entry_span, (twin, entry))))

    def _refuse_comma_trap(self, top: _Open) -> None:
        """`{a: conv(64, 1)}` is two entries for YAML: `a: conv(64` and `1): null`.

        So is `{conv(64, 1)}`: `conv(64: null` and `1): null`.
        """
        for (name, value), (key, empty) in pairwise(top.items):
            start = name if _is_empty(value) else value
            if not (isinstance(start, Scalar) and isinstance(start.value, str)):
                continue
            if "(" in start.text and _is_empty(empty) and key.text.endswith(")"):
                span = Span(self.source, start.span.start, key.span.end)
                op, _, first = start.text.partition("(")
                text = f"{op}: [{first}, {key.text[:-1]}]"
                # Where the call is the key, the braces are there.
                new = text if start is name else f"{{{text}}}"
                help = writing(span, new, f"did you mean `{{{text}}}`?", safe=True)
                self.sink.error(Code.ROUND_CALL, "a call in round brackets", span, help=help)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        span = self._span(event)
        top = self._stack[-1] if self._stack else _Open(0, False, None)
        is_quoted = not event.implicit[0]
        if is_quoted or self._has_joiners:
            self._refuse_joiner(event.value, span, top)
        if is_quoted:
            return Scalar(event.value, span, quoted=True)
        is_key = top.awaits_key
        if texts.SUSPECT.search(event.value) and not is_key and not top.holds(_FREE):
            self._refuse(texts.odd_text(span, top.keys is None, top.flow))
        return Scalar(resolve(event.value, span, self.sink, RENAME if is_key else ""), span)

    def _refuse_joiner(self, text: str, span: Span, top: _Open) -> None:
        found = JOINER.search(text)
        if found is None or top.holds(_SENTENCES):
            return
        place = span.text.find(found[0])
        at = Span(self.source, span.start + place, span.start + place + 1) if place >= 0 else span
        message = f"a joiner {code_point(found)} outside of a `doc`"
        help = writing(at, "", "delete it", safe=True) if place >= 0 else "delete it"
        self.sink.error(Code.INVISIBLE, message, at, help=help)

    def _refuse(self, diagnostic: Diagnostic | None) -> None:
        if diagnostic is not None:
            self.sink.add(diagnostic)


def _entry_span(entry: tuple[Scalar, Tree]) -> tuple[Span, Span]:
    return entry[0].span, entry[1].span


def _is_empty(tree: Tree) -> bool:
    """Tell whether nothing stands where a value could."""
    return isinstance(tree, Scalar) and tree.span.start == tree.span.end


def scalars(tree: Tree) -> Iterator[Scalar]:
    """Yield every key and scalar value of a tree in the order of the file."""
    match tree:
        case Scalar():
            yield tree
        case Sequence():
            for item in tree.items:
                yield from scalars(item)
        case Mapping():
            for key, value in tree.items:
                yield key
                yield from scalars(value)
