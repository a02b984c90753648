"""What a use of a block must give: kinds of a block's keys `params` and `inputs`."""

from __future__ import annotations

import re
from typing import ClassVar

from netspec.language.keys import Kind, Reading, Schema, is_words, refuse_form, words_of
from netspec.language.kinds import REFS
from netspec.language.names import NAME, check_name
from netspec.language.terms import Param, Ref
from netspec.ops.own import OWN_NAME
from netspec.text.codes import Code
from netspec.text.diagnostics import Sink, Span
from netspec.text.plain import resolve
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree


class Parameters(Kind[Tree]):
    """A list of `name`, `name=number` and `name=op`."""

    schema: ClassVar[Schema] = {
        "type": "array",
        "items": {"type": "string", "pattern": rf"^\s*{NAME}\s*(=|$)"},
    }

    def read(self, tree: Tree, reading: Reading) -> dict[str, Param]:
        sink = reading.sink
        params: dict[str, Param] = {}
        behind_default = False
        for item in _listed(tree, sink):
            param = _read_param(item, sink)
            if param.name in params:
                sink.error(Code.TWICE, f"the parameter `{param.name}` stands twice", param.span)
            if param.default is None and behind_default:
                message = f"`{param.name}` without a default follows one with a default"
                help = "give it one too, or put it in front"
                sink.error(Code.FORM, message, param.span, help=help)
                param = Param(param.name, 0, param.span)  # uses may leave it out
            params[param.name] = param
            behind_default = behind_default or param.default is not None
        return params


_WRITTEN = "a parameter is written `name` or `name=number`"
_PARAM = re.compile(r"\s*([^\s=]+)\s*(?:=\s*(\S+)\s*)?")


def _listed(tree: Tree, sink: Sink) -> list[Tree]:
    """Return the parameters of a block as they are to be read, however they were written."""
    if isinstance(tree, Sequence):
        return [_plain(item, sink) for item in tree.items]
    items: list[Tree] = []
    if isinstance(tree, Mapping):
        items = [_assigned(key, value) for key, value in tree.items]
    elif isinstance(tree, Scalar):
        items = [Scalar(word, tree.span) for word in re.findall(r"[A-Za-z][\w=.]*", tree.text)]
    texts = ", ".join(item.text for item in items if isinstance(item, Scalar))
    help = f"write `params: [{texts}]`" if items else ""
    refuse_form(tree, "a block's `params` is a list such as [out, k, s=1]", sink, help)
    return items


def _plain(item: Tree, sink: Sink) -> Tree:
    """Return `s=1` for `s: 1` and `out` for `$out`, reported."""
    if isinstance(item, Mapping) and len(item.items) == 1:
        meant = _assigned(*item.items[0])
        refuse_form(item, _WRITTEN, sink, f"write `{meant.text}`")
        return Scalar(meant.text, item.span)
    if isinstance(item, Scalar) and item.text.startswith("$"):
        message = "a parameter has `$` where it is used, not where it is named"
        sink.error(Code.NAME, message, item.span, help=f"write `{item.text[1:]}`")
        return Scalar(item.text[1:], item.span)
    return item


def _assigned(key: Scalar, value: Tree) -> Scalar:
    given = f"={value.span.text}" if isinstance(value, Scalar) and value.span.text else ""
    return Scalar(key.text + given, key.span)


def _read_param(tree: Tree, sink: Sink) -> Param:
    """Read `name` or `name=number`; one that is wrong is reported, and keeps its place."""
    match = _PARAM.fullmatch(tree.text) if isinstance(tree, Scalar) else None
    if match is None or not isinstance(tree, Scalar) or not isinstance(tree.value, str):
        refuse_form(tree, _WRITTEN, sink)
        return Param(tree.span.text, 0, tree.span)
    check_name(sink, match[1], tree.span, "parameter")
    default = None if match[2] is None else _default(match, tree, sink)
    return Param(match[1], default, tree.span)


def _default(match: re.Match[str], tree: Scalar, sink: Sink) -> int | float | bool | str:
    """Read a parameter's default by the rules of every other number."""
    start = tree.span.start + tree.quoted + match.start(2)
    place = Span(tree.span.source, start, start + len(match[2]))
    before = len(sink.items)
    value = resolve(match[2], place, sink)
    if isinstance(value, int | float):
        return value
    if len(sink.items) == before:
        if re.fullmatch(rf"{NAME}|{OWN_NAME}", match[2]):
            return match[2]  # the name of an op or a block, if a layer calls the parameter
        sink.error(Code.RANGE, f"the default of `{match[1]}` is no number: `{match[2]}`", place)
    return 0


class InputNames(Kind[Tree]):
    """A list of names that a block gives to its inputs."""

    schema: ClassVar[Schema] = REFS

    def read(self, tree: Tree, reading: Reading) -> tuple[str, ...]:
        if not is_words(tree):
            help = "for example `inputs: [image, mask]`"
            refuse_form(tree, "a block's `inputs` is a list of names", reading.sink, help)
        seen: set[str] = set()
        for item in words_of(tree):
            check_name(reading.sink, item.text, item.span, "input")
            if item.text in seen:
                message = f"the input `{item.text}` stands twice"
                reading.sink.error(Code.TWICE, message, item.span)
            seen.add(item.text)
        return tuple(dict.fromkeys(item.text for item in words_of(tree)))


class LayerNames(Kind[Tree]):
    """A list of layers that a use of a block can be read for."""

    schema: ClassVar[Schema] = REFS

    def read(self, tree: Tree, reading: Reading) -> tuple[Ref, ...]:
        if not is_words(tree):
            refuse_outputs(tree.span, reading.sink)
            return ()
        return tuple(Ref(item.text, item.span) for item in words_of(tree))


def refuse_outputs(span: Span, sink: Sink) -> None:
    """Report `outputs` of a block that are no list of layers of its chain."""
    message = "a block's `outputs` lists layers of its `chain`"
    sink.error(Code.FORM, message, span, help="for example `outputs: [low, high]`")
