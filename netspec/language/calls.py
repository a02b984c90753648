"""Uses of ops and blocks: arguments matched with fields and parameters, and validated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Items
from dataclasses import dataclass, replace

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from netspec.language.aliases import argument_meant
from netspec.language.cures import cure, refused
from netspec.language.grammar import LayerKeys
from netspec.language.keys import refuse_form, validated
from netspec.language.lookup import Context, is_callable, refuse_op
from netspec.language.model import BlockCall, OpCall
from netspec.language.strays import is_empty
from netspec.language.terms import Argument, Value
from netspec.language.values import Scope, read_argument, refuse_round
from netspec.ops.base import REGISTRY, Join, Op
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Edit, Label, Sink, Span, counted, meant, suggest
from netspec.text.fixes import cure as cured
from netspec.text.fixes import inserting, is_in_braces, value_of, without, writing
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

MAX_SHOWN = 80


def read_word(tree: Scalar, context: Context) -> OpCall | BlockCall | None:
    """Read `relu`: an op or a block without arguments."""
    if not isinstance(tree.value, str) or not tree.value:
        help = "for example `relu` or `{linear: 10}`"
        refuse_form(tree, "expected a layer", context.sink, help)
        return None
    if "(" in tree.value:
        op, _, rest = tree.value.partition("(")
        text = f"{{{op.strip()}: [{rest.rstrip(')')}]}}"
        help = writing(tree.span, text, f"did you mean `{text}`?", safe=True)
        context.sink.error(Code.ROUND_CALL, "a call in round brackets", tree.span, help=help)
        return None
    return match_call(tree, Given([], [], Scope({})), context)


def read_positional(
    name: str, value: Tree, scope: Scope, sink: Sink
) -> list[Argument | None] | None:
    if isinstance(value, Mapping):
        message = "arguments are a value or a list, not a mapping"
        entries = "".join(f", {key.text}: {item.span.text}" for key, item in value.items)
        help: str = "write `{op: [positional, ...], keyword: value}` on one level"
        if len(entries) <= MAX_SHOWN and "\n" not in entries:
            help = f"write them on one level: `{{{name}: []{entries}}}`"
            help = writing(value.span, f"[]{entries}", help) if is_in_braces(value.span) else help
        sink.error(Code.FORM, message, value.span, help=help)
        return None
    if is_empty(value):
        help = inserting(value.span, " []", f"without any: `{name}: []`")
        sink.error(Code.FORM, "a value is missing", value.span, help=help)
        return None
    items = value.items if isinstance(value, Sequence) else (value,)
    if refuse_round(items, sink):
        return None
    return [read_argument(item, scope, sink) for item in items]


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of a use as written, and the parameters that stand around it."""

    positional: list[Argument | None]
    keywords: list[tuple[Scalar, Argument | None]]
    scope: Scope


def match_call(name: Scalar, given: Given, context: Context) -> OpCall | BlockCall | None:
    """Match arguments with an op's fields or a block's parameters."""
    if signature := context.signatures.get(name.text):
        context.used_blocks.add(name.text)
        arguments = _match(name, given, list(signature.params), context)
        if arguments is None or not _all_given(name, arguments, context):
            return None
        return BlockCall(name.text, arguments, len(given.positional), name.span)
    cls = REGISTRY.get(name.text)
    if cls is None:
        refuse_op(name.text, name.span, context)
    if cls is None or _refuse_sources(cls, name.span, given, context.sink):
        return None
    context.used_blocks.add(name.text)
    arguments = _match(name, given, list(cls.model_fields), context)
    return None if arguments is None else _validated(cls, name.span, arguments, given, context.sink)


def _refuse_sources(cls: type[Op], name: Span, given: Given, sink: Sink) -> bool:
    """Report `{add: [a, b]}`, where layers stand as arguments of a join; tell whether they do."""
    layers = [item for item in given.positional if item and any(words(item.value))]
    if not issubclass(cls, Join) or not layers:
        return False
    names = ", ".join(word for item in layers for word in words(item.value))
    message = f"`{cls.op_name}` is given layers as arguments: {names}"
    help: str = f"`from:` says what is read: `{{{cls.op_name}: [], from: [{names}]}}`"
    if value := value_of(name):
        help = writing(value, f"[], from: [{names}]", help, safe=True)
    sink.error(Code.TOO_MANY_ARGS, message, layers[0].span, help=help)
    return True


def words(value: Value) -> Iterator[str]:
    """Yield the texts in a value."""
    if isinstance(value, str):
        yield value
    for item in value if isinstance(value, tuple) else ():
        yield from words(item)


def _match(
    op: Scalar, arguments: Given, params: list[str], context: Context
) -> dict[str, Argument] | None:
    """Pair arguments with parameters; None after reporting what does not fit."""
    sink, name = context.sink, op.text
    before = len(sink.items)
    positional = arguments.positional
    if len(positional) > len(params):
        message = f"`{name}` takes {counted(len(params), 'argument')}, found {len(positional)}"
        extra = positional[len(params)]
        help = _two_brackets(name, positional, params)
        mistake = Diagnostic(
            Code.TOO_MANY_ARGS, message, extra.span if extra else op.span, help=help
        )
        sink.add(_uncounted(mistake, name, positional, params))
        return None
    given = dict(zip(params, positional, strict=False))
    for key, argument in arguments.keywords:
        if key.text not in params:
            help = _misnamed(name, (key, argument), params, context)
            message = f"`{name}` has no argument `{key.text}`"
            written = {*given, *(other.text for other, _ in arguments.keywords)}
            guesses = tuple(text for text in (*params, *LayerKeys.kinds()) if text not in written)
            sink.add(Diagnostic(Code.UNKNOWN_ARG, message, key.span, help=help, guesses=guesses))
        elif key.text in given:
            message = f"`{key.text}` is given twice: by position and here"
            twice = given[key.text]
            notes = (Label(twice.span, f"this is `{key.text}`"),) if twice else ()
            mistake = Diagnostic(Code.ARG_TWICE, message, key.span, notes=notes)
            sink.add(_uncounted(mistake, name, positional, params))
        else:
            given[key.text] = argument
    if len(sink.items) > before or None in given.values():
        return None
    return {key: argument for key, argument in given.items() if argument is not None}


def _two_brackets(name: str, positional: Items[Argument | None], params: Items[str]) -> str:
    """Return how to write arguments that are meant as the items of one list."""
    values = tuple(item.value for item in positional if item)
    try:
        REGISTRY[name].model_validate({params[0]: values})
    except (KeyError, IndexError, ValidationError):
        return ""
    spans = [item.span for item in positional if item]
    items = ", ".join(span.text for span in spans)
    words = f"an argument that is a list takes two brackets: `{{{name}: [[{items}]]}}`"
    source, start, end = spans[0].source, spans[0].start, spans[-1].end
    edits = (Edit(Span(source, start, start), "["), Edit(Span(source, end, end), "]"))
    return cured(words, *edits, safe=True)


def _uncounted(
    mistake: Diagnostic, name: str, positional: Items[Argument | None], params: Items[str]
) -> Diagnostic:
    """Return a mistake at the first number, if all would be right without it."""
    cure = shorter(name, positional)
    first = positional[0] if cure else None
    span = first.span if first else mistake.span
    return replace(mistake, span=span, help=cure or mistake.help or order(name, params))


def order(name: str, params: Iterable[str]) -> str:
    """Say what a use takes, in order."""
    return f"`{name}` takes " + (", ".join(params) or "no arguments")


def _misnamed(
    name: str, given: tuple[Scalar, Argument | None], params: list[str], context: Context
) -> str:
    """Return the cure of an argument that does not exist."""
    argument, value = given
    key = argument.text
    if key in inferred(name):
        end = (value or argument).span.end
        entry = Span(argument.span.source, argument.span.start, end)
        words = f"`{key}` is inferred from the input; leave it out"
        return cured(words, *([without(entry)] if value else []), safe=True)
    known = [*params, *LayerKeys.kinds()]
    if found := argument_meant(key, known):
        return meant([found], key, argument.span)
    if is_callable(key, context) or key in ("activation", "act", "nonlinearity"):
        return f"a layer has one op; give `{key}` a line of its own below"
    return suggest(key, known, argument.span) or order(name, params)


def inferred(name: str) -> tuple[str, ...]:
    """Return the arguments of an op's torch class that follow from its input."""
    cls = REGISTRY.get(name)
    if cls is None or not cls.is_module:
        return ()
    required = dict.fromkeys((key for key, f in cls.model_fields.items() if f.is_required()), 1)
    # Only the names are asked for, so any values will do.
    everything = cls.model_construct(None, **required).inferred((1,) * (cls.rank or 1))
    return tuple(key for key in everything if key not in required)


def shorter(name: str, positional: Items[Argument | None]) -> str:
    """Return the use without its first number, if that is PyTorch's and would be right here."""
    values = [item.value for item in positional[1:] if item]
    cls = REGISTRY.get(name)
    if cls is None or not inferred(name) or not 0 < len(values) <= len(cls.model_fields):
        return ""
    try:
        cls.model_validate(dict(zip(cls.model_fields, values, strict=False)))
    except ValidationError:
        return ""
    first = f"`{inferred(name)[0]}` is inferred from the input; leave it out: "
    texts = [item.span.text for item in positional[1:] if item]
    meant = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    leading = [without(item.span) for item in positional[:1] if item]
    return cured(f"{first}`{{{name}: {meant}}}`", *leading)


def _all_given(name: Scalar, arguments: dict[str, Argument], context: Context) -> bool:
    signature = context.signatures[name.text]
    needed = [param.name for param in signature.params.values() if param.default is None]
    missing = [text for text in needed if text not in arguments]
    if missing:
        names = ", ".join(f"`{text}`" for text in missing)
        notes = (Label(signature.span, f"takes {', '.join(signature.params)}"),)
        wanted = counted(len(signature.params), "argument")
        message = f"`{name.text}` needs {wanted}; {names} missing"
        help = f"give it by position or by name, as in `{missing[0]}: 8`"
        context.sink.add(Diagnostic(Code.MISSING_ARG, message, name.span, notes=notes, help=help))
    return not missing


def _validated(
    cls: type[Op], span: Span, arguments: dict[str, Argument], given: Given, sink: Sink
) -> OpCall | None:

    def tell(key: str, mistake: ErrorDetails) -> None:
        if mistake["type"] == "missing":
            message = f"`{cls.op_name}` needs `{key}`"
            sink.error(Code.MISSING_ARG, message, span, help=order(cls.op_name, cls.model_fields))
            return
        other = shorter(cls.op_name, given.positional)
        field = cls.model_fields[key]
        value = refused(arguments[key], field)
        message = f"`{key}` of `{cls.op_name}`: {mistake['msg']}"
        help = cure(value, field, given.scope)
        first = given.positional[0] if other and not help else None
        sink.error(Code.RANGE, message, (first or value).span, help=help or other)

    op = validated(cls, {key: item.value for key, item in arguments.items()}, tell)
    return OpCall(op, arguments, span, len(given.positional)) if op else None
