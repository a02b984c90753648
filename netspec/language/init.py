"""`init:` of a spec and of a layer: which tensor is filled how."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import ClassVar

from pydantic_core import ErrorDetails

from netspec.language.keys import (
    Keys,
    Kind,
    Reading,
    Schema,
    closed,
    read_keys,
    refuse_form,
    validated,
)
from netspec.language.kinds import Named, ref
from netspec.language.values import Scope, read_argument
from netspec.ops.base import REGISTRY, Op
from netspec.ops.fillers import FILLERS, Filler
from netspec.text.codes import Code
from netspec.text.diagnostics import nearest, suggest
from netspec.text.fixes import keyed, writing
from netspec.text.syntax import Entry, Mapping, Scalar, Sequence, Tree, entries

Fillers = dict[str, Filler]


class Function(Kind[Tree]):
    """A function of torch.nn.init: `zeros_` or `{constant_: 0.2}`, in the form of an op."""

    schema: ClassVar[Schema] = ref("filler")

    def read(self, tree: Tree, reading: Reading) -> Filler | None:
        if isinstance(tree, Scalar) and isinstance(tree.value, str):
            return _read(tree, None, (), reading)
        if not isinstance(tree, Mapping) or not tree.items:
            help = "for example `zeros_` or `{constant_: 0.2}`"
            refuse_form(tree, "`init` expects a function of torch.nn.init", reading.sink, help)
            return None
        (name, first), *others = tree.items
        return _read(name, first, others, reading)


def _read(name: Scalar, first: Tree | None, named: Items[Entry], reading: Reading) -> Filler | None:
    """Read a function by its name, what stands behind it, and the named arguments."""
    cls, sink = FILLERS.get(name.text), reading.sink
    if cls is None:
        help = suggest(name.text, FILLERS, name.span) or "known: " + ", ".join(FILLERS)
        message = f"torch.nn.init has no function `{name.text}` that is known here"
        sink.error(Code.UNKNOWN_OP, message, name.span, help=help)
        return None
    takes = f"`{name.text}` takes {', '.join(cls.model_fields) or 'no arguments'}"
    items = first.items if isinstance(first, Sequence) else (first,) if first else ()
    if first and len(items) > len(cls.model_fields):
        sink.error(Code.TOO_MANY_ARGS, takes, first.span)
        return None
    keys = {key.text: key for key, _ in named}
    given = dict(zip(cls.model_fields, items, strict=False))
    given |= {key.text: value for key, value in named}

    def tell(key: str, mistake: ErrorDetails) -> None:
        place = (given.get(key) or name).span
        match mistake["type"]:
            case "missing":
                sink.error(Code.MISSING_ARG, f"`{name.text}` needs `{key}`", place)
            case "extra_forbidden":
                help = suggest(key, cls.model_fields, keys[key].span) or takes
                message = f"`{name.text}` has no argument `{key}`"
                sink.error(Code.UNKNOWN_ARG, message, keys[key].span, help=help)
            case _:
                sink.error(Code.RANGE, f"`{key}` of `{name.text}`: {mistake['msg']}", place)

    values = {key: read_argument(tree, Scope({}), sink) for key, tree in given.items()}
    return validated(cls, {key: item.value for key, item in values.items() if item}, tell)


class Filling(Kind[Tree]):
    """A function for each tensor; one alone fills a free parameter."""

    schema: ClassVar[Schema] = ref("init")

    def __init__(self, tensors: type[Keys]) -> None:
        super().__init__()
        self.tensors = tensors

    def read(self, tree: Tree, reading: Reading) -> Fillers:
        written = [key.text for key, _ in entries(tree)]
        found = {}
        if isinstance(tree, Mapping) and any(nearest(k, self.tensors.kinds()) for k in written):
            read = dict(read_keys(self.tensors, tree, "`init` of an op", reading))
            # Generated code fills the tensors in the order of the file.
            found = {key: read[key] for key in sorted(read, key=[*written, *read].index)}
        else:
            found[""] = Function().read(tree, reading)
        return {key: filler for key, filler in found.items() if filler is not None}


class Fillings(Named):
    """The section `init`: what fills the tensors of each op."""

    @property
    def schema(self) -> Schema:  # type: ignore[override]  # which ops are enabled changes
        return closed(dict.fromkeys(sorted(REGISTRY), ref("init")))

    def __init__(self, filling: Filling) -> None:
        super().__init__()
        self.filling = filling

    def read(self, tree: Mapping, reading: Reading) -> dict[str, Fillers]:
        for key, _ in tree.items:
            if key.text not in REGISTRY:
                help = suggest(key.text, REGISTRY, key.span) or "`netspec ops` lists the ops"
                message = f"no op is called `{key.text}`"
                reading.sink.error(Code.UNKNOWN_OP, message, key.span, help=help)
        found = {key.text: self.filling.read(value, reading) for key, value in tree.items}
        for key, value in tree.items:
            cls = REGISTRY.get(key.text)
            if cls and cls.weights is Op.weights:
                message = f"`{key.text}` has no tensors to fill"
                help = keyed(value.span, key.text)
                reading.sink.error(Code.UNKNOWN_KEY, message, key.span, help=help)
            elif cls and not cls.reads[0]:
                message = f"a free `{key.text}` is filled where it stands"
                help = f"write `init: {value.span.text}` beside it"
                reading.sink.error(Code.FORM, message, key.span, help=help)
            elif "" in found[key.text]:
                message = "`init` of an op says which tensor each function fills"
                text = f"{{weight: {value.span.text}}}"
                help = writing(value.span, text, f"write `{key.text}: {text}`", safe=True)
                reading.sink.error(Code.FORM, message, value.span, help=help)
        return found
