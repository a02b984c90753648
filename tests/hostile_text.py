"""Random specs full of text that means something to Python, YAML, HTML, Graphviz or a terminal."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from netspec.language.model import INPUT
from netspec.language.names import check_name
from netspec.text.diagnostics import Sink, Source, Span
from tests.random_spec import CLASSES, VOCABULARY

PIECES = (
    *('"', '""', '"""', '"' * 5, "'", "'''", "\\", "\\\\", '\\"', "\\N{DASH}", "\\u0000", "\\x"),
    *("\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\t", " ", "  "),
    *("{", "}", "{x}", "{{", "%s", "$", "${x}", "#", "# type: ignore", "`", ";", ":", ",", "|"),
    *("</script>", "<script>alert(1)</script>", "<!--", "-->", "]]>", "<b>", "</svg>", "&lt;"),
    *("\x1b[31m", "\x1b]0;title\x07", "\x00", "\x08", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f"),
    *("\u200d", "\ufeff", "é", "日本語", "\U0001f600", "\ufb01", "\xa0", "\u3000", "\U000e0041"),
    *(";__import__('os').system('touch pwned')#", "import os", "\\input{x}", "=1+1", "end", "[x]"),
    *("javascript:alert(1)", "%%{init: {}}%%", "click n0 call x()", "subgraph", "digraph {", "->"),
)
RESERVED = (
    "node",
    "edge",
    "graph",
    "digraph",
    "strict",
    "end",
    "style",
    "click",
    "default",
    "title",
)

TEMPLATE = """\
netspec: 1
name: {Net}
doc: {text0}
params: {{{p}: 10, {q}: 0.3}} # {comment0}
inputs: {{{image}: [3, 8, 8]}}
blocks:
  {B}:
    doc: {text1}
    params: [{out}]
    chain: {{{c}: {{conv2d: [${out}, 3], padding: 1, doc: {text2}}}, {d}: relu}}
  {C}:
    doc: {text3}
    inputs: [{left}, {right}]
    chain:
      {e}: {{conv2d: [4, 1], from: {left}}}
      {f}: {{conv2d: [4, 1], from: {right}}}
      {g}: {{concat: [], from: [{f}, {e}], doc: {text4}}}
graph:
  {h}: {{{B}: 8, doc: {text5}}} # {comment1}
  {i}: {{conv2d: [8, 1], from: {h}}} # {comment2}
  {j}: {{{C}: [], from: [{i}, {h}]}}
  {k}: {{chunk: 2}}
  {l}: {{concat: [], from: [{k}.1, {k}.0]}}
  {m}: {{share: {i}, from: {l}, doc: {text6}}}
  {n}: {{chain: {{{c}: relu, {r}: {{scale: ${q}}}}}}} # {comment3}
  {s}: flatten
  {t}: {{linear: ${p}}}
outputs:
  {u}: {t}
  {v}: {{linear: 2, from: {s}, when: train, weight: ${q}, doc: {text7}}} # {comment4}
"""
_PLACE = Span(Source("", ""), 0, 0)
_ROLES = ("layer", "parameter", "output", "input")
_WORDS = [
    word
    for word in sorted({*VOCABULARY, *RESERVED} - {INPUT})
    if all(check_name(Sink(), word, _PLACE, role) for role in _ROLES)
]
"""Names that mean something to Python, torch, the emitters or their targets, and are accepted."""
_CLASSES = [word for word in CLASSES if check_name(Sink(), word, _PLACE, "block")]
_LOWER = [*"pqcdefghijklmnrstuv", "image", "out", "left", "right"]
_TEXTS = [f"text{i}" for i in range(8)]
_COMMENTS = [f"comment{i}" for i in range(5)]


class Hostile(NamedTuple):
    """A spec full of hostile text, the same one with plain text, and what the texts are."""

    text: str
    plain: str
    file: str
    network: str
    docs: dict[str, str]
    """What the classes' docstrings must say: the network's, and those of its blocks."""


def hostile_spec(number: int) -> Hostile:
    """Return the spec with this number; the same number gives the same one."""
    random = Random(number)
    words = random.sample(_WORDS, len(_LOWER))
    names = dict(zip(_LOWER, words, strict=True))
    names |= dict(zip(("Net", "B", "C"), random.sample(_CLASSES, 3), strict=True))
    texts = {key: hostile_text(random) for key in _TEXTS}
    comments = {key: _line(hostile_text(random)) for key in _COMMENTS}
    quoted = {key: yaml_quoted(text) for key, text in texts.items()}
    plain = dict.fromkeys([*_TEXTS, *_COMMENTS], "plain")
    return Hostile(
        TEMPLATE.format(**names, **quoted, **comments),
        TEMPLATE.format(**names, **plain),
        hostile_text(random),
        names["Net"],
        {names["Net"]: texts["text0"], names["B"]: texts["text1"], names["C"]: texts["text3"]},
    )


def hostile_text(random: Random) -> str:
    """Return pieces of text, some of them in words of 60 to 110 characters."""
    pieces = []
    for _ in range(random.randint(1, 8)):
        piece = random.choice(PIECES)
        if random.random() < 0.4:
            width = random.randint(60, 110)
            before = random.randint(0, width)
            piece = "a" * before + piece + "b" * (width - before)
        pieces.append(piece)
    return "".join(pieces)


def _line(text: str) -> str:
    """Return what of a text can stand in a comment of a spec."""
    return "".join(char for char in text if char.isprintable() and char != "\ufeff")


def yaml_quoted(text: str) -> str:
    """Write any text as a double-quoted YAML scalar."""
    is_plain = set(map(chr, range(32, 127))) - {'"', "\\"}
    written = (char if char in is_plain else f"\\U{ord(char):08x}" for char in text)
    return f'"{"".join(written)}"'
