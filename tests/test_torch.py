"""Every generated module: clean code, usable by PyTorch's tools, the same bytes everywhere."""

from __future__ import annotations

import ast
import copy
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from netspec.runtime.verify import verify
from tests.support import FEW, ROOT, SPECS, draws, load, loads, mostly, verified

RUNNING = ("googlenet", "resnet18")
MEMBERS = pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)


def run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, **options)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with every generated module."""
    target = tmp_path_factory.mktemp("generated")
    for path in SPECS:
        (target / f"{path.stem}.py").write_text(load(path).to_python())
    return target


def test_code_is_a_fixed_point_of_ruff_format(folder):
    result = run("ruff", "format", "--isolated", "--diff", str(folder))
    assert result.returncode == 0, result.stdout


def test_code_passes_ruff_check(folder):
    rules = "E,F,W,I,UP,B,SIM,PYI,RUF,PIE,RET"
    result = run("ruff", "check", "--isolated", "--select", rules, str(folder))
    assert result.returncode == 0, result.stdout


def test_code_passes_mypy_strict(folder):
    files = [str(folder / f"{path.stem}.py") for path in draws(FEW, SPECS)]
    result = run("mypy", "--strict", "--no-warn-return-any", *files)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", mostly(RUNNING, [path.stem for path in SPECS]))
def test_module_runs_as_inferred(name):
    net = load(ROOT / "specs" / f"{name}.yaml")
    assert verified(net.network, net.to_python()) == []


@MEMBERS
def test_imports_torch_and_nothing_else(path):
    tree = ast.parse(load(path).to_python())
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [
        a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names
    ]
    assert set(modules) <= {"torch", "torch.nn", "typing", "collections"}


BUILDS = """
import sys
from pathlib import Path
from netspec.cli import main
for path in map(Path, reversed(sys.argv[1:])):
    main(["build", str(path), "-o", f"{path.stem}.py"])
"""


@pytest.mark.long
def test_bytes_depend_on_the_spec_alone(folder, tmp_path):
    """Not on the hash seed, the time zone, the language, or what was written before."""
    environment = dict(os.environ, PYTHONHASHSEED="12345", TZ="Asia/Kathmandu", LC_ALL="C")
    command = (sys.executable, "-c", BUILDS, *map(str, SPECS))
    result = run(*command, cwd=tmp_path, env=environment)
    assert result.returncode == 0, result.stderr
    expected, found = (
        {path.name: path.read_bytes() for path in place.glob("*.py")}
        for place in (folder, tmp_path)
    )
    assert expected.keys() == found.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


@pytest.fixture(scope="module")
def googlenet() -> torch.nn.Module:
    torch.manual_seed(0)
    return load(next(path for path in SPECS if path.stem == "googlenet"), classes=10).build()


@pytest.mark.parametrize("training", [False, True])
def test_symbolic_trace(googlenet, training):
    model = googlenet.train(training)
    image = torch.randn(1, 3, 224, 224)
    traced = torch.fx.symbolic_trace(model)
    torch.manual_seed(0)
    expected = model(image)
    torch.manual_seed(0)
    assert torch.equal(torch.stack(tuple(traced(image))), torch.stack(tuple(expected)))


@pytest.mark.parametrize("training", mostly([True], [False, True]))
def test_compile_without_graph_breaks(googlenet, training):
    model = googlenet.train(training)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    image = torch.randn(1, 3, 224, 224)
    torch.manual_seed(0)
    expected = model(image)
    torch.manual_seed(0)
    assert torch.equal(torch.stack(tuple(compiled(image))), torch.stack(tuple(expected)))
    torch.compiler.reset()


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("g++"), reason="inductor needs a C++ compiler")
@pytest.mark.parametrize("name", ["alexnet", "nin", "resnet18"])
def test_inductor_computes_what_eager_does(name):
    net = load(ROOT / "specs" / f"{name}.yaml")
    torch.manual_seed(0)
    model = net.build().eval()
    images = [torch.randn(1, *shape) for shape in net.inputs.values()]
    with torch.no_grad():
        found = torch.compile(model, fullgraph=True)(*images)
        torch.testing.assert_close(found, model(*images))
    torch.compiler.reset()


@pytest.mark.parametrize("training", mostly([True], [False, True]))
def test_export(googlenet, training):
    model = googlenet.train(training)
    image = torch.randn(2, 3, 224, 224)
    batch = {"image": {0: torch.export.Dim("batch", min=2)}}
    program = torch.export.export(model, (image,), dynamic_shapes=batch)
    found = program.module()(torch.randn(3, 3, 224, 224))
    shapes = (
        [tuple(found.shape)] if isinstance(found, torch.Tensor) else [tuple(t.shape) for t in found]
    )
    assert shapes == [(3, 10)] * (3 if training else 1)


def test_copy_pickle_and_state_dict(googlenet):
    image = torch.randn(1, 3, 224, 224)
    fresh = type(googlenet)(classes=10)
    fresh.load_state_dict(googlenet.state_dict())
    copies = [copy.deepcopy(googlenet), pickle.loads(pickle.dumps(googlenet)), fresh]
    expected = googlenet.eval()(image)
    assert all(torch.equal(model.eval()(image), expected) for model in copies)


CONSTRUCTS = """
netspec: 1
name: Everything
params: {classes: 10, width: 16, deep: 3}
inputs: {image: [3, 32, 32]}
blocks:
  Basic:
    params: [planes, stride=1]
    chain:
      conv1: {conv2d: [$planes, 3], stride: $stride, padding: 1, bias: false}
      bn1: batch_norm2d
      relu1: relu
      conv2: {conv2d: [$planes, 3], padding: 1, bias: false}
      downsample: {chain: [{conv2d: [$planes, 1], stride: $stride}, batch_norm2d], from: input}
      sum: {add: [], from: [conv2, downsample]}
      relu2: relu
  Same:
    params: [planes]
    parallel:
      - conv1: {conv2d: [$planes, 3], padding: 1}
        relu1: relu
        conv2: {conv2d: [$planes, 3], padding: 1}
        bn: batch_norm2d
      - []
    join: add
  Stage:
    params: [count, planes]
    chain:
      blocks: {Same: [$planes], repeat: $count}
  Dense:
    params: [growth]
    chain:
      conv: {conv2d: [$growth, 3], padding: 1}
      cat: {concat: [], from: [input, conv]}
  Head:
    chain: [{adaptive_avg_pool2d: 2}, flatten, {linear: 32}, relu, {linear: $classes}]
  Two:
    inputs: [left, right]
    chain:
      a: {conv2d: [8, 1], from: left}
      b: {conv2d: [8, 1], from: right}
      product: {mul: [], from: [a, b]}
  Gate:
    parallel:
      - [{conv2d: [8, 1]}, relu]
      - [{conv2d: [8, 1]}, sigmoid]
    join: mul
  Flat:
    params: [out]
    chain: {pool: {avg_pool2d: 2}, flat: flatten, fc: {linear: $out}}
  Inverted:
    params: [residual, F=false]
    chain:
      conv: {conv2d: [16, 3], padding: 1}
      gate: {hardswish: [], when: $F}
      drop: {stochastic_depth: 0.2}
      sum: {add: [], from: [drop, input], when: $residual}
graph:
  stem: [{conv2d: [$width, 3], padding: 1}, relu]
  inverted: {Inverted: [true]}
  changed: {Inverted: [false], F: true}
  cut: {narrow: [1, 0, $width]}
  layer1: {Same: [$width], repeat: 3}
  layer2: {Basic: [$width * 2], stride: 2}
  self: {Stage: [$deep, $width * 2]}
  print: {Dense: [4], repeat: 4}
  two: {Two: [], from: [print, self]}
  gate: Gate
  inline:
    chain:
      torch: {conv2d: [8, [1, 3]], padding: [0, 1]}
      nn: {conv2d: [8, 3], padding: same, from: input}
      list: {add: [], from: [torch, nn, input]}
  side: {parallel: [{x1: {conv2d: [4, 1]}}, {x2: {conv2d: [4, 1]}}], join: concat, from: gate}
  both: {concat: [], from: [inline, side]}
  flat1: {Flat: [6]}
  pooled: {max_pool2d: 2, from: both}
  flat2: {Flat: [6], from: pooled}
  head: {Head: [], from: both}
outputs: {logits: head, f1: flat1, f2: flat2}
"""


def test_every_construct_runs_and_reads_well(tmp_path):
    net = loads(CONSTRUCTS)
    source = net.to_python()
    assert verify(net.network, source) == []
    file = tmp_path / "everything.py"
    file.write_text(source)
    assert run("ruff", "format", "--isolated", "--diff", str(file)).returncode == 0
    for line in (
        "self.layer1 = nn.Sequential(*(Same(16, 16) for _ in range(3)))",
        "self.self = Stage(32, deep, 32)",
        "self.print = nn.Sequential(*(Dense(32 + 4 * i, 4) for i in range(4)))",
        "Same(in_channels, planes), *(Same(planes, planes) for _ in range(count - 1))",
        "self.flat2 = Flat(6, fc_in_features=256)",
        "def __init__(self, classes: int = 10, deep: int = 3) -> None:",
        "class Head(nn.Sequential):",
        "return self[0](x) * self[1](x)",
        "class StochasticDepth(nn.Module):",
        "self.gate = nn.Hardswish() if F_ else nn.Identity()",
        "return out + x if self.residual else out",
        "self.changed = Inverted(16, False, F_=True)",
    ):
        assert line in source
