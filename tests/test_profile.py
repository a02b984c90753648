"""Where time goes: every call of a module has its layer, and the times come back in the figure."""

from __future__ import annotations

import json
import re

import pytest
import torch
from hypothesis import given

import netspec
from netspec.analysis.costs import NodeCost
from netspec.cli import main
from netspec.emit.figure.page import lay_out
from netspec.emit.profile import profile_report, timed
from netspec.graph.model import path
from netspec.runtime.module import forms, samples, seeded
from netspec.runtime.profile import Profile, Run, Way, assign, profile
from tests.random_spec import specs
from tests.support import ROOT, SPECS, draws, load, mostly, one_block
from tests.test_random_specs import examples

SMALL = str(ROOT / "examples" / "small.yaml")
IDLE = ("dropout", "stochastic_depth", "identity")
"""What does nothing in evaluation, so that its module may run nothing."""


def homes(net: netspec.Net):
    """Return what each call of the module computes, its shape, and the calls."""
    with torch.device("meta"):
        module = net.build().eval()
        run = Run(module)
        run(*(tensor.to("meta") for tensor in samples(forms(net.network), 2)))
    found = assign(net.network, run)
    return {call: found[call] for call in run.seconds}, run, module


def check(net: netspec.Net) -> None:
    found, run, module = homes(net)
    nodes = {node.id: node for node in net.network.graph.inference()}
    for call, home in found.items():
        if isinstance(home, str):
            # What is left is arithmetic on sizes, and modules that stand for layers left out.
            is_identity = call.op == "call_module" and isinstance(
                module.get_submodule(call.target), torch.nn.Identity
            )
            assert run.shapes[call] is None or is_identity, call.format_node()
        elif call.op == "call_module":
            assert path(nodes[home].owner) == call.target
    # A node's last call gives its shape; of several at once the first is all of them.
    last = {home: call for call, home in found.items()}
    for home, call in last.items():
        if not isinstance(home, str) and run.shapes[call] is not None:
            assert run.shapes[call][-len(net.network.shapes[home]) :] == net.network.shapes[home]
    for id in nodes:
        if net.network.costs[id].macs:
            assert id in last, id


@pytest.mark.parametrize(
    "spec",
    mostly(["swin_t", "vit_b_16", "unet", "fpn"], [spec.stem for spec in SPECS]),
)
def test_every_call_of_a_network_has_its_layer(spec):
    check(load(ROOT / "specs" / f"{spec}.yaml"))


@examples(draws(10, 70))
@given(text=specs())
def test_every_call_of_a_random_network_has_its_layer(text):
    try:
        net = netspec.loads(text)
        net.to_python()
    except netspec.SpecError:  # channels that no expression describes
        return
    check(net)


TWINS = """\
netspec: 1
name: Twins
inputs: {image: [4, 8, 8]}
blocks:
  Twice:
    chain:
      conv: {conv2d: [4, 3], padding: 1}
      twice: {scale: 2}
graph:
  a: Twice
  b: {share: a}
  sum: {add: [], from: [a, b, image]}
outputs: {y: sum}
"""


def test_functions_and_shared_weights_are_told_apart():
    net = netspec.loads(TWINS)
    found, _, _ = homes(net)
    assert [path(home) for home in found.values() if not isinstance(home, str)] == [
        "a.conv", "a.twice", "b.conv", "b.twice", "sum", "sum",
    ]  # fmt: skip


def measured() -> Profile:
    """A profile of `small.yaml` that is always the same: each node takes longer than the last."""
    network = netspec.load(SMALL).network
    nodes = {node.id: i / 1000 for i, node in enumerate(network.graph.inference(), 1)}
    return Profile(network, Way(), nodes, {}, sum(nodes.values()) + 0.5)


def test_a_profile_is_of_every_layer_of_inference():
    net = netspec.load(SMALL)
    found = profile(net.network, seeded(net.to_python(), net.name), Way(2, 1, 2))
    assert [*found.nodes] == [node.id for node in net.network.graph.inference()]
    assert all(seconds > 0 for seconds in found.nodes.values()) and found.whole > 0
    assert found.between == {}


def rows(report, key: str) -> list[dict]:
    table = next(table for table in report.tables if table.key == key)
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, row, strict=True)) for row in table.rows]


@pytest.mark.parametrize("by", ["block", "layer", "op"])
def test_rows_add_up_to_the_network(by):
    this = measured()
    found = rows(profile_report(this, [by]), f"{by}s")
    assert sum(row["milliseconds"] for row in found) == pytest.approx(
        1000 * sum(this.nodes.values())
    )
    assert sum(row["macs"] for row in found) == this.network.totals.inference.macs
    assert sum(row["time_share"] for row in found) == pytest.approx(100, abs=0.05 * len(found))


def test_a_line_has_all_that_it_makes():
    this = measured()
    found = {row["line"]: row for row in rows(profile_report(this, ["line"]), "lines")}
    text = (ROOT / "examples" / "small.yaml").read_text().splitlines()
    for line, row in found.items():
        assert text[line - 1].strip().startswith(row["text"].rstrip("…"))
    conv = next(i for i, line in enumerate(text, 1) if line.strip().startswith("conv: {conv2d"))
    all_convs = sum(s for id, s in this.nodes.items() if id[-1] == "conv")
    assert found[conv]["milliseconds"] == pytest.approx(1000 * all_convs)
    block = next(i for i, line in enumerate(text, 1) if line.strip().startswith("inception2:"))
    inside = sum(s for id, s in this.nodes.items() if id[0] == "inception2")
    assert found[block]["milliseconds"] == pytest.approx(1000 * inside)


def test_lines_of_a_variant_name_their_file(tmp_path, capsys):
    variant = tmp_path / "variant.yaml"
    (tmp_path / "small.yaml").write_text((ROOT / "examples" / "small.yaml").read_text())
    variant.write_text("netspec: 1\nextends: small.yaml\nchange: {graph.drop: {dropout: 0.2}}\n")
    assert main(["profile", str(variant), "--by", "line", "--rounds", "1"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^variant\.yaml +3 ", text, re.M) and re.search(r"^small\.yaml +", text, re.M)


def test_a_profile_is_drawn_over_the_multiply_adds(tmp_path, capsys):
    out, picture = tmp_path / "profile.json", tmp_path / "small.svg"
    assert main(["profile", SMALL, "--rounds", "2", "-o", str(out)]) == 0
    assert "between calls" in capsys.readouterr().out
    assert len(json.loads(out.read_text())["layers"]["rows"]) > 20
    assert main(["render", SMALL, "--time", str(out), "-o", str(picture)]) == 0
    assert "upper bar: time (full = " in picture.read_text()
    assert "lower bar: MACs" in picture.read_text()


def test_bars_are_as_long_as_times():
    this = measured()
    text = json.dumps({"layers": {"rows": rows(profile_report(this, ["layer"]), "layers")}})
    network = timed(this.network, text)
    boxes = {box.owner: box for box in lay_out(network, None).drawing.boxes}
    relu = this.nodes["conv1", "relu"] + this.nodes["conv1", "conv"]
    pool = this.nodes[("pool1",)]
    assert boxes[("conv1",)].time / boxes[("pool1",)].time == pytest.approx(relu / pool, rel=1e-3)
    assert max(box.time for box in boxes.values()) == 1
    plain = {box.owner: box for box in lay_out(this.network, None).drawing.boxes}
    assert {id: box._replace(time=0) for id, box in boxes.items() if id[0] != "legend"} == {
        id: box for id, box in plain.items() if id[0] != "legend"
    }


def test_copies_in_a_row_show_what_one_of_them_takes_on_average():
    net = netspec.loads(one_block("c: {conv2d: [3, 3], padding: 1, repeat: 4}\nout: relu"))
    times = dict(enumerate([0.001, 0.002, 0.003, 0.006]))
    costs = {
        id: cost._replace(seconds=times[int(id[1])] if id[0] == "c" else 0.0)
        for id, cost in net.network.costs.items()
    }
    from dataclasses import replace

    from netspec.emit.diagram.runs import collapse
    from netspec.emit.diagram.tree import build, leaves

    found = [*leaves(collapse(build(replace(net.network, costs=costs))))]
    run = next(leaf for leaf in found if leaf.count == 4)
    assert run.cost.seconds == pytest.approx(0.003)


def test_the_cost_of_several_is_that_of_one_by_their_number():
    assert NodeCost(1, 2, 3, 0.5).times(4) == NodeCost(4, 8, 12, 2.0)


@pytest.mark.parametrize(
    ("command", "words", "code", "told"),
    [
        ("profile", ["--weights", "missing.pt"], 2, "there is no file missing.pt"),
        ("profile", ["--threads", "99999"], 2, "this machine has"),
        ("profile", ["-o", "profile.svg"], 2, "its name ends in one of .json"),
        ("profile", ["-o", "missing/profile.json"], 2, "there is no directory missing"),
        ("render", ["--time", "missing.json"], 2, "there is no file missing.json"),
        ("render", ["--time", "net.yaml"], 2, "net.yaml is no profile"),
        ("render", ["--time", "other.json"], 2, "has no time for `out`"),
        ("render", ["--time", "more.json"], 2, "this one has no layer `conv9`"),
        (
            "render",
            ["--time", "more.json", "-o", "net.html"],
            2,
            "--time is for .svg, .png and .pdf",
        ),
    ],
)
def test_what_is_asked_wrongly_is_told(command, words, code, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(one_block("out: {linear: 3}", "image: [4]"))
    row = {"name": "conv9", "milliseconds": 1}
    (tmp_path / "other.json").write_text(json.dumps({"layers": {"rows": [row]}}))
    known = [row, {"name": "out", "milliseconds": 2}]
    (tmp_path / "more.json").write_text(json.dumps({"layers": {"rows": known}}))
    before = sorted(tmp_path.iterdir())
    output = ["-o", "net.svg"] if command == "render" else ["--rounds", "1"]
    try:
        found = main([command, "net.yaml", *output, *words])
    except SystemExit as stop:
        found = stop.code
    assert (found, sorted(tmp_path.iterdir())) == (code, before)
    assert told in capsys.readouterr().err
