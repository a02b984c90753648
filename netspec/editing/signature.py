"""Which argument stands at an offset, and what the op or block takes, while it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from netspec.editing.loose import read_loosely
from netspec.editing.walk import Place, Walk
from netspec.editing.workspace import Document
from netspec.emit.opsdoc import argument
from netspec.language.keys import Reading
from netspec.language.schema.ops import describe
from netspec.language.signature import Parameters
from netspec.language.terms import Param
from netspec.ops.arguments import bare
from netspec.ops.base import REGISTRY
from netspec.text.diagnostics import Sink, Span, escape
from netspec.text.syntax import Entry, Scalar, Tree, entries
from netspec.text.syntax import Mapping as Table
from netspec.text.syntax import Sequence as List

T = TypeVar("T")


class Parameter(NamedTuple):
    """An argument: where it stands in the label, and a text about it."""

    start: int
    end: int
    text: str


class Signature(NamedTuple):
    """A call as it is written, a text about it, and which argument is at the cursor, if any."""

    label: str
    text: str
    parameters: Sequence[Parameter]
    active: int | None


class _Callee(NamedTuple):
    """What is called: its arguments as they are declared, each with a text, by name."""

    name: str
    text: str
    arguments: Mapping[str, tuple[str, str]]


def signature(document: Document, offset: int) -> Signature | None:
    """Return what the call around an offset takes; the text need not be YAML yet."""
    tree = read_loosely(document.source)
    calls = {place.span for place in Walk(_whole(tree)).found if _is_call(place)}
    around = [*_around(tree, offset)]
    for level, (table, (key, value)) in reversed([*enumerate(around)]):
        if key.text == "first" and around[level + 1 :]:
            key, value = around[level + 1][1]
        call = next((item[0] for item in table.items if item[0].span in calls), None)
        if call is not None:
            callee = _callee(document, tree, call.text)
            if callee is None or not _is_inside(key, value, offset):
                return None
            names = [*callee.arguments]
            if key is call:
                return _signature(callee, _commas(value, offset))
            return _signature(callee, names.index(key.text)) if key.text in names else None
    return None


def _is_call(place: Place) -> bool:
    return place.kind in ("op", "block") and place.span != place.target


def _whole(tree: Tree) -> Tree:
    """Return a spec, or of a variant one whose layers are those that it changes and inserts."""
    patches = [value for key, value in entries(tree) if key.text in ("change", "insert")]
    if not patches:
        return tree
    layers = Table(tuple(entry for patch in patches for entry in entries(patch)), tree.span)
    return Table((*entries(tree), (Scalar("graph", tree.span), layers)), tree.span)


# ------------------------------------------------------------------ where the cursor is


def _around(tree: Tree, offset: int) -> Iterator[tuple[Table, Entry]]:
    """Yield the mappings around an offset, and the entry in which it lies, the outermost first."""
    inner: Tree | None = tree
    while inner is not None and not _is_closed(inner, offset):
        if isinstance(inner, Table):
            entry = _last(inner.items, offset, lambda item: item[0].span.end + 1)
            if entry:
                yield inner, entry
            inner = entry[1] if entry else None
        else:
            items = inner.items if isinstance(inner, List) else ()
            inner = _last(items, offset, lambda item: item.span.start)


def _last(items: Sequence[T], offset: int, start: Callable[[T], int]) -> T | None:
    """Return the last of the items that start before an offset."""
    return next((item for item in reversed(items) if start(item) <= offset), None)


def _is_closed(tree: Tree, offset: int) -> bool:
    """Tell whether brackets are closed before an offset."""
    text = tree.span.text
    is_whole = text[:1] + text[-1:] in ("[]", "{}")
    return not isinstance(tree, Scalar) and is_whole and offset >= tree.span.end


def _is_inside(key: Scalar, value: Tree, offset: int) -> bool:
    """Tell whether a cursor is at a value, and not on a line below it or behind a comma."""
    rest = value.span.source.text[value.span.end : offset]
    is_open = isinstance(value, List) and value.span.text[:1] == "[" and not rest.strip()
    here = Span(key.span.source, offset, offset)
    is_below = "\n" in rest and not (is_open and here.column > key.span.column)
    return not (is_below or "," in rest or _is_closed(value, offset))


def _commas(value: Tree, offset: int) -> int:
    """Return how many items of a list stand before an offset."""
    if not isinstance(value, List):
        return 0
    if value.span.text[:1] != "[":
        return max(sum(item.span.start <= offset for item in value.items) - 1, 0)
    ends = [value.span.start + 1, *(item.span.end for item in value.items)]
    starts = [*(item.span.start for item in value.items), offset]
    text = value.span.source.text
    gaps = zip(ends, starts, strict=True)
    return sum(text[end : min(start, offset)].count(",") for end, start in gaps if end < offset)


# ------------------------------------------------------------------ what is called


def _callee(document: Document, tree: Tree, name: str) -> _Callee | None:
    """Return what has a name: a block or an extern of the text, of what it extends, or an op."""
    sections = {key.text: value for key, value in entries(tree)}
    said = [entry for x in ("blocks", "externs") for entry in entries(sections.get(x))]
    own = next((value for key, value in said if key.text == name), None)
    if own is not None:
        parts = {key.text: value for key, value in entries(own)}
        params = Parameters().read(parts["params"], Reading(Sink())) if "params" in parts else {}
        doc = parts.get("doc")
        return _block(name, params, doc.text if isinstance(doc, Scalar) else "")
    spec = document.good.spec if document.good else None
    if spec and name in spec.blocks:
        return _block(name, spec.blocks[name].params, spec.blocks[name].doc)
    with REGISTRY.enabled(spec.ops if spec else {}):
        cls = REGISTRY.get(name)
    if cls is None:
        return None
    fields = cls.model_fields.items()
    found = {
        key: (key if field.is_required() else f"{key}={bare(field.default)}", argument(field))
        for key, field in fields
    }
    return _Callee(name, " ".join(describe(cls).split()), found)


def _block(name: str, params: Mapping[str, Param], doc: str) -> _Callee:
    arguments = {}
    for param in params.values():
        default = "required" if param.default is None else f"default {bare(param.default)}"
        arguments[param.name] = declared(param), f"a parameter of {name}; {default}"
    return _Callee(name, " ".join(doc.split()), arguments)


def declared(param: Param) -> str:
    """Write a parameter as a block declares it."""
    return param.name if param.default is None else f"{param.name}={bare(param.default)}"


def _signature(callee: _Callee, active: int) -> Signature:
    """Return the label of a call with the place of each argument in it."""
    label = f"{callee.name}: ["
    parameters: list[Parameter] = []
    for text, about in callee.arguments.values():
        label += ", " * bool(parameters)
        parameters.append(Parameter(len(label), len(label) + len(text), escape(about)))
        label += text
    place = active if 0 <= active < len(parameters) else None
    return Signature(f"{label}]", escape(callee.text), parameters, place)
