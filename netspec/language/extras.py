"""Kinds of key that a layer may have beside its op."""

from __future__ import annotations

import re
from typing import ClassVar

from netspec.language.cures import sizes, with_dollars
from netspec.language.keys import Kind, Reading, Schema, refuse_form
from netspec.language.kinds import SIZE, Named
from netspec.language.names import MODULE_ATTRIBUTES, NAME
from netspec.language.terms import NUMBERS, Argument, Condition, Ref, Series, Value
from netspec.language.values import expression, read_argument
from netspec.ops.arguments import EXPRESSION, spell
from netspec.text.codes import Code
from netspec.text.diagnostics import Span, meant
from netspec.text.fixes import writing
from netspec.text.syntax import Mapping, Scalar, Sequence, Tree

ARGUMENTS: Schema = {
    "anyOf": [{"type": ["number", "string", "boolean", "null"]}, {"type": "array"}]
}
_SOURCE: Schema = {"type": "string", "pattern": f"^{NAME}([.][A-Za-z0-9_]+)?$"}
TRAIN = "train"


class Sources(Kind[Tree]):
    """Names of layers or inputs: one, or a list."""

    schema: ClassVar[Schema] = {
        "anyOf": [_SOURCE, {"type": "array", "items": _SOURCE, "minItems": 1}]
    }

    def read(self, tree: Tree, reading: Reading) -> tuple[Ref, ...]:
        items = tree.items if isinstance(tree, Sequence) else (tree,)
        if not items:
            reading.sink.error(Code.FORM, "`from` names nothing", tree.span)
        refs = []
        for item in items:
            if not isinstance(item, Scalar) or not isinstance(item.value, str):
                help = "for example `from: conv1`, or `from: [conv1, conv2]`"
                refuse_form(item, "`from` expects a layer's name", reading.sink, help)
                return ()
            name, _, port = item.text.partition(".")
            refs.append(Ref(name, item.span, port))
        return tuple(refs)


class Amount(Kind[Tree]):
    """A value or an expression; stages that know its value check it."""

    def read(self, tree: Tree, reading: Reading) -> Argument | None:
        return read_argument(tree, reading.scope, reading.sink)


class Total(Kind[Scalar]):
    """How many layers of a list there are: a number, as those behind it are counted on."""

    schema: ClassVar[Schema] = {"type": "integer", "minimum": 1}
    wanted = "a positive integer"

    def fits(self, tree: Tree) -> bool:
        return isinstance(tree, Scalar) and type(tree.value) is int and tree.value > 0

    def read(self, tree: Scalar, reading: Reading) -> int:
        assert isinstance(tree.value, int)
        return tree.value

    def cure(self, tree: Tree | None) -> str:
        is_number = isinstance(tree, Scalar) and not isinstance(tree.value, str)
        return "" if is_number else "in a list the numbers behind it depend on it: write a number"


_SERIES = "[A-Za-z]([A-Za-z0-9_-]{0,62}[A-Za-z_-])?(0|[1-9][0-9]{0,5})"


class Counting(Kind[Scalar]):
    """The name of the first of several."""

    schema: ClassVar[Schema] = {"type": "string", "pattern": f"^{_SERIES}$"}
    wanted = "a name that ends in a number"

    def fits(self, tree: Tree) -> bool:
        text = tree.text if isinstance(tree, Scalar) else ""
        return re.fullmatch(_SERIES, text, re.ASCII) is not None

    def read(self, tree: Scalar, reading: Reading) -> Series:
        stem = tree.text.rstrip("0123456789")
        for taken in sorted(MODULE_ATTRIBUTES):
            if re.fullmatch(re.escape(stem) + "[0-9]+", taken):
                message = f"copies cannot be called `{stem}N`: `{taken}` is an attribute of "
                message += "torch.nn.Module"
                reading.sink.error(Code.TAKEN_NAME, message, tree.span, help="choose another name")
                return NUMBERS
        return Series(stem, int(tree.text[len(stem) :]))

    def cure(self, tree: Tree | None) -> str:
        text = tree.text if isinstance(tree, Scalar) else ""
        if text.isdigit():
            return f"it is what copies are called; `repeat: {text}` makes so many"
        stem = re.sub(r"[^A-Za-z0-9_-]|[0-9]+$", "", text)
        start = re.sub(r"^0+(?=.)", "", text[len(stem) :])
        return f"for example `{stem if stem[:1].isalpha() else 'layer'}{start or 0}`"


class Contract(Kind[Tree]):
    """A shape, in which null is any size."""

    schema: ClassVar[Schema] = {
        "type": "array",
        "items": {"anyOf": [*SIZE["anyOf"], {"type": "null"}]},
        "minItems": 1,
    }

    def read(self, tree: Tree, reading: Reading) -> Argument | None:
        shape = read_argument(tree, reading.scope, reading.sink)
        if shape and not isinstance(shape.value, tuple):
            found = sizes(shape.span.text)
            help: str = "for example [64, 112, 112]"
            help = writing(shape.span, f"{[*found]}", safe=True) if found else help
            message = f"`shape` expects a list, found {spell(shape.value)}"
            reading.sink.error(Code.FORM, message, shape.span, help=help)
        return shape


class Changes(Named):
    """Arguments by name."""

    schema: ClassVar[Schema] = {"type": "object", "additionalProperties": ARGUMENTS}

    def read(self, tree: Mapping, reading: Reading) -> dict[str, Argument]:
        scope = reading.scope.of_copies(tree.span)
        read = [(k.text, read_argument(v, scope, reading.sink)) for k, v in tree.items]
        return {key: argument for key, argument in read if argument is not None}


_CONDITION = re.compile(r"(.+?)(==|!=|<=|>=|<|>)(.+)")


class When(Kind[Tree]):
    """`train`, a truth value, `$project`, or a comparison such as `$stride != 1`."""

    schema: ClassVar[Schema] = {"anyOf": [{"enum": [TRAIN, True, False]}, EXPRESSION]}

    def read(self, tree: Tree, reading: Reading) -> Condition | str | None:
        scope, sink = reading.scope, reading.sink
        if isinstance(tree, Scalar) and tree.value == TRAIN:
            return TRAIN
        # `$train` that is no parameter is the word, with a sign too many.
        is_word = isinstance(tree, Scalar) and tree.value == "$train"
        is_word = is_word and not scope.use("train", tree.span)
        is_known = isinstance(tree, Scalar) and (isinstance(tree.value, bool) or "$" in tree.text)
        if is_word or not isinstance(tree, Scalar) or not is_known:
            expected = "`when` expects `train` or a condition such as `$stride != 1`"
            found = _condition_meant(tree.text, reading) if isinstance(tree, Scalar) else ""
            help = meant(["train"], place=tree.span)
            if found:
                help = writing(tree.span, found, f"a parameter is written with `$`: `{found}`")
            refuse_form(tree, expected, sink, help, Code.RANGE)
            return None
        match = _CONDITION.fullmatch(tree.text) if isinstance(tree.value, str) else None
        if match is None:
            argument = read_argument(tree, scope, sink)
            return Condition(argument.value if argument else None, "!=", False, tree.span)
        sides = [_side(tree, match, group, reading) for group in (1, 3)]
        return Condition(sides[0], match[2], sides[1], tree.span)


def _condition_meant(text: str, reading: Reading) -> str:
    """Return the condition that was meant by one without `$`, or nothing."""
    known = reading.scope.all()
    match = _CONDITION.fullmatch(text)
    left = with_dollars(match[1].strip() if match else text, known)
    if match:
        return f"{left} {match[2]} {match[3].strip()}" if left else ""
    return left if text in known else ""


def _side(tree: Scalar, match: re.Match[str], group: int, reading: Reading) -> Value:
    text, start = match[group], tree.span.start + tree.quoted
    if text.strip() in ("true", "false"):
        return text.strip() == "true"
    span = Span(tree.span.source, start + match.start(group), start + match.end(group))
    return expression(Scalar(text, span), reading.scope, reading.sink)
