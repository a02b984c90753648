"""What to type in place of a value that is refused: offered only where it would be accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydantic.fields import FieldInfo

from netspec.language import terms
from netspec.language.values import Scope
from netspec.ops.arguments import Argument, bare
from netspec.ops.dim import Expr, ExprError, parse
from netspec.text.diagnostics import likely, meant
from netspec.text.fixes import writing
from netspec.text.plain import number

_WORDS = {
    **dict.fromkeys(("True", "true", "yes"), True),
    **dict.fromkeys(("False", "false", "no"), False),
}


def cure(argument: terms.Argument, field: FieldInfo, scope: Scope) -> str:
    """Return what to write in place of a value of an op's argument, or nothing."""
    value, place = argument.value, argument.span
    kind = next(item for item in field.metadata if isinstance(item, Argument))
    if isinstance(value, str):
        dollars = with_dollars(value, scope.all())
        if dollars and kind.takes_expression:
            words = f"a parameter is written with `$`: `{dollars}`"
            return writing(place, dollars, words, safe=dollars.replace("$", "") == value)
        known = [word for word in getattr(kind, "words", ()) if isinstance(word, str)]
        known += ["true", "false"] if kind.accepts(True) else []
        if found := likely(value, known):
            return meant(found, place=place)
        if value in scope.layers:
            return f"what a layer reads is said by `from: {value}`"
    fitting = [new for new in _others(value) if kind.accepts(new)]
    if fitting:
        text = bare(fitting[0])
        words = f"write `{text}`{' without quotes' if value == text else ''}"
        return writing(place, text, words, safe=value == text or isinstance(value, float))
    if value in (None, "None") and not field.is_required():
        return f"leave it out; by default it is {bare(field.default)}"
    return ""


def refused(argument: terms.Argument, field: FieldInfo) -> terms.Argument:
    """Return what of an argument is refused: the one item that is wrong, or the whole."""
    kind = next(item for item in field.metadata if isinstance(item, Argument))
    values = argument.value if isinstance(argument.value, tuple) else ()
    odd = [i for i, x in enumerate(values) if not isinstance(x, Expr) and not kind.accepts(x)]
    places = argument.span.items(len(values))
    if len(odd) != 1 or len(values) == 1 or not places:
        return argument
    return terms.Argument(values[odd[0]], places[odd[0]])


def with_dollars(text: str, params: Iterable[str]) -> str:
    """Return an expression that was meant by a text without `$`, or nothing."""
    known = list(params)

    def named(match: re.Match[str]) -> str:
        found = likely(match[0], known)[:1]
        return "$" + (match[0] if match[0] in known else "".join(found))

    if len(text) > 64 or "$" in text:
        return ""
    meant, count = re.subn(r"[A-Za-z]\w*", named, text)
    try:
        parse(meant)
    except ExprError:
        return ""
    return meant if count else ""


def _others(value: object) -> Iterator[object]:
    """Yield what may have been meant by a value."""
    if isinstance(value, int | float) and value < 0:
        yield -value
    match value:
        case str():
            if value in _WORDS:
                yield _WORDS[value]
            if value in ("None", "none", "nil"):
                yield from (None, False)
            if (found := number(value)) is not None:
                yield found
            if match := re.fullmatch(r"[A-Za-z]{0,2}([0-9]{1,9})[A-Za-z]{0,2}", value):
                yield int(match[1])
            yield sizes(value)
        case float() if value.is_integer():
            yield int(value)
        case bool():
            yield int(value)
        case int() if value in (0, 1):
            yield bool(value)
            yield 1
        case int() if value >= _PERCENT:
            yield value / 100
        case tuple():
            yield from value[:1] if len(set(value)) == 1 else ()


_PERCENT = 5  # a probability from here on was given in percent


def sizes(text: str) -> tuple[int, ...]:
    """Return the sizes in a text such as 3x224x224, or nothing."""
    found = re.findall(r"[0-9]+", text)
    is_list = re.fullmatch(r"[\s(]*[0-9]{1,9}([\sx×*,]+[0-9]{1,9})+[\s)]*", text)
    return tuple(map(int, found)) if is_list else ()
