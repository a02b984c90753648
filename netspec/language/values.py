"""Scalars and lists of a tree → values: numbers, words, and expressions over known parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as Table
from collections.abc import Sequence as Items

from netspec.language.aliases import argument_meant
from netspec.language.names import WIDTH
from netspec.language.terms import INDEX, Argument, Param, Value
from netspec.ops.dim import ExprError, names, parse
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span, likely, listed, meant, nearest
from netspec.text.fixes import writing
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree


class Scope:
    """The parameters that an expression may use, and those that some expression has used."""

    def __init__(
        self, params: Table[str, Param], outer: Scope | None = None, widths: Iterable[str] = ()
    ) -> None:
        self.params = params
        self.outer = outer
        self.widths = tuple(widths)
        """What the widths of a block's inputs are called."""
        self.used: set[str] = set()
        self.measured: dict[str, Span] = {}
        """The widths that some expression has used, and where the first one did."""
        self.layers: set[str] = set()
        """Names of layers that stand in the same body, for hints."""

    def use(self, name: str, place: Span) -> bool:
        """Note a use; tell whether the parameter, or the width of an input, exists."""
        if name in self.params:
            self.used.add(name)
            return True
        if name in self.widths:
            self.measured.setdefault(name, place)
            return True
        return self.outer is not None and self.outer.use(name, place)

    def of_copies(self, span: Span) -> Scope:
        """Return the scope of the arguments of copies, in which `$i` is the number of each."""
        inner = Scope({INDEX: Param(INDEX, 0, span)}, self)
        inner.layers = self.layers
        return inner

    def all(self) -> dict[str, Param]:
        """Return every visible parameter, the innermost first."""
        outer = self.outer.all() if self.outer else {}
        return {**self.params, **outer, **self.params}  # in front, and hiding those of the outer


def read_argument(tree: Tree, scope: Scope, sink: Sink) -> Argument | None:
    """Return a value with its place, or None after reporting why it is none."""
    before = len(sink.items)
    value = _value(tree, scope, sink)
    return Argument(value, tree.span) if len(sink.items) == before else None


def _value(tree: Tree, scope: Scope, sink: Sink) -> Value:
    match tree:
        case Mapping():
            texts = [f"{key.span.text}, {value.span.text}" for key, value in tree.items]
            is_plain = len(texts) == 1 and isinstance(tree.items[0][1], Scalar)
            help = writing(tree.span, texts[0]) if is_plain else ""
            message = "expected a value or a list, found a mapping"
            sink.error(Code.FORM, message, tree.span, help=help)
            return None
        case Sequence():
            if refuse_round(tree.items, sink):
                return None
            return tuple(_value(item, scope, sink) for item in tree.items)
    if tree.value is None and tree.span.start == tree.span.end:
        help = "write it, or `[]` for no arguments"
        sink.error(Code.FORM, "a value is missing", tree.span, help=help)
    if isinstance(tree.value, str) and "$" in tree.value:
        return expression(tree, scope, sink)
    return tree.value


def expression(tree: Scalar, scope: Scope, sink: Sink) -> Value:
    """Read an expression whose text starts where the scalar does."""
    start = tree.span.start + tree.quoted
    try:
        result = parse(tree.text)
    except ExprError as error:
        end = len(tree.text) if error.end is None else error.end
        first = start + error.start
        span = Span(tree.span.source, first, max(start + end, first + 1))
        help = _meant(tree, error, scope)
        sink.error(Code.EXPRESSION, f"not an expression: {error.message}", span, help=help)
        return None
    for name in dict.fromkeys(names(result)):
        match = re.search(rf"\${name}\b", tree.text)
        at = start + (match.start() if match else 0)
        place = Span(tree.span.source, at, at + 1 + len(name))
        if not scope.use(name, place):
            _refuse_name(name, place, scope, sink)
    return result


def _meant(tree: Scalar, error: ExprError, scope: Scope) -> str:
    """Return the cure of what is no expression."""
    text = tree.text
    bare = text.strip("$ {}")
    if bare.isidentifier() and (found := nearest(bare, scope.all())):
        return meant([f"${found[0]}"], text, tree.span)
    wrong = text[error.start : error.end]
    if wrong in _CURES:
        return _CURES[wrong]
    if wrong == ".":
        return "a decimal has digits on both sides of its point: `0.5`"
    return "an expression has numbers, `$names`, + - * / // % and ( )"


_CURES = {
    "**": "there is no power; write a product",
    "^": "there is no power; write a product",
}


def refuse_round(items: Items[Tree], sink: Sink) -> bool:
    """Report `[64, (3, 3)]`, where round brackets stand for a list; tell whether they do."""
    start = None
    for item in items:  # to YAML, `(3` and `3)` are two texts
        text = item.text if isinstance(item, Scalar) and not item.quoted else ""
        start = item if text.startswith("(") and ")" not in text and "$" not in text else start
        if start and text.endswith(")") and "(" not in text:
            span = Span(item.span.source, start.span.start, item.span.end)
            text = f"[{span.text[1:-1]}]"
            help = writing(span, text, f"a list has square brackets: `{text}`", safe=True)
            sink.error(Code.ROUND_CALL, "a list in round brackets", span, help=help)
            return True
    return False


def _refuse_name(name: str, span: Span, scope: Scope, sink: Sink) -> None:
    known = scope.all()
    near = likely(name, [*known, *scope.widths])
    guesses = tuple(f"${text}" for text in known)
    if WIDTH.fullmatch(name):
        help = _width_meant(name, span, scope)
    elif found := near or list(filter(None, [argument_meant(name, known)])):
        help = meant([f"${text}" for text in found], place=span)
    elif known:
        help = f"known here: {listed(guesses)}"
    else:
        help = f"declare it: `params: {{{name}: 8}}`"
    notes = tuple(Label(known[x].span, f"`{x}` stands here") for x in near if x in known)
    message = f"no parameter is called `${name}`"
    if name == INDEX:
        message = "`$i` is the number of a copy, and this is no argument of copies"
        help = "it stands in the arguments of a layer with `repeat:` or `splice:`; a block gets it "
        help += "as a parameter"
    if WIDTH.fullmatch(name) and not scope.widths:
        message = f"`${name}` is the width of a block's input: outside of blocks it has no name"
    sink.add(Diagnostic(Code.UNKNOWN_PARAM, message, span, notes=notes, help=help, guesses=guesses))


def _width_meant(name: str, span: Span, scope: Scope) -> str:
    """Return the cure of a width that has no such name here."""
    if not scope.widths:
        return "write the number here"
    like = [text for text in scope.widths if text.endswith(name[-9:])] or [*scope.widths]
    return meant([f"${text}" for text in like[:8]], place=span)
