"""Reports: numbers that add up, the same in every format, and texts that stay texts."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.analysis.network import Network
from netspec.emit.report import FORMATS, Report, find_paper, paper_report, render, report
from netspec.emit.report.paper import judge
from netspec.emit.report.printed import PAPERS, read_papers
from netspec.emit.report.table import Column, Table, grid, percent
from tests.support import ROOT, SPECS, compiled, draws, load, mostly, one_block
from tests.test_random_specs import examples

GOOGLENET = ROOT / "specs" / "googlenet.yaml"
DEPTHWISE = ROOT / "specs" / "googlenet_dw.yaml"
EXACT_WEIGHTS = [9_408, 114_688, 163_328, 388_096, 375_552, 448_512, 509_440, 604_672, 867_328,
                 1_042_432, 1_442_816, 1_024_000]  # fmt: skip


@pytest.fixture(scope="module")
def googlenet() -> Network:
    return load(GOOGLENET).network


def column(table: Table, key: str) -> list[object]:
    (index,) = [i for i, item in enumerate(table.columns) if item.key == key]
    return [row[index] for row in table.rows]


def test_the_text_per_block_fits_a_terminal(googlenet):
    lines = render(report(googlenet)).splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 100
    assert any("FLOPs = 2 × MACs" in line for line in lines)


def test_a_report_shows_itself(googlenet):
    found = report(googlenet)
    assert str(found) == render(found)
    assert found._repr_html_() == render(found, "html")


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
@pytest.mark.parametrize("by", ["block", "layer", "op"])
def test_columns_sum_to_their_totals(path, by):
    network = load(path).network
    for table in report(network, by).tables:
        for i, item in enumerate(table.columns):
            if not item.summed or item.kind == "percent":
                continue
            only = [row for row in table.rows if {"heads", "train"} & {*row[1:]}]
            heads = sum(row[i] for row in only)
            both = sum(row[i] for row in table.rows)
            parts = {"inference": both - heads, "heads": heads, "with heads": both}
            assert {row[0]: row[i] for row in table.totals}.items() <= parts.items()


@pytest.mark.parametrize("by", ["block", "layer", "op"])
def test_every_grouping_has_the_networks_totals(googlenet, by):
    table = report(googlenet, by).tables[0]
    keys = [item.key for item in table.columns]
    totals = {row[0]: dict(zip(keys, row, strict=True)) for row in table.totals}
    assert [totals[part]["params"] for part in ("inference", "heads", "with heads")] == [
        6_998_552, 6_379_728, 13_378_280,
    ]  # fmt: skip
    assert totals["inference"]["macs"] == 1_582_671_872
    assert totals["with heads"]["macs"] == 1_591_044_096
    assert totals["inference"]["share"] == 100.0


def test_kinds_of_other_operations_sum_to_their_total(googlenet):
    table = report(googlenet).tables[1]
    keys = [item.key for item in table.columns]
    first = keys.index("other")
    for row in (*table.rows, *table.totals):
        assert sum(row[first + 1 :]) == row[first]
        assert row[keys.index("flops")] == 2 * row[keys.index("macs")]


@examples(draws(50, 1000))
@given(part=st.integers(0, 10**15), rest=st.integers(0, 10**15))
def test_a_share_is_rounded_by_itself(part: int, rest: int) -> None:
    whole = part + rest
    exact = Decimal(100 * part) / whole if whole else Decimal(0)
    assert Decimal(str(percent(part, whole))) == exact.quantize(Decimal("0.1"), ROUND_HALF_UP)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_equal_rows_show_equal_shares(path):
    table = report(load(path).network, "layer").tables[0]
    shown = {*zip(column(table, "macs"), column(table, "share"), strict=True)}
    inference = [pair for pair in shown if pair[1] is not None]
    assert len(inference) == len({macs for macs, _ in inference})


def test_the_passes_are_named(googlenet):
    data = json.loads(render(report(googlenet), "json"))
    assert data["macs"] == 1_582_671_872
    assert data["train_macs"] == 1_591_044_096
    assert data["step_macs"] == data["train_macs"] + data["backward_macs"]
    for table in (data["blocks"], data["totals"], data["work"]):
        assert "training" not in [row["name"] for row in (*table["rows"], *table["totals"])]
    assert data["work"]["totals"][-1]["backward_macs"] == data["backward_macs"]


def test_titles_that_do_not_say_it_themselves_are_explained(googlenet):
    for format in ("text", "markdown", "html", "latex"):
        said = " ".join(render(report(googlenet), format).split())
        for title in ("field/stride:", "offset:", "depth:", "share:"):
            assert title in said


def test_deeper_blocks_have_rows_of_their_own(googlenet):
    names = column(report(googlenet, depth=2).tables[0], "name")
    assert "inception_3a.conv3x3" in names
    with pytest.raises(ValueError, match="one of block, layer, op"):
        report(googlenet, "colour")


# Elements behind GoogLeNet's max pools, whose places are integers of whatever type the rest is.
POOLED = [64 * 56**2, 192 * 28**2, 192 * 28**2, 256 * 28**2, 480 * 14**2, 480 * 14**2, 512 * 14**2,
          512 * 14**2, 512 * 14**2, 528 * 14**2, 832 * 7**2, 832 * 7**2, 832 * 7**2]  # fmt: skip


def test_batch_and_type_change_bytes_only(googlenet):
    one, many = report(googlenet), report(googlenet, batch=3, dtype="float64")
    keys = ("params", "macs", "flops", "other", "depth")
    for key in keys:
        assert column(one.tables[0], key) == column(many.tables[0], key)
    held = column(one.tables[0], "activation_bytes"), column(many.tables[0], "activation_bytes")
    indices = sum(8 * x for x in POOLED)
    assert 6 * (sum(held[0]) - indices) + 3 * indices == sum(held[1])


def test_a_network_without_heads_or_space():
    network = compiled(one_block("a: {linear: 4}\nout: relu", inputs="features: [8]"))
    content = report(network)
    assert [row[0] for row in content.tables[0].totals] == ["inference"]
    assert column(content.tables[0], "field_max") == [None, None]
    for format in FORMATS:
        assert render(content, format)


class _Cells(HTMLParser):
    """Collects a page's table rows."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th")
        if self.inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


@pytest.mark.parametrize("by", ["block", "layer", "op"])
def test_formats_have_identical_numbers(googlenet, by):
    content = report(googlenet, by)
    texts = [grid(table) for table in content.tables]
    rows = [list(row) for table in texts for row in (table.headings, *table.rows, *table.totals)]
    page = _Cells()
    page.feed(render(content, "html"))
    assert page.rows == rows
    lines = [line for line in render(content, "markdown").splitlines() if line.startswith("|")]
    read = [
        [c.strip(" *").replace("\\", "") for c in line.strip("|").split(" | ")] for line in lines
    ]
    assert [row for row in read if "--" not in row[0]] == rows


def test_csv_and_json_have_the_same_numbers(googlenet):
    content = report(googlenet, "layer")
    table = content.tables[0]
    data = json.loads(render(content, "json"))
    head, *lines = csv.reader(io.StringIO(render(content, "csv")))
    assert head == [column.key for column in table.columns]
    for row, line, item in zip(table.rows, lines, data["layers"]["rows"], strict=True):
        texts = ["" if row[i] is None else str(row[i]) for i in (4, 5, 6, 7)]
        assert texts == [line[i] for i in (4, 5, 6, 7)]
        assert [item[key] for key in ("params", "macs", "flops")] == [row[i] for i in (4, 5, 7)]
    assert data["peak_bytes"] == 10_235_904
    assert data["peak_at"] == "norm2"
    assert (data["depth"], data["depth_with_pooling"]) == (22, 27)


@pytest.mark.parametrize("by", ["block", "layer", "op"])
def test_csv_is_one_table_without_totals(googlenet, by):
    content = report(googlenet, by)
    tables = {table.key: table for table in (*content.tables, *content.further)}
    first = content.tables[0]
    summed = (*tables["totals"].rows, *tables["totals"].totals)
    rows = {key: table.rows for key, table in tables.items()} | {"totals": summed}
    for name, expected in {None: first.rows, **rows}.items():
        lines = list(csv.reader(io.StringIO(render(content, "csv", name))))[1:]
        assert [line[0] for line in lines] == [row[0] for row in expected]
    with pytest.raises(LookupError, match=f"its tables are {', '.join(tables)}"):
        render(content, "csv", "x")


def test_totals_of_a_report_without_a_table_of_totals(googlenet):
    paper = find_paper("GoogLeNet")
    assert paper is not None
    content = paper_report(googlenet, paper)
    (line,) = csv.DictReader(io.StringIO(render(content, "csv", "totals")))
    assert (line["row"], line["weights"]) == ("sum", str(sum(EXACT_WEIGHTS)))
    assert "totals" not in json.loads(render(content, "json", "claims"))


HOSTILE = [
    "<script>alert(1)</script>", "a | b", "`x` *y* [z](javascript:x)", "\\input{/etc/passwd}",
    "$x^2$ & 5% #1 ~ {_}", "line\nbreak\x1b[31m\u202e", "![i](http://x)",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_never_become_markup(text):
    table = Table("t", text, (Column("name", text, "text"),), ((text,),))
    content = Report(text, (), (table,), (text,))
    page = render(content, "html")
    assert "<script" not in page
    markdown = render(content, "markdown")
    assert not re.search(r"(?<!\\)[<`*|\[](?![ :-])", markdown.replace("| ", "").replace(" |", ""))
    latex = render(content, "latex")
    assert "\\input" not in latex
    assert len(re.findall(r"(?<!\\)&", latex)) == 0
    for format in FORMATS:
        assert not set(render(content, format)) & {"\x1b", "\u202e"} or format in ("json", "csv")


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_csv_cells_never_become_formulas(text):
    table = Table("t", "t", (Column("name", "name", "text"),), ((text,),))
    cell = list(csv.reader(io.StringIO(render(Report("t", (), (table,), ()), "csv"))))[1][0]
    assert cell[0] not in "=+-@\t\r\n"


def test_the_papers_table(googlenet):
    paper = find_paper("GoogLeNet")
    assert paper is not None
    rows, claims = paper_report(googlenet, paper).tables
    assert column(rows, "weights") == EXACT_WEIGHTS
    assert column(rows, "printed_macs") == [34, 360, 128, 304, 73, 88, 100, 119, 170, 54, 71, 1]
    verdicts = dict(zip(column(rows, "row"), column(rows, "verdict"), strict=True))
    assert verdicts["convolution 3×3/1"] == verdicts["linear"] == "right"
    assert verdicts["convolution 7×7/2"] == "params 70.6% too low, ops 71.2% too low"
    assert verdicts["inception (3a)"] == "params truncated"
    assert verdicts["inception (5a)"] == "params 5.3% too high, ops 5.7% too high"
    assert column(claims, "exact") == [22, 27, 1.5827, 8.7111]
    assert max(map(len, render(paper_report(googlenet, paper)).splitlines())) <= 100


def test_a_depthwise_first_layer_gives_the_printed_figures():
    network = load(DEPTHWISE).network
    paper = find_paper(network.graph.name)
    assert paper is not None
    rows, claims = paper_report(network, paper).tables
    first = rows.rows[0]
    assert first == (
        "convolution 7×7/2",
        2.7,
        2_712,
        34,
        34_019_328,
        "params right in units of 1,000",
    )
    assert network.totals.inference.macs == 1_498_677_248
    assert dict(zip(column(claims, "claim"), column(claims, "verdict"), strict=True))[
        "billions of multiply-adds at inference"
    ] == "right"  # fmt: skip


FILES = sorted(PAPERS.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_paper_files_are_read_and_their_layers_exist(path):
    """A row of the paper's that the spec has not names no layers, and says why."""
    known = {load(spec).network.graph.name: spec for spec in SPECS}
    for name, paper in read_papers(path.read_text(encoding="utf-8")).items():
        network = load(known[name]).network
        paths = {node.id[:i] for node in network.graph.nodes.values() for i in range(9)}
        for row in paper.rows:
            assert {tuple(layer.split(".")) for layer in row.layers} <= paths
            assert row.layers or row.why
        assert max(map(len, render(paper_report(network, paper)).splitlines())) <= 100


RIGHT = {
    "AlexNet": 7, "AlexNetTV": 4, "VGG16": 7, "VGG19BN": 7, "InceptionV3": 7, "ResNet18": 8,
    "ResNet34": 8, "ResNet50": 8, "ResNet101": 8, "ResNet152": 8,
}  # fmt: skip
"""How many rows of the papers' tables are those of the specs."""


@pytest.mark.parametrize("name", RIGHT)
def test_the_figures_of_other_papers(name):
    network = next(net for net in map(load, SPECS) if net.name == name).network
    paper = find_paper(name)
    assert paper is not None
    rows, *claims = paper_report(network, paper).tables
    verdicts = column(rows, "verdict")
    assert verdicts.count("right") == RIGHT[name]
    assert len(verdicts) == len(paper.rows)
    for row, verdict in zip(paper.rows, verdicts, strict=True):
        assert verdict == "right" or row.why, row
    if claims and name != "InceptionV3":
        depth = paper.claims[0].printed
        assert claims[0].rows[0][1:] == (depth, depth, "right")


STRIDE_FIRST = [("$width, 1]", "$width, 1], stride: $s"), ("3], stride: $s, pad", "3], pad")]
EXPECT = [(re.search("expect: .*", (ROOT / "specs/resnet50.yaml").read_text())[0], "")]


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("ResNet50", {}),
        ("ResNet101", {"n4": 23}),
        ("ResNet152", {"n3": 8, "n4": 36}),
    ],
)
def test_what_the_stride_of_a_bottleneck_makes_of_the_flops(name, params):
    text = (ROOT / "specs/resnet50.yaml").read_text()
    for old, new in (*STRIDE_FIRST, *EXPECT):
        assert text.count(old) == 1
        text = text.replace(old, new)
    paper = find_paper(name)
    assert paper is not None
    assert paper.claims[1].why.endswith(
        f"it is {compiled(text, **params).totals.inference.macs / 1e9:.3f}"
    )


def test_what_projections_make_of_the_flops():
    costs = load(ROOT / "specs/resnet34.yaml").network.costs
    without = sum(cost.macs for id, cost in costs.items() if "downsample" not in id)
    paper = find_paper("ResNet34")
    assert paper is not None
    assert paper.claims[1].why.endswith(f"it is {without / 1e9:.3f}")


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "source: x",
        "source: x\nnetworks: [A]\nrows: [{row: 1}]",
        "[]",
        "source: 1",
        "source: {B: x}\nnetworks: [A]",
        "source: x\nnetworks: [A]\nclaims: [{claim: c, measure: macs, printed: 1, other: null}]",
    ],
)
def test_a_paper_file_that_is_wrong_says_so(text):
    with pytest.raises(ValueError):
        read_papers(text)


def test_a_paper_file_says_once_what_networks_share():
    found = read_papers(
        "source: x\nnetworks: [A, B]\nrows: [{row: {A: 1st, B: first}, kernels: {B: 2}}]"
    )
    assert [(p.rows[0].row, p.rows[0].kernels) for p in found.values()] == [
        ("1st", None), ("first", 2),
    ]  # fmt: skip


def test_no_paper_is_no_error():
    assert find_paper("Unheard") is None


@pytest.mark.parametrize(
    ("printed", "exact", "verdict"),
    [
        (2.7, Fraction(2712, 1000), "right"),
        (159, Fraction(163_328, 1024), "truncated"),
        (73, Fraction(73_608_192, 10**6), "truncated"),
        (380, Fraction(388_096, 1024), "0.3% too high"),
        (1.5, Fraction(1_498_677_248, 10**9), "right"),
        (1, Fraction(0), "not 0, which is exact"),
    ],
)
def test_verdicts(printed, exact, verdict):
    assert judge(printed, exact) == verdict


def test_a_report_imports_nothing_slow():
    code = (
        "import sys; from netspec.cli import main; main(['report', 'specs/googlenet.yaml']);"
        "print(*sys.modules, file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert not {"torch", "matplotlib", "graphviz"} & set(result.stderr.split())


@pytest.mark.parametrize("format", mostly(["json"], FORMATS))
def test_the_same_bytes_under_any_hash_seed(format):
    code = (
        "from netspec.compiler import compile_spec; from netspec.text.syntax import decode;"
        "from netspec.emit.report import render, report; import sys;"
        f"s = decode(open({str(GOOGLENET)!r}, 'rb').read(), 'x');"
        f"sys.stdout.buffer.write(render(report(compile_spec(s), 'op'), {format!r}).encode())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(outputs) == 1
    assert outputs != {b""}


def test_equal_numbers_of_different_types_keep_their_own_digits() -> None:
    columns = (Column("one", "one"), Column("axes", "axes", "axes"))
    rows = ((1, (2,)), (1.0, (2.0,)), (1, (2,)))
    content = Report("t", (), (Table("t", "t", columns, rows),), ())
    assert render(content, "json").count("1.0") == render(content, "json").count("2.0") == 1
    assert [line[0] for line in csv.reader(io.StringIO(render(content, "csv")))][1:] == [
        "1",
        "1.0",
        "1",
    ]
