"""Trees → layers, chains and bodies. Each op's arguments are validated by the op's own class."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Items
from dataclasses import dataclass

from netspec.language.aliases import argument_meant, ops_meant
from netspec.language.calls import Given, match_call, order, read_positional, read_word
from netspec.language.copies import misplaced_copies, refuse_taken, spliced
from netspec.language.gaps import refuse_gaps
from netspec.language.grammar import JOINS, NOTHING, BodyKeys, InlineKeys, LayerKeys
from netspec.language.keys import Reading, corrected, read_known, refuse_form
from netspec.language.lookup import Context, find_op, holds_layers, refuse_nameless, refuse_numbers
from netspec.language.model import (
    BlockCall,
    Body,
    Call,
    Chain,
    GivenCall,
    Layer,
    OpCall,
    Parallel,
    ShareCall,
)
from netspec.language.names import NAME, check_name
from netspec.language.references import check_refs
from netspec.language.terms import NUMBERS, Ref
from netspec.language.values import Scope, expression, read_argument
from netspec.ops.base import REGISTRY, Join
from netspec.ops.split import Cut
from netspec.text.codes import Code
from netspec.text.diagnostics import (
    Diagnostic,
    Label,
    Sink,
    Span,
    counted,
    meant,
    suggest,
)
from netspec.text.fixes import cure, keyed, without, writing
from netspec.text.syntax import Entry, Mapping, Scalar, Sequence, Tree, entries


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
        context.sink.error(Code.UNKNOWN_KEY, message, parallel[0].span, help="keep one of the two")
        return None
    if chain and (join := tree.find("join")):
        branched = isinstance(chain[1], Sequence)
        message = "`join:` belongs to `parallel:`, in which each `-` is a branch"
        where = chain[0] if branched else join[0]
        help = keyed(join[1].span, "join")
        if branched:
            help = writing(chain[0].span, "parallel", "write `parallel:` in place of `chain:`")
        context.sink.error(Code.UNKNOWN_KEY, message, where.span, help=help)
        return None
    if parallel and isinstance(parallel[1], Mapping) and not tree.find("join"):
        message = "`parallel:` is a list of branches with a `join:`, found named layers"
        words = "write `chain:` for layers one behind the other"
        help = writing(parallel[0].span, "chain", words)
        context.sink.error(Code.FORM, message, parallel[0].span, help=help)
        chain, parallel = parallel, None
    if chain:
        return read_chain(chain[1], around, context)
    if parallel:
        return _read_parallel(tree, parallel[1], around, context)
    context.sink.error(Code.MISSING, "a block needs `chain:` or `parallel:`", tree.span)
    return None


def _read_parallel(
    tree: Mapping, branches: Tree, around: Surroundings, context: Context
) -> Parallel | None:
    join = _read_join(tree, context)
    if not isinstance(branches, Sequence):
        expected = "`parallel` expects a list of chains"
        refuse_form(branches, expected, context.sink, "start each branch with `-`")
        return None
    if not branches.items:
        context.sink.error(Code.FORM, "`parallel` has no branch", branches.span)
        return None
    read = [read_chain(item, around, context, branch=True) for item in branches.items]
    chains = [chain for chain in read if chain is not None]
    _refuse_twins(chains, context.sink)
    return Parallel(tuple(chains), join, tree.span) if join else None


def _read_join(tree: Mapping, context: Context) -> OpCall | None:
    found = tree.find("join")
    if found is None:
        help = "add `join: concat`, `join: add` or `join: mul`"
        key, body = next(item for item in tree.items if item[0].text == "parallel")
        end = Span(body.span.source, body.span.end - 1, body.span.end)
        notes = (Label(end, "`join:` could stand below this"),)
        message = "`parallel:` needs `join:`"
        context.sink.add(Diagnostic(Code.MISSING, message, key.span, notes=notes, help=help))
        return None
    value = found[1]
    op = REGISTRY.get(value.text) if isinstance(value, Scalar) else None
    if op is None or op.op_name not in JOINS:
        text = value.text if isinstance(value, Scalar) else ""
        joins = [op for op in ops_meant(text, None) if op in JOINS]
        help = meant(joins[:1], text, value.span) or suggest(text, JOINS, value.span)
        help = help or "known: " + ", ".join(JOINS)
        if text:
            message = f"no join is called `{text}`"
            context.sink.error(Code.UNKNOWN_OP, message, value.span, help=help)
        else:
            refuse_form(value, "`join` expects a word", context.sink, help)
        return None
    return OpCall(op.model_validate({}), {}, value.span)


def _refuse_twins(chains: list[Chain], sink: Sink) -> None:
    """Layers of different branches are children of one block: their names must differ."""
    first: dict[str, Layer] = {}
    for layer in (layer for chain in chains if chain.named for layer in chain.layers):
        twin = first.setdefault(layer.name, layer)
        if twin is not layer:
            message = f"two branches have a layer `{layer.name}`"
            notes = (Label(twin.span, "the first one"),)
            help = "rename one: both would have the same state_dict keys"
            sink.add(Diagnostic(Code.CLASH, message, layer.span, notes=notes, help=help))


def read_chain(
    tree: Tree, around: Surroundings, context: Context, branch: bool = False
) -> Chain | None:
    """Read named layers (a mapping) or unnamed ones (a list)."""
    match tree:
        case Mapping():
            items = tree.items
        case Sequence():
            items = tuple((Scalar("", item.span), item) for item in tree.items)
        case _:
            refuse_form(tree, "expected a chain of layers", context.sink)
            return None
    named = isinstance(tree, Mapping)
    if not items and (named or not branch):  # an empty branch passes the input on
        help = "`[]` as a branch of `parallel` passes the input on" if branch else ""
        context.sink.error(Code.FORM, "a chain without layers", tree.span, help=help)
    layers = _read_layers(items, named, around, context)
    if not named:
        refuse_gaps(layers, context.sink)
    names = {layer.name for layer in layers} if named else set()
    check_refs(layers, names, around.inputs, context.sink)
    return Chain(tuple(layers), named, tree.span)


def _read_layers(
    items: Iterable[Entry], named: bool, around: Surroundings, context: Context
) -> list[Layer]:
    layers: list[Layer] = []
    around.scope.layers |= {key.text for key, _ in items if named}
    previous = around.inputs[0] if around.inputs else ""
    for key, tree in items:
        if not named:  # what is spliced takes as many numbers as there are copies
            key = Scalar(str(len(layers)), key.span)
        else:
            check_name(context.sink, key.text, key.span, "layer")
            if key.text in around.inputs:
                message = f"the layer `{key.text}` has the name of an input"
                context.sink.error(Code.CLASH, message, key.span, help="rename the layer")
        layer = read_layer(key, tree, Ref(previous), around.scope, context)
        if layer is None:  # another stands in for it, so that references to it are found
            call = OpCall(REGISTRY["identity"].model_validate({}), {}, key.span)
            layer = Layer(key.text, key.span, call, ())
        is_spliced = layer.said.splice and (not named or layer.said.copies is not NUMBERS)
        layers += spliced(layer, context) if is_spliced else [layer]
        previous = layers[-1].name
    if named:
        refuse_taken(layers, around.inputs, context.sink)
    return layers


# ------------------------------------------------------------------ one layer


def read_layer(
    name: Scalar, tree: Tree, source: Ref, scope: Scope, context: Context
) -> Layer | None:
    """Read one layer; `source` is what it reads when it does not say `from:`."""
    call: Call | None
    sources: tuple[Ref, ...] = (source,)
    said = NOTHING
    match tree:
        case Scalar():
            call = _read_given(tree, scope, context) or read_word(tree, context)
        case Sequence():
            if refuse_numbers(tree, context):
                return None
            call = read_chain(tree, Surroundings(scope, ("input",)), context)
        case Mapping():
            tree = _corrected(tree, context)
            said = read_known(LayerKeys, tree, "a layer", Reading(context.sink, scope))
            call = _read_call(tree, said, scope, context)
            if not said.sources and tree.find("from"):
                return None
            sources = said.sources or (source,)
    if call is None:
        return None
    if isinstance(call, OpCall) and 0 in call.op.reads and sources == (source,):
        sources = ()  # it reads nothing, even with a line above it
    layer = Layer(name.text, name.span, call, sources, said)
    _check_arity(call, sources, context)
    if isinstance(tree, Mapping):
        for message, place, help in _misplaced(layer, tree, context):
            context.sink.error(Code.UNKNOWN_KEY, message, place, help=help)
        if isinstance(call, BlockCall) and said.first:
            _check_first(call, tree.get("first"), context)
    return layer


def _corrected(tree: Mapping, context: Context) -> Mapping:
    """Report unknown keys of a layer that calls no op and no block."""
    if tree.find("share"):
        return corrected(LayerKeys, tree, "a layer that shares another's weights", context.sink)
    if any(map(tree.find, BodyKeys.kinds())) or holds_layers(tree, context):
        return corrected(InlineKeys, tree, "an inline block", context.sink)
    return tree


def _read_call(tree: Mapping, said: LayerKeys, scope: Scope, context: Context) -> Call | None:
    """Read `{conv2d: [64, 3], stride: 2}`, an inline block or `{share: other}`."""
    if tree.find("share"):
        ref = said.share
        return ShareCall(Ref(ref.text, ref.span), ref.span) if ref else None
    if any(map(tree.find, BodyKeys.kinds())):
        return read_body(tree, Surroundings(scope, ("input",)), context)
    if (found := _given_key(tree)) and isinstance(found[1], Sequence):
        return _read_given(found[0], scope, context)
    found = find_op(tree, context)
    if found is None:
        return None
    key, value = found
    if refuse_nameless(tree, key, context):
        return None
    if tree.find("repeat") or tree.find("splice"):
        scope = scope.of_copies(tree.span)
    positional = read_positional(key.text, value, scope, context.sink)
    keywords = [
        (name, read_argument(argument, scope, context.sink))
        for name, argument in tree.items
        if name is not key and name.text not in LayerKeys.kinds()
    ]
    if positional is None:
        return None
    return match_call(key, Given(positional, keywords, scope), context)


def _given_key(tree: Mapping) -> Entry | None:
    """Return the entry of `{$act: [], from: x}`."""
    return next((entry for entry in tree.items if entry[0].text.startswith("$")), None)


def _read_given(tree: Scalar, scope: Scope, context: Context) -> GivenCall | None:
    """Read `$act`: the op or block that a parameter names."""
    match = re.fullmatch(rf"\$({NAME})", tree.text) if isinstance(tree.value, str) else None
    if match is None:
        return None
    expression(tree, scope, context.sink)  # reports a parameter that does not exist
    return GivenCall(match[1], tree.span)


def _misplaced(layer: Layer, tree: Mapping, context: Context) -> Iterator[tuple[str, Span, str]]:
    """Yield what is said of keys that such a layer cannot have: message, place and help."""
    call, said = layer.call, layer.said
    op = call.op if isinstance(call, OpCall) else None
    yield from misplaced_copies(layer, tree, context)
    if said.first:
        place = next(iter(said.first.values())).span
        if not isinstance(call, BlockCall):
            yield "`first:` changes the arguments of a repeated block", place, ""
        elif said.repeat is None and said.splice is None:
            help = "add `repeat: COUNT`, or give the argument to the block"
            yield "`first:` needs `repeat:`", place, help
    if said.repeat and op and not op.in_sequence:  # an nn.Sequential cannot hold copies of it
        help = "put it in a block, or in an inline `chain:`, and repeat that"
        yield f"`repeat:` stacks modules; `{op.op_name}` is a function", said.repeat.span, help
    if layer.condition and op and (0 in op.reads or isinstance(op, Cut)):
        message = f"`{op.op_name}` cannot be left out: no input can stand for what it gives"
        help = "give the condition to what reads it, or write two blocks"
        yield message, layer.condition.span, help
    if found := tree.find("else"):
        if layer.condition is None:
            yield "`else:` needs a condition", found[0].span, "add `when: $flag`, for example"
        elif not layer.name.isdecimal():
            words = "delete it: what reads the layer reads its input where it is absent"
            entry = Span(found[0].span.source, found[0].span.start, found[1].span.end)
            help = cure(words, without(entry))
            yield (
                "`else: nothing` is about numbers in a list, but this has a name",
                found[0].span,
                help,
            )
    if (found := tree.find("init")) and (op is None or said.repeat):
        what = "another call" if isinstance(call, ShareCall) else "a block or a repeated layer"
        help = "say it for all layers of an op in the section `init:`, or on the op in the block"
        yield f"`init:` of a layer belongs to one op; this is {what}", found[0].span, help


def _check_first(call: BlockCall, changes: Tree | None, context: Context) -> None:
    """Report what `first:` gives to a block that does not take it."""
    params = list(context.signatures[call.block].params)
    for key, _ in entries(changes):
        if key.text not in params:
            found = [word for word in [argument_meant(key.text, params)] if word]
            help = meant(found, key.text, key.span) or suggest(key.text, params, key.span)
            message = f"`{call.block}` has no argument `{key.text}`"
            help = help or order(call.block, params)
            context.sink.error(Code.UNKNOWN_ARG, message, key.span, help=help)


def _check_arity(call: Call, sources: tuple[Ref, ...], context: Context) -> None:
    """Report a layer that reads more or fewer inputs than it takes."""
    what = "this layer"
    wanted: Items[int] = (1,)
    if isinstance(call, OpCall):
        what, wanted = f"`{call.op.op_name}`", call.op.reads
        if isinstance(call.op, Join) and len(sources) < 2:
            message = f"{what} joins several inputs; say which with `from: [a, b]`"
            help = f"for example `{{{call.op.op_name}: [], from: [{sources[0].name}, ...]}}`"
            context.sink.error(Code.INPUTS, message, call.span, help=help)
            return
    elif isinstance(call, BlockCall):
        what = f"`{call.block}`"
        wanted = (len(context.signatures[call.block].said.inputs) or 1,)
    elif isinstance(call, ShareCall):
        return
    if len(sources) not in wanted:
        where = sources[-1].span or call.span
        counts = " or ".join([*map(str, wanted[:-1]), counted(wanted[-1], "input")])
        message = f"{what} reads {counts}, found {len(sources)}"
        is_single = tuple(wanted) == (1,)
        help = "join them first: `concat`, `add` or `mul`" if is_single else "say `from: [a, b]`"
        context.sink.error(Code.INPUTS, message, where, help=help)
