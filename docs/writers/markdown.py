"""Pieces of Markdown; text that comes from a program's data is escaped here."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import quote

from netspec.version import SITE

PLAYGROUND = f"{SITE}playground/"
NOTHING: Mapping[str, str] = MappingProxyType({})


def escape(text: str) -> str:
    """Write text so that nothing in it is markup, but for `code`."""
    pieces = re.split(r"(`[^`]+`)", text)
    return "".join(
        piece if i % 2 else re.sub(r"([\\*_\[\]<>&#|])", r"\\\1", piece).replace("\\&", "&amp;")
        for i, piece in enumerate(pieces)
    )


def code(text: str) -> str:
    """Write text as code in a line."""
    ticks = "``" if "`" in text else "`"
    return f"{ticks}{text}{ticks}"


def fence(text: str, language: str = "text", title: str = "") -> str:
    """Write lines as a block of code."""
    ticks = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    heading = f' title="{title}"' if title else ""
    return f"{ticks}{language}{heading}\n{text.rstrip()}\n{ticks}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; its cells are Markdown of one line."""
    lines = [heads, ["---"] * len(heads), *rows]
    cells = ([cell.replace("|", "\\|").replace("\\\\|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def edit(text: str, name: str = "net.yaml", beside: Mapping[str, str] = NOTHING) -> str:
    """Return a link that opens a spec in the playground, which reads it from the fragment.

    `beside` are the texts of files that it extends, by their names.
    """
    parts = [_packed(name, text), *(_packed(*other) for other in beside.items())]
    return f"[edit this]({PLAYGROUND}#{';'.join(parts)}){{ .edit }}"


def _packed(name: str, text: str) -> str:
    packed = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = packed.compress(text.encode()) + packed.flush()
    return f"{quote(name, safe='')}:{base64.urlsafe_b64encode(data).decode().rstrip('=')}"


def zoo(name: str) -> str:
    """Return a link that opens a shipped spec in the playground."""
    return f"[edit this]({PLAYGROUND}#{quote(name, safe='')}){{ .edit }}"


def specimen(text: str, name: str = "net.yaml") -> str:
    """Write a spec as a block of code, with the link to the playground below."""
    return f"{fence(text, 'yaml', name)}\n\n{edit(text, name)}"


def page(title: str, *parts: str) -> str:
    """Join the parts of a page, with a blank line between them."""
    return "\n\n".join([f"# {title}", *(part.strip("\n") for part in parts if part.strip())]) + "\n"
