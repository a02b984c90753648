"""How mistakes look: places in every format, escaping, colours, suggestions."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.cli.show import show
from netspec.text.diagnostics import (
    Diagnostic,
    Label,
    Sink,
    Source,
    Span,
    SpecError,
    brief,
    display_width,
    escape,
    in_order,
    nearest,
    suggest,
)
from netspec.text.formats import to_github, to_json, to_sarif, written
from netspec.text.rendered import Screen, render
from netspec.text.syntax import decode
from tests.support import ROOT, mistakes

SPEC = (
    "netspec: 1\n# {extra}\nname: Net\ninputs: {{image: [3, 8, 8]}}\n"
    "graph: {{out: rleu}}\noutputs: {{y1: out}}\n"
)
PLACE = (5, 14)  # of `rleu`


def place_in(format: str, items: list[Diagnostic]) -> tuple[int, int]:
    """Return line and column of the first diagnostic as a format tells them."""
    text = written(items, format)
    match format:
        case "json":
            item = json.loads(text)["diagnostics"][0]
            return item["line"], item["column"]
        case "sarif":
            result = json.loads(text)["runs"][0]["results"][0]
            region = result["locations"][0]["physicalLocation"]["region"]
            return region["startLine"], region["startColumn"]
        case "github":
            found = re.search(r"line=(\d+),endLine=\d+,col=(\d+)", text)
        case _:
            found = re.search(r"spec\.yaml:(\d+):(\d+)", text)
    assert found
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("format", ["full", "concise", "json", "github", "sarif"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no BOM", "BOM"])
@pytest.mark.parametrize("extra", ["plain", "emoji 🙂 and e\u0301"], ids=["ASCII", "emoji"])
def test_places_agree_in_every_format(format, end, mark, extra):
    text = mark + SPEC.format(extra=extra).replace("\n", end)
    with pytest.raises(SpecError) as error:
        _compile(text.encode())
    assert place_in(format, list(error.value.diagnostics)) == PLACE


def _compile(data: bytes) -> None:
    from netspec.compiler import compile_spec

    compile_spec(decode(data, "spec.yaml"))


@pytest.mark.parametrize("format", ["full", "concise", "json", "github", "sarif"])
def test_columns_count_code_points(format):
    text = 'netspec: 1\nname: Net\ndoc: "🙂🙂"\ninputs: {image: [3, 8, 8]}\n'
    text += 'graph: {a: {identity: [], doc: "🙂🙂"}, out: rleu}\noutputs: {y1: out}\n'
    assert place_in(format, mistakes(text)) == (5, text.splitlines()[4].index("rleu") + 1)


def test_the_caret_stands_under_wide_characters():
    source = Source("a", "漢字🙂: x")
    lines = render(Diagnostic("NS012", "m", Span(source, 5, 6))).splitlines()
    assert display_width(lines[3].split("|")[1].split("x")[0]) == lines[4].split("|")[1].index("^")


def test_a_long_line_is_cut_around_its_place():
    source = Source("a", "x" * 5000 + "HERE" + "y" * 5000)
    text = render(Diagnostic("NS012", "m", Span(source, 5000, 5004)))
    assert max(map(len, text.splitlines())) < 120
    snippet, carets = text.splitlines()[3:5]
    assert carets.index("^") == snippet.index("HERE")


def test_labels_off_the_cut_line_name_their_column():
    source = Source("a", "x" * 5000)
    item = Diagnostic(
        "NS012", "m", Span(source, 4000, 4001), notes=(Label(Span(source, 2, 3), "far"),)
    )
    assert "(column 3) far" in render(item)


# ------------------------------------------------------------------ what reaches a terminal

RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
TEXTS = st.text(st.characters(), max_size=40)


@given(TEXTS, TEXTS, TEXTS)
def test_no_text_reaches_a_terminal_raw(message, name, line):
    source = Source(name, line)
    item = Diagnostic("NS012", message, Span(source, 0, len(line)), message, help=message)
    for format in ("full", "concise", "json", "github", "sarif"):
        text = written([item], format)
        assert not RAW.search(text)
        assert "\ud800" not in text
    assert to_github(item).count("\n") == 0
    assert to_github(item).startswith("::error title=netspec NS012,file=")


@given(TEXTS)
def test_escaped_text_is_visible_and_names_what_was_there(text):
    assert all(char.isprintable() for char in escape(text))
    if text.isascii() and text.isprintable():
        assert escape(text) == text


def test_workflow_commands_are_data():
    source = Source("a::b,c%.yaml", "x")
    item = Diagnostic("NS012", "100%\r\n::set-output name=x::y", Span(source, 0, 1))
    assert to_github(item) == (
        "::error title=netspec NS012,file=a%3A%3Ab%2Cc%25.yaml,line=1,endLine=1,col=1,endColumn=2"
        "::100%25\\x0d\\x0a::set-output name=x::y"
    )


def test_a_secret_file_is_not_quoted():
    item = Diagnostic("NS012", "m", Span(Source("a", "password", secret=True), 0, 8))
    assert all("password" not in written([item], f) for f in ("full", "json", "sarif", "github"))


def test_very_long_texts_are_cut():
    assert len(brief("x" * 10**6)) < 500


# ------------------------------------------------------------------ SARIF


def test_sarif_has_the_form_of_2_1_0():
    items = [*mistakes(SPEC.format(extra="")), Diagnostic("NS024", "no place", severity="warning")]
    log = json.loads(to_sarif(items))
    assert (log["version"], set(log)) == ("2.1.0", {"$schema", "version", "runs"})
    (run,) = log["runs"]
    assert set(run) == {"tool", "columnKind", "results"}
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert set(driver) <= {"name", "version", "rules", "informationUri"}
    for rule in driver["rules"]:
        assert set(rule) == {"id", "shortDescription"} and set(rule["shortDescription"]) == {"text"}
    for result in run["results"]:
        assert set(result) <= RESULT and {"message"} <= set(result)
        assert result["level"] in ("none", "note", "warning", "error")
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        for location in result.get("locations", []) + result.get("relatedLocations", []):
            assert_location(location)
        for fix in result.get("fixes", []):
            assert set(fix) == {"description", "artifactChanges", "properties"}
            for change in fix["artifactChanges"]:
                assert set(change) == {"artifactLocation", "replacements"}
                for edit in change["replacements"]:
                    assert set(edit) == {"deletedRegion", "insertedContent"}
                    assert set(edit["insertedContent"]) == {"text"}


def test_sarif_names_files_alike_where_folders_end_with_a_backslash(monkeypatch):
    span = Span(Source("specs\\a b.yaml", "text"), 0, 4)
    monkeypatch.setattr("os.sep", "\\")
    assert '"uri": "specs/a%20b.yaml"' in to_sarif([Diagnostic("NS024", "no place", span)])


RESULT = {"ruleId", "ruleIndex", "level", "message", "locations", "relatedLocations", "fixes"}


def assert_location(location: dict[str, object]) -> None:
    """Check a location against the schema's words: no other keys, numbers from 1."""
    assert set(location) <= {"physicalLocation", "message"}
    physical = location["physicalLocation"]
    assert isinstance(physical, dict) and set(physical) == {"artifactLocation", "region"}
    assert set(physical["artifactLocation"]) == {"uri"}
    assert re.fullmatch(r"[A-Za-z0-9._~/%-]*", physical["artifactLocation"]["uri"])
    region = physical["region"]
    assert set(region) == {"startLine", "startColumn", "endLine", "endColumn"}
    assert all(type(value) is int and value >= 1 for value in region.values())
    assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])


def test_sarif_names_odd_files():
    item = Diagnostic("NS012", "m", Span(Source("a b/ü<#>.yaml", "x"), 0, 1))
    place = json.loads(to_sarif([item]))["runs"][0]["results"][0]["locations"][0]
    uri = place["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii() and unquote(uri) == "a b/ü<#>.yaml"


def test_json_of_nothing_is_json():
    assert json.loads(to_json([])) == {"format": "netspec-check-1", "diagnostics": []}
    assert json.loads(to_sarif([]))["runs"][0]["results"] == []


# ------------------------------------------------------------------ terminals


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours(monkeypatch, environment, terminal, coloured):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    raw = io.BytesIO()
    stream = (Terminal if terminal else io.TextIOWrapper)(raw, encoding="utf-8")
    show(mistakes(SPEC.format(extra="")), stream)
    stream.flush()
    assert (b"\x1b[" in raw.getvalue()) == coloured


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_terminals_without_unicode(encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    source = Source("a", "漢: x")
    show([Diagnostic("NS012", "64×28 → 3", Span(source, 3, 4))], stream)
    stream.flush()
    text = raw.getvalue().decode(encoding)
    assert "64x28 -> 3" in text or "64×28 -> 3" in text
    assert "\\u6f22" in text


def test_the_command_line_in_ascii():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    text = SPEC.format(extra="🙂").replace("rleu", "{conv2d: [4, 99]}")
    result = subprocess.run(
        [sys.executable, "-m", "netspec", "check", "-"],
        input=text.encode(),
        capture_output=True,
        env=environment,
        cwd=ROOT,
    )
    assert result.returncode == 1
    assert b"8x8" in result.stdout


def test_painted_text_is_the_plain_text():
    (item,) = mistakes(SPEC.format(extra=""))
    assert re.sub(r"\x1b\[[\d;]*m", "", render(item, Screen(has_colour=True))) == render(item)


# ------------------------------------------------------------------ suggestions and collecting


@pytest.mark.parametrize(
    ("name", "known", "wanted"),
    [
        ("con2d", ["conv1d", "conv2d", "conv3d"], "did you mean `conv2d`?"),
        ("shpae", ["share", "shape"], "did you mean `shape`?"),
        ("shale", ["share", "shape"], "did you mean `share` or `shape`?"),
        ("cf", ["fc", "relu"], "did you mean `fc`?"),
        ("RELU", ["relu"], "did you mean `relu`?"),
        ("zzz", ["relu"], ""),
        ("a" * 65, ["a" * 64], ""),
        ("", ["relu"], ""),
    ],
)
def test_suggestions(name, known, wanted):
    assert suggest(name, known) == wanted


def test_suggestions_are_bounded():
    assert nearest("relu", (f"x{i}" for i in range(10**9))) == []


def test_a_name_missed_again_is_one_mistake():
    source = Source("a", "x x x")
    items = [Diagnostic("NS020", "no op is called `x`", Span(source, i, i + 1)) for i in (4, 0, 2)]
    (one,) = in_order(items)
    assert [note.span.start for note in one.notes] == [0, 2]


def test_a_place_is_told_once_with_all_that_is_said_of_it():
    span = Span(Source("a", "x"), 0, 1)
    (one,) = in_order([Diagnostic("NS010", text, span) for text in ("no a", "no b", "no a")])
    assert (one.message, one.details) == ("no a", ("no b",))


def test_a_sink_stops_after_many_errors():
    source, sink = Source("a", "x" * 1000), Sink()
    with pytest.raises(SpecError) as error:
        for i in range(1000):
            sink.error("NS012", "m", Span(source, i, i + 1))
    assert len(error.value.diagnostics) == 201


def test_errors_are_told_without_warnings():
    source, sink = Source("a", "xy"), Sink()
    sink.add(Diagnostic("NS024", "w", Span(source, 0, 1), severity="warning"))
    sink.stop()
    sink.error("NS012", "e", Span(source, 1, 2))
    with pytest.raises(SpecError) as error:
        sink.stop()
    assert [item.code for item in error.value.diagnostics] == ["NS012"]
