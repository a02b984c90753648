"""Functions of one input as modules, so that an nn.Sequential holds them."""

from __future__ import annotations

from netspec.emit.torch.layout import INDENT, Code, Prefixed, call, literal, operation, statement
from netspec.emit.torch.naming import class_name
from netspec.ops.base import Call, Infix, Input, Op


def wrapper_name(op: Op) -> str:
    """Return what the module is called: `Permute`."""
    return class_name(op.op_name.split("."))


def wrapper_call(name: str, made: Call | Infix) -> Call:
    """Return the constructor call of a module that does what a function's call does."""
    if isinstance(made, Infix):
        return Call(name, made.numbers)
    return Call(name, tuple(x for x in made.args if x is not Input.ONE), made.kwargs)


def wrapper_source(op: Op, made: Call | Infix) -> str:
    """Return the class of a module with an op's arguments that calls its function."""
    fields = type(op).model_fields
    lines = [f"class {wrapper_name(op)}(nn.Module):", f'{INDENT}"""{op.module} as a module."""']
    lines += [""]
    if fields:
        items = [f"{key}: {_type(field.annotation)}" for key, field in fields.items()]
        for i, field in enumerate(fields.values()):
            items[i] += "" if field.is_required() else f" = {literal(field.default)}"
        lines += statement("def ", call("__init__", ["self", *items]), " -> None:", 1)
        lines += [f"{INDENT * 2}super().__init__()"]
        lines += [*(f"{INDENT * 2}self.{key} = {key}" for key in fields), ""]
    lines += [f"{INDENT}def forward(self, x: Tensor) -> Tensor:"]
    lines += statement("return ", _applied(made, [*fields]), depth=2)
    return "\n".join(lines) + "\n"


def _applied(made: Call | Infix, fields: list[str]) -> Code:
    """Write the call with what the module keeps; the first arguments by position, as in `made`."""
    kept = [f"self.{key}" for key in fields]
    if isinstance(made, Infix):
        return operation(made.operator, ["x", *kept])
    count = len(made.args) - 1
    named = [Prefixed(f"{key}=", f"self.{key}") for key in fields[count:]]
    return call(made.function, ["x", *kept[:count], *named])


def _type(annotation: object) -> str:
    is_plain = isinstance(annotation, type) and not hasattr(annotation, "__args__")
    return annotation.__name__ if is_plain else str(annotation)  # type: ignore[attr-defined]
