"""A grid of parameters' values: each point is the network there, and the front is what it says."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

import netspec
from netspec import limits
from netspec.analysis.points import GOALS, Point, Reason, with_front
from netspec.cli import main
from netspec.compiler import ParameterError
from netspec.emit.points import all_points, front_report, plot_points
from netspec.emit.report import render
from tests.support import ROOT, draws, printed

GOOGLENET = str(ROOT / "specs" / "googlenet_width.yaml")
SPEC = """\
netspec: 1
name: Net
params: {width: 1.0, size: 16, deep: 1, bias: true, macs: 3}
inputs: {image: [3, $size, $size]}
graph:
  conv: {conv2d: [$macs * 8 * $width // 1, 3], bias: $bias}
  more: {conv2d: [8, 1], repeat: $deep}
  pool: {max_pool2d: 4}
  flat: flatten
  fc:   {linear: 10}
outputs: {logits: fc}
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    return str(path)


# ------------------------------------------------------------------ the points


def test_each_point_is_the_network_that_is_loaded_there(spec: str) -> None:
    rows = netspec.sweep(spec, width=[0.25, 1, 1.5], size=range(3, 20, 4), bias=[True, False])
    assert [tuple(row.values.values()) for row in rows[:3]] == [
        (0.25, 3, True),
        (0.25, 3, False),
        (0.25, 7, True),
    ]
    assert len(rows) == 30
    for row in rows:
        if row.reason:
            with pytest.raises(netspec.SpecError) as raised:
                netspec.load(spec, **row.values)
            found = raised.value.diagnostics[0]
            assert (row.reason.code, row.reason.message) == (found.code, found.message)
            continue
        net = netspec.load(spec, **row.values)
        facts = {fact.key: fact.value for fact in net.report().facts}
        assert (row.params, row.macs) == (net.parameters, net.macs)
        assert row.activation_bytes == facts["activation_bytes"]
        assert row.peak_bytes == facts["peak_bytes"]
    assert {row.values["size"] for row in rows if row.reason} == {3}


def test_processes_find_the_same(spec: str) -> None:
    values = {"size": range(1, 30), "width": [0.1, 0.5, 1.0]}
    assert netspec.sweep(spec, GOALS, None, 2, **values) == netspec.sweep(spec, **values)


def test_a_bench_sees_each_network(spec: str) -> None:
    times = iter([3.0, None, 1.5])
    rows = netspec.sweep(spec, ["milliseconds"], lambda net: next(times), size=[2, 16, 24, 32])
    assert [row.milliseconds for row in rows] == [None, 3.0, None, 1.5]
    assert [row.on_front for row in rows] == [False, False, False, True]
    report = render(front_report("Net", rows, ["milliseconds"]))
    assert "no other network has fewer milliseconds." in report and "  3.0" in report
    data = json.loads(render(all_points("Net", rows), "json"))["points"]["rows"]
    assert [row["milliseconds"] for row in data] == [None, 3.0, None, 1.5]


def test_a_value_counts_once_and_as_the_spec_has_it(spec: str) -> None:
    rows = netspec.sweep(spec, width=[1, 1.0, 0.5], size=16)
    assert [repr(row.values["width"]) for row in rows] == ["1.0", "0.5"]


# ------------------------------------------------------------------ the front


def cloud(random: random.Random) -> list[Point]:
    """Return points of few different numbers, so that many are equal in some."""
    most = random.choice([1, 2, 4, 50])
    wrong = Reason("NS052", "net.yaml:1:1", "too small")
    return [
        Point({"i": i}, reason=wrong)
        if random.random() < 0.1
        else Point(
            {"i": i}, *(random.randint(0, most) for _ in range(4)), random.choice([1.0, 2.5, None])
        )
        for i in range(random.randint(0, 40))
    ]


def is_beaten(point: Point, others: list[Point], goals: list[str]) -> bool:
    """The definition: another one is as good in all goals and better in one."""

    def good(one: Point) -> list[float]:
        numbers = {goal: getattr(one, goal.removeprefix("+")) for goal in goals}
        worst = -float("inf")
        return [
            worst if number is None else number if goal[0] == "+" else -number
            for goal, number in numbers.items()
        ]

    mine = good(point)
    return any(
        all(a >= b for a, b in zip(good(other), mine, strict=True)) and good(other) != mine
        for other in others
    )


@pytest.mark.parametrize("seed", range(draws(60, 2000)))
def test_the_front_is_what_nothing_beats(seed: int) -> None:
    draw = random.Random(seed)
    points = cloud(draw)
    chosen = draw.sample(GOALS, draw.randint(1, len(GOALS)))
    goals = [f"+{goal}" if draw.random() < 0.4 else goal for goal in chosen]
    found = with_front(points, goals)
    networks = [point for point in points if not point.reason]
    assert [point.on_front for point in found] == [
        not point.reason and not is_beaten(point, networks, goals) for point in points
    ]


# ------------------------------------------------------------------ the command


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["sweep", *words])
    return code, *capsys.readouterr()


def test_what_is_invalid_is_counted_with_its_first_reason(spec: str, capsys) -> None:
    code, out, _ = run(capsys, spec, "--set", "size=1:16", "--set", "width=0,1")
    assert code == 0
    text = " ".join(out.split())
    assert "11 networks; 1 on the front" in text
    assert "16 of 32 points are no network, NS035" in text
    assert "2 of 32 points are no network, NS051" in text
    assert "3 of 32 points are no network, NS052" in text
    assert "the first at size=3, width=1.0: a kernel of 4 does not fit into 1×1" in text


def test_all_points_invalid_is_a_wrong_spec(spec: str, capsys) -> None:
    code, out, _ = run(capsys, spec, "--set", "size=1,2,3")
    assert (code, "no networks" in out) == (1, True)


def test_strict_counts_warnings(capsys) -> None:
    words = GOOGLENET, "--set", "width=0.5,1"
    assert run(capsys, *words)[1].count("no network") == 0
    code, out, _ = run(capsys, *words, "--strict")
    assert (code, "1 of 2 points are no network, NS056" in out) == (0, True)


def test_files_hold_every_point(spec: str, capsys, tmp_path: Path) -> None:
    words = spec, "--set", "size=2,16,24", "--set", "macs=1,2", "--front", "params,+macs"
    table, data = tmp_path / "points.csv", tmp_path / "points.json"
    assert run(capsys, *words, "-o", str(table))[0] == 0
    assert run(capsys, *words, "-o", str(data))[0] == 0
    rows = list(csv.DictReader(table.open()))
    points = netspec.sweep(spec, ["params", "+macs"], size=[2, 16, 24], macs=[1, 2])
    assert [row["params"] for row in rows] == [
        "" if point.reason else str(point.params) for point in points
    ]
    assert [row["on_front"] for row in rows] == [str(point.on_front).lower() for point in points]
    assert [(int(row["size"]), int(row["$macs"])) for row in rows] == [
        tuple(point.values.values()) for point in points
    ]
    assert len([row for row in rows if row["reason"]]) == 2
    found = json.loads(data.read_text())["points"]["rows"]
    assert [row["macs"] for row in found] == [
        None if point.reason else point.macs for point in points
    ]


def test_a_stream_gets_the_points_alone(spec: str) -> None:
    text = printed(f"sweep {spec} --set size=16,24 -o -")
    assert [row["size"] for row in csv.DictReader(io.StringIO(text))] == ["16", "24"]


def test_a_long_table_shows_its_front(spec: str, capsys) -> None:
    _, out, _ = run(
        capsys, spec, "--set", "size=16:140", "--front", "params,+macs,activation_bytes"
    )
    assert "125 on the front" in out
    _, out, _ = run(capsys, spec, "--set", "size=16:140")
    assert len(out.splitlines()) < 10 and "Only the front is shown" in out


@pytest.mark.parametrize(
    "values",
    [
        "width=0,nan,1e400",
        "width=",
        "width",
        "width=1,,2",
        "width=1:2:0",
        "width=1:2:-1",
        "width=2:1",
        "width=1:2:3:4",
        "width=true:2",
        "width=0.1:1e300:1e-300",
        f"width=1:{limits.POINTS + 1}",
        "width=1:999999999999999999",
        "size=0.5",
        "size=true",
        "bias=1",
        "widht=1",
        "=1",
    ],
)
def test_values_that_are_none_are_usage(spec: str, capsys, values: str) -> None:
    code, out, err = run(capsys, spec, "--set", values)
    assert (code, out) == (2, "")
    assert err.startswith("netspec: ") and "internal" not in err


def test_a_grid_is_refused_before_it_is_made(spec: str, capsys) -> None:
    axes = [word for name in ("size", "deep", "macs") for word in ("--set", f"{name}=1:20000")]
    code, _, err = run(capsys, spec, *axes)
    assert (code, "8,000,000,000,000 points, more than 20,000" in err) == (2, True)
    with pytest.raises(ValueError, match="no values"):
        netspec.sweep(spec, size=[])
    with pytest.raises(ParameterError):
        netspec.sweep(spec, size=["16"])


def test_the_same_parameter_twice_and_none_are_usage(spec: str, capsys) -> None:
    assert run(capsys, spec, "--set", "size=16", "--set", "size=24")[0] == 2
    assert run(capsys, spec)[0] == 2


@pytest.mark.parametrize("goals", ["", "flops", "macs,", "++macs", "-macs", "depth"])
def test_goals_that_are_none_are_usage(spec: str, capsys, goals: str) -> None:
    with pytest.raises(SystemExit) as raised:
        run(capsys, spec, "--set", "size=16", f"--front={goals}")
    assert (raised.value.code, "no goal is called" in capsys.readouterr().err) == (2, True)


def test_decimals_are_exact(spec: str) -> None:
    text = printed(f"sweep {spec} --set width=0.1:0.7:0.1 -o -")
    found = [row["width"] for row in csv.DictReader(io.StringIO(text))]
    assert found == ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]


def test_a_wrong_spec_is_explained_once(tmp_path: Path, capsys) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC.replace("flatten", "flaten"))
    code, out, err = run(capsys, str(path), "--set", "size=16,24")
    assert (code, out, err.count("error[")) == (1, "", 1)
    assert "did you mean `flatten`?" in err


def test_the_plot_shows_the_front(tmp_path: Path, capsys, spec: str) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "front.svg"
    words = spec, "--set", "size=3,16,24", "--set", "width=0.5,1", "--plot", str(path)
    assert run(capsys, *words, "--front", "+macs,activation_bytes")[0] == 0
    text = " ".join(ElementTree.parse(path).getroot().itertext())
    for word in ("Net, Pareto front (size, width)", "MACs", "bytes held", "16, 0.5"):
        assert word in text
    assert run(capsys, *words)[0] == 0  # over its own file
    assert ElementTree.fromstring(plot_points("Net", netspec.sweep(spec, size=[1, 2])))
    rows = netspec.sweep(spec, GOALS, lambda net: 1.5, size=[3, 16, 24])
    assert "ms" in ElementTree.fromstring(plot_points("Net", rows)).itertext()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor")
def test_no_process_outlives_the_one_that_is_ended(spec: str) -> None:
    words = ["sweep", spec, "--set", "size=16:200", "--set", "macs=1:100", "--jobs", "2"]
    with subprocess.Popen([sys.executable, "-m", "netspec", *words], cwd=ROOT) as process:
        children = []
        while len(children) < 2 and process.poll() is None:
            time.sleep(0.05)
            children = children_of(process.pid)
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 143
    assert len(children) == 2
    deadline = time.monotonic() + 20
    while any(map(is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, children))


def children_of(number: int) -> list[int]:
    """Return the processes that one has started."""
    path = Path(f"/proc/{number}/task/{number}/children")
    try:
        return [int(word) for word in path.read_text().split()]
    except OSError:
        return []


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
