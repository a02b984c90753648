"""Names of a source → names that a spec may give."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from netspec.language.model import INPUT
from netspec.language.names import check_name
from netspec.text.diagnostics import Sink, Source, Span, escape
from netspec.text.plain import resolve

_NOWHERE = Span(Source("", ""), 0, 0)
_LONGEST = 56
"""Characters that leave room for a number, or a word, behind them."""


def legal(text: str, kind: str) -> str:
    """Return a name as near to a text as can be; `kind` stands before a digit."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:_LONGEST] or kind
    if not name[0].isalpha():
        name = f"{kind}{name}"[:_LONGEST]
    sink = Sink()
    is_text = isinstance(resolve(name, _NOWHERE, sink), str)  # `on` and `null` are none to YAML
    for role in ("layer", "input", "output"):
        check_name(sink, name, _NOWHERE, role)
    return name if is_text and not sink.failed else f"{name}_{kind}"


def shown(text: str) -> str:
    """Return a text of a source as one of ASCII, which every file and terminal shows as it is."""
    return escape(text).encode("ascii", "backslashreplace").decode()


def title(text: str) -> str:
    """Return the name of a class as near to a text as can be; nothing if there is none."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word[0].upper() + word[1:] for word in words)[:_LONGEST]
    return name if name and check_name(Sink(), name, _NOWHERE, "network") else ""


@dataclass
class Names:
    """Names of one body, each given once."""

    taken: set[str] = field(default_factory=lambda: {INPUT})

    def new(self, text: str, kind: str) -> str:
        """Return a name that nobody has, as near to a text as can be."""
        name = free = legal(text, kind)
        number = 2
        while free in self.taken:
            free = f"{name}_{number}"
            number += 1
        self.taken.add(free)
        return free


def network_name(text: str) -> str:
    """Return a name that a network can have."""
    word = re.sub(r"[^A-Za-z0-9_]", "", text).lstrip("_0123456789")[:60] or "Net"
    word = word[0].upper() + word[1:]
    return word if check_name(Sink(), word, _NOWHERE, "network") else f"{word}Net"
