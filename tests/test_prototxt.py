"""Prototext: its forms, what is refused and where, and what any text at all leads to."""

from __future__ import annotations

import re
from random import Random

import pytest

from netspec import limits
from netspec.importer.prototxt import Message, Token, decode, parse
from netspec.importer.spec import imported
from netspec.text.diagnostics import Source, SpecError
from netspec.text.rendered import render
from tests.caffemodels import read
from tests.support import draws
from tests.test_caffe import IMAGE, JOINS, LAYERS, START, around


def plain(message: Message) -> list[tuple[str, object]]:
    """Return the fields of a message without their places."""
    values = ((x.name, x.value) for x in message.fields)
    return [(name, x.text if isinstance(x, Token) else plain(x)) for name, x in values]


def test_forms_of_one_message_read_the_same():
    forms = (
        'a: 1 b { c: "x" d: WORD } e: 0.5 e: 1',
        'a:1;b:{c:"x",d:WORD}e:0.5 e:1',
        "# first\na : 1 # second {\n\tb < c: 'x' ; d: WORD >\r\ne: [0.5, 1]",
        'a: 1 b { c: "" "x" d: WORD, } e: 0.5, e: 1,',
    )
    expected = [("a", "1"), ("b", [("c", "x"), ("d", "WORD")]), ("e", "0.5"), ("e", "1")]
    assert [plain(parse(Source("x", form))) for form in forms] == [expected] * 4


def test_values_read_as_what_is_asked_for():
    root = parse(Source("x", r'i: 3 f: -1.5e-3f t: "a\"b" w: AVE n: 1 yes: true no: 0 l: [1, 2]'))
    assert (root.integer("i", 0), root.number("i", 0), root.number("f", 0)) == (3, 3.0, -0.0015)
    assert (root.text("t"), root.text("w"), root.flag("yes", False), root.flag("no", True)) == (
        *('a"b', "AVE", True, False),
    )
    assert [root.word(name, ("MAX", "AVE"), "MAX") for name in "wnx"] == ["AVE", "AVE", "MAX"]
    assert root.integers("l") == [1, 2]
    assert root.message("none").fields == []
    assert root.unasked() == []


def test_comments_may_be_in_any_encoding():
    assert plain(parse(decode("# 卷积\na: 1".encode("gbk"), "x"))) == [("a", "1")]
    assert plain(parse(decode("\ufeffa: 1".encode(), "x"))) == [("a", "1")]


CONV = 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { %s } }'
POOL = around("Pooling pooling_param { %s }")
REFUSED = [
    ("", "NS075", "", "no layer in this file"),
    ('net: "train_val.prototxt"', "NS075", "", "no layer in this file"),
    ("layer {", "NS075", "{", "nothing closes this message"),
    ("layer { name: }", "NS075", "}", "expected a value behind `name`"),
    ("layer: 3", "NS075", "3", "expects fields in braces"),
    ("layer 3", "NS075", "3", "expected `:` or `{`"),
    ("layer }", "NS075", "}", "expected `:` or `{`"),
    ("}", "NS075", "}", "expected the name of a field"),
    ("a: [1 2]", "NS075", "2", "expected `,` or `]`"),
    ('a: "x', "NS075", '"', "means nothing here"),
    ("a: é", "NS075", None, ""),
    ("a {" * 40, "NS001", "{", "nest deeper than 32"),
    (IMAGE + 'layer { name: "x" }', "NS075", "{", "without a `type`"),
    (IMAGE + "layers { layer { } }", "NS075", "{", "form of 2013"),
    (IMAGE + CONV % "num_output: x", "NS075", "x", "expects an integer"),
    (IMAGE + CONV % "num_output { }", "NS075", "{", "found fields in braces"),
    (IMAGE + CONV % "num_output: 1e3", "NS075", "1e3", "expects an integer"),
    (IMAGE + CONV % "num_output: 4", "NS075", "{", "`kernel_size` is missing"),
    (IMAGE + CONV % "num_output: 4 kernel_h: 3", "NS075", "kernel_h", "go together"),
    (IMAGE + CONV % "kernel_size: 3", "NS070", '"Convolution"', "no `num_output`"),
    (IMAGE + CONV % "num_output: 0 kernel_size: 1", "NS070", "0", "expected a positive integer"),
    (IMAGE + CONV % "num_output: 4 kernel_size: 99", "NS070", '"Convolution"', "does not fit"),
    (IMAGE.replace("11", "0") + CONV % "", "NS075", "input", "no image"),
    (IMAGE.replace("dim", "x") + CONV % "", "NS075", "input", "how large `data` is"),
    (CONV % "", "NS075", '"Convolution"', "reads `data`, which no layer above it gives"),
    (POOL % "pool: MEDIAN", "NS075", "MEDIAN", "expects `MAX`, `AVE`, `STOCHASTIC`"),
    (POOL % "pool: STOCHASTIC", "NS070", '"Pooling"', "at random"),
    (POOL % "kernel_size: 1 stride: 3", "NS070", '"Pooling"', "beyond the map of 11"),
    (around("Convolutoin"), "NS070", '"Convolutoin"', "of the type `Convolutoin`"),
    (around("Eltwise"), "NS070", '"Eltwise"', "Eltwise with 1 input"),
    (around('Tanh top: "y"'), "NS070", '"Tanh"', "TanH with 2 outputs"),
    (around("Reshape reshape_param { shape { dim: -1 dim: 2 dim: 3 } }"), "NS070", None, ""),
    (
        START
        + 'layer { name: "b" type: "BatchNorm" bottom: "a" top: "b" } layer { name: "s" type: '
        '"Scale" bottom: "b" top: "s" top: "t" scale_param { bias_term: true } }',
        *("NS070", '"Scale"', "Scale with 2 outputs"),
    ),
    (around("Slice"), "NS075", "", "computes nothing"),
]


@pytest.mark.parametrize(("text", "code", "place", "said"), REFUSED)
def test_what_is_wrong_is_told_at_its_place(text, code, place, said):
    with pytest.raises(SpecError) as caught:
        read(text)
    (item,) = caught.value.diagnostics
    assert (item.code, item.span.source.name) == (code, "net.prototxt")
    assert place is None or item.span.text == place
    assert said in item.message


def test_all_that_no_op_does_is_told_at_once():
    layer = 'layer { name: "%s" type: "%s" bottom: "%s" top: "%s" }\n'
    parts = (("m", "MVN", "data", "m"), ("s", "SPP", "m", "s"), ("e", "Eltwise", "data", "e"))
    with pytest.raises(SpecError) as caught:
        read(IMAGE + "".join(layer % part for part in parts))
    lines = [(item.code, item.span.line) for item in caught.value.diagnostics]
    assert lines == [("NS070", 2), ("NS070", 3), ("NS070", 4)]


def test_sizes_and_counts_have_limits():
    for text in (b"#" * (limits.BYTES + 1), b"a: 1 " * (limits.FIELDS + 1)):
        with pytest.raises(SpecError) as caught:
            parse(decode(text, "x"))
        assert [item.code for item in caught.value.diagnostics] == ["NS001"]
    long = START + "".join(
        f'layer {{ name: "r{i}" type: "ReLU" bottom: "a" top: "a" }}\n' for i in range(3_000)
    )
    assert len(read(long).steps) == 3_001


# ------------------------------------------------------------------ any text

WHOLE = [*map(around, LAYERS), *(START + text for text in JOINS.values())]
VALUES = (
    *("0", "-1", "3", "1000000", "2147483648", "9" * 20, "1e30", "nan", "inf", "0x10", "1.5"),
    *("true", "MAX", '"x"', "{ }", "", ":", "[1, 2]", "]", "#", '"on"', '"\\u0000"', "'null'"),
)


def changed(random: Random, text: str) -> str:
    """Return a text with one change: cut, flipped, or with pieces elsewhere."""
    start = random.randrange(len(text) + 1)
    end = min(len(text), start + random.randint(1, 12))
    values = [match.span() for match in re.finditer(r"(?<=: )[\w.\"]+", text)] or [(0, 0)]
    words = [match.span() for match in re.finditer(r'"\w+"|\b[A-Za-z_]+\b', text)] or [(0, 0)]
    (a, b), (c, d), (e, f) = random.choice(values), random.choice(words), random.choice(words)
    char = chr(random.choice([*range(32, 127), 0, 10, 0xE9, 0x202E]))
    return random.choice(
        [
            text[:start],
            text[:start] + text[end:],
            text[:end] + text[start:],
            text[:start] + char + text[start + 1 :],
            text[:a] + random.choice(VALUES) + text[b:],
            text[:c] + text[e:f] + text[d:],
        ]
    )


def test_any_text_is_a_network_or_is_refused_at_its_place():
    random = Random(0)
    good = 0
    for _ in range(draws(600, 5_000)):
        text = random.choice(WHOLE)
        for _ in range(random.randint(1, 3)):
            text = changed(random, text)
        try:
            good += bool(imported(read(text)).graph.nodes)
        except SpecError as error:
            for item in error.diagnostics:
                assert item.code in ("NS001", "NS070", "NS075")
                assert item.span.source.name == "net.prototxt"
                assert render(item).replace("\n", "").isprintable()
    assert good
