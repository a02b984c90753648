"""Op classes → text for people: what exists, and what one op takes and gives.

The shape rule is the op's own, run on names: what is printed is what is computed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from netspec.language.schema.ops import describe, link, signature
from netspec.ops.arguments import Argument, Integer, bare
from netspec.ops.base import REGISTRY, Join, Op
from netspec.ops.dim import Shape, name
from netspec.ops.window import times
from netspec.text.rendered import WIDTH, wrap

_SPATIAL = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
_SAMPLES: tuple[object, ...] = (2, (2,), (3, 5), (48, 4), (0, 2, 1, 3), (1, 1), (3, -1, 4))
"""What stands for an argument that takes no name."""


def listing(columns: int | None = None) -> str:
    """Return every op with the first line of its documentation, by kind.

    Where it is not known how many columns are shown, each has one line, for `grep`.
    """
    kinds: dict[str, list[type[Op]]] = {}
    for cls in REGISTRY.values():
        kinds.setdefault(cls.style, []).append(cls)
    width = max(map(len, REGISTRY))
    lines = []
    for kind, classes in kinds.items():
        texts = ((cls.op_name, describe(cls).partition("\n")[0]) for cls in classes)
        lines += [f"{kind}:"]
        for own, text in texts:
            head = f"  {own:<{width}}  "
            lines += _hanging(head, text, columns) if columns else [f"{head}{text}"]
        lines += [""]
    return "\n".join([*lines, "`netspec ops OP` says more about one."])


def _hanging(head: str, text: str, columns: int) -> list[str]:
    """Return a text behind a head, below which its further lines stand."""
    behind = " " * len(head)
    return textwrap.wrap(text, columns, initial_indent=head, subsequent_indent=behind)


def page(cls: type[Op], columns: int = WIDTH) -> str:
    """Return everything about one op, in lines of so many columns at most."""
    call = f"{cls.op_name}: [{signature(cls)}]" if cls.model_fields else cls.op_name
    lines = [*textwrap.wrap(call, columns, subsequent_indent=" " * (len(cls.op_name) + 3)), ""]
    for paragraph in describe(cls).split("\n\n"):
        lines += textwrap.wrap(" ".join(paragraph.split()), columns)
    if cls.model_fields:
        lines += ["", "arguments:", *_arguments(cls, columns)]
    lines += ["", "shape:", *_wrapped(shape_rule(cls), columns)]
    if found := work(cls):
        lines += ["", "tensors, and work for one image:", *_wrapped(found, columns)]
    where = f", {link(cls)}" if link(cls) else ""
    return "\n".join([*lines, "", *wrap(f"in PyTorch: {cls.module}{where}", columns)])


def _wrapped(lines: Iterable[str], columns: int) -> Iterator[str]:
    for line in lines:
        yield from textwrap.wrap(line, columns, initial_indent=" " * 2, subsequent_indent=" " * 6)


def _arguments(cls: type[Op], columns: int) -> Iterator[str]:
    width = max(map(len, cls.model_fields))
    for key, field in cls.model_fields.items():
        yield from _hanging(f"  {key:<{width}}  ", argument(field), columns)


def argument(field: Any) -> str:
    """Say what an argument is, what it takes, and its default."""
    default = "required" if field.is_required() else f"default {bare(field.default)}"
    return f"{field.description}; {_kind(field).wanted}; {default}"


def _kind(field: Any) -> Argument:
    """Return the kind of an argument, which is a part of its annotation."""
    return next(part for part in field.metadata if isinstance(part, Argument))


# ------------------------------------------------------------------ the shape rule


def shape_rule(cls: type[Op]) -> list[str]:
    """Return how the output's shape follows from the input's, in words."""
    dims = _dims(cls)
    x = tuple(name(dim) for dim in dims)
    op = _named(cls)
    if cls.reads[0] > 1 and not issubclass(cls, Join):
        several = [
            (name(dims[0]), *(name(f"{d}{i + 1}") for d in dims[1:])) for i in range(cls.reads[0])
        ]
        output = (op or cls.model_validate({"dim": 1})).shape(*several)
        return [", ".join(map(times, several)), f"→ {times(output)}"]
    inputs = (x, x) if issubclass(cls, Join) else (x,)
    try:
        if op is None:
            return _example(cls)
        output = op.shape(*inputs)
    except (TypeError, ValueError, ArithmeticError):
        return _example(cls)
    if output == x:
        what = "the common shape of the inputs" if len(inputs) > 1 else "the input's shape"
        return [f"the output has {what}"]
    if len(inputs) > 1:
        # Only with channels of their own do the inputs show how they join.
        output = op.shape(*(tuple(name(f"{dim}{i}") for dim in dims[:1]) + x[1:] for i in (1, 2)))
    return _rule(dims, output, cls)


def work(cls: type[Op]) -> list[str]:
    """Return an op's tensors, and its operations for one image, on the names of the shape rule.

    Nothing for an op whose rules need numbers.
    """
    dims = _dims(cls)
    x = tuple(name(dim) for dim in dims)
    inputs = (x, x) if issubclass(cls, Join) else (x,)
    op = _named(cls)
    if op is None or (len(inputs) not in cls.reads and not issubclass(cls, Join)):
        return []
    try:
        cost, output = op.cost(*inputs), op.shape(*inputs)
        tensors = {"learnt": op.weights(*inputs), "not learnt": op.buffers(*inputs)}
    except (TypeError, ValueError, ArithmeticError):
        return []
    letters = {f"({_spelt(size)})": dim[0].upper() for dim, size in zip(dims, output, strict=False)}
    found = [
        f"{key}: {_joined([str(term) for term in size]) or 'one number'}, {kind}"
        for kind, sizes in tensors.items()
        for key, size in sizes.items()
    ]
    for what, number in (("multiply-adds", cost.macs), (f"{cls.other} operations", cost.other)):
        formula = _spelt(number)
        for long, letter in letters.items():
            formula = formula.replace(long, letter)
        found += [f"{what}: {formula}"] if number != 0 else []
    given = f"input{'s' * (len(inputs) - 1)}: {_joined([*dims])}"
    return [given, *found] if found else ["no tensors, and nothing that is counted"]


def _dims(cls: type[Op]) -> tuple[str, ...]:
    """Return what the dimensions of an op's input are called."""
    if cls.style == "attention" and cls.rank == 2:
        return "tokens", "features"
    return "channels", *_SPATIAL[(cls.rank or 3) - 1]


def _spelt(size: object) -> str:
    return str(size).replace("padding + padding", "2 * padding")


def _joined(terms: list[str]) -> str:
    return " × ".join(f"({term})" if " " in term and len(terms) > 1 else term for term in terms)


def _named(cls: type[Op]) -> Op | None:
    """Return the op with a name for each size, None if an argument takes none."""
    sizes: dict[str, object] = {}
    for key, field in cls.model_fields.items():
        if _kind(field).takes_expression and (
            field.is_required() or isinstance(_kind(field), Integer)
        ):
            sizes[key] = name(key)
        elif field.is_required():
            return None
    return cls.model_validate(sizes)


def _rule(dims: tuple[str, ...], output: Shape, cls: type[Op]) -> list[str]:
    """Write a rule; long formulas get a letter and a line of their own."""
    terms: list[str] = []
    where: list[str] = []
    for i, size in enumerate(output):
        formula = _spelt(size)
        letter = dims[i][0].upper() if len(output) == len(dims) else ""
        is_long = letter and len(formula) > 24
        terms.append(letter if is_long else formula)
        where += [f"{letter} = {formula}"] if is_long else []
    lines = [f"{' × '.join(dims)} → {_joined(terms)}", *where]
    if "ceil_mode" in cls.model_fields:
        lines.append("`ceil_mode` rounds up, unless the last window would start behind the input")
    if where and "padding_mode" in cls.model_fields:
        lines.append("`padding: same` keeps the size, `padding: valid` is no padding")
    return lines


def _example(cls: type[Op]) -> list[str]:
    """Return an example in numbers, for rules that depend on which dimensions are named."""
    required = [key for key, field in cls.model_fields.items() if field.is_required()]
    required = required or list(cls.model_fields)[:1]
    for x, sample in product(((8, 6, 4), (1, 6, 4)), _SAMPLES):
        if not all(_kind(cls.model_fields[key]).accepts(sample) for key in required):
            continue
        op = cls.model_validate(dict.fromkeys(required, sample))
        if not any(True for _ in op.check(x)):
            spelt = f"[{', '.join(map(str, sample))}]" if isinstance(sample, tuple) else sample
            call = ", ".join(f"{key}: {spelt}" for key in required)
            reads = f"{times(x)} → " if cls.reads[0] else ""
            return [f"for example {reads}{times(op.shape(x))} with {call}"]
    return ["see above"]
