"""What programs read: the JSON of every command that prints a table, and the schemas of it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from netspec.analysis.network import Network
from netspec.analysis.points import Point, Reason, with_front
from netspec.analysis.roofline import Device
from netspec.cli import main
from netspec.emit.bench import bench_report
from netspec.emit.compare import compare
from netspec.emit.points import all_points, fit_report, front_report
from netspec.emit.profile import BY, profile_report
from netspec.emit.report import (
    ROWS,
    Measured,
    Report,
    find_paper,
    paper_report,
    render,
    report,
    report_of,
)
from netspec.emit.schema import SCHEMAS
from netspec.runtime.bench import Case, Limits, Measurement, Subject
from netspec.runtime.profile import Profile, Way
from tests.support import FEW, ROOT, SPECS, load, mostly, printed

jsonschema = pytest.importorskip("jsonschema")
VALIDATORS = {name: jsonschema.Draft7Validator(schema()) for name, schema in SCHEMAS.items()}


def refused(document: Any, schema: str = "report") -> list[str]:
    """Return what the schema does not allow, at its innermost place."""
    return [
        jsonschema.exceptions.best_match([error]).json_path
        for error in VALIDATORS[schema].iter_errors(document)
    ]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_shipped_schemas_are_those_of_the_code(name: str, update: bool) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMAS[name]())
    text = printed(f"schema {name}")
    assert json.loads(text) == SCHEMAS[name]()
    shipped = ROOT / f"netspec/data/netspec-{name}-1.schema.json"
    if update:
        shipped.write_text(text)
    assert shipped.read_text() == text, "`pytest --update` writes it"


def profiled(network: Network) -> Profile:
    nodes = {node.id: i / 1000 for i, node in enumerate(network.graph.inference(), 1)}
    return Profile(network, Way(), nodes, {}, sum(nodes.values()) + 0.5)


def measured(network: Network) -> Sequence[Measurement]:
    """Return what a bench of it could find: times, a case that fails, one without accuracy."""
    cases = [
        Case(Subject(name, network), engine, threads, 1, dtype)
        for name in ("a", "b")
        for engine, dtype in (("eager", "float32"), ("onnx", "float16"))
        for threads in (1, 2)
    ]
    draw = random.Random(1)
    return [
        Measurement(case, [draw.random() for _ in range(3 * (i > 0))], accuracy=[None, 0.5][i % 2])
        for i, case in enumerate(cases)
    ]


def points(network: Network) -> list[Point]:
    """Return two points that are networks, and one that is none."""
    cost = network.totals.inference
    numbers = (cost.params, cost.macs, 8, 9)
    found = [
        Point({"size": 224, "macs": True}, *numbers, 1.5),
        Point({"size": 112, "macs": False}, *numbers),
    ]
    fault = Reason("NS053", "x.yaml:1:1", "the inputs differ")
    return with_front([*found, Point({"size": 1, "macs": True}, reason=fault)], ("macs",))


def reports(network: Network) -> Iterator[Report]:
    """Yield a report of each command that prints tables."""
    for by in ROWS:
        yield report(network, by, 3, "float16", 2)
    yield report_of(Measured(network, device=Device(1e12, 1e11)))
    if paper := find_paper(network.spec.name):
        yield paper_report(network, paper)
    yield compare([network, load(SPECS[0]).network])
    for by in BY:
        yield profile_report(profiled(network), [by])
    limits = {1: Limits(1e9, 1e9), 2: Limits(2e9, 1e9)}
    yield bench_report(measured(network), limits, {"tvm": "is not installed"})
    swept = points(network)
    yield all_points(network.spec.name, swept)
    yield front_report(network.spec.name, swept)
    yield fit_report("x", {"fits": swept[0], "too large": swept[1]}, ("a note",))


@pytest.mark.parametrize("path", mostly(FEW, SPECS), ids=lambda path: path.stem)
def test_every_table_of_every_spec_is_what_the_schema_says(path: Path) -> None:
    for found in reports(load(path).network):
        assert refused(json.loads(render(found, "json"))) == []
        for table in (*found.tables, *found.further):
            assert refused(json.loads(render(found, "json", table.key))) == []


def test_the_schema_allows_nothing_else() -> None:
    """Whatever is taken away, renamed or made of another type is told."""
    document = json.loads(render(report(load(SPECS[0]).network), "json"))
    row = document["blocks"]["rows"][0]
    for key in ("format", "title", "notes"):
        assert refused({name: value for name, value in document.items() if name != key})
    for key in ("title", "units", "rows", "totals"):
        table = {name: value for name, value in document["blocks"].items() if name != key}
        assert refused({**document, "blocks": table})
    for key in row:
        for changed in ({f"{key}_": row[key]}, {key: {}}, {key: True}):
            table = {**document["blocks"], "rows": [{**row, **changed}]}
            assert refused({**document, "blocks": table}), (key, changed)
    assert refused({**document, "format": "netspec-report-2"})
    assert refused({**document, "other": {"title": ""}})


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_difference_is_what_the_schema_says(path: Path) -> None:
    text = printed(f"diff {ROOT}/specs/googlenet.yaml {path} --format json", errors=False)
    document = json.loads(text)
    assert refused(document, "diff") == []
    for key in document:
        assert refused({name: value for name, value in document.items() if name != key}, "diff")
        assert refused({**document, key: 1}, "diff")


@pytest.mark.parametrize(
    ("command", "first"),
    [
        ("report", "blocks"),
        ("report --by op", "ops"),
        ("report --paper", "paper"),
        ("compare", "networks"),
    ],
)
def test_an_unknown_table_names_the_others(
    command: str, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*command.split(), str(ROOT / "specs/vgg16.yaml")]
    assert main([*words, "--table", "x"]) == 2
    told = capsys.readouterr()
    assert f"no table of the report is called `x`; its tables are {first}" in told.err
    assert told.out == ""
    for name in told.err.partition("tables are ")[2].split(", "):
        assert main([*words, "--table", name.strip(), "--format", "csv"]) == 0
        assert len(capsys.readouterr().out.splitlines()) > 1
