"""Pieces of generated text: signatures, constructor calls, shapes, docstrings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import replace

from netspec.emit.torch.constructs import (
    INDEX,
    Chosen,
    Construct,
    Copies,
    Given,
    Repeated,
    Sequential,
    folded,
    placed,
    used_names,
)
from netspec.emit.torch.layout import (
    INDENT,
    WIDTH,
    Brackets,
    Choice,
    Code,
    Generator,
    arguments,
    call,
    expression,
    flat,
    literal,
    quoted,
    statement,
)
from netspec.emit.torch.naming import OF_CONTAINERS, ORDERED, renamed
from netspec.emit.torch.plan import ClassParam, ClassPlan, bare
from netspec.language.names import MODULE_ATTRIBUTES
from netspec.language.terms import NUMBERS, Condition, Series
from netspec.ops.base import Call
from netspec.ops.dim import Expr, name, python


def attributes(plan: ClassPlan) -> dict[str, str]:
    """Return where a class keeps the parameters that its functions and its loss read."""
    known = {param.name for param in plan.params}
    read = [text for text in plan.read if text in known]
    kept = renamed(map(bare, read), {*plan.children, *MODULE_ATTRIBUTES, *OF_CONTAINERS})
    return {text: f"self.{kept[bare(text)]}" for text in read}


def child_text(plan: ClassPlan, name: str) -> str:
    """Write a child; `self.0` is no Python."""
    if not name.isdecimal():
        return f"self.{name}"
    return f"self[{name}]" if plan.base == "nn.ModuleList" else f"self[{quoted(name)}]"


def construct(made: Construct | Repeated, local: Mapping[str, str]) -> Code:
    """Write a constructor call."""
    match made:
        case Call():
            items = arguments(made, lambda value: literal(value, local))
            return call(made.function, items, made.note)
        case Copies() if made.is_named:
            return call("nn.Sequential", [_named(made, local)])
        case Sequential() | Copies():
            parts = folded(made) if isinstance(made, Copies) else made.items
            code = call("nn.Sequential", [construct(part, local) for part in parts])
            return replace(code, names=layers_made(parts))
        case Given():
            return call(local[made.param], [])
        case Chosen():
            condition = condition_text(made.condition, local)
            one = construct(made.made, local)
            if made.is_left_out:
                some = Choice(condition, Brackets("[", (one,), "]"), "[]")
                return Brackets("*(", (some,), hugs=True)
            nothing = "nn.Identity()"
            return one if flat(one) == nothing else Choice(condition, one, nothing)
    is_read = INDEX in set(used_names(made.made))
    return Brackets("*(", (_loop(construct(made.made, local), made, is_read, local),), hugs=True)


def layers_made(
    parts: Iterable[Construct | Repeated], names: Series = NUMBERS
) -> tuple[tuple[str, ...], ...]:
    """Return what the layers are called that each part of a sequence makes.

    None if a condition decides what is left out; of a part whose count is an argument, none.
    """
    found: list[tuple[str, ...]] = []
    index = 0
    for part in parts:
        if isinstance(part, Chosen) and part.is_left_out:
            return ()
        count = part.stop - part.start if isinstance(part, Repeated) else 1
        number = count if isinstance(count, int) else 0
        found.append(tuple(map(names.name, range(index, index + number))))
        index += number
    return tuple(found)


def _loop(element: Code, over: Repeated, is_read: bool, local: Mapping[str, str]) -> Generator:
    """Write a generator expression, whose index the element reads or does not."""
    if not is_read:
        return Generator(element, f"for _ in range({expression(over.stop - over.start, local)})")
    numbers = ", ".join([str(over.start)] * bool(over.start) + [expression(over.stop, local)])
    return Generator(element, f"for {local[INDEX]} in range({numbers})")


def _named(made: Copies, local: Mapping[str, str]) -> Code:
    """Write copies with names of their own, as nn.Sequential takes them."""
    parts: list[Code] = []
    for index, part in placed(folded(made)):
        if isinstance(part, Repeated):
            text = python(name(local[INDEX]) + made.names.start)
            key = f'f"{made.names.stem}{{{text}}}"'
            pair = Brackets("(", (key, construct(part.made, local)))
            loop = _loop(pair, part, True, local)
            if part.start == 0 and part.stop == made.count:
                return Brackets(f"{ORDERED}(", (loop,), hugs=True)
            parts.append(Brackets("*(", (loop,), hugs=True))
        else:
            pair = Brackets("(", (quoted(made.names.name(index)), construct(part, local)))
            parts.append(pair)
    names = layers_made(folded(made), made.names)
    return call(ORDERED, [Brackets("[", tuple(parts), "]", names=names)])


def condition_text(condition: Condition, local: Mapping[str, str]) -> str:
    """Write a comparison; one with a truth value as `flag` or `not flag`."""
    left, right = (expression(side, local) for side in (condition.left, condition.right))
    if condition.operator not in ("==", "!=") or right not in ("True", "False"):
        return f"{left} {condition.operator} {right}"
    return left if (condition.operator == "==") == (right == "True") else f"not {left}"


def init_signature(params: Iterable[ClassParam], local: Mapping[str, str]) -> list[str]:
    items = ["self"]
    for param in params:
        if param.keyword_only and "*" not in items:
            items.append("*")
        default = f" = {flat(literal(param.default))}" if param.default is not None else ""
        items.append(f"{local.get(param.name, param.name)}: {param.type}{default}")
    return statement("def ", call("__init__", items), " -> None:", 1)


def signature(method: str, inputs: Iterable[str], returns: str) -> list[str]:
    items = ["self", *(f"{text}: Tensor" for text in inputs)]
    return statement("def ", call(method, items), f" -> {returns}:", 1)


def numbers(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def docstring(doc: str, notes: list[str]) -> list[str]:
    """Return the lines of a docstring: the words of the spec's text, and notes.

    Words are never cut, and each line is escaped once it stands: no escape can span two lines.
    """
    lines: list[str] = []
    for paragraph in doc.strip().splitlines():
        lines += _wrapped(" ".join(paragraph.split()), WIDTH - 8, "")
    if lines and notes:
        lines.append("")
    for note in notes:
        lines += _wrapped(note, WIDTH - 10, " " * 8 if note.startswith(" ") else "")
    lines = [_escaped(line) for line in lines]
    if lines[0].startswith('"'):
        lines[0] = " " + lines[0]
    if len(lines) == 1 and len(lines[0]) <= WIDTH - 10 and not lines[0].endswith('"'):
        return [f'{INDENT}"""{lines[0]}"""']
    body = [INDENT + line if line else "" for line in lines[1:]]
    return [f'{INDENT}"""{lines[0]}', *body, f'{INDENT}"""']


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    lines = textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return lines or [""]


def _escaped(line: str) -> str:
    """Escape a line for the inside of a triple-quoted literal."""
    line = line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def operand(value: object, attributes: Mapping[str, str]) -> str:
    text = expression(value, attributes)
    return f"({text})" if isinstance(value, Expr) and value.op in ("+", "-") else text
