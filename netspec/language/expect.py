"""`expect:` bounds of the numbers of a whole network."""

from __future__ import annotations

import re
from collections.abc import Sequence as Items
from fractions import Fraction
from typing import ClassVar

from netspec.language.keys import Kind, Reading, Schema, refuse_form
from netspec.language.kinds import NUMBER
from netspec.language.terms import Argument
from netspec.text.codes import Code
from netspec.text.diagnostics import meant, suggest
from netspec.text.fixes import writing
from netspec.text.syntax import Scalar, Tree

MAX_DEPTH = 1000
_LONGEST = 64
"""Characters of a bound."""
# `010` is left out, because YAML 1.1 reads 8 there.
_BOUND = re.compile(
    r"(<=|>=|<|>)?\s*((?!0[0-9])[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,2})?)\s*([KMG])?", re.ASCII
)


_SYNONYMS = {
    "params": "parameters weights size n_params num_params nparams",
    "macs": "madds maccs mult_adds multiply_adds mul_adds gmacs mac muladds",
    "depth": "layers num_layers",
}


def metric_meant(key: Scalar, value: Tree, absent: Items[str]) -> str:
    """Return the metric that another name stands for, with the number that follows."""
    word = key.text.lower()
    for metric, others in _SYNONYMS.items():
        if word in others.split():
            return meant([metric], key.text, key.span)
    if word.lstrip("gm") not in ("flops", "flop"):
        number = value.value if isinstance(value, Scalar) else None
        is_depth = type(number) is int and number <= MAX_DEPTH and "depth" in absent
        depth = meant(["depth"], key.text, key.span) if is_depth else ""
        return suggest(key.text, absent, key.span) or depth
    match = _BOUND.fullmatch(value.span.text.strip("'\"")[:64])
    unit = "G" if word[0] == "g" else "M" if word[0] == "m" else ""
    half = "half of it"
    if match:
        exact = Fraction(match[2]) / 2
        text = str(exact) if exact.denominator == 1 else str(float(exact))
        half = f"{match[1] or ''}{text}{match[3] or unit}"
    return f"multiply-adds count once, and are two FLOPs: `macs: {half}`"


Bound = tuple[str, float, Argument]
"""A comparison with a number, and the number as written."""
_PATTERN = r"^(<=|>=|<|>)?\s*[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]{1,2})?\s*[KMG]?$"


BOUND_MEANT = "a bound is a positive number such as 6998552 or `<=1.6G`"


def bound(text: str) -> tuple[str, float] | None:
    """Read a comparison with a number; without a sign it is an equality."""
    match = _BOUND.fullmatch(text)
    if match is None or len(text) > _LONGEST:
        return None
    number = float(match[2]) if "." in match[2] or "e" in match[2].lower() else int(match[2])
    scale = {"K": 10**3, "M": 10**6, "G": 10**9}.get(match[3] or "", 1)
    return match[1] or "==", number * scale


class Bounded(Kind[Tree]):
    """A number, or a bound such as `<=1.6G`."""

    schema: ClassVar[Schema] = {"anyOf": [NUMBER, {"type": "string", "pattern": _PATTERN}]}

    def read(self, tree: Tree, reading: Reading) -> Bound | None:
        text = tree.span.text if isinstance(tree, Scalar) else ""
        found = bound(text.strip("'\""))
        if found is None:
            meant = text.strip("'\"").lstrip("-+=~ ")
            help = writing(tree.span, meant) if bound(meant) else ""
            refuse_form(tree, BOUND_MEANT, reading.sink, help, Code.RANGE)
            return None
        return *found, Argument(text, tree.span)
