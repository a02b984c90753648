"""A user's own ops: modules of op classes, imported because the user named them.

Nothing that a spec or a project says comes here; whoever calls `enabled_by` has the user's word.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from keyword import iskeyword
from types import ModuleType
from typing import NamedTuple

from netspec.ops.arguments import Argument
from netspec.ops.base import OTHER_KINDS, REGISTRY, STYLES, Op

GROUP = "netspec.ops"
"""The entry points by which an installed package says that it has ops."""
OWN_NAME = r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*"
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_TAKEN = frozenset(
    (
        *("Callable", "F", "NamedTuple", "OrderedDict", "Tensor", "bool", "dict", "float", "int"),
        *("isinstance", "module", "nn", "out", "range", "self", "str", "super", "tuple", "x"),
    )
)
"""What generated code calls otherwise than a package."""


class OpsError(ValueError):
    """A module that has no ops, or one that netspec cannot take; one line."""


class OpsImportError(ImportError):
    """A module of ops that cannot be imported; one line."""


def is_path(text: str) -> bool:
    """Tell whether a text can name a module: words of ASCII with dots between, no keywords."""
    return bool(_PATH.fullmatch(text)) and not any(map(iskeyword, text.split(".")))


def package_of(function: str) -> str:
    """Return the module that generated code imports to call `mylib.layers.SqueezeExcite`.

    It is empty for what every file has: `nn.Conv2d`.
    """
    module = function.rpartition(".")[0]
    return "" if module in ("nn", "F") else module


def is_torchs(function: str) -> bool:
    """Tell whether a function or class is one of torch."""
    return function.partition(".")[0] in ("torch", "nn", "F")


def is_importable(module: str) -> bool:
    """Tell whether generated code can import a module and go on to read all other names."""
    return is_path(module) and module.partition(".")[0] not in _TAKEN


def enabled_by(modules: Iterable[str]) -> dict[str, type[Op]]:
    """Import modules, and return the ops that they have by name.

    Raises OpsImportError, and OpsError for what is no module of ops.
    """
    found: dict[str, type[Op]] = {}
    for module in dict.fromkeys(modules):
        for cls in _classes(_imported(module), module):
            other = found.setdefault(cls.op_name, cls)
            if other is not cls:
                raise OpsError(f"two ops are called `{cls.op_name}`: {_at(other)} and {_at(cls)}")
    return found


def _imported(name: str) -> ModuleType:
    if not is_path(name):
        raise OpsError(f"`{name[:80]}` is no name of a module, such as mylib.netspec_ops")
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:  # a module raises what it likes
        text = str(error).strip().partition("\n")[0][:200]
        what = f"{type(error).__name__}: {text}" if text else type(error).__name__
        root = name.partition(".")[0]
        is_absent = isinstance(error, ModuleNotFoundError) and error.name in (name, root)
        help = "; Python looks where packages are installed, and in PYTHONPATH" if is_absent else ""
        raise OpsImportError(f"cannot import the ops of `{name}`: {what}{help}") from error


def _classes(module: ModuleType, name: str) -> list[type[Op]]:
    """Return the op classes that stand in a module under any name, in its order."""
    found = dict.fromkeys(
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Op) and "op_name" in vars(value)
    )
    own = [cls for cls in found if REGISTRY.built_in.get(cls.op_name) is not cls]
    if not own:
        help = 'an op is a class with `@netspec.ops.base.op("mylib.name")`'
        raise OpsError(f"`{name}` has no ops; {help}")
    for cls in own:
        if fault := next(_faults(cls), ""):
            raise OpsError(f"{_at(cls)}: {fault}")
    return own


def _at(cls: type[Op]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _faults(cls: type[Op]) -> Iterator[str]:
    """Yield what keeps netspec from taking an op class."""
    name = cls.op_name
    if name in REGISTRY.built_in:
        yield f"netspec has an op `{name}`; write `mylib.{name}`, with a namespace of your own"
    elif not re.fullmatch(OWN_NAME, name):
        yield f"`{name[:80]}` is no name for an op of your own; write `mylib.{_plain(name)}`"
    if not inspect.getdoc(cls) or cls.__doc__ is None:
        yield "a docstring is missing, which says what the op does"
    for text in ("module", "style"):
        if not isinstance(getattr(cls, text, None), str):
            yield f"`{text}: ClassVar[str]` is missing"
            return
    if cls.kind is Op.kind and cls.style not in STYLES:
        yield f"`style` is `{cls.style[:40]}`; pictures know: {', '.join(STYLES)}"
    if cls.other not in OTHER_KINDS:
        yield f"`other` is `{cls.other[:40]}`; reports know: {', '.join(OTHER_KINDS)}"
    package = package_of(cls.module)
    if not (is_path(cls.module) and (not package or is_importable(package))):
        yield f"`module` cannot be imported: {cls.module[:80]}"
    if "." not in cls.module and cls.module not in cls.helpers:
        yield f"`module` is the path of a class: mylib.layers.{cls.module[:80]}"
    for key, field in cls.model_fields.items():
        if not any(isinstance(part, Argument) for part in field.metadata):
            yield f"`{key}` has a type of no kind: netspec.ops.arguments has Size, Pair, Flag …"
        if not field.description:
            yield f"`{key}` needs a description: Field(..., description=…)"


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name.rpartition(".")[2], flags=re.ASCII).lower()[:40] or "name"


class Offered(NamedTuple):
    """A module of ops that an installed package offers."""

    module: str
    package: str


def offered() -> list[Offered]:
    """Return what installed packages offer, without importing any of it."""
    from importlib.metadata import entry_points

    points = sorted(entry_points(group=GROUP), key=lambda point: point.value)
    return [
        Offered(point.value, f"{point.dist.name} {point.dist.version}" if point.dist else "")
        for point in points
    ]


def functions(ops: Mapping[str, type[Op]]) -> set[str]:
    """Return what generated code may call that does not stand in the file itself."""
    return {cls.module for cls in ops.values() if "." in cls.module}
