"""Names of ops and blocks: how a layer's is found, and what is said of one that nothing has."""

from __future__ import annotations

import re
from collections.abc import Container
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from itertools import pairwise

from netspec.language.aliases import ops_meant
from netspec.language.grammar import BlockKeys, BodyKeys, LayerKeys
from netspec.language.keys import refuse_form
from netspec.language.names import is_block_name
from netspec.language.strays import is_empty, key_meant
from netspec.language.terms import Param
from netspec.ops.base import REGISTRY
from netspec.ops.own import OWN_NAME
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink, Span, likely, listed, meant, suggest
from netspec.text.fixes import writing
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree


@dataclass(frozen=True, slots=True)
class Signature:
    """What a use of a block must give: parameters in order, and inputs."""

    said: BlockKeys
    tree: Mapping | None
    span: Span

    @property
    def params(self) -> Table[str, Param]:
        return self.said.params


@dataclass(slots=True)
class Context:
    """What reading a layer needs to know of the rest of the spec."""

    sink: Sink
    signatures: Table[str, Signature]
    used_blocks: set[str] = field(default_factory=set)
    rank: int | None = None
    """How many dimensions the network's input has, if that is known."""
    spliced: int = 0
    """How many layers `splice:` has made."""


def find_op(tree: Mapping, context: Context) -> tuple[Scalar, Tree] | None:
    """Return the entry that names the op: the one known name, else the first unknown key."""
    items = [item for item in tree.items if item[0].text not in LayerKeys.kinds()]
    if not items:
        _refuse_no_op(tree, context)
        return None
    known = [i for i in items if is_callable(i[0].text, context)]
    own = [i for i in items if enabling(i[0].text)]
    if known or own:
        return (known or own)[0]
    capital = [item for item in items if item[0].text[:1].isupper()]
    first = items[0][0].text
    is_near = likely(first, [*context.signatures, *REGISTRY])
    arguments = _arguments()
    strange = [item for item in items if item[0].text not in arguments]
    # A slip in the first name is likelier than another framework's name behind it.
    named = [] if is_near else [i for i in strange if ops_meant(i[0].text, context.rank)]
    if not capital and _refuse_op_as_value(items, context):
        return None
    if not (capital or strange):
        _refuse_arguments_only([key for key, _ in items], tree, context)
        return None
    # An argument may be misspelt too: only blocks have capitals, and the others call ops so.
    return (capital or named or strange)[0]


def _refuse_arguments_only(keys: list[Scalar], tree: Mapping, context: Context) -> None:
    """Report a layer that has arguments, but no op."""
    names = [key.text for key in keys]
    ranks = (None, context.rank)
    fitting = {op: cls.model_fields for op, cls in REGISTRY.items() if cls.rank in ranks}
    takers = [op for op, fields in fitting.items() if set(names) <= set(fields)]
    ops = " or ".join(f"`{{{op}: …}}`" for op in takers[:_MOST_SHOWN])
    said = " and ".join(f"`{name}`" for name in names)
    help = f"write the op that takes {said}" + (f", for example {ops}" if ops else "")
    context.sink.error(Code.MISSING, "a layer without an op", tree.span, help=help)


_MOST_SHOWN = 3


def _arguments() -> frozenset[str]:
    """Return the names of all ops' arguments."""
    return frozenset(name for op in REGISTRY.values() for name in op.model_fields)


def is_callable(name: str, context: Context) -> bool:
    """Tell whether a name is that of an op or of a block of this file."""
    return name in REGISTRY or name in context.signatures


def holds_layers(tree: Mapping, context: Context) -> bool:
    """Tell whether layers stand where arguments could, so that a body was meant."""
    if any(is_callable(key.text, context) for key, _ in tree.items):
        return False
    others = [value for key, value in tree.items if key.text not in LayerKeys.kinds()]
    return any(key_meant(value, tuple(BodyKeys.kinds())) for value in others)


def _refuse_no_op(tree: Mapping, context: Context) -> None:
    found = tree.get("from")
    help = "for example `{conv2d: [64, 3]}`"
    if found and len(tree.items) == 1:
        several = isinstance(found, Sequence)
        op, what = ("add", "joins them") if several else ("identity", "passes it on")
        help = f"for example `{{{op}: [], from: {found.span.text}}}` {what}"
    context.sink.error(Code.MISSING, "a layer without an op", tree.span, help=help)


def _refuse_op_as_value(items: list[tuple[Scalar, Tree]], context: Context) -> bool:
    """Report `{type: conv2d, …}`, where the op stands as a value; tell whether it does."""
    for key, value in items:
        if isinstance(value, Scalar) and isinstance(value.value, str):
            found = [value.text] if is_callable(value.text, context) else []
            if found := found or ops_meant(value.text, context.rank):
                message = f"the op is the key: `{{{found[0]}: …}}`, not `{key.text}: {value.text}`"
                help = f"write `{{{found[0]}: [], …}}`, with the arguments in the list"
                context.sink.error(Code.MISSING, message, key.span, help=help)
                return True
    return False


def refuse_op(name: str, span: Span, context: Context) -> None:
    """Report a name that is neither an op nor a block."""
    is_block = name[:1].isupper()
    known = ops_meant(name, context.rank)
    capital = [*context.signatures, *(text for text in REGISTRY.own if text[0].isupper())]
    pool = capital if is_block else [*context.signatures, *REGISTRY]
    found = known or likely(name, pool)
    what = "no block of this file" if is_block and not known else "no op"
    message = f"{what} is called `{name}`"
    op, _, rest = name.partition(" ")
    own = enabling(name, span)
    if any(near in context.signatures and not is_block_name(near) for near in found):
        return  # the block's own name is what is wrong
    if re.fullmatch(r"\w+( [+*] \w+)+", name):
        join = "add" if "+" in name else "mul"
        names = ", ".join(re.split(" [+*] ", name))
        help: str = _word_as(span, f"{{{join}: [], from: [{names}]}}")
    elif is_callable(op, context):
        help = _word_as(span, f"{{{op}: [{', '.join(re.split('[ ,]+', rest))}]}}")
    elif own:
        help = own
    elif found:
        help = meant(found, name, span)
    elif is_block and not capital:
        message = "this file has no section `blocks:`, where its blocks stand"
        help = "define the block there, or use an op: `netspec ops` lists them"
    elif is_block:
        help = "blocks: " + ", ".join(sorted(capital))
    else:
        blocks = ", ".join(sorted(context.signatures)[:12])
        help = "`netspec ops` lists the ops" + (f"; blocks: {blocks}" if blocks else "")
    places = ((near, context.signatures.get(near)) for near in found)
    notes = tuple(Label(block.span, f"`{near}` stands here") for near, block in places if block)
    code = Code.UNKNOWN_BLOCK if is_block else Code.UNKNOWN_OP
    guesses = (*context.signatures, *REGISTRY)
    context.sink.add(Diagnostic(code, message, span, notes=notes, help=help, guesses=guesses))


def _word_as(word: Span, text: str) -> str:
    """Say to write a layer in place of a word; a key is no such word."""
    is_key = word.source.text[word.end : word.end + 1] == ":"
    return f"write `{text}`" if is_key else writing(word, text, safe=True)


def enabling(name: str, place: Span | None = None) -> str:
    """Return how an op of somebody's own is enabled, nothing for a name that no such op has."""
    namespace = name.partition(".")[0]
    if not re.fullmatch(OWN_NAME, name):
        return ""
    if known := [text for text in REGISTRY.own if text.startswith(f"{namespace}.")]:
        return suggest(name, known, place) or f"enabled are: {listed(known, len(known))}"
    return f"`--ops MODULE` enables ops of your own, for example `--ops {namespace}.netspec_ops`"


def refuse_numbers(tree: Sequence, context: Context) -> bool:
    """Report `[conv2d, 64, 3]`, where arguments stand for layers; tell whether they do."""
    items = [item for item in tree.items if isinstance(item, Scalar)]
    odd = [item for item in items if not isinstance(item.value, str) and not is_empty(item)]
    if not odd:
        return False
    first = items[0].text if is_callable(items[0].text, context) else "conv2d"
    numbers = ", ".join(item.span.text for item in odd)
    text = f"{{{first}: [{numbers}]}}"
    is_all = first == items[0].text and len(odd) + 1 == len(tree.items)
    help: str = f"arguments stand behind the op: `{text}`"
    help = writing(tree.span, text, help, safe=True) if is_all else help
    refuse_form(odd[0], "a list is a chain of layers", context.sink, help)
    return True


def _value_behind(tree: Mapping, key: Scalar, op: Scalar, context: Context) -> str:
    """Return the value that stands as a key of its own behind an argument's name, if one does."""
    block, cls = context.signatures.get(op.text), REGISTRY.get(op.text)
    names: Container[str] = block.params if block else cls.model_fields if cls else ()
    follower = next((b for (a, _), b in pairwise(tree.items) if a is key), None)
    if key.text not in names or follower is None or not is_empty(follower[1]):
        return ""
    return "" if follower[0].text in names else follower[0].span.text


def refuse_nameless(tree: Mapping, op: Scalar, context: Context) -> bool:
    """Report `{max_pool2d: 2, 2}` and `{add: [], from: a, b}`, where brackets are missing."""
    for (before, held), (key, empty) in pairwise(tree.items):
        # A key without a colon ends where its empty value stands.
        known = key.text in LayerKeys.kinds() or is_callable(key.text, context)
        if not is_empty(empty) or known or is_empty(held) or key.span.end != empty.span.start:
            continue
        listed = held.span.text.strip("[]")
        text = f"{before.text}: [{listed}, {key.text}]"
        if follower := _value_behind(tree, key, op, context):
            message = f"`,` stands behind `{key.text}`, where `:` belongs"
            colon = Span(
                key.span.source, key.span.end, key.span.source.text.index(",", key.span.end) + 1
            )
            help = writing(colon, ":", f"write `{key.text}: {follower}`", safe=True)
            context.sink.error(Code.FORM, message, key.span, help=help)
            return True
        gap = key.span.source.text[held.span.end : key.span.start]
        if gap == "," and key.text.isdecimal() and listed.isdecimal():
            text = f"{before.text}: {listed}.{key.text}"
        if before is op or before.text == "from":
            message = f"`{key.text}` has no name and stands in no list"
            both = Span(key.span.source, before.span.start, key.span.end)
            help = writing(both, text, f"write `{{{text}}}`", safe=gap != ",")
            context.sink.error(Code.FORM, message, key.span, help=help)
            return True
    return False
