"""Uses of ops and blocks: arguments matched with fields and parameters, and validated."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass, field

from pydantic import ValidationError

from netspec.diagnostics import Diagnostic, Label, Sink, Span, likely, suggest
from netspec.ops.base import REGISTRY, Op
from netspec.spec.extras import LAYER_KEYS
from netspec.spec.fields import kind
from netspec.spec.model import Argument, BlockCall, OpCall, Param
from netspec.spec.values import Scope, read_argument
from netspec.syntax import Mapping, Scalar, Sequence, Tree


@dataclass(frozen=True, slots=True)
class Signature:
    """What a use of a block must give: parameters in order, and inputs."""

    params: Table[str, Param]
    inputs: tuple[str, ...]
    span: Span


@dataclass(slots=True)
class Context:
    """What reading a layer needs to know of the rest of the spec."""

    sink: Sink
    signatures: Table[str, Signature]
    used_blocks: set[str] = field(default_factory=set)


def read_word(tree: Scalar, context: Context) -> OpCall | BlockCall | None:
    """Read `relu`: an op or a block without arguments."""
    if not isinstance(tree.value, str) or not tree.value:
        message = f"expected a layer, found {kind(tree)}"
        context.sink.error("NS012", message, tree.span, help="for example `relu` or `{linear: 10}`")
        return None
    if "(" in tree.value:
        op, _, rest = tree.value.partition("(")
        cure = f"did you mean `{{{op.strip()}: [{rest.rstrip(')')}]}}`?"
        context.sink.error("NS019", "a call in round brackets", tree.span, help=cure)
        return None
    return match_call(tree.value, tree.span, [], [], context)


def find_op(tree: Mapping, context: Context) -> tuple[Scalar, Tree] | None:
    """Return the entry that names the op: the one known name, else the first unknown key."""
    items = [item for item in tree.items if item[0].text not in LAYER_KEYS]
    if not items:
        message = "a layer without an op"
        context.sink.error("NS010", message, tree.span, help="for example `{conv2d: [64, 3]}`")
        return None
    known = [i for i in items if i[0].text in REGISTRY or i[0].text in context.signatures]
    capital = [item for item in items if item[0].text[:1].isupper()]
    return (known or capital or items)[0]


def read_positional(value: Tree, scope: Scope, sink: Sink) -> list[Argument | None] | None:
    if isinstance(value, Mapping):
        message = "arguments are a value or a list, not a mapping"
        help = "write `{op: [positional, ...], keyword: value}` on one level"
        sink.error("NS012", message, value.span, help=help)
        return None
    items = value.items if isinstance(value, Sequence) else (value,)
    return [read_argument(item, scope, sink) for item in items]


_Positional = list[Argument | None]
_Keywords = list[tuple[Scalar, Argument | None]]


def match_call(
    name: str, span: Span, positional: _Positional, keywords: _Keywords, context: Context
) -> OpCall | BlockCall | None:
    """Match arguments with an op's fields or a block's parameters."""
    if name in context.signatures:
        context.used_blocks.add(name)
        params = list(context.signatures[name].params)
        arguments = _match(name, span, positional, keywords, params, context.sink)
        if arguments is None or not _all_given(name, span, arguments, context):
            return None
        return BlockCall(name, arguments, len(positional), span)
    if name not in REGISTRY:
        _refuse_op(name, span, context)
        return None
    cls = REGISTRY[name]
    arguments = _match(name, span, positional, keywords, list(cls.model_fields), context.sink)
    return None if arguments is None else _validated(cls, span, arguments, context.sink)


def _refuse_op(name: str, span: Span, context: Context) -> None:
    is_block = name[:1].isupper()
    found = likely(name, [*context.signatures, *REGISTRY])
    what = "no block of this file" if is_block else "no op"
    if found:
        help = f"did you mean {' or '.join(f'`{item}`' for item in found)}?"
    elif is_block:
        help = "blocks: " + (", ".join(sorted(context.signatures)) or "this file defines none")
    else:
        help = "`netspec ops` lists the ops"
    places = ((near, context.signatures.get(near)) for near in found)
    notes = tuple(Label(block.span, f"`{near}` stands here") for near, block in places if block)
    code = "NS021" if is_block else "NS020"
    message = f"{what} is called `{name}`"
    context.sink.add(Diagnostic(code, message, span, notes=notes, help=help))


def _match(
    name: str,
    span: Span,
    positional: _Positional,
    keywords: _Keywords,
    params: list[str],
    sink: Sink,
) -> dict[str, Argument] | None:
    """Pair arguments with parameters; None after reporting what does not fit."""
    before = len(sink.items)
    order = f"`{name}` takes " + (", ".join(params) if params else "no arguments")
    if len(positional) > len(params):
        extra = positional[len(params)]
        where = extra.span if extra else span
        message = f"`{name}` takes {_count(len(params))}, found {len(positional)}"
        sink.error("NS030", message, where, help=order)
    given = dict(zip(params, positional, strict=False))
    for key, argument in keywords:
        if key.text not in params:
            help = suggest(key.text, [*params, *LAYER_KEYS]) or order
            sink.error("NS031", f"`{name}` has no argument `{key.text}`", key.span, help=help)
        elif key.text in given:
            sink.error("NS032", f"`{key.text}` is given twice: by position and here", key.span)
        else:
            given[key.text] = argument
    if len(sink.items) > before or None in given.values():
        return None
    return {key: argument for key, argument in given.items() if argument is not None}


def _count(number: int) -> str:
    if number == 0:
        return "no arguments"
    return f"{number} argument{'s' if number > 1 else ''}"


def _all_given(name: str, span: Span, arguments: dict[str, Argument], context: Context) -> bool:
    signature = context.signatures[name]
    missing = [p.name for p in signature.params.values() if p.default is None]
    missing = [text for text in missing if text not in arguments]
    if missing:
        names = ", ".join(f"`{text}`" for text in missing)
        order = ", ".join(signature.params)
        notes = (Label(signature.span, f"takes {order}"),)
        message = f"`{name}` needs {len(signature.params)} arguments; {names} missing"
        context.sink.add(Diagnostic("NS033", message, span, notes=notes))
    return not missing


def _validated(
    cls: type[Op], span: Span, arguments: dict[str, Argument], sink: Sink
) -> OpCall | None:
    try:
        op = cls.model_validate({key: item.value for key, item in arguments.items()})
    except ValidationError as error:
        for item in error.errors():
            key = str(item["loc"][0])
            if item["type"] == "missing":
                order = ", ".join(cls.model_fields)
                message = f"`{cls.op_name}` needs `{key}`"
                sink.error("NS033", message, span, help=f"it takes {order}")
            else:
                message = f"`{key}` of `{cls.op_name}`: {item['msg']}"
                sink.error("NS035", message, arguments[key].span, help=_dollar(arguments[key]))
        return None
    return OpCall(op, arguments, span)


def _dollar(argument: Argument) -> str:
    """Hint at a forgotten `$` where a text stands for a number."""
    value = argument.value
    if isinstance(value, str) and value[:1].isalpha() and len(value) <= 64:
        return f"a parameter is written with `$`: `${value}`"
    return ""
