"""What any layer may say beside its op: from, shape, when, weight, repeat, first, doc."""

from __future__ import annotations

import re

from netspec.language.cures import sizes, with_dollars
from netspec.language.fields import Fields, as_mapping, kind
from netspec.language.init import read_fillers
from netspec.language.terms import Argument, Condition, Ref, Value
from netspec.language.values import Scope, expression, read_argument
from netspec.ops.arguments import spell
from netspec.text.diagnostics import Sink, Span
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

LAYER_KEYS = ("from", "shape", "when", "weight", "repeat", "first", "share", "init", "doc")


def read_from(tree: Mapping, sink: Sink) -> tuple[Ref, ...]:
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
            name, _, port = item.text.partition(".")
            refs.append(Ref(name, item.span, port))
        else:
            help = "for example `from: conv1`, or `from: [conv1, conv2]`"
            message = f"`from` expects a layer's name, found {kind(item)}"
            sink.error("NS012", message, item.span, help=help)
            return ()
    return tuple(refs)


def read_extras(tree: Mapping, scope: Scope, sink: Sink) -> dict[str, object]:
    """Read everything but `from:`, as fields of a Layer."""
    extras: dict[str, object] = {}
    for key in ("shape", "weight", "repeat"):
        if found := tree.find(key):
            extras[key] = read_argument(found[1], scope, sink)
    shape = extras.get("shape")
    if isinstance(shape, Argument) and not isinstance(shape.value, tuple):
        meant = sizes(shape.span.text)
        help = f"write `{list(meant)}`" if meant else "for example [64, 112, 112]"
        message = f"`shape` expects a list, found {spell(shape.value)}"
        sink.error("NS012", message, shape.span, help=help)
    if found := tree.find("when"):
        extras |= _read_when(found[1], scope, sink)
    if found := tree.find("first"):
        extras["first"] = _read_first(found[1], scope, sink)
    if found := tree.find("init"):
        extras["init"] = read_fillers(found[1], sink)
    if tree.find("doc"):
        known = [key.text for key, _ in tree.items]
        extras["doc"] = Fields(tree, sink, "a layer", known).text("doc")
    return extras


def _read_first(tree: Tree, scope: Scope, sink: Sink) -> dict[str, Argument]:
    """Read the arguments that the first of several repetitions gets in place of the others'."""
    mapping = as_mapping(tree, sink, "`first`", "for example `first: {stride: 2}`")
    read = {k.text: read_argument(v, scope, sink) for k, v in mapping.items} if mapping else {}
    return {key: argument for key, argument in read.items() if argument is not None}


_CONDITION = re.compile(r"(.+?)(==|!=|<=|>=|<|>)(.+)")


def _read_when(tree: Tree, scope: Scope, sink: Sink) -> dict[str, object]:
    """Read `train`, a truth value, `$project`, or a comparison such as `$stride != 1`."""
    if isinstance(tree, Scalar) and tree.value == "train":
        return {"train_only": True}
    is_word = isinstance(tree, Scalar) and tree.value == "$train" and not scope.use("train")
    is_known = isinstance(tree, Scalar) and (isinstance(tree.value, bool) or "$" in tree.text)
    if is_word or not isinstance(tree, Scalar) or not is_known:
        message = (
            f"`when` expects `train` or a condition such as `$stride != 1`, found {kind(tree)}"
        )
        meant = _condition_meant(tree.text, scope) if isinstance(tree, Scalar) else ""
        help = f"a parameter is written with `$`: `{meant}`" if meant else "did you mean `train`?"
        sink.error("NS035", message, tree.span, help=help)
        return {}
    match = _CONDITION.fullmatch(tree.text) if isinstance(tree.value, str) else None
    if match is None:
        argument = read_argument(tree, scope, sink)
        left, operator, right = (argument.value if argument else None), "!=", False
        return {"condition": Condition(left, operator, right, tree.span)}
    sides = [_side(tree, match, group, scope, sink) for group in (1, 3)]
    return {"condition": Condition(sides[0], match[2], sides[1], tree.span)}


def _condition_meant(text: str, scope: Scope) -> str:
    """Return the condition that was meant by one without `$`, or nothing."""
    match = _CONDITION.fullmatch(text)
    left = with_dollars(match[1].strip() if match else text, scope.all())
    if match:
        return f"{left} {match[2]} {match[3].strip()}" if left else ""
    return left if text in scope.all() else ""


def _side(tree: Scalar, match: re.Match[str], group: int, scope: Scope, sink: Sink) -> Value:
    start = tree.span.start + tree.quoted
    span = Span(tree.span.source, start + match.start(group), start + match.end(group))
    text = match[group].strip()
    value: str | bool = {"true": True, "false": False}.get(text, match[group])
    return expression(Scalar(value, span), scope, sink) if isinstance(value, str) else value
