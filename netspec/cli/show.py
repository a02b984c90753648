"""The one way to a terminal: no control character, and only what the stream's encoding has.

`say` goes to standard output: documents. `tell` (what was done), `warn` (what may be amiss) and
`complain` (why it failed) go to standard error, the last two behind `netspec: `. All take lines;
a name goes through `escape` first, since a line break in it would look like the end of one of ours.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

from netspec.cli.exits import Failure
from netspec.text.diagnostics import Diagnostic, brief, escape
from netspec.text.files import standard_output
from netspec.text.rendered import WIDTH, Screen, wrap

_is_quiet = False
_is_passing = False
"""Whether a line that does not stay is on the terminal."""
_CLEAR = "\r\x1b[K"
"""Goes back to the beginning of the line and empties it."""
FORMATS = ("full", "concise", "json", "github", "sarif")
_COLUMNS = re.compile(r"[1-9][0-9]{0,3}")
_LEAST = 40
"""Columns below which nothing is laid out."""
_PLAIN = bytes([ord("\n"), *range(ord(" "), 0x7F)])
_ASCII = str.maketrans({"×": "x", "→": "->", "…": "...", "–": "-", "−": "-", "─": "-", "’": "'"})


def show(items: Sequence[Diagnostic], stream: TextIO | None, format: str = "full") -> None:
    """Print diagnostics in one of the formats; where nobody reads, nothing is printed."""
    if stream is None or (not items and format in ("full", "concise", "github")):
        return
    from netspec.text.formats import written

    screen = Screen(_wants_colour(stream), columns(stream))
    put(written(items, format, screen) + "\n", stream)


def say(text: str, format: str = "text") -> None:
    """Print lines on standard output; `format` says how they write what cannot be encoded."""
    put(_lines(text), standard_output(), format)


def say_difference(before: str, after: str, path: str, source: str) -> None:
    """Print what would change in a file, as a unified diff against what comes from `source`."""
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    found = difflib.unified_diff(old, new, path, f"{path} ({source})")
    # The lines hold the names and the texts of files.
    if text := "\n".join(escape(line.rstrip("\r\n")) for line in found):
        say(text)


def is_watched() -> bool:
    """Tell whether somebody sees what passes by on standard error."""
    is_shown = sys.stderr is not None and sys.stderr.isatty()
    return is_shown and not _is_quiet and os.environ.get("TERM") != "dumb"


def pass_by(text: str) -> None:
    """Show a line that stays until something else is printed."""
    global _is_passing
    width = columns(sys.stderr) or WIDTH
    put(escape(text)[: width - 1], sys.stderr)
    _is_passing = True


@contextmanager
def passing() -> Iterator[None]:
    """Clear at the end what passes by inside."""
    try:
        yield
    finally:
        put("", sys.stderr)


def hush(is_quiet: bool) -> None:
    """Let `tell` say nothing, or speak again."""
    global _is_quiet
    _is_quiet = is_quiet


def tell(text: str) -> None:
    """Print lines on standard error, unless --quiet."""
    if not _is_quiet:
        put(_lines(text), sys.stderr)


def warn(text: str) -> None:
    """Print lines on standard error about what may be amiss."""
    width = columns(sys.stderr)
    put(_lines(_wrapped(f"netspec: {text}", width) if width else f"netspec: {text}"), sys.stderr)


def _wrapped(text: str, width: int) -> str:
    return "\n".join(part for line in text.split("\n") for part in wrap(line, width) or [line])


def complain(failure: Failure) -> None:
    """Say why a command fails."""
    if failure.message:
        warn("\n".join(map(brief, (failure.message, *failure.details))))


def _lines(text: str) -> str:
    text = text.removesuffix("\n")
    # Bytes go faster than characters, and nearly all of a long text is ASCII.
    rest = text.encode("utf-8", "surrogatepass").translate(None, _PLAIN)
    if not rest.decode("utf-8", "surrogatepass").isprintable():
        text = "\n".join(map(escape, text.split("\n")))
    return f"{text}\n"


def put(text: str, stream: TextIO | None, format: str = "text") -> None:
    """Write text that is fit for a terminal, in characters that the stream can show.

    What standard error does not take is lost: there is nowhere left to say so.
    """
    global _is_passing
    if _is_passing:
        _is_passing = False
        put(_CLEAR, sys.stderr)
    if stream is None or not text:
        return
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        errors = "xmlcharrefreplace" if format == "html" else "backslashreplace"
        text = text if format == "html" else text.translate(_ASCII)
        text = text.encode(encoding, errors).decode(encoding)
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        if stream is not sys.stderr:
            raise
        discard(stream)


def discard(stream: TextIO | None) -> None:
    """Let what is and will be written to a broken stream go nowhere."""
    if stream is None:
        return
    with suppress(OSError):  # a stream in memory has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def columns(stream: TextIO | None) -> int | None:
    """Return how many columns a stream shows, as COLUMNS says or its terminal; None for neither."""
    said = os.environ.get("COLUMNS", "")
    if _COLUMNS.fullmatch(said):
        return max(int(said), _LEAST)
    try:
        found = os.get_terminal_size(stream.fileno()).columns if stream else 0
    except (OSError, ValueError):  # what is no terminal, and what has no number
        return None
    return max(found, _LEAST) if found else None


def _wants_colour(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
