"""What `--set` says: a value for a parameter, or for a sweep many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from netspec import limits
from netspec.cli.exits import Exit, Failure
from netspec.text.plain import number

_PARTS = 3
"""Of a range."""
_TRUTH = {"true": True, "false": False}


def settings(items: Iterable[str]) -> dict[str, float]:
    """Return the value of each parameter that is set. Raises Failure."""
    found: dict[str, float] = {}
    for item in items:
        name, _, text = item.partition("=")
        value = _value(text)
        if value is None:
            message = f"--set expects NAME=NUMBER, NAME=true or NAME=false, found {item[:80]!r}"
            raise Failure(message, Exit.USAGE)
        found[name] = value
    return found


def axes(items: Iterable[str]) -> dict[str, Sequence[float]]:
    """Return the values of each parameter that is swept. Raises Failure."""
    found: dict[str, Sequence[float]] = {}
    for item in items:
        name, _, text = item.partition("=")
        if name in found:
            message = f"`{name}` is set twice; its values stand in one list: --set {name}=1,2"
            raise Failure(message, Exit.USAGE)
        found[name] = [value for part in text.split(",") for value in _values(part, item)]
    return found


def _value(text: str) -> float | None:
    return _TRUTH[text] if text in _TRUTH else number(text)


def _values(text: str, item: str) -> Iterator[float]:
    """Yield the values of `0.5`, or of a range `160:256:32`, whose end belongs to it."""
    parts = text.split(":")
    values = [_value(text)] if len(parts) == 1 else [number(part) for part in parts]
    if None in values or len(values) > _PARTS:
        message = "--set expects NAME=VALUES, such as 0.5,0.75,1 or 160:256:32 (from, to, step), "
        raise Failure(f"{message}found {item[:80]!r}", Exit.USAGE)
    return _between(text, item) if values[1:] else iter(values)  # type: ignore[arg-type]  # no None


def _between(text: str, item: str) -> Iterator[float]:
    """Yield the values of a range; its decimals are exact, so that three times 0.1 is 0.3."""
    texts = text.split(":")
    start, stop, step = map(Fraction, texts if len(texts) == 3 else [*texts, "1"])
    count = (stop - start) // step + 1 if step > 0 else 0
    if count < 1:
        message = f"`{text[:80]}` has no values; a range is FROM:TO:STEP with a STEP above 0"
        raise Failure(f"--set {item.partition('=')[0][:80]}: {message}", Exit.USAGE)
    if count > limits.POINTS:
        message = f"`{text[:80]}` has more than {limits.POINTS:,} values"
        raise Failure(f"--set {item.partition('=')[0][:80]}: {message}", Exit.USAGE)
    kind = int if all(isinstance(number(part), int) for part in texts) else float
    return (kind(start + i * step) for i in range(int(count)))
