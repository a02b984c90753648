"""What a word that is being typed may become."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from netspec.editing.accepted import LAYER, Accepted, declared, needed
from netspec.editing.cursor import MARK, Cursor, cursor_at
from netspec.editing.known import Known, Name
from netspec.editing.workspace import Document
from netspec.emit.report.markup import md
from netspec.language.extras import Sources
from netspec.language.grammar import PlaceKeys
from netspec.language.keys import Schema
from netspec.language.kinds import REF
from netspec.language.names import NAME
from netspec.language.project import check_extended
from netspec.language.schema.ops import about as described
from netspec.language.schema.ops import signature
from netspec.language.signature import Parameters
from netspec.language.variant.lineage import LoadError
from netspec.ops.arguments import EXPRESSION, bare
from netspec.ops.base import REGISTRY
from netspec.ops.fillers import FILLERS
from netspec.text.diagnostics import Span
from netspec.text.syntax import Mapping

Kind = Literal[
    "op", "block", "argument", "key", "layer", "param", "value", "function", "path", "file"
]
MOST = 500
"""So many are offered; typing on finds others."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A word, and the edit that writes it: `text` in place of `span`.

    `snippet` is `text` with places to fill in, `${1:out_channels}`, for editors that know them.
    """

    label: str
    kind: Kind
    span: Span
    text: str
    snippet: str = ""
    detail: str = ""
    documentation: str = ""
    """In Markdown."""


def completions(
    document: Document, offset: int, files: Callable[[], Iterable[str]] = tuple
) -> Sequence[Completion]:
    """Return what may stand at an offset, the likeliest first.

    `files` gives the paths that `extends` may name, relative to the document.
    """
    cursor = cursor_at(document.source, offset)
    if cursor is None:
        return []
    found: dict[str, Completion] = {}
    for item in _Offers(cursor, Known(document, cursor), files).all():
        if _fits(cursor.typed, item.label):
            found.setdefault(item.label, item)
    typed = cursor.typed.lower()
    return sorted(found.values(), key=lambda item: not item.label.lower().startswith(typed))[:MOST]


def _fits(typed: str, label: str) -> bool:
    """Tell whether the letters that were typed stand in a word, in their order."""
    letters = iter(label.lower())
    return all(letter in letters for letter in typed.lower())


class _Offers:
    """All that may stand at a cursor."""

    def __init__(self, cursor: Cursor, known: Known, files: Callable[[], Iterable[str]]) -> None:
        self.cursor, self.known, self.files = cursor, known, files
        self.accepted = Accepted(known.callable, known.rank)

    def all(self) -> Iterator[Completion]:
        schemas = self.accepted.at(self.cursor)
        if self.cursor.is_key or self.cursor.is_alone:
            yield from self._keys(schemas)
        if not self.cursor.is_key:
            yield from self._values(schemas)

    def _offer(self, label: str, kind: Kind, text: str = "", **words: str) -> Completion:
        return Completion(label, kind, self.cursor.word, text or label, **words)

    def _names(self, kind: Kind, names: Iterable[Name]) -> Iterator[Completion]:
        fitting = (name for name in names if _fits(self.cursor.typed, name.text))
        fitting = (name for name in fitting if _NAME.fullmatch(name.text))
        for name in islice(fitting, MOST):
            shape = self.known.shape(name.span) if name.span else ""
            detail = "  ".join(filter(None, (shape, name.what)))
            yield self._offer(name.text, kind, detail=detail)

    # -------------------------------------------------------------- keys

    def _keys(self, schemas: Sequence[Schema]) -> Iterator[Completion]:
        node = self.cursor.trail[-1].node
        items = node.items if self.cursor.is_key and isinstance(node, Mapping) else ()
        written = {key.text for key, _ in items if key is not self.cursor.mark}
        for name in self._named_keys():
            kind: Kind = "param" if self._head == "params" else "path"
            yield self._key(name.text, kind, detail=name.what)
        fitting = [item for item in schemas if _holds(item, written)]
        for schema in fitting or schemas:
            for key, inner in schema.get("properties", {}).items():
                if key in written:
                    continue
                if self.accepted.is_call(key, inner):
                    yield self._call(key, inner)
                else:
                    about = inner.get("description", "")
                    yield self._key(key, _kind_of_key(key, inner), documentation=about)

    def _named_keys(self) -> Iterable[Name]:
        """Return the names of another file that may stand as keys."""
        is_shallow = len(self.cursor.trail) == (2 if self.cursor.is_key else 1)
        if is_shallow and self._head in ("change", "insert"):
            return self.known.paths(self._head == "insert")
        return self.known.values() if is_shallow and self._head == "params" else ()

    @property
    def _head(self) -> str:
        """The section in which the cursor stands."""
        return self.cursor.trail[0].key

    def _key(self, key: str, kind: Kind, **words: str) -> Completion:
        is_open = self.cursor.has_colon or key.endswith(".")
        return self._offer(key, kind, key if is_open else f"{key}: ", **words)

    # -------------------------------------------------------------- calls

    def _call(self, name: str, schema: Schema, may_be_bare: bool = True) -> Completion:
        """Offer an op or a block: as a key with its arguments, or as a whole layer."""
        cls, block = REGISTRY.get(name), self.known.blocks.get(name)
        if block is not None:
            kind: Kind = "block"
            wanted, detail = needed(block), ", ".join(declared(block))
            about = md(" ".join(schema.get("description", "").split()))
        else:
            assert cls
            kind = "op"
            wanted = [key for key, field in cls.model_fields.items() if field.is_required()]
            detail, about = signature(cls), described(cls)
        joins = ", from: [{}]" if cls and not block and min(cls.reads) > 1 else ""
        words = {"detail": detail, "documentation": about}
        is_bare = may_be_bare and not (self.cursor.is_key or wanted or joins)
        if self.cursor.has_colon or is_bare:
            return self._offer(name, kind, **words)
        around = "{}" if self.cursor.is_key else "{{{}}}"
        text, snippet = (
            around.format(f"{name}: {arguments}{joins.format(sources)}")
            for arguments, sources in (("[]", ""), (_places(wanted), "$0"))
        )
        return self._offer(name, kind, text, snippet=snippet, **words)

    # -------------------------------------------------------------- values

    def _values(self, schemas: Sequence[Schema]) -> Iterator[Completion]:
        word = self.cursor.word.text
        patterns = {schema.get("pattern") for schema in schemas}
        if self._head == "extends":
            yield from self._files()
        if self._head == "remove":
            yield from self._names("path", self.known.paths(is_new=False))
        if word.startswith("$") or EXPRESSION["pattern"] in patterns:
            names = self.known.dollars()
            yield from self._names("param", (Name(f"${name.text}", name.what) for name in names))
        if word.startswith("$") or not self._is_whole:
            return
        if patterns & _REFERENCES:
            is_anchor = self._head == "insert" and self.cursor.trail[-1].key in PlaceKeys.kinds()
            layers = self.known.anchors() if is_anchor else self.known.layers()
            yield from self._names("layer", layers)
        for schema in schemas:
            texts = self._defaults() if schema.get("pattern") == _PARAMETER else _words(schema)
            for text in texts:
                yield self._offer(text, _kind_of_word(text, self.known))
            if schema is LAYER:
                for name, properties in self.accepted.calls.items():
                    # Where a word is what is read, a layer has its braces.
                    yield self._call(name, properties[name], not patterns & _REFERENCES)

    @property
    def _is_whole(self) -> bool:
        """Tell whether the word is a value by itself, or a side of a comparison."""
        before, _, after = self.cursor.mark.text.partition(MARK)
        return not after and before.rstrip()[-1:] in ("", "=")

    def _defaults(self) -> list[str]:
        """Return what a parameter of a block may be by default, behind its name."""
        is_behind = "=" in self.cursor.mark.text
        return ["true", "false", *self.accepted.makers] if is_behind else []

    def _files(self) -> Iterator[Completion]:
        """Offer paths, which take the place of all that stands behind `extends:`."""
        word, mark = self.cursor.word, self.cursor.mark.span
        rest = mark.end - word.start - len(MARK)
        span = word._replace(start=mark.start, end=word.end + rest)
        for path in self.files():
            if _may_extend(path):
                text = path if _PLAIN.fullmatch(path) else json.dumps(path)
                yield Completion(path, "file", span, text)


_NAME = re.compile(rf"\$?{NAME}(\.\w*)*", re.ASCII)
"""What may be offered of the names in a text, which may hold any."""
_PLAIN = re.compile(r"[\w./][\w./-]*")
_REFERENCES = {REF["pattern"], Sources.schema["anyOf"][0]["pattern"]}
_PARAMETER = Parameters.schema["items"]["pattern"]


def _may_extend(path: str) -> bool:
    """Tell whether `extends` takes a path."""
    try:
        check_extended(path)
    except LoadError:
        return False
    return True


def _holds(schema: Schema, written: set[str]) -> bool:
    """Tell whether all keys that are written may stand in a mapping."""
    return written <= {*schema.get("properties", ())}


_CONSTANTS: dict[str, list[object]] = {"boolean": [True, False], "null": [None]}


def _words(schema: Schema) -> Iterator[str]:
    """Yield the words that a schema knows."""
    kinds = schema.get("type", ())
    for kind in (kinds,) if isinstance(kinds, str) else kinds:
        yield from map(bare, _CONSTANTS.get(kind, ()))
    yield from map(bare, schema.get("enum", ()))
    if isinstance(schema.get("const"), str):
        yield schema["const"]


def _kind_of_key(key: str, schema: Schema) -> Kind:
    return (
        "function"
        if key in FILLERS
        else "op"
        if key in REGISTRY
        else "argument"
        if schema.get("argument")
        else "key"
    )


def _kind_of_word(text: str, known: Known) -> Kind:
    return "block" if text in known.blocks else "function" if text in FILLERS else "value"


def _places(arguments: Sequence[str]) -> str:
    """Write arguments as places to fill in."""
    places = [f"${{{number}:{name}}}" for number, name in enumerate(arguments, 1)]
    return places[0] if len(places) == 1 else f"[{', '.join(places)}]"
