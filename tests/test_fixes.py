"""Fixes: each mends what it is said to mend, and no text that is written is worse than before."""

from __future__ import annotations

import io
import json
import stat
import sys
from collections import Counter
from random import Random

import pytest

from netspec.cli import main
from netspec.cli.fixing import Made, mend
from netspec.compiler import compile_spec
from netspec.language.project import Project
from netspec.ops.base import REGISTRY
from netspec.text.diagnostics import Cure, Diagnostic, Edit, Fix, Source, Span, SpecError
from netspec.text.fixes import edited, either, fitting, without
from netspec.text.syntax import is_readable, parse, scalars
from tests.support import ROOT, SPECS, mistakes, one_block
from tests.test_mutation import GOOGLENET
from tests.test_mutation_yaml import mutants_of

WRONG = sorted((ROOT / "tests" / "errors").glob("*.yaml"))
SPEC = """\
netspec: 1
name: Net
inputs: {image: [3, 32, 32]}
blocks:
  Conv:
    params: [out]
    chain:
      conv: {con2d: [$ot, 3], padding: 1}
      act: rleu
graph:
  c1: {Conv: 16}
  c2: {Cnov: 32}
  c3: {Cnov: 64}
  pool: global_avg_pool
  flat: flatten
  fc: {linear: 10}
outputs: {logits: fx}
"""
WORDS = {"con2d": "conv2d", "$ot": "$out", "rleu": "relu", "Cnov": "Conv", "fx": "fc"}
RIGHT = SPEC
for slip, word in WORDS.items():
    RIGHT = RIGHT.replace(slip, word)


def said(
    source: Source, project: Project | None = None, old: Source | None = None
) -> list[Diagnostic]:
    """Return what is wrong with a text that may stand in place of a file's."""

    def load(origin: Source, path: str) -> Source:
        assert project
        return project.load(old if old and origin is source else origin, path)

    try:
        return list(compile_spec(source, load=load if project else None).warnings)
    except SpecError as error:
        return list(error.diagnostics)


def keys(items: list[Diagnostic]) -> Counter[tuple[str, str]]:
    return Counter((item.code, item.message) for item in items)


def errors(items: list[Diagnostic]) -> int:
    return sum(item.severity == "error" for item in items)


# ------------------------------------------------------------------ what a fix does


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_safe_fix_removes_its_mistake_and_adds_none(path):
    project = Project()
    try:
        source = project.open(str(path))
    except SpecError as error:
        assert not any(item.fixes for item in error.diagnostics)
        return
    found = said(source, project)
    for item in found:
        for fix in item.fixes:
            if any(edit.span.source is not source for edit in fix.edits):
                continue
            new = Source(source.name, edited(source, [fix]))
            assert is_readable(new.text)
            if fix.is_safe:
                after, key = said(new, project, source), (item.code, item.message)
                assert keys(after)[key] < keys(found)[key], fix
                assert errors(after) <= errors(found), fix


def test_a_fix_of_a_slip_is_read_and_a_safe_one_is_right():
    each, read, safe, right = 0, 0, 0, 0
    for path in (GOOGLENET, ROOT / "specs" / "unet.yaml"):
        text = path.read_text()
        for _, slip, *_ in mutants_of(text, Random(6)):
            for fix in _fixes_of(slip):
                new = edited(fix.edits[0].span.source, [fix])
                each, read = each + 1, read + is_readable(new)
                if fix.is_safe:
                    tree = parse(Source("", new))  # it leaves nothing that is refused
                    safe, right = safe + 1, right + (words(tree) == words(parse(Source("", text))))
    assert safe >= 0.25 * each > 30 and read >= 0.95 * each and right >= 0.95 * safe


def _fixes_of(text: str) -> tuple[Fix, ...]:
    """Return the fixes of what YAML refuses."""
    try:
        parse(Source("spec.yaml", text))
    except SpecError as error:
        return error.diagnostics[0].fixes
    return ()


def words(tree: object) -> object:
    """Return what a tree says, without its places."""
    match tree:
        case tuple():
            return [words(item) for item in tree]
        case object(items=items):
            return words(items)
        case object(text=text):
            return text
    return tree


def test_a_misspelt_word_is_mended_safely():
    text = GOOGLENET.read_text()
    tokens = [x for x in scalars(parse(Source("", text))) if x.text in REGISTRY]
    named = [x for x in tokens if text[x.span.start - 1] == "{"]
    for token in Random(7).sample(named, 6):
        start = token.span.start
        [item] = mistakes(text[: start + 1] + text[start + 2 :])
        assert [fix.is_safe for fix in item.fixes] == [True]
        assert edited(item.fixes[0].edits[0].span.source, item.fixes) == text


def test_a_name_that_is_missed_at_several_places_is_mended_at_all_of_them():
    [item] = [item for item in mistakes(SPEC) if "Cnov" in item.message]
    assert [edit.span.line for edit in item.fixes[0].edits] == [12, 13]


def test_one_choice_of_several_is_not_safe():
    text = RIGHT.replace("graph:", "params: {n1: 8, n2: 9}\ngraph:", 1)
    text = text.replace("c2: {Conv: 32}", "c2: {Conv: $n1}").replace("Conv: 64", "Conv: $n2")
    [item] = mistakes(text.replace("linear: 10", "linear: $n3"))
    assert [fix.is_safe for fix in item.fixes] == [False, False]


def test_what_every_choice_has_is_safe_beside_one_that_is_not():
    layers = "conv: {conv2d: [4, 1], strid: 2}\nact: reluu\nout: {add: [], from: [conv, actt]}"
    argument, op, name = mistakes(one_block(layers))
    assert [fix.is_safe for fix in (*argument.fixes, *name.fixes)] == [True, True]
    assert [fix.is_safe for fix in op.fixes] == [False, False]


def test_cures_of_which_any_helps_are_not_safe():
    source = Source("a", "x")
    cures = [Cure(word, Fix(word, (Edit(Span(source, 0, 1), word),), True)) for word in "yz"]
    assert str(either(*cures, "think")) == "y, or z, or think"
    assert [fix.is_safe for fix in either(*cures).fixes] == [False, False]
    assert either("", cures[0]).fixes[0].is_safe


@pytest.mark.parametrize(
    "text, entry, left",
    [
        ("[1, 2, 3]", "2", "[1, 3]"),
        ("[1, 2, 3]", "1", "[2, 3]"),
        ("[1]", "1", "[]"),
        ("{a: 1, b: 2}", "b: 2", "{a: 1}"),
        ("a: 1\nb: 2  # why\nc: 3\n", "b: 2", "a: 1\nc: 3\n"),
        ("r:\n  - a\n  - b\n", "a", "r:\n  - b\n"),
        ("a: 1\r\nb: 2\r\n", "a: 1", "b: 2\r\n"),
        ("a: 1\nb: 2", "b: 2", "a: 1\n"),
    ],
)
def test_an_entry_goes_with_its_comma_or_its_line(text, entry, left):
    source = Source("a", text)
    start = text.index(entry)
    fix = Fix("", (without(Span(source, start, start + len(entry))),))
    assert edited(source, [fix]) == left


def test_of_fixes_that_overlap_the_first_is_made():
    source = Source("a", "abcdef")
    fixes = [Fix("", (Edit(Span(source, *place), "x"),)) for place in ((0, 2), (1, 3), (4, 5))]
    assert fitting(fixes) == [fixes[0], fixes[2]]
    assert edited(source, fitting(fixes)) == "xcdxf"


# ------------------------------------------------------------------ rounds


def test_what_is_mended_is_never_worse_and_stays_as_it_is():
    random = Random(4)
    for path in random.sample(SPECS, 3):
        text = path.read_text()
        for _ in range(2):
            at = random.choice([i for i, char in enumerate(text) if char in "abcdefgh,:[]{}"])
            text = text[:at] + text[at + 1 :]
        before = Made({"a": Source(str(path), text)}, (), said(Source(str(path), text)))
        made = mend(before.texts, _check, unsafe=True)
        assert made.badness <= before.badness
        assert mend(made.texts, _check, unsafe=False).lines == ()


def _check(texts):
    return said(texts["a"])


def test_a_fix_that_makes_a_text_worse_is_not_made():
    source = Source("a", "good bad")

    def check(texts):
        now = texts["a"]
        item = _fixing(now, "bad", "awful") if "bad" in now.text else None
        other = _fixing(now, "good", "best") if "good" in now.text else None
        more = [Diagnostic("NS012", text, None) for text in "xyz"]
        return [*filter(None, (item, other)), *(more if "awful" in now.text else [])]

    made = mend({"a": source}, check, unsafe=False)
    assert made.texts["a"].text == "best bad"
    assert len(made.lines) == 1


def _fixing(source: Source, old: str, new: str) -> Diagnostic:
    start = source.text.index(old)
    span = Span(source, start, start + len(old))
    return Diagnostic("NS012", old, span, help=Cure("", Fix("", (Edit(span, new),), True)))


def test_fixes_that_undo_each_other_end():
    def check(texts):
        now = texts["a"]
        return [_fixing(now, now.text, "b" if now.text == "a" else "a")]

    assert mend({"a": Source("a", "a")}, check, unsafe=False).texts["a"].text in "ab"


# ------------------------------------------------------------------ the command


def run(*arguments: str) -> int:
    try:
        return main(["check", *arguments])
    except SystemExit as error:
        assert isinstance(error.code, int)
        return error.code


def test_fix_writes_the_file_and_says_what_it_changed(tmp_path, capsys):
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    path.chmod(0o640)
    assert run(str(path)) == 1
    assert "by `--fix`" in capsys.readouterr().err
    assert path.read_text() == SPEC
    assert run("--fix", str(path)) == 0
    assert path.read_text() == RIGHT
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    told = capsys.readouterr().err
    assert f"{path}:8:14: write `conv2d` in place of `con2d`" in told
    assert "made 5 changes, no mistakes remaining" in told
    before = path.stat().st_mtime_ns
    assert run("--fix", str(path)) == 0
    assert path.stat().st_mtime_ns == before


def test_diff_writes_nothing(tmp_path, capsys):
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    assert run("--diff", str(path)) == 1
    found = capsys.readouterr()
    assert "-outputs: {logits: fx}\n+outputs: {logits: fc}" in found.out
    assert "would make 5 changes" in found.err
    assert path.read_text() == SPEC
    path.write_text(RIGHT)
    assert run("--diff", str(path)) == 0
    assert capsys.readouterr().out == ""


def test_what_the_author_may_have_meant_otherwise_is_left_alone(tmp_path, capsys):
    path = tmp_path / "net.yaml"
    text = RIGHT.replace("{linear: 10}", "{linear: 10, shape: [11]}")
    path.write_text(text)
    assert run("--fix", str(path)) == 1
    assert path.read_text() == text
    found = capsys.readouterr()
    assert "[NS05" in found.out and "made no changes, 1 mistake remaining" in found.err
    assert run("--fix", "--unsafe-fixes", str(path)) == 0
    assert path.read_text() != text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_stay(tmp_path, mark, end):
    path = tmp_path / "net.yaml"
    path.write_bytes((mark + SPEC.replace("\n", end)).encode())
    assert run("--fix", str(path)) == 0
    assert path.read_bytes() == (mark + RIGHT.replace("\n", end)).encode()


def test_standard_input_goes_to_standard_output(monkeypatch, capsysbinary):
    for text, code in ((SPEC, 0), (RIGHT, 0), ("netspec: 1\nname: []\n", 1)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert run("--fix", "-") == code
        assert capsysbinary.readouterr().out.decode() == (RIGHT if code == 0 else text)


def test_an_extended_file_is_mended_only_if_it_is_checked(tmp_path):
    base, variant = tmp_path / "base.yaml", tmp_path / "variant.yaml"
    base.write_text(SPEC)
    variant.write_text(
        "netspec: 1\nname: Wide\nextends: base.yaml\nchange: {graph.c3: {Conv: 8}}\n"
    )
    run("--fix", "--unsafe-fixes", str(variant))
    assert base.read_text() == SPEC
    assert run("--fix", "--unsafe-fixes", str(variant), str(base)) == 0
    assert base.read_text() == RIGHT
    assert "graph.c3" in variant.read_text()


def test_fixes_in_json_are_those_that_are_made(tmp_path, capsys):
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    run("--format", "json", str(path))
    items = json.loads(capsys.readouterr().out)["diagnostics"]
    lines = SPEC.splitlines()
    edits = [
        edit for item in items for fix in item["fixes"] if fix["safe"] for edit in fix["edits"]
    ]
    for edit in sorted(edits, key=lambda edit: (edit["line"], edit["column"]), reverse=True):
        row, start, end = edit["line"] - 1, edit["column"] - 1, edit["endColumn"] - 1
        lines[row] = lines[row][:start] + edit["text"] + lines[row][end:]
    assert "\n".join(lines) + "\n" == RIGHT


def test_a_secret_text_is_not_mended():
    source = Source("a", "password", secret=True)
    span = Span(source, 0, 8)
    assert not Diagnostic("NS012", "", span, help=Cure("", Fix("", (Edit(span, ""),)))).fixes


@pytest.mark.parametrize(
    "options", [("--fix", "--watch"), ("--diff", "--watch"), ("--fix", "--diff")]
)
def test_what_does_not_go_together_is_refused(tmp_path, options):
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    assert run(*options, str(path)) == 2
    assert path.read_text() == SPEC
