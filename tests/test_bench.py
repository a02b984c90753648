"""Measuring engines: what they give is compared, what is missing is named. No time is asserted."""

from __future__ import annotations

import io
import json
import shutil
import sys
import time
from pathlib import Path

import numpy
import pytest
import torch

import netspec
from netspec.cli import main
from netspec.cli.progress import progress, working
from netspec.cli.show import warn
from netspec.runtime import bench as benching
from netspec.runtime.bench import Case, Limits, Measurement, Stopwatch, Subject, bench, latency
from netspec.runtime.module import forms, seeded
from netspec.runtime.worker import EngineError, Worker, _module, _Server
from tests.support import ROOT, mostly, one_block

SMALL = str(ROOT / "examples" / "small.yaml")
TINY = one_block("out: {linear: 3}", "image: [4]")


@pytest.fixture
def tiny(tmp_path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return str(path)


class Here(Worker):
    """A worker in this process: one of its own would import torch again."""

    def __init__(self, engine: str, threads: int) -> None:
        self._server = _Server(engine, threads)

    def __exit__(self, *error: object) -> None:
        del self._server

    def ask(self, **order: object) -> dict:
        return self._server.answer(json.loads(json.dumps(order)))


@pytest.fixture
def here(monkeypatch) -> None:
    monkeypatch.setattr(benching, "Worker", Here)


@pytest.mark.long
def test_engines_and_specs_are_put_side_by_side(tiny, tmp_path, capsys):
    out = tmp_path / "bench.json"
    words = ["--engines", "onnxruntime,eager,openvino", "--rounds", "2", "--batch", "1,3"]
    assert main(["bench", SMALL, tiny, *words, "-o", str(out)]) == 0
    text = capsys.readouterr()
    assert (
        text.err == f"wrote {out}: 2 networks\n"
        and "2 rounds" in text.out
        and "sgemm peak" in text.out
    )
    found = json.loads(out.read_text())
    rows = found["measurements"]["rows"]
    assert [(row["network"], row["engine"], row["batch"]) for row in rows] == [
        (name, engine, batch)
        for batch in (1, 3)
        for engine in ("onnxruntime", "eager", "openvino")
        for name in ("Small", "Net")
    ]
    assert all(row["low"] <= row["milliseconds"] <= row["high"] for row in rows)
    assert all(row["difference"] < 1e-5 and row["peak"] >= 0 for row in rows)
    assert next(row["times"] for row in rows if row["network"] == "Small") == 1.0
    assert found["limits"]["rows"][0]["gflops"] > 0


def test_other_weights_are_run(tiny, tmp_path, monkeypatch, here):
    """The workers compare with the same file, so a wrong one would be told apart only here."""
    orders = []
    real = Here.ask
    monkeypatch.setattr(Here, "ask", lambda self, **o: orders.append(o) or real(self, **o))
    torch.save(netspec.loads(TINY).build().state_dict(), tmp_path / "weights.pt")
    words = ["--engines", "eager", "--rounds", "1", "--weights", str(tmp_path / "weights.pt")]
    assert main(["bench", tiny, *words]) == 0
    assert orders[0]["weights"] == str(tmp_path / "weights.pt")


def test_without_weights_nothing_is_constant_but_what_the_spec_says(tmp_path):
    net = netspec.loads(
        one_block(
            """
            fixed: {constant: 0.5, size: [3, 1, 1], persistent: true}
            sum: {add: [], from: [image, fixed]}
            conv: {conv2d: [4, 3]}
            norm: batch_norm2d
            act: prelu
            free: {parameter: [[4, 1, 1]]}
            out: {mul: [], from: [act, free]}
            """
        )
    )
    source, before = net.to_python(), seeded(net.to_python(), "Net").state_dict()
    order = {"source": source, "model": "Net", "weights": None}
    inputs = forms(net.network)
    found, again = (_module(order, inputs).state_dict() for _ in range(2))
    assert all(torch.equal(found[key], again[key]) for key in before)
    same = {key for key in before if torch.equal(found[key], before[key])}
    assert same == {"fixed", "conv.weight", "conv.bias"}
    assert all(
        len(set(x.flatten().tolist())) == x.numel() for k, x in found.items() if k != "fixed"
    )
    assert (found["norm.running_var"] > 0).all()
    torch.save(before, tmp_path / "net.pt")
    given = _module({**order, "weights": str(tmp_path / "net.pt")}, inputs).state_dict()
    assert all(torch.equal(given[key], before[key]) for key in before)


def test_outputs_of_an_untrained_network_still_depend_on_the_image():
    """With small weights and norms that do not normalise, what an image changes would fade."""
    layers = "[{conv2d: [4, 3], padding: 1, init: {weight: {normal_: [0, 0.01]}}}, batch_norm2d]"
    net = netspec.loads(one_block(f"out: {{chain: {layers}, repeat: 12}}", "image: [4, 8, 8]"))
    order = {"source": net.to_python(), "model": "Net", "weights": None}
    image = torch.randn(2, *net.inputs["image"])
    with torch.no_grad():
        faded, found = (
            model(image) for model in (net.build().eval(), _module(order, forms(net.network)))
        )
    assert (faded[0] - faded[1]).abs().max() < 1e-6
    assert (found[0] - found[1]).abs().max() > 0.1


@pytest.mark.long
def test_specs_that_are_to_be_the_same_are_compared(tiny, tmp_path, capsys):
    """The second has a layer more, which its weights make an identity."""
    other = str(tmp_path / "other.yaml")
    Path(other).write_text(one_block("first: {linear: 4}\nout: {linear: 3}", "image: [4]"))
    state = netspec.loads(TINY).build().state_dict()
    torch.save(state, tmp_path / "one.pt")
    identity = {"first.weight": torch.eye(4), "first.bias": torch.zeros(4)}
    torch.save({**identity, **state}, tmp_path / "two.pt")
    torch.save({**identity, **state, "first.bias": torch.ones(4)}, tmp_path / "wrong.pt")
    for weights, code in (("two.pt", 0), ("wrong.pt", 1)):
        words = ["--engines", "eager", "--rounds", "1", "--weights", str(tmp_path / "one.pt")]
        words += ["--weights", str(tmp_path / weights)]
        assert main(["bench", tiny, other, *words]) == 0
        assert main(["bench", tiny, other, *words, "--same"]) == code
    told = " ".join(capsys.readouterr().out.split())
    assert f"{other} by eager, 1 thread, batch 1, float32: its outputs differ" in told
    assert main(["bench", tiny, other, "--same"]) == 2
    assert main(["bench", tiny, SMALL, "--same", "--weights", "a.pt"]) == 2


def test_a_plot_shows_every_row(tiny, tmp_path, here):
    out = tmp_path / "bench.svg"
    assert main(["bench", tiny, "--engines", "eager", "--rounds", "2", "-o", str(out)]) == 0
    assert "eager" in out.read_text() and "Generated by netspec" in out.read_text()


CLASSES = one_block("""
    conv: {conv2d: [8, 3]}
    relu: relu
    flat: flatten
    out: {linear: 4}
""", "image: [3, 8, 8]")  # fmt: skip


@pytest.fixture
def labelled(tmp_path) -> str:
    """Images whose labels are what the network as initialised says of most of them."""
    net = netspec.loads(CLASSES)
    (tmp_path / "classes.yaml").write_text(CLASSES)
    images = torch.randn(264, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        labels = seeded(net.to_python(), net.name)(images).argmax(1)
    labels[64:114] = (labels[64:114] + 1) % 4
    numpy.savez(tmp_path / "data.npz", images=images.numpy(), labels=labels.numpy())
    return str(tmp_path / "data.npz")


@pytest.mark.long
def test_other_types_are_told_with_their_accuracy(labelled, tmp_path, capsys):
    spec = str(tmp_path / "classes.yaml")
    words = ["--engines", "eager,onnxruntime,openvino", "--dtype", "float32,bf16,int8"]
    words += ["--rounds", "1", "--batch", "8", "--data", labelled, "--format", "json"]
    assert main(["bench", spec, *words]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {(row["engine"], row["dtype"]): row for row in found["measurements"]["rows"]}
    assert [*rows] == [
        ("eager", "float32"), ("eager", "bf16"), ("onnxruntime", "float32"),
        ("onnxruntime", "int8"), ("openvino", "float32"), ("openvino", "bf16"),
        ("openvino", "int8"),
    ]  # fmt: skip
    for (_, dtype), row in rows.items():
        assert abs(row["accuracy"] - 75) <= {"float32": 0.6, "bf16": 3, "int8": 10}[dtype]
        assert (0 <= row["difference"] < 1e-5) if dtype == "float32" else row["difference"] > 1e-5
    assert "eager computes in float32 and bf16, not int8" in found["notes"]


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (None, 2, "there is no file data.npz"),
        ({"images": numpy.zeros((70, 3, 8, 8))}, 2, "holds no `images` and `labels`"),
        ({"images": numpy.zeros((70, 3, 9, 8)), "labels": numpy.zeros(70)}, 2, "images of 3×9×8"),
        ({"images": numpy.zeros((9, 3, 8, 8)), "labels": numpy.zeros(9)}, 2, "at least 65"),
        ({"images": numpy.zeros((70, 3, 8, 8)), "labels": numpy.zeros(9)}, 2, "and 9 labels"),
    ],
)
def test_data_that_do_not_fit_are_told(content, code, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(CLASSES)
    if content:
        numpy.savez("data.npz", **content)
    assert main(["bench", "net.yaml", "--data", "data.npz"]) == code
    assert told in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")
def test_compiled_modules_give_what_eager_ones_give():
    network = netspec.loads(TINY).network
    cases = [Case(Subject("Net", network), "compile", 1, batch) for batch in (1, 2)]
    found, _ = bench(cases, 1)
    assert [(this.error, this.is_wrong, len(this.seconds)) for this in found] == [
        ("", False, 1)
    ] * 2


@pytest.mark.parametrize("engine", mostly(["eager"], ["eager", "onnxruntime"]))
def test_one_network_and_one_engine_give_milliseconds(engine):
    network = netspec.loads(TINY).network
    with Stopwatch(engine) as watch:
        assert watch.latency(network) > 0 and watch.latency(network, batch=2) > 0


def test_one_call_gives_milliseconds(here):
    network = netspec.loads(TINY).network
    assert latency(network) > 0
    with pytest.raises(ValueError, match="expected one of eager, compile, onnxruntime, openvino"):
        latency(network, "tensorrt")


def test_an_engine_that_is_not_installed_is_named(tiny, monkeypatch, capsys, here):
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert main(["bench", tiny, "--engines", "eager,openvino", "--rounds", "1"]) == 0
    text = capsys.readouterr().out
    assert "openvino needs openvino: pip install 'netspec-compiler[openvino]'" in text
    assert main(["bench", tiny, "--engines", "openvino"]) == 3
    assert "no engine can run here" in capsys.readouterr().err
    with pytest.raises(ImportError, match="pip install"):
        latency(netspec.loads(TINY).network, "openvino")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["bench", tiny]) == 3


def test_a_wrong_result_is_told_and_not_timed(tiny, monkeypatch, capsys, here):
    monkeypatch.setattr(benching, "TOLERANCES", {"float32": -1.0})
    assert main(["bench", tiny, "--engines", "eager", "--rounds", "1"]) == 1
    assert "Net by eager, 1 thread, batch 1, float32: its outputs differ" in capsys.readouterr().out
    with pytest.raises(EngineError, match="eager differs from eager by"):
        latency(netspec.loads(TINY).network)


@pytest.mark.long
def test_a_network_that_an_engine_cannot_take_is_told(tiny, monkeypatch, capsys):
    monkeypatch.setattr(Subject, "order", lambda self: {"source": "x = ", "model": "Net",
                                                        "inputs": [], "weights": None,
                                                        "data": None, "like": None})  # fmt: skip
    assert main(["bench", tiny, "--engines", "eager", "--rounds", "2"]) == 3
    assert "Net by eager, 1 thread, batch 1, float32: SyntaxError" in capsys.readouterr().out


def test_a_worker_that_dies_is_told():
    with Worker("eager", 1) as worker:
        worker._process.kill()
        for _ in range(2):
            with pytest.raises(EngineError, match="its process ended with signal 9"):
                worker.ask(do="limits")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--engines", "eagre"], 2, "did you mean `eager`?"),
        (["--engines", ""], 2, "expected some of eager, compile"),
        (["--threads", "0"], 2, "expected an integer from 1"),
        (["--threads", "999999"], 2, "this machine has"),
        (["--batch", "1,x"], 2, "found `x`"),
        (["--weights", "a.pt", "--weights", "b.pt"], 2, "1 specs need as many --weights"),
        (["--same"], 2, "--same needs --weights for each spec"),
        (["--weights", "missing.pt"], 2, "there is no file missing.pt"),
        (["-o", "bench.xml"], 2, "cannot tell the format of bench.xml"),
        (["-o", "missing/bench.json"], 2, "there is no directory missing"),
        (["-o", "mine.json"], 2, "mine.json was not written by netspec; --force replaces it"),
    ],
)
def test_what_is_asked_wrongly_is_told(words, code, told, tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.json").write_text("{}")
    monkeypatch.setattr("netspec.cli.bench.bench", lambda *given: ([], {}))
    before = sorted(tmp_path.iterdir())
    try:
        found = main(["bench", "tiny.yaml", *words])
    except SystemExit as stop:
        found = stop.code
    assert (found, sorted(tmp_path.iterdir())) == (code, before)
    assert told in capsys.readouterr().err


def test_statistics_are_of_pairs():
    """Of a machine that is half as fast in every second round, a ratio tells nothing."""
    case = Case(Subject("Net", netspec.loads(TINY).network), "eager")
    slow = Measurement(case, [0.004, 0.008, 0.004, 0.008, 0.004])
    fast = Measurement(case, [0.001, 0.002, 0.001, 0.002, 0.001])
    assert fast.times_as_fast_as(slow) == 4
    assert fast.milliseconds == 1 and fast.quartiles == (1, 2)
    assert fast.peak_share(Limits(48e3, 1)) == 0.5  # 12 multiply-adds in a millisecond
    assert fast.bandwidth_share(Limits(1, 88e3)) == 1.0  # 15 weights, 4 inputs and 3 outputs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


SEEN = {"a terminal": True, "a file": False, "--quiet": False, "a dumb terminal": False}


@pytest.mark.parametrize("where", SEEN)
def test_progress_is_shown_on_a_terminal_only_and_cleared(where, monkeypatch):
    stream = io.StringIO() if where == "a file" else Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("netspec.cli.progress.DELAY", 0)
    monkeypatch.setattr("netspec.cli.show._is_quiet", where == "--quiet")
    monkeypatch.setenv("TERM", "dumb" if "dumb" in where else "xterm")
    with progress(2) as step:
        step("one\nthing")
        step("x" * 200)
        warn("amiss")
    with working("all day"):
        while SEEN[where] and "all day: 0 s" not in stream.getvalue():
            time.sleep(0.001)
    shown = stream.getvalue().split("\r\x1b[K")
    if not SEEN[where]:
        assert shown == ["netspec: amiss\n"]
        return
    assert shown[0] == "1/2, 0 s left: one\\x0athing" and shown[1].startswith("2/2, 0 s left: xxx")
    assert len(shown[1]) == 99
    assert shown[2] == "netspec: amiss\nall day: 0 s" and shown[-1] == ""


def test_what_is_done_in_a_moment_is_not_shown(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr("netspec.cli.show._is_quiet", False)
    with progress(3) as step, working("nothing"):
        step("quick")
    assert sys.stderr.getvalue() == ""
