"""What each code means, with an example that yields it and one that does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_DIRECTORY = Path(__file__).parents[1] / "data" / "explain"
_FENCE = re.compile(r"^```yaml (\S+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A page about a code. `examples` are specs: "wrong", "right", and files that they extend."""

    code: str
    title: str
    text: str
    examples: Mapping[str, str]


def codes() -> list[str]:
    """Return every code, in order."""
    return sorted(path.stem for path in _DIRECTORY.glob("NS*.md"))


def explain(code: str) -> Explanation:
    """Return what a code means. Raises KeyError for one that does not exist."""
    if not re.fullmatch(r"NS[0-9]{3}", code):
        raise KeyError(code)
    try:
        text = (_DIRECTORY / f"{code}.md").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeyError(code) from None
    title = text.splitlines()[0].removeprefix("# ")
    return Explanation(code, title, text, dict(_FENCE.findall(text)))
