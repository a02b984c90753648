"""What is shown of a line: hints, lenses, hovers and signatures say what the report says."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from textwrap import indent

import pytest

from netspec.editing.facts import site
from netspec.editing.hints import inlay_hints
from netspec.editing.hover import hover
from netspec.editing.lenses import lenses
from netspec.editing.places import places
from netspec.editing.signature import signature
from netspec.editing.workspace import Document, Workspace
from netspec.emit.report.rows import Measured, main_table
from netspec.emit.report.table import Table, grid
from netspec.graph.model import Use, path
from netspec.language.model import BlockCall, OpCall
from netspec.ops.dim import parse
from netspec.ops.window import times
from netspec.text.diagnostics import Source, Span
from tests.support import SPECS, draws

ZOO = {f"specs/{path.name}": path.read_text() for path in SPECS}


def opened(text: str, files: dict[str, str] | None = None) -> Document:
    return Workspace((files or {}).__getitem__).change("specs/spec.yaml", text)


@pytest.fixture(scope="module", params=ZOO)
def document(request) -> Document:
    found = opened(ZOO[request.param], ZOO)
    assert found.network
    return found


def shown(document: Document) -> dict[int, str]:
    """Return the hints by line."""
    hints = inlay_hints(document, 0, len(document.source.text))
    return {document.source.position(hint.offset)[0]: hint.label for hint in hints}


def own_uses(document: Document) -> Iterator[tuple[Span, list[Use]]]:
    """Yield the lines of a text with the uses of their layers."""
    assert document.facts
    for span, uses in document.facts.uses.items():
        if span.source is document.source:
            yield span, [*uses]


def table(document: Document, depth: int = 1) -> Table:
    assert document.network
    return main_table(Measured(document.network), "block", depth)


def costs(document: Document) -> Counter[tuple[str, str]]:
    """Return what the report says of layers at any depth, by their paths and its columns."""
    found: Counter[tuple[str, str]] = Counter()
    assert document.network
    for depth in range(1, max(map(len, document.network.graph.nodes))):
        rows = table(document, depth)
        keys = [column.key for column in rows.columns]
        deep = [row for row in rows.rows if str(row[0]).count(".") == depth - 1]
        for row in deep:  # one that is in part for training has two rows
            for key in ("params", "macs"):
                found[str(row[0]), key] += row[keys.index(key)]  # type: ignore[operator]  # a number
    return found


# ------------------------------------------------------------------ hints


def test_a_line_says_the_shape_that_each_of_its_uses_has(document):
    facts = document.facts
    for _, uses in own_uses(document):
        outputs = [facts.outputs(use) for use in uses]
        for port, text in zip(outputs[0], facts.shape(uses).split(", "), strict=True):
            sizes = zip(*(facts.network.shapes[found[port]] for found in outputs), strict=True)
            for size, written in zip(sizes, text.removeprefix(f"{port} ").split("×"), strict=True):
                assert agrees(written, [*size], uses), (uses[0].id, text)


def agrees(written: str, sizes: list[int], uses: list[Use]) -> bool:
    """Tell whether the text of a size is true of all uses: a number, a range, an expression."""
    if written.isdigit():
        return {*sizes} == {int(written)}
    if found := re.fullmatch(r"(\d+)–(\d+)", written):
        return [min(sizes), max(sizes)] == [int(x) for x in found.groups()] and len({*sizes}) > 1
    values = [site(use).value(parse(written)) for use in uses]  # type: ignore[arg-type]  # names
    return values == sizes


def test_hints_are_the_shapes_of_the_report_one_a_line_behind_all_that_stands_there(document):
    found = shown(document)
    report = dict(zip(*list(zip(*table(document).rows, strict=True))[:3:2], strict=True))
    for span, [use, *_] in own_uses(document):
        if len(use.id) == 1 and use.id[0] in report:
            label = found[span.line]
            assert label == f"→ {times(report[use.id[0]])}" or "," in label or "{" in label
    for hint in inlay_hints(document, 0, len(document.source.text)):
        line = document.source.line(document.source.position(hint.offset)[0])
        behind = line[document.source.position(hint.offset)[1] - 1 :]
        assert re.fullmatch(r"\s*(#.*)?", behind), line


SMALL = """netspec: 1
name: Small
params: {width: 4}
inputs: {image: [3, 8, 8]}
blocks:
  Pair:
    params: [out, other=8]
    outputs: [low, high]
    chain:
      low:  {conv2d: [$out * 2, 1]}   # a comment
      high: {conv2d: [$other, 1], stride: 2, doc: "not # a comment"}
  Wide:
    params: [out]
    parallel:
      - [{conv2d: [$out, 1]}, relu]
      - []
    join: concat
graph:
  halves: {chunk: 3}
  one: {Pair: 4, from: halves.0}
  two: {Pair: [6, 5], from: halves.1}
  parts: {add: [], from: [one.low, other]}
  other: {conv2d: [8, 1], from: two.low}
  stack:
    - {Wide: 2, splice: 2}
    - {Wide: $width, repeat: 3}
  again: {share: other2, from: other}
  other2: {conv2d: [8, 1], from: other}
  sum: {concat: [], from: [stack, again, parts, other2]}
  highs: {concat: [], from: [one.high, two.high], when: train}
outputs: {a: sum, b: highs}
"""


def test_a_line_in_a_block_names_what_its_uses_differ_in():
    document = opened(SMALL)
    assert document.diagnostics == ()
    lines = {SMALL.splitlines()[line - 1].split()[0]: x for line, x in shown(document).items()}
    assert lines == {
        "low:": "→ ($out * 2)×8×8",
        "high:": "→ $other×4×4",
        "-": "→ 24×8×8",
        "join:": "→ 10–24×8×8",
        "halves:": "→ 0 1×8×8, 1 1×8×8, 2 1×8×8",
        "one:": "→ low 8×8×8, high 8×4×4",
        "two:": "→ low 12×8×8, high 5×4×4",
        "parts:": "→ 8×8×8",
        "other:": "→ 8×8×8",
        "stack:": "→ 24×8×8",
        "again:": "→ 8×8×8",
        "other2:": "→ 8×8×8",
        "sum:": "→ 48×8×8",
        "highs:": "→ 13×4×4",
    }


def test_hints_of_a_broken_text_stay_with_the_lines_that_still_stand():
    desk = Workspace(dict[str, str]().__getitem__)
    before = shown(desk.change("small.yaml", SMALL))
    desk.change("small.yaml", broken := SMALL.replace("other2: {conv2d: [8", "x: {[8"))
    document = desk.change("small.yaml", f"# new\n{broken}")
    assert document.network is None
    line = next(i for i, text in enumerate(SMALL.splitlines(), 1) if "other2: {" in text)
    del before[line]
    assert shown(document) == {line + 1: label for line, label in before.items()}


def test_hints_are_those_of_the_range():
    document = opened(SMALL)
    start = SMALL.index("parts:")
    [hint] = inlay_hints(document, start, start)
    assert SMALL[: hint.offset].endswith("from: [one.low, other]}")
    assert inlay_hints(document, 0, 10) == []


# ------------------------------------------------------------------ lenses


def test_lenses_add_up_what_the_report_says(document):
    facts = document.facts
    own = {block.span: block for block in facts.network.spec.blocks.values()}
    found = lenses(document)
    assert [lens.span for lens in found] == [x for x in own if x.source is document.source]
    said = costs(document)
    for block in own.values():
        ids = [instance.id for instance in facts.instances(block)]
        for key in ("params", "macs"):
            assert getattr(facts.cost(ids), key) == sum(said[path(id), key] for id in ids)
    if facts.network.spec.name == "GoogLeNet":
        assert [lens.title for lens in found[1:]] == [
            "used 9 times, 5.85M parameters, 1.10G MACs",
            "used twice, 6.38M parameters, 8.37M MACs, only in training",
        ]


def test_a_block_that_is_not_used_says_so():
    unused = SMALL.replace("graph:", "  Idle: {chain: {a: relu}}\ngraph:")
    titles = [lens.title for lens in lenses(opened(unused))]
    assert titles[2] == "not used"
    assert titles[0].startswith("used twice, ")


# ------------------------------------------------------------------ hovers


def test_a_hover_on_a_layer_says_what_the_report_says(document):
    rows = grid(table(document))
    titles = [rows.headings.index(x) for x in ("params", "forward MACs", "field/stride")]
    said = {row[0].partition(" ")[0]: [row[i] for i in titles] for row in rows.rows}
    for place in places(document):
        if place.kind != "layer" or place.span != place.target or len(place.scope) > 1:
            continue
        found = hover(document, place.span.start)
        assert found
        params, macs, field = said[place.name]
        assert f"\n- {params} parameters\n" in found.text
        assert f"\n- {macs} MACs\n" in found.text + "\n"
        assert (f"receptive field/stride {field}" if field else "**") in found.text


def test_a_hover_on_a_layer_shows_the_statements_that_make_and_run_it(document):
    for place in places(document):
        is_counting = document.source.text[: place.span.start].endswith("copies: ")
        if place.kind != "layer" or place.span != place.target or is_counting:
            continue
        found = hover(document, place.span.start)
        assert found
        code = found.text.partition("```python\n")[2].partition("\n```")[0]
        if code.endswith("# …"):
            continue
        body = ast.parse(f"def forward(self):\n{indent(code, ' ')}").body
        assert body, place
        if re.search(r"- [1-9][\d,–]* parameters", found.text) and "another call" not in found.text:
            assert re.search(rf"self(\.|\[\")(\w+\.)*{place.name}\b.* = ", code), (place, code)


def test_every_name_of_a_shipped_spec_has_a_hover(document):
    for place in places(document):
        found = hover(document, place.span.start)
        is_counting = document.source.text[: place.span.start].endswith("copies: ")
        is_removed = place.span.start > document.source.text.find("\nremove:") > 0
        is_left = place.kind == "path" or place.scope[-1:] == ("init",)
        assert found or is_left or is_counting or is_removed, place
        assert found is None or found.span == place.span


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("out * 2", ["`$out` of `Pair`", "- 4: `one`", "- 6: `two`"]),
        ("width, repeat", ["`$width` is 4"]),
        ("stride: 2", ["the step of the window", "default 1"]),
        ("image:", ["**image**: 3×8×8"]),
        ("low, other]", ["**low**: `conv2d`, used twice", "($out \\* 2)×8×8"]),
        ("share:", ["`share`: another layer of the same chain"]),
        ("again:", ["another call of `other2`", "- 0 parameters\n- 4,096 MACs"]),
        ("highs:", ["only in training"]),
        ("Wide:\n", ["`Wide: [out]`", "used 5 times"]),
        ("chunk", ["**halves**: `chunk`", "3×8×8 → 0 1×8×8, 1 1×8×8, 2 1×8×8"]),
        ("0}", ["**0**: 1×8×8"]),
        ("b: highs", ["**b**: 13×4×4, of `highs`"]),
        ("splice", ["`repeat` whose copies are layers where it stands"]),
    ],
)
def test_hovers(at, words):
    found = hover(opened(SMALL), SMALL.index(at))
    assert found
    assert [text for text in words if text not in found.text] == []


EXTERN = """externs:
  Gate: {import: mylib.layers, shape: same, doc: DOC}
"""


def test_what_a_spec_says_reaches_a_hover_as_text_only():
    doc = r'"<img src=x> [a](javascript:b) `c` *d* # e"'
    shown = r"\<img src=x\> \[a\](javascript:b) \`c\` \*d\* \# e"
    text = SMALL.replace("    params: [out]\n", f"    params: [out]\n    doc: {doc}\n")
    text = text.replace("blocks:", EXTERN.replace("DOC", doc) + "blocks:")
    text = text.replace("  other:", "  gate: {Gate: [], from: two.low}\n  other:")
    text = text.replace("[stack, ", "[stack, gate, ")
    document = opened(text)
    for name in ("Wide:", "Gate:", "Gate: []"):
        assert shown in (hover(document, text.index(name)) or ("",))[0]
    found = signature(document, text.index("2, splice"))
    assert found
    assert found.text == shown


# ------------------------------------------------------------------ signatures


def test_each_argument_knows_its_name_even_where_its_line_ends(document):
    text, layers = document.source.text, document.network.spec.layers()
    calls = [layer.call for layer in layers if isinstance(layer.call, OpCall | BlockCall)]
    given = [item for call in calls for item in call.arguments.items()]
    own = [(name, x.span) for name, x in given if x.span.source is document.source]
    for name, span in own[:: max(1, len(own) // draws(8, 1000))]:
        rest = text.find("\n", span.start)
        for written in (text, text[: span.start] + text[rest:]):
            cut = replace(document, source=Source(document.path, written))
            found = signature(cut, span.start)
            assert found, (name, span.line)
            assert found.active is not None
            active = found.parameters[found.active]
            assert found.label[active.start : active.end].partition("=")[0] == name


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  x: {Pair: [1, ~", "other=8"),
        ("  x: {Pair: [1, 2, ~", None),
        ("  x: {conv2d: [4, [1, ~", "kernel_size"),
        ("  x: {conv2d: ~", "out_channels"),
        ("  x:\n    conv2d: 4\n    stride: ~", "stride=1"),
        ("  x: [{conv2d: [4, ~", "kernel_size"),
    ],
)
def test_an_argument_that_is_being_written(line, expected):
    text = SMALL.replace("  other:", line.replace("~", "") + "\n  other:")
    at = SMALL.index("  other:") + line.index("~")
    found = signature(opened(text), at)
    assert found
    active = None if found.active is None else found.parameters[found.active]
    assert (active and found.label[active.start : active.end]) == expected


@pytest.mark.parametrize("line", ["  x: {Pair: [1]~", "  x: {conv2d~", "  x: {Pair: [1], ~", "  ~"])
def test_where_no_argument_is_written(line):
    text = SMALL.replace("  other:", line.replace("~", "") + "\n  other:")
    assert signature(opened(text), SMALL.index("  other:") + line.index("~")) is None


def test_a_variant_knows_the_blocks_that_it_extends():
    change = "change: {graph.one: {Pair: [4, 2], from: halves.0}}"
    variant = f"netspec: 1\nextends: small.yaml\nname: V\n{change}\n"
    document = opened(variant, {"specs/small.yaml": SMALL})
    found = signature(document, variant.index("2]"))
    assert found
    assert (found.label, found.active) == ("Pair: [out, other=8]", 1)
