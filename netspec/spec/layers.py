"""Trees → layers, chains and bodies. Each op's arguments are validated by the op's own class."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass, field

from pydantic import ValidationError

from netspec.diagnostics import Diagnostic, Label, Sink, Span, nearest, suggest
from netspec.ops.base import REGISTRY, Join, Op
from netspec.spec.fields import Fields, kind
from netspec.spec.model import (
    Argument,
    BlockCall,
    Body,
    Chain,
    Layer,
    OpCall,
    Parallel,
    Param,
    Ref,
)
from netspec.spec.names import check_name
from netspec.spec.values import Scope, read_argument
from netspec.syntax import Mapping, Scalar, Sequence, Tree

LAYER_KEYS = ("from", "shape", "when", "weight", "repeat", "doc")
BODY_KEYS = ("chain", "parallel", "join")


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


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a chain stands: its parameters, and the names of the inputs it may read."""

    scope: Scope
    inputs: tuple[str, ...]


def read_body(tree: Mapping, around: Surroundings, context: Context) -> Body | None:
    """Read `chain:` or `parallel:` with `join:` of a block or an inline block."""
    chain, parallel = tree.find("chain"), tree.find("parallel")
    if chain and parallel:
        message = "a body is either `chain:` or `parallel:`"
        context.sink.error("NS011", message, parallel[0].span, help="keep one of the two")
        return None
    if chain:
        if join := tree.find("join"):
            context.sink.error("NS011", "`join:` belongs to `parallel:`", join[0].span)
        return read_chain(chain[1], around, context)
    if parallel:
        return _read_parallel(tree, parallel[1], around, context)
    context.sink.error("NS010", "a block needs `chain:` or `parallel:`", tree.span)
    return None


def _read_parallel(
    tree: Mapping, branches: Tree, around: Surroundings, context: Context
) -> Parallel | None:
    join = _read_join(tree, context)
    if not isinstance(branches, Sequence):
        message = f"`parallel` expects a list of chains, found {kind(branches)}"
        context.sink.error("NS012", message, branches.span, help="start each branch with `-`")
        return None
    if not branches.items:
        context.sink.error("NS012", "`parallel` has no branch", branches.span)
        return None
    read = [read_chain(item, around, context, branch=True) for item in branches.items]
    chains = [chain for chain in read if chain is not None]
    _refuse_twins(chains, context.sink)
    return Parallel(tuple(chains), join, tree.span) if join else None


def _read_join(tree: Mapping, context: Context) -> OpCall | None:
    found = tree.find("join")
    if found is None:
        help = "add `join: concat`, `join: add` or `join: mul`"
        key = tree.items[0][0].span
        context.sink.error("NS010", "`parallel:` needs `join:`", key, help=help)
        return None
    value = found[1]
    op = REGISTRY.get(value.text) if isinstance(value, Scalar) else None
    if op is None or not issubclass(op, Join):
        joins = [name for name, cls in REGISTRY.items() if issubclass(cls, Join)]
        text = value.text if isinstance(value, Scalar) else ""
        help = suggest(text, joins) or "known: " + ", ".join(joins)
        context.sink.error("NS020", f"no join is called `{text}`", value.span, help=help)
        return None
    return OpCall(op.model_validate({}), {}, value.span)


def _refuse_twins(chains: list[Chain], sink: Sink) -> None:
    """Layers of different branches are children of one block: their names must differ."""
    first: dict[str, Layer] = {}
    for layer in (layer for chain in chains if chain.named for layer in chain.layers):
        if twin := first.get(layer.name):
            message = f"two branches have a layer `{layer.name}`"
            notes = (Label(twin.span, "the first one"),)
            help = "rename one: both would have the same state_dict keys"
            sink.add(Diagnostic("NS015", message, layer.span, notes=notes, help=help))
        first.setdefault(layer.name, layer)


def read_chain(
    tree: Tree, around: Surroundings, context: Context, branch: bool = False
) -> Chain | None:
    """Read named layers (a mapping) or unnamed ones (a list)."""
    match tree:
        case Mapping():
            entries = [(key.text, key.span, value) for key, value in tree.items]
        case Sequence():
            entries = [(str(i), item.span, item) for i, item in enumerate(tree.items)]
        case _:
            message = f"expected a chain of layers, found {kind(tree)}"
            context.sink.error("NS012", message, tree.span)
            return None
    named = isinstance(tree, Mapping)
    if not entries and (named or not branch):
        help = "`[]` as a branch of `parallel` passes the input on" if branch else ""
        context.sink.error("NS012", "a chain without layers", tree.span, help=help)
    layers = _read_layers(entries, named, around, context)
    check_refs(layers, {layer.name for layer in layers} if named else set(), around, context.sink)
    return Chain(tuple(layers), named, tree.span)


def _read_layers(
    entries: list[tuple[str, Span, Tree]], named: bool, around: Surroundings, context: Context
) -> list[Layer]:
    layers = []
    previous = around.inputs[0] if around.inputs else ""
    for name, span, tree in entries:
        if named:
            check_name(context.sink, name, span, "layer")
            if name in around.inputs:
                message = f"the layer `{name}` has the name of an input"
                context.sink.error("NS015", message, span, help="rename the layer")
        layer = read_layer(name, span, tree, Ref(previous), around.scope, context)
        previous = name
        layers.append(layer or _broken(name, span))
    return layers


def _broken(name: str, span: Span) -> Layer:
    """Stand in for a layer that could not be read, so that references to it are found."""
    call = OpCall(REGISTRY["identity"].model_validate({}), {}, span)
    return Layer(name, span, call, ())


def check_refs(layers: list[Layer], names: set[str], around: Surroundings, sink: Sink) -> None:
    """Report each `from:` that names nothing the layer can read."""
    for layer in layers:
        for ref in layer.sources:
            if ref.span is None:
                continue
            if ref.name == layer.name and ref.name in names:
                sink.error("NS022", f"`{layer.name}` reads itself", ref.span)
            elif ref.name not in names and ref.name not in around.inputs:
                refuse_ref(ref, [*names, *around.inputs], sink)


def refuse_ref(ref: Ref, candidates: list[str], sink: Sink) -> None:
    """Report a reference to nothing, with the nearest name."""
    known = sorted(candidates)
    help = suggest(ref.name, known) or "it can read: " + ", ".join(f"`{n}`" for n in known[:12])
    sink.error("NS018", f"no layer of this chain is called `{ref.name}`", ref.span, help=help)


# ------------------------------------------------------------------ one layer


def read_layer(
    name: str, span: Span, tree: Tree, source: Ref, scope: Scope, context: Context
) -> Layer | None:
    """Read one layer; `source` is what it reads when it does not say `from:`."""
    call: OpCall | BlockCall | Chain | Parallel | None
    sources: tuple[Ref, ...] = (source,)
    extras: dict[str, object] = {}
    match tree:
        case Scalar():
            call = _read_word(tree, context)
        case Sequence():
            call = read_chain(tree, Surroundings(scope, ("input",)), context)
        case Mapping():
            call = _read_call(tree, scope, context)
            sources = _read_from(tree, context.sink) or (source,)
            extras = _read_extras(tree, scope, context.sink)
    if call is None:
        return None
    given = isinstance(tree, Mapping) and tree.find("from") is not None
    _check_arity(call, sources, given, span, context)
    return Layer(name, span, call, sources, **extras)  # type: ignore[arg-type]  # keys are fields


def _read_word(tree: Scalar, context: Context) -> OpCall | BlockCall | None:
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
    return _call(tree.value, tree.span, [], [], context)


def _read_call(
    tree: Mapping, scope: Scope, context: Context
) -> OpCall | BlockCall | Chain | Parallel | None:
    """Read `{conv2d: [64, 3], stride: 2}` or an inline block."""
    if any(tree.find(key) for key in BODY_KEYS):
        Fields(tree, context.sink, "an inline block", (*BODY_KEYS, *LAYER_KEYS))
        return read_body(tree, Surroundings(scope, ("input",)), context)
    found = _find_op(tree, context)
    if found is None:
        return None
    key, value = found
    positional = _positional(value, scope, context.sink)
    others = [item for item in tree.items if item[0] is not key]
    keywords = [
        (name, read_argument(argument, scope, context.sink))
        for name, argument in others
        if name.text not in LAYER_KEYS
    ]
    if positional is None:
        return None
    return _call(key.text, key.span, positional, keywords, context)


def _find_op(tree: Mapping, context: Context) -> tuple[Scalar, Tree] | None:
    """Return the entry that names the op: the one known name, else the first unknown key."""
    items = [item for item in tree.items if item[0].text not in LAYER_KEYS]
    if not items:
        message = "a layer without an op"
        context.sink.error("NS010", message, tree.span, help="for example `{conv2d: [64, 3]}`")
        return None
    known = [i for i in items if i[0].text in REGISTRY or i[0].text in context.signatures]
    capital = [item for item in items if item[0].text[:1].isupper()]
    return (known or capital or items)[0]


def _positional(value: Tree, scope: Scope, sink: Sink) -> list[Argument | None] | None:
    if isinstance(value, Mapping):
        message = "arguments are a value or a list, not a mapping"
        help = "write `{op: [positional, ...], keyword: value}` on one level"
        sink.error("NS012", message, value.span, help=help)
        return None
    items = value.items if isinstance(value, Sequence) else (value,)
    return [read_argument(item, scope, sink) for item in items]


_Positional = list[Argument | None]
_Keywords = list[tuple[Scalar, Argument | None]]


def _call(
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
    pool = list(context.signatures) if is_block else list(REGISTRY)
    found = nearest(name, pool, 3) or nearest(name, [*context.signatures, *REGISTRY], 3)
    what = "no block of this file" if is_block else "no op"
    if found:
        help = f"did you mean {' or '.join(f'`{item}`' for item in found)}?"
    elif is_block:
        help = "blocks: " + (", ".join(sorted(context.signatures)) or "this file defines none")
    else:
        help = "`netspec ops` lists the ops"
    context.sink.error(
        "NS021" if is_block else "NS020", f"{what} is called `{name}`", span, help=help
    )


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


# ------------------------------------------------------------------ what any layer may say


def _read_from(tree: Mapping, sink: Sink) -> tuple[Ref, ...]:
    found = tree.find("from")
    if found is None:
        return ()
    value = found[1]
    items = value.items if isinstance(value, Sequence) else (value,)
    if not items:
        sink.error("NS012", "`from` names nothing", value.span)
    refs = []
    for item in items:
        if isinstance(item, Scalar) and isinstance(item.value, str):
            refs.append(Ref(item.text, item.span))
        else:
            sink.error("NS012", f"`from` expects a layer's name, found {kind(item)}", item.span)
    return tuple(refs)


def _read_extras(tree: Mapping, scope: Scope, sink: Sink) -> dict[str, object]:
    """Read `shape`, `when`, `weight`, `repeat` and `doc`."""
    extras: dict[str, object] = {}
    for key in ("shape", "weight", "repeat"):
        if found := tree.find(key):
            extras[key] = read_argument(found[1], scope, sink)
    shape = extras.get("shape")
    if isinstance(shape, Argument) and not isinstance(shape.value, tuple):
        sink.error("NS012", "`shape` expects a list such as [64, 112, 112]", shape.span)
    if found := tree.find("when"):
        extras["train_only"] = True
        if not (isinstance(found[1], Scalar) and found[1].value == "train"):
            message = f"`when` expects `train`, found {kind(found[1])}"
            sink.error("NS035", message, found[1].span, help="did you mean `train`?")
    if tree.find("doc"):
        extras["doc"] = Fields(tree, Sink(), "a layer", ()).text("doc")
    return extras


def _check_arity(
    call: OpCall | BlockCall | Chain | Parallel,
    sources: tuple[Ref, ...],
    given: bool,
    span: Span,
    context: Context,
) -> None:
    """Report a layer that reads more or fewer inputs than it takes."""
    place = call.span
    wanted = 1
    what = "an inline block"
    if isinstance(call, OpCall):
        what = f"`{call.op.op_name}`"
        if isinstance(call.op, Join):
            if len(sources) < 2:
                help = f"for example `{{{call.op.op_name}: [], from: [{sources[0].name}, ...]}}`"
                message = f"{what} joins several inputs; say which with `from: [a, b]`"
                context.sink.error("NS026", message, place, help=help)
            return
    elif isinstance(call, BlockCall):
        what = f"`{call.block}`"
        wanted = len(context.signatures[call.block].inputs) or 1
    if len(sources) != wanted:
        where = sources[-1].span or place
        message = f"{what} reads {wanted} input{'s' if wanted > 1 else ''}, found {len(sources)}"
        help = "join them first: `concat`, `add` or `mul`" if wanted == 1 else "say `from: [a, b]`"
        context.sink.error("NS026", message, where, help=help)
