"""`init:` of a spec and of a layer: which tensor is filled how."""

from __future__ import annotations

from collections.abc import Mapping as Table

from pydantic import ValidationError

from netspec.language.fields import Fields, as_mapping, kind
from netspec.language.values import Scope, read_argument
from netspec.ops.base import REGISTRY
from netspec.ops.fillers import FILLERS, Filler
from netspec.text.diagnostics import Sink, Span, suggest
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

TENSORS = ("weight", "bias")
Fillers = dict[str, Filler]


def read_init(tree: Mapping | None, sink: Sink) -> dict[str, Fillers]:
    """Read the section `init`: fillers by op and tensor."""
    found = {}
    for key, value in tree.items if tree else ():
        if key.text not in REGISTRY:
            help = suggest(key.text, REGISTRY) or "`netspec ops` lists the ops"
            sink.error("NS020", f"no op is called `{key.text}`", key.span, help=help)
        found[key.text] = read_fillers(value, sink)
    return found


def read_fillers(tree: Tree, sink: Sink) -> Fillers:
    """Read `{weight: FILLER, bias: FILLER}`; a filler alone fills a free parameter."""
    if isinstance(tree, Mapping) and any(key.text in TENSORS for key, _ in tree.items):
        Fields(tree, sink, "`init` of an op", TENSORS)
        read = {key.text: _read_filler(value, sink) for key, value in tree.items}
    else:
        read = {"": _read_filler(tree, sink)}
    return {key: filler for key, filler in read.items() if filler is not None}


def _read_filler(tree: Tree, sink: Sink) -> Filler | None:
    """Read `zeros_` or `{constant_: 0.2}`, in the form of an op."""
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        return _validated(tree.text, tree.span, {}, sink, {})
    mapping = as_mapping(tree, sink, "`init`") if isinstance(tree, Mapping) else None
    if mapping is None or not mapping.items:
        help = "for example `zeros_` or `{constant_: 0.2}`"
        message = f"`init` expects a function of torch.nn.init, found {kind(tree)}"
        sink.error("NS012", message, tree.span, help=help)
        return None
    (name, first), *others = mapping.items
    fields = list(FILLERS[name.text].model_fields) if name.text in FILLERS else []
    items = first.items if isinstance(first, Sequence) else (first,)
    if len(items) > len(fields):
        message = f"`{name.text}` takes {', '.join(fields) or 'no arguments'}"
        if name.text in FILLERS:
            sink.error("NS030", message, first.span)
            return None
    given = [*zip(fields, items, strict=False), *((key.text, value) for key, value in others)]
    keys = {key.text: key.span for key, _ in others}
    return _validated(name.text, name.span, dict(given), sink, keys)


def _validated(
    name: str, span: Span, given: dict[str, Tree], sink: Sink, keys: Table[str, Span]
) -> Filler | None:
    if name not in FILLERS:
        help = suggest(name, [*FILLERS, *TENSORS]) or "known: " + ", ".join(FILLERS)
        sink.error(
            "NS020", f"torch.nn.init has no function `{name}` that is known here", span, help=help
        )
        return None
    values = {key: read_argument(tree, Scope({}), sink) for key, tree in given.items()}
    try:
        return FILLERS[name].model_validate({k: a.value for k, a in values.items() if a})
    except ValidationError as error:
        for item in error.errors():
            key = str(item["loc"][0])
            place = given[key].span if key in given else span
            if item["type"] == "missing":
                sink.error("NS033", f"`{name}` needs `{key}`", place)
            elif item["type"] == "extra_forbidden":
                fields = FILLERS[name].model_fields
                help = (
                    suggest(key, fields) or f"`{name}` takes {', '.join(fields) or 'no arguments'}"
                )
                message = f"`{name}` has no argument `{key}`"
                sink.error("NS031", message, keys.get(key, place), help=help)
            else:
                sink.error("NS035", f"`{key}` of `{name}`: {item['msg']}", place)
        return None
