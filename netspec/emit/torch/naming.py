"""Names of the generated code: classes from paths, local variables that shadow nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable

ORDERED = "OrderedDict"
"""What holds modules with names of their own, for an nn.Sequential."""
GLOBALS = frozenset(("torch", "nn", "F", "Tensor", "NamedTuple", "Callable", ORDERED))
"""What a generated file may import; no class of it has such a name."""
AMBIGUOUS = frozenset("lIO")
"""What looks like a digit: no variable has such a name, only what the spec calls so itself."""
RESERVED = GLOBALS | AMBIGUOUS | {"self", "int", "range", "super"}
"""What the statements of a method read, and no variable may hide; and what it may not be called."""

OF_TUPLES = frozenset(("count", "index", "Tensor"))
"""What no field of a NamedTuple may hide: methods of every tuple, and the type of the fields."""

OF_CONTAINERS = frozenset(
    ("append", "clear", "extend", "insert", "items", "keys", "pop", "update", "values")
)
"""What no attribute of an nn.ModuleList or nn.ModuleDict may hide."""


def class_name(path: Iterable[str]) -> str:
    """Return a class name from a path: GoogLeNet, stem → GoogLeNetStem; no word stands twice."""
    words = [word for part in path for word in part.split("_") if word]
    text = ""
    for word in words:
        text += "Inner" if text.lower().endswith(word.lower()) else word[0].upper() + word[1:]
    return text


def renamed(texts: Iterable[str], reserved: Collection[str]) -> dict[str, str]:
    """Return for each text itself, or a new name if it is reserved; no two are the same."""
    given = list(dict.fromkeys(texts))
    taken = {*given, *reserved}
    return {text: unique(text, taken) if text in reserved else text for text in given}


def allowed(name: str, rule: str) -> str:
    """Return the remark that lets a class or an attribute have the spec's own ambiguous name."""
    return f"  # noqa: {rule}  # the spec's name" if name in AMBIGUOUS else ""


def unique(text: str, taken: set[str]) -> str:
    """Return the text, or the text with underscores so that it is new; it is then taken."""
    while text in taken:
        text += "_"
    taken.add(text)
    return text
