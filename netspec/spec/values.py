"""Scalars and lists of a tree → values: numbers, words, and expressions over known parameters."""

from __future__ import annotations

from collections.abc import Collection

from netspec.diagnostics import Sink, Span, suggest
from netspec.dim import ExprError, names, parse
from netspec.spec.model import Argument, Value
from netspec.syntax import Mapping, Scalar, Sequence, Tree


class Scope:
    """The parameters that an expression may use, and those that some expression has used."""

    def __init__(self, params: Collection[str], outer: Scope | None = None) -> None:
        self.params = params
        self.outer = outer
        self.used: set[str] = set()

    def use(self, name: str) -> bool:
        """Note a use; tell whether the parameter exists."""
        if name in self.params:
            self.used.add(name)
            return True
        return self.outer is not None and self.outer.use(name)

    def all(self) -> list[str]:
        """Return every visible parameter, the innermost first."""
        return [*self.params, *(self.outer.all() if self.outer else ())]


def read_argument(tree: Tree, scope: Scope, sink: Sink) -> Argument | None:
    """Return a value with its place, or None after reporting why it is none."""
    before = len(sink.items)
    value = _value(tree, scope, sink)
    return Argument(value, tree.span) if len(sink.items) == before else None


def _value(tree: Tree, scope: Scope, sink: Sink) -> Value:
    match tree:
        case Mapping():
            sink.error("NS012", "expected a value or a list, found a mapping", tree.span)
            return None
        case Sequence():
            return tuple(_value(item, scope, sink) for item in tree.items)
    if tree.value is None and tree.span.start == tree.span.end:
        sink.error("NS012", "a value is missing", tree.span, help="`[]` stands for no arguments")
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
        span = Span(
            tree.span.source, start + error.start, max(start + end, start + error.start + 1)
        )
        sink.error("NS016", f"not an expression: {error.message}", span, help=_EXPRESSIONS)
        return None
    for name in dict.fromkeys(names(result)):
        if not scope.use(name):
            where = start + tree.text.index("$" + name)
            span = Span(tree.span.source, where, where + 1 + len(name))
            help = suggest(name, scope.all()).replace("`", "`$", 1) or _known(scope)
            sink.error("NS017", f"no parameter is called `${name}`", span, help=help)
    return result


_EXPRESSIONS = "an expression has integers, `$names`, + - * // % and ( )"


def _known(scope: Scope) -> str:
    found = scope.all()
    return "known here: " + ", ".join(f"`${name}`" for name in found[:12]) if found else ""
