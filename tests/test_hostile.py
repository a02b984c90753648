"""Specs from a stranger: each ends with a diagnostic, quickly, and shows nothing raw.

The cases carry the names of the rows of `shared/hostile.md`. Rows about things that do not exist
yet have no case: `--watch` (F21), plug-ins (F22), configuration (F23). `extends` (F12 to F15) has
its cases in `test_variant.py`, writing files (F1 to F11) in `test_files.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from netspec.compiler import compile_spec
from netspec.emit.torch.module import to_python
from netspec.language.names import MODULE_ATTRIBUTES
from netspec.text.diagnostics import Diagnostic, SpecError
from netspec.text.formats import written
from netspec.text.rendered import render
from netspec.text.syntax import Mapping, Sequence, Tree, decode, parse
from tests.support import ROOT, draws

HEAD = "netspec: 1\nname: Net\ninputs: {image: [3, 8, 8]}\n"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def net(graph: str, head: str = HEAD, out: str = "last") -> str:
    return f"{head}graph:\n{graph}outputs:\n  result: {out}\n"


def one(layer: str, head: str = HEAD) -> str:
    """Return a spec of one layer."""
    return net(f"  last: {layer}\n", head)


def lines(pattern: str, count: int, end: str = "  last: relu\n") -> str:
    return "".join(pattern.format(i=i) for i in range(count)) + end


def blocks(count: int, body: str, first: str = "relu", params: str = "") -> str:
    """Return blocks B0, B1 … each of whose bodies uses the one before as {before}."""
    text = [
        f"  B{i}:\n{params}    chain: {body.replace('{before}', f'B{i - 1}' if i else first)}\n"
        for i in range(count)
    ]
    return f"{HEAD}blocks:\n{''.join(text)}"


def said(text: str | bytes) -> list[Diagnostic]:
    """Compile a spec and write its code; return every diagnostic."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    try:
        network = compile_spec(decode(data, "spec.yaml"))
        compile(to_python(network, "0"), "spec.py", "exec")
    except SpecError as error:
        return list(error.diagnostics)
    return list(network.warnings)


def shown(items: list[Diagnostic]) -> str:
    """Return diagnostics in every format."""
    formats = ("full", "concise", "json", "github", "sarif")
    return "\n".join(written(items, format) for format in formats)


@dataclass(frozen=True)
class Case:
    row: str
    text: str | bytes
    code: str
    words: str = ""


NINES = ", ".join(f"l{j}: {{before}}" for j in range(9))
SMALL = [
    Case("A3 billion laughs", "a: &a [x]\n" + "b: &b [*a, *a]\n" * 9, "NS005"),
    Case("A5 self alias", "a: &a [*a]", "NS005"),
    *(
        Case(f"A6 {tag}", text, "NS005")
        for tag, text in {
            "python": "a: !!python/object/apply:os.system [ls]",
            "binary": "a: !!binary aGk=",
            "set": "!!set {a, b}",
            "own": "a: !foo 1",
            "str": "a: !!str 1",
            "directive": "%TAG ! tag:x,2000:\n---\na: 1",
            "version": "%YAML 1.1\n---\na: 1",
            "null tag": "!!null",
        }.items()
    ),
    Case("A7 duplicate key", "netspec: 1\nnetspec: 1", "NS003"),
    Case("A7 duplicate layer", net("  last: relu\n  last: relu\n"), "NS003"),
    Case("A7 quoted twin", 'a: 1\n"a": 2', "NS003"),
    *(
        Case(f"A8 {word}", one(f"{{conv2d: [4, 3], bias: {word}}}"), "NS006")
        for word in ("on", "Off", "yes", "NO", "True", "FALSE", "~", "Null")
    ),
    *(
        Case(f"A8 key {word}", net(f"  {word}: relu\n", out=word), "NS006", "choose another name")
        for word in ("on", "Off", "yes", "NO", "True", "FALSE", "~", "Null")
    ),
    Case("A8 quoted key", net('  "on": relu\n'), "NS005", "choose another name"),
    Case("A8 quoted name", net('  "y": relu\n'), "NS005", "write it without quotes"),
    *(
        Case(f"A9-A15 {word}", one(f"{{conv2d: [{word}, 3]}}"), "NS006")
        for word in (
            *("010", "000", "-07", "1:30", "16:9", "1_1", "6_998_552", "0x1F", "0b11", "0o17"),
            *("+4", ".inf", "-.INF", ".nan", "2001-01-01"),
        )
    ),
    *(
        Case(
            f"A9-A15 default {word}",
            one(
                "B", HEAD + f"blocks: {{B: {{params: [k={word}], chain: {{c: {{linear: $k}}}}}}}}\n"
            ),
            code,
            "spec.yaml:4:25\n",
        )
        for word, code in {
            **dict.fromkeys(("010", "1_1", "0x1F", "+4", ".inf", "2001-01-01", "on"), "NS006"),
            **dict.fromkeys(("1e400", "9" * 19, "word", "null"), "NS035"),
        }.items()
    ),
    Case("A13 name", net("  3e1: relu\n", out="3e1"), "NS013"),
    Case("A15 1e400", one("{dropout: 1e400}"), "NS035"),
    Case("A17 5000 digits", one(f"{{conv2d: [{'9' * 5000}, 3]}}"), "NS035"),
    Case("A17 negative", one(f"{{conv2d: [-{'9' * 5000}, 3]}}"), "NS035"),
    Case("A19 list as key", "? [1, 2]\n: 3", "NS002"),
    Case("A19 mapping as key", "{{a: 1}: 2}", "NS002"),
    Case("A20 two documents", "a: 1\n---\nb: 2", "NS002"),
    Case("A20 end and start", "a: 1\n...\n---\nb: 2", "NS002"),
    Case("A21 empty", "", "NS002"),
    Case("A21 comments", "# nothing\n\n# here\n", "NS002"),
    Case("A21 blank", " \n\n", "NS002"),
    Case("A22 scalar", "hello", "NS002"),
    Case("A22 list", "- a", "NS002"),
    Case("A22 null", "null", "NS002"),
    Case("A23 tab", "a:\n\tb: 1", "NS002", "spaces"),
    *(Case(f"A24 {char!r}", f"a: x{char}y", "NS002") for char in "\0\x01\x08\x0c\x1b\x7f\x80\x9b"),
    Case("A24 surrogate", "a: \ud800", "NS002"),
    Case("A24 latin-1", b"name: caf\xe9", "NS002", "UTF-8"),
    Case("A24 overlong", b"a: \xc0\xaf", "NS002"),
    Case("A24 cut off", b"a: \xf0\x9f\x98", "NS002"),
    *(
        Case(f"A26 {ord(char):04X}", f"a: x{char}y", "NS004")
        for char in "\u202a\u202e\u2066\u2069\u200b\u200e\ufeff\xad\u2028\u2029\x85\u3164\U000e0041"
    ),
    *(
        Case(f"A26 doc {ord(char):04X}", one("relu", f"{HEAD}doc: x{char}y\n"), "NS004")
        for char in "\u202a\u202e\u2066\u2069\u200b\u200e\ufeff"
    ),
    *(
        Case(f"A26 {where}", text, "NS004", "U+200D")
        for where, text in {
            "layer": net("  re\u200dlu: relu\n"),
            "op": one("re\u200dlu"),
            "section": one("relu") + "ex\u200dpect: {}\n",
            "text": one("{conv2d: [1, 1], padding_mode: zer\u200dos}"),
            "escape": one('"re\\u200dlu"'),
        }.items()
    ),
    Case("A27 UTF-16", "a: 1".encode("utf-16"), "NS002", "UTF-8"),
    Case("A27 UTF-16 without BOM", "a: 1".encode("utf-16-le"), "NS002"),
    Case("A27 UTF-32", "a: 1".encode("utf-32"), "NS002"),
    Case("A31 escape", one('"\\e[31m"'), "NS020", "\\x1b[31m"),
    Case("A31 null", one('"\\0"'), "NS020", "\\x00"),
    Case("A31 newline key", HEAD + '"a\\nb": 1', "NS005"),
    Case("A31 surrogate", one('"\\ud800"'), "NS002"),
    Case("A32 comma trap", one("{b1: conv2d(64, 1)}"), "NS019", "{conv2d: [64, 1]}"),
    Case("A32 call", one("conv2d(64)"), "NS019", "{conv2d: [64]}"),
    Case("A36 anchors", "\n".join(f"a{i}: &a{i} 1" for i in range(10_000)), "NS005"),
    Case("A36 merge key", "a:\n  <<: {b: 1}", "NS005"),
    *(
        Case(f"B5 {name}", net(f"  {name}: relu\n", out=name), "NS013")
        for name in ("__init__", "__class__", "_modules", "_x", "3x3", "a.b", "a/b", "a-b")
    ),
    Case("B8 network", one("Net", HEAD + "blocks: {Net: {chain: {x: relu}}}\n"), "NS015"),
    *(
        Case(
            f"B8 {name}", one(name, HEAD + f"blocks: {{{name}: {{chain: {{x: relu}}}}}}\n"), "NS015"
        )
        for name in ("Module", "Tensor", "None")
    ),
    Case("B10 Cyrillic", net("  \u0441onv: relu\n", out="\u0441onv"), "NS013", "U+0441"),
    Case("B10 ligature", net("  \ufb01lter: relu\n", out="\ufb01lter"), "NS013", "U+FB01"),
    Case("B10 digits", net("  a\u0663: relu\n", out="a\u0663"), "NS013", "U+0663"),
    Case("B11 long name", net(f"  {'a' * 1000}: relu\n", out="a"), "NS013", "1,000"),
    Case("B11 10 kB name", net(f"  {'a' * 10_000}: relu\n", out="a"), "NS013", "10000"),
    Case("B11 10 kB in brackets", f"graph: {{{'a' * 10_000}: relu}}", "NS013", "10000"),
    Case("B11 10 kB op", one("a" * 10_000), "NS020"),
    Case("B11 empty name", net("  : relu\n"), "NS013", "without a name"),
    Case("B11 empty in brackets", "graph: {: relu}", "NS013", "without a name"),
    Case("B11 empty quoted name", net('  "": relu\n'), "NS005"),
    Case("B13 unknown", net("  stem: relu\n  last: {relu: [], from: stm}\n"), "NS018", "`stem`"),
    Case("B13 itself", net("  last: {relu: [], from: last}\n"), "NS022", "itself"),
    Case("B13 long", one(f"{{relu: [], from: {'a' * 10_000}}}"), "NS018"),
    Case(
        "B14 block uses itself",
        blocks(1, "{x: B0}") + "graph: {last: B0}\noutputs: {o: last}",
        "NS022",
    ),
    Case(
        "B16 layer",
        net("  lost: {relu: [], from: image}\n  last: {relu: [], from: image}\n"),
        "NS023",
    ),
    Case("B16 parameter", one("relu", HEAD + "params: {width: 1}\n"), "NS024"),
    *(
        Case(
            f"C1-C3 {text[:12]}",
            one(f"{{conv2d: ['{text}', 3]}}", HEAD + "params: {k: 9}\n"),
            "NS016",
        )
        for text in (
            "$k**9**9",
            "$k<<10**10",
            "$k/0.0",
            "$k*1e999",
            "$k*1.5.5",
            "$k.__class__",
            "$k[0]",
            "$k()",
            "__import__(1)+$k",
            "lambda: $k",
            "[x for x in $k]",
            "$k if $k else 1",
            "$k and 1",
            "~$k",
            "$k @ 1",
            "$k := 1",
            "$",
            "$$k",
            "${{k}}",
            "$k $k",
            "($k",
            "$k)",
            "1e3+$k",
            "0x10+$k",
            "$k // 0",
            "9" * 20 + "+$k",
            "-" * 100_000 + "$k",
            "$k+" * 100_000 + "1",
            "(" * 300 + "$k" + ")" * 300,
            "*".join(["$k"] * 60),
        )
    ),
    *(
        Case(f"C6-C7 {value}", one(f"{{conv2d: [{value}, 3]}}"), "NS035")
        for value in (
            *("2147483648", "999999999999999999", "0", "-1", "1.5", "64.0", "true", '"64"'),
            *("null", "[]", "[1]", "1e9", "-0.0", "word"),
        )
    ),
    Case(
        "C6 by a parameter",
        one("{B: [0]}", HEAD + "blocks:\n  B: {params: [k], chain: {x: {conv2d: [$k, 1]}}}\n"),
        "NS035",
    ),
    Case("C8 bomb", blocks(9, f"{{{NINES}}}") + "graph: {last: B8}\noutputs: {o: last}", "NS001"),
    Case(
        "C8 bomb of values",
        blocks(
            9,
            "{" + ", ".join(f"l{j}: {{{{before}}: [$k * 9 + {j}]}}" for j in range(9)) + "}",
            "conv2d",
            "    params: [k]\n",
        ).replace("* 9 + 0]", "* 9, 1]")
        + "graph: {last: {B8: [1]}}\noutputs: {o: last}",
        "",
    ),
    Case("C8 repeat", one("{relu: [], repeat: 2147483647}"), "NS001"),
    Case(
        "C8 repeats",
        one("{chain: {a: {chain: {b: {relu: [], repeat: 9999}}, repeat: 9999}}, repeat: 9999}"),
        "NS001",
    ),
    Case(
        "C8 deep blocks",
        blocks(3000, "{x: {before}}") + "graph: {last: B2999}\noutputs: {o: last}",
        "NS001",
    ),
    Case(
        "C10 parameters",
        net("  a: flatten\n  b: {linear: 2000000000}\n  last: {linear: 2000000000}\n"),
        "NS035",
        "10**12",
    ),
    Case(
        "C10 size",
        net(
            "".join(
                f"  c{i}: {{concat: [], from: [{p}, {p}]}}\n"
                for i, p in enumerate(["image", *(f"c{i}" for i in range(40))])
            ),
            out="c40",
        ),
        "NS035",
    ),
    *(
        Case(f"C11 {shape}", one("relu", HEAD.replace("[3, 8, 8]", shape)), code)
        for shape, code in {
            "[-3, 8, 8]": "NS035",
            "[0]": "NS035",
            "[3, 8, 1.5]": "NS035",
            "[]": "NS012",
            "3": "NS012",
            "[null]": "NS035",
            "[[3]]": "NS035",
            "[true]": "NS035",
            "[2147483648]": "NS035",
        }.items()
    ),
    Case("C12 kernel", one("{conv2d: [4, 9]}"), "NS051"),
    Case("C12 padding", one("{max_pool2d: 3, padding: 2}"), "NS051"),
    Case(
        "C14 too many",
        one("{conv2d: [4, 3, 1, 0, 1, 1, true, zeros, 9]}"),
        "NS030",
        "takes out_channels, k",
    ),
    Case("C14 too few", one("{conv2d: 4}"), "NS033", "takes out_channels, kernel_size"),
    *(
        Case(f"D5 {op}", one(f"{{{op}: []}}"), code)
        for op, code in {
            "os.system": "NS020",
            "nn.Module": "NS020",
            "torch.load": "NS020",
            "__import__": "NS020",
            "Op": "NS021",
            "eval": "NS020",
        }.items()
    ),
    Case("E4 ANSI", one("\u241b[31mred"), "NS020"),
    Case("E4 workflow command", one('"::error::x"'), "NS020"),
    Case("E4 workflow newline", one('"\\n::set-output name=a::b"'), "NS020"),
]


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.row)
def test_a_hostile_spec_is_refused(case):
    items = said(case.text)
    text = shown(items)
    assert not case.code or case.code in {item.code for item in items}
    assert all(item.span for item in items)
    assert case.words in "".join(map(render, items))
    assert not RAW.search(text)
    assert not re.search(r"^::(?!error |warning )", text, re.MULTILINE)


ACCEPTED = {
    "A29 BOM": "\ufeff" + one("relu"),
    "A29 CRLF": one("relu").replace("\n", "\r\n"),
    "A29 CR": one("relu").replace("\n", "\r"),
    **{
        f"A8 {word}": net(
            f"  {word}: {{conv2d: [${word}, 1]}}\n", f"{HEAD}params: {{{word}: 2}}\n", word
        )
        for word in ("y", "n", "Y", "N")
    },
    "A26 joiners in doc": one(
        "{relu: [], doc: \u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645}",
        HEAD + "doc: \u0915\u094d\u200d\u0937 \U0001f469\u200d\U0001f469 \u2764\ufe0f \n",
    ),
    "A26 joiners in a comment": one("relu") + "# \U0001f469\u200d\U0001f469\n",
    "B11 64 characters": net(f"  {'a' * 64}: relu\n", out="a" * 64),
    "C4 98 parentheses": one(
        f"{{conv2d: ['{'(' * 98}$k{')' * 98}', 1]}}", HEAD + "params: {k: 3}\n"
    ),
    "C8 64 blocks": blocks(64, "{x: {before}}") + "graph: {last: B63}\noutputs: {o: last}",
    "emoji": one("relu") + "# 🙂 fine\n",
}


@pytest.mark.parametrize("name", ["a" * 1000, "a" * 10_000])
def test_b11_a_line_is_shown_as_far_as_a_terminal_goes(name):
    shown_lines = render(said(net(f"  {name}: relu\n", out="a"))[0]).splitlines()
    assert shown_lines[-2].count("^") > 0
    assert max(map(len, shown_lines)) <= 110


@pytest.mark.parametrize("row", ACCEPTED)
def test_what_only_looks_hostile_is_accepted(row):
    assert said(ACCEPTED[row]) == []


@pytest.mark.parametrize(
    "name", ["torch", "nn", "self", "x", "super", "print", "list", "F", "Tensor_"]
)
def test_b7_names_that_look_dangerous_are_fine(name):
    assert said(net(f"  {name}: {{conv2d: [4, 3]}}\n", out=name)) == []


def test_b2_names_of_module_attributes_are_refused():
    for name in sorted(MODULE_ATTRIBUTES):
        assert "NS014" in {item.code for item in said(net(f"  {name}: relu\n", out=name))}


# ------------------------------------------------------------------ every node replaced


ODD = (
    *("null", "true", "-1", "0", "1.5", "99999999999999999999", "1e400", "'text'", "$k", "'$'"),
    *("[]", "{}", "[1, 2]", "[[]]", "[null]", "{a: 1}", "relu", "Inception", "{relu: []}"),
    *("{chain: [relu]}", "{parallel: [[], []], join: concat}", "{repeat: 0}"),
)


STEP = draws(16 * len(ODD), 35)
"""How many odd values are left out at a place before the next."""


def nodes(tree: Tree) -> Iterator[tuple[int, int]]:
    """Yield start and end of every node of a tree, keys included."""
    yield tree.span.start, tree.span.end
    if isinstance(tree, Mapping):
        for key, value in tree.items:
            yield key.span.start, key.span.end
            yield from nodes(value)
    elif isinstance(tree, Sequence):
        for item in tree.items:
            yield from nodes(item)


def test_no_odd_value_anywhere_ends_in_a_traceback():
    text = (ROOT / "specs" / "googlenet.yaml").read_text()
    for number, (start, end) in enumerate(nodes(parse(decode(text.encode(), "g")))):
        for odd in ODD[number % STEP :: STEP]:
            for item in said(text[:start] + odd + text[end:]):
                assert item.span and str(item)
