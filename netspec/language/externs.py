"""The section `externs`: classes that a spec declares and never imports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import replace
from keyword import iskeyword

from netspec.language.grammar import ExternKeys
from netspec.language.keys import Reading, as_mapping, corrected, read_known, refuse_form
from netspec.language.model import Extern
from netspec.language.names import check_name
from netspec.language.terms import Argument, Param
from netspec.language.values import Scope, read_argument
from netspec.ops.dim import Expr
from netspec.ops.extern import Declared, measures
from netspec.ops.own import is_importable
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span
from netspec.text.fixes import cure, either, without
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree, entries

SAME = "same"
_KEY = re.compile(r"\w+(\.\w+)*", re.ASCII)
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)


def read_externs(tree: Mapping | None, blocks: Table[str, Span], sink: Sink) -> dict[str, Extern]:
    """Return the externs of a spec; `blocks` are names that none may have."""
    found = {}
    for key, value in entries(tree):
        check_name(sink, key.text, key.span, "extern")
        if place := blocks.get(key.text):
            notes = (Label(place, "the block"),)
            message = f"an extern and a block are called `{key.text}`"
            help = "rename the block"
            sink.add(Diagnostic(Code.CLASH, message, key.span, notes=notes, help=help))
        what = f"the extern `{key.text}`"
        mapping = as_mapping(value, sink, what)
        if mapping:
            keys = corrected(ExternKeys, mapping, what, sink)
            said = read_known(ExternKeys, keys, "an extern", Reading(sink))
            found[key.text] = _Reader(said, sink).read(key)
    return found


def warn_unused(scope: Scope, sink: Sink) -> None:
    """Warn of parameters that no expression uses."""
    for name, param in scope.params.items():
        if name not in scope.used:
            message = f"no expression uses the parameter `{name}`"
            help = either(cure("delete it", without(param.span)), f"use it as `${name}`")
            mistake = Diagnostic(Code.UNUSED_PARAM, message, param.span, help=help)
            sink.add(replace(mistake, severity="warning"))


class _Reader:
    """Reads one extern, in whose expressions its parameters and its inputs' sizes have names."""

    def __init__(self, said: ExternKeys, sink: Sink) -> None:
        self.said, self.sink = said, sink
        self.scope = Scope(said.params, None, measures(said.inputs))

    def read(self, key: Scalar) -> Extern:
        said = self.said
        package = said.package.text if said.package else "none"
        if said.package and not is_importable(package):
            message = f"generated code cannot import `{package[:80]}`"
            help = "write the name of a module, such as mylib.layers"
            self.sink.error(Code.NAME, message, said.package.span, help=help)
        params = tuple((x.name, self._default(x)) for x in said.params.values())
        arguments = tuple(self._arguments())
        declared = Declared(
            key.text,
            package,
            params,
            said.inputs,
            arguments if said.arguments else self._by_name(),
            self._shape(said.shape),
            tuple(self._tensors(said.weights)),
            tuple(self._tensors(said.buffers)),
            self._macs(said.macs),
        )
        warn_unused(self.scope, self.sink)
        return Extern(declared, key.span, said.package.span if said.package else key.span, said.doc)

    def _default(self, param: Param) -> int | float | bool | None:
        if not isinstance(param.default, str):
            return param.default
        message = f"the default of `{param.name}` is no number: `{param.default}`"
        self.sink.error(Code.RANGE, message, param.span)
        return 0

    def _by_name(self) -> tuple[tuple[str, object], ...]:
        """Return what the constructor takes where nothing is said: the parameters."""
        self.scope.used |= self.said.params.keys()
        return tuple((name, Expr("name", (name,))) for name in self.said.params)

    def _arguments(self) -> Iterator[tuple[str, object]]:
        for key, value in entries(self.said.arguments):
            if not _NAME.fullmatch(key.text) or iskeyword(key.text):
                message = f"`{key.text[:80]}` names no argument of a constructor"
                self.sink.error(Code.NAME, message, key.span)
            given = self._value(value)
            if isinstance(given, str) and not _WORD.fullmatch(given):
                message = "an argument is a number, an expression, `true`, `false` or a word"
                self.sink.error(Code.RANGE, message, value.span)
            elif isinstance(given, tuple):
                refuse_form(value, "an argument of a constructor is one value", self.sink)
            else:
                yield key.text, given

    def _value(self, tree: Tree) -> object:
        argument: Argument | None = read_argument(tree, self.scope, self.sink)
        return argument.value if argument else 1

    def _macs(self, tree: Tree | None) -> int | Expr:
        value = self._value(tree) if tree else 0
        if isinstance(value, Expr) or (type(value) is int and value >= 0):
            return value
        assert tree is not None
        message = "`macs` expects an integer of 0 or more, or an expression"
        self.sink.error(Code.RANGE, message, tree.span, help="for example `macs: 2 * $in_channels`")
        return 0

    def _shape(self, tree: Tree | None) -> tuple[int | Expr | None, ...] | None:
        if tree is None or (isinstance(tree, Scalar) and tree.value == SAME):
            return None
        if not isinstance(tree, Sequence) or not tree.items:
            help = "for example `shape: [$out, null, null]`; null keeps the input's size"
            refuse_form(tree, "`shape` expects `same` or a list of sizes", self.sink, help)
            return None
        return tuple(
            None if isinstance(x, Scalar) and x.span.text == "null" else self._size(x)
            for x in tree.items
        )

    def _size(self, tree: Tree) -> int | Expr:
        value = self._value(tree)
        if isinstance(value, Expr) or (type(value) is int and value > 0):
            return value
        refuse_form(tree, "a size is a positive integer or an expression", self.sink)
        return 1

    def _tensors(self, tree: Mapping | None) -> Iterator[tuple[str, tuple[int | Expr, ...]]]:
        for key, value in entries(tree):
            if not _KEY.fullmatch(key.text):
                message = f"`{key.text[:80]}` is no key of a state_dict"
                help = "write it as the class has it, for example `fc1.weight`"
                self.sink.error(Code.NAME, message, key.span, help=help)
            if isinstance(value, Sequence):
                yield key.text, tuple(map(self._size, value.items))
            else:
                help = "for example `[$squeeze, $in_channels, 1, 1]`"
                refuse_form(value, f"`{key.text[:80]}` expects a shape", self.sink, help)
