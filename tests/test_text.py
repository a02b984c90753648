"""Whatever texts and names a spec has, what is made of it is the same but for these texts.

Each target's own parser says so: Python's for code, an HTML5 and an XML parser for pages and
pictures, Graphviz and Mermaid for theirs.
"""

from __future__ import annotations

import ast
import io
import json
import os
import shutil
import subprocess
import tokenize
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest
import torch

from netspec import __version__
from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.emit.dot import to_dot
from netspec.emit.figure.svg import to_svg
from netspec.emit.html import to_html
from netspec.emit.mermaid import to_mermaid
from netspec.emit.report import FORMATS, render, report
from netspec.emit.torch import module
from netspec.emit.torch.audit import UnexpectedCode, Vocabulary, audit, compiled
from netspec.emit.torch.module import to_python
from netspec.text.diagnostics import SpecError, escape
from netspec.text.syntax import decode
from tests.hostile_text import Hostile, hostile_spec
from tests.support import ROOT, draws, loads, one_block, verified

BATCHES = 16
SIZE = draws(2, 15)
"""So few put every piece of hostile text in every place, so many every two next to each other."""


class Pair:
    """A network full of hostile text and its plain twin."""

    def __init__(self, spec: Hostile) -> None:
        self.spec = spec
        self.hostile = compile_spec(decode(spec.text.encode(), spec.file))
        self.plain = compile_spec(decode(spec.plain.encode(), "plain.yaml"))


@pytest.mark.parametrize("batch", range(BATCHES))
def test_texts_and_names_are_only_texts_and_names(batch: int, tmp_path: Path) -> None:
    graphs, charts = [], []
    for number in range(batch * SIZE, (batch + 1) * SIZE):
        pair = Pair(hostile_spec(number))
        source = check_code(pair, run=number % 10 == 0)
        (tmp_path / f"model{number}.py").write_text(source)
        check_page(pair)
        check_picture(pair)
        check_report(pair, sorted(FORMATS)[number % len(FORMATS)])
        for emit, texts in ((to_dot, graphs), (to_mermaid, charts)):
            texts.append(emit(pair.hostile))
            assert texts[-1] == emit(pair.plain), number
    check_style(tmp_path)
    check_graphs(graphs)
    check_charts(charts)


# ------------------------------------------------------------------ Python


def check_code(pair: Pair, run: bool) -> str:
    source = to_python(pair.hostile, __version__)
    plain = to_python(pair.plain, __version__)
    assert without_texts(source) == without_texts(plain)
    assert comments(source)[2:] == comments(plain)[2:]
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    for node in classes:
        words = pair.spec.docs.get(node.name, "").split()
        assert (ast.get_docstring(node) or "").split()[: len(words)] == words
    if run:
        scope: dict[str, Any] = {"__name__": "generated"}
        exec(compile(source, "<generated>", "exec"), scope)
        with torch.device("meta"):
            result = scope[pair.spec.network]().eval()(torch.zeros(2, 3, 8, 8))
        assert result.shape == (2, 10)
    return source


def check_style(folder: Path) -> None:
    for command in (("format", "--check"), ("check", "--select", "E4,E7,E9,F,W,I,UP,B,SIM")):
        line = ["ruff", *command, "--isolated", str(folder)]
        result = subprocess.run(line, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout[:2000]


def without_texts(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


# ------------------------------------------------------------------ pages, pictures, reports


def check_page(pair: Pair) -> None:
    page, plain = to_html(pair.hostile), to_html(pair.plain)
    assert page.replace("\n", "").isprintable()
    found, wanted = (html5lib.parse(text, namespaceHTMLElements=False) for text in (page, plain))
    data, other = (json.loads(tree.find(".//*[@id='network']").text) for tree in (found, wanted))
    excerpts = [*take_excerpts(data)]
    assert len(excerpts) == len([*take_excerpts(other)])
    for content in (data, other):
        content["code"] = {name: without_texts(text) for name, text in content["code"].items()}
    assert data == other
    lines = {escape(line.strip()[:120]) for line in pair.spec.text.split("\n")}
    assert all(excerpt.endswith(tuple(lines - {""})) for excerpt in excerpts)
    assert shape(found) == shape(wanted)


def take_excerpts(data: Any) -> Any:
    """Remove the lines of the spec from a page's data, and yield them."""
    if isinstance(data, dict):
        if "yaml" in data:
            yield data.pop("yaml")
        data = list(data.values())
    for value in data if isinstance(data, list) else ():
        yield from take_excerpts(value)


def shape(tree: ElementTree.Element) -> list[object]:
    """Return a page's elements with their attributes, and the text of all but the data."""
    return [
        (node.tag, node.attrib, None if node.get("id") == "network" else node.text)
        for node in tree.iter()
    ]


def check_picture(pair: Pair) -> None:
    picture = to_svg(pair.hostile)
    assert picture == to_svg(pair.plain)
    words = " ".join(ElementTree.fromstring(picture).itertext())
    assert pair.spec.network in words


def check_report(pair: Pair, format: str) -> None:
    assert render(report(pair.hostile), format) == render(report(pair.plain), format)


# ------------------------------------------------------------------ Graphviz and Mermaid


def check_graphs(graphs: list[str]) -> None:
    """Compare what Graphviz reads with the lines that were written."""
    if shutil.which("dot") is None:
        return
    source = "\n".join(graphs).encode()
    found = subprocess.run(["dot", "-Tdot_json"], input=source, capture_output=True, check=True)
    decoder, text, at = json.JSONDecoder(), found.stdout.decode(), 0
    for graph in graphs:
        read, end = decoder.raw_decode(text[at:].lstrip())
        at += len(text[at:]) - len(text[at:].lstrip()) + end
        nodes = [item for item in read["objects"] if "nodes" not in item]
        lines = [line for line in graph.splitlines() if " [label=" in line and " -> " not in line]
        assert len([node for node in nodes if "label" in node]) >= len(lines)


def check_charts(charts: list[str]) -> None:
    """Compare what Mermaid reads with the lines that were written."""
    folder = os.environ.get("MERMAID", "")
    if not Path(folder, "node_modules").is_dir():
        return
    command = ["node", str(ROOT / "tests" / "mermaid.mjs"), folder]
    result = subprocess.run(command, input=json.dumps(charts).encode(), capture_output=True)
    assert result.returncode == 0, result.stderr.decode()[:2000]
    for chart, read in zip(charts, json.loads(result.stdout), strict=True):
        assert len(read["edges"]) == chart.count("->")
        assert read["groups"] == chart.count("subgraph ")
        assert len(read["nodes"]) == chart.count(":::op_")


# ------------------------------------------------------------------ the proof itself


HEAD = "class Net(nn.Module):\n    "
UNEXPECTED = (
    "import os",
    "from torch import hub",
    "x = 1\nprint(x)",
    HEAD + "x = open('a')",
    HEAD + "def forward(self, x: Tensor) -> Tensor:\n        return eval(x)",
    HEAD + "def forward(self, x: Tensor) -> Tensor:\n        return self.x.__class__(x)",
    HEAD + "def forward(self, x: Tensor) -> Tensor:\n        return torch.load(x)",
    HEAD + "def forward(self, torch: Tensor) -> Tensor:\n        return torch.cat(x)",
    HEAD + "def forward(self, Net: Tensor) -> Tensor:\n        return Net(Net)",
    HEAD + "def forward(self, x: Tensor) -> Tensor:\n        return x.save()",
    HEAD + "def forward(self, x: Tensor) -> Tensor:\n        return self.f('; rm -rf')",
    HEAD + "def other(self) -> None:\n        return None",
    HEAD + "@property\n    def forward(self) -> None:\n        return None",
    HEAD + "lambda: 0",
    "class Net(type):\n    pass",
    "class Other(nn.Module):\n    x: Tensor",
    "class Net(nn.Module, metaclass=x):\n    x: Tensor",
    HEAD + 'x = f"{1}"',
    HEAD + '"""doc"""; __import__("os")',
    HEAD + '"""doc""',
    "\x00",
)


@pytest.mark.parametrize("source", UNEXPECTED)
def test_what_the_emitter_never_writes_is_found(source: str) -> None:
    with pytest.raises(UnexpectedCode):
        audit(source, Vocabulary({"Net"}))


MINE = ("mylib.layers.Mine",)
CALL = HEAD + "def __init__(self) -> None:\n        self.a = "


def test_what_the_user_lets_a_file_import_is_named_whole() -> None:
    for source in ("import mylib.layers", CALL + "mylib.layers.Mine(1)"):
        assert audit(source, Vocabulary({"Net"}, MINE)) == source
        with pytest.raises(UnexpectedCode):
            audit(source, Vocabulary({"Net"}))


@pytest.mark.parametrize(
    "source",
    [
        *(
            "import mylib",
            "import mylib.other",
            "import mylib.layers.Mine",
            "import mylib.layers as x",
        ),
        *("from mylib import layers", "from mylib.layers import Mine"),
        *(
            CALL + text
            for text in ("mylib.layers.Other(1)", "mylib.layers.Mine.load(1)", "mylib(1)")
        ),
        *(
            CALL + text
            for text in ("mylib.layers", "self.f(mylib)", "mylib.Mine(1)", "layers.Mine(1)")
        ),
        HEAD + "def forward(self, mylib: Tensor) -> Tensor:\n        return mylib.layers.Mine(1)",
    ],
)
def test_nothing_else_of_a_users_package_is_named(source: str) -> None:
    with pytest.raises(UnexpectedCode):
        audit(source, Vocabulary({"Net"}, MINE))


def test_a_docstring_with_another_text_is_found() -> None:
    source = HEAD + '"""One text.\n\n    Shape: x.\n    """\n'
    assert audit(source, Vocabulary({"Net"}), "One  text.") == source
    with pytest.raises(UnexpectedCode, match="another text"):
        audit(source, Vocabulary({"Net"}), "Another text.")


@pytest.mark.parametrize("source", ["def f(a, a): pass", "return 1", "def f(): x = 1; nonlocal y"])
def test_what_parses_and_is_no_python_is_refused(source):
    assert ast.parse(source)
    with pytest.raises(UnexpectedCode):
        compiled(source)


def test_a_whole_file_is_compiled_before_anybody_gets_it(monkeypatch):
    monkeypatch.setattr(module._FileWriter, "imports", lambda *_: "return 1")
    monkeypatch.setattr(module, "audit", lambda source, *_: source)
    with pytest.raises(UnexpectedCode):
        to_python(loads(one_block("out: relu")).network, "0")


def test_nothing_unproved_is_written(tmp_path, monkeypatch, capsys) -> None:
    from netspec.cli import main
    from netspec.emit.torch import module

    monkeypatch.setattr(module, "docstring", lambda doc, notes: ['    """a"""; print(1)'])
    path = tmp_path / "model.py"
    assert main(["build", str(ROOT / "specs" / "vgg16.yaml"), "-o", str(path)]) == 70
    assert not path.exists()
    assert "bug in netspec" in capsys.readouterr().err


# ------------------------------------------------------------------ names


def network(text: str) -> Network:
    return compile_spec(decode(text.encode(), "spec.yaml"))


TAKEN = {
    "an input": "{x: [3, 8, 8]}; {}; {a: relu}; {y1: a}",
    "inputs": "{x: [3, 8, 8], out: [3, 8, 8]}; {}; {a: {add: [], from: [out, x]}}; {y1: a}",
    "an input called as a block's": "{input: [3, 8, 8]}; {}; {a: relu}; {y1: a}",
    "a block's input": "{image: [3, 8, 8]}; {B: {inputs: [x], chain: {a: {relu: [], from: x}}}}; "
    "{b: B}; {y1: b}",
    "an output": "{image: [3, 8, 8]}; {}; {a: relu, b: tanh}; {NetOutput: a, torch: b}",
    "a layer": "{image: [3, 8, 8]}; {}; {NetOutput: relu, nn: tanh}; {y1: NetOutput, self: nn}",
    "a parameter": "{image: [3, 8, 8]}; {A: {params: [B], chain: {a: {B: $B}}}, "
    "B: {params: [nn], chain: {c: {conv2d: [$nn, 1]}}}}; {a: {A: 5}}; {y1: a}",
    "a kept parameter": "{image: [3, 8, 8]}; {B: {params: [requires_grad, a_], chain: {a: relu, "
    "requires_grad: {scale: $requires_grad}, b: {scale: $a_}}}}; {a: {B: [2, 3]}}; {y1: a}",
    "a loss": "{image: [3, 8, 8]}; {}; {a: relu, h: {tanh: [], when: train, weight: 0.5}}; "
    "{self: a, self_: h}",
    "an inner class": "{image: [3, 8, 8]}; {NetA: {chain: {a: relu}}}; "
    "{a: {chain: {r: NetA, s: {add: [], from: [r, input]}}}}; {y1: a}",
}


@pytest.mark.parametrize("sections", TAKEN.values(), ids=TAKEN)
def test_a_name_that_the_code_uses_itself_hides_nothing(sections: str) -> None:
    inputs, blocks, graph, outputs = sections.split("; ")
    text = (
        f"netspec: 1\nname: Net\ninputs: {inputs}\nblocks: {blocks}\n"
        f"graph: {graph}\noutputs: {outputs}\n"
    )
    found = network(text)
    assert verified(found, to_python(found, "0")) == []


WIDTHS = (
    ("params: {in_channels: 4}", "", "in_channels"),
    ("params: {in_features: 4}", "", "in_features"),
    ("", "params: [in_channels], inputs: [low, high]", "in_channels"),
    ("", "params: [low_channels], inputs: [low, high]", "low_channels"),
    ("params: {high_features: 4}", "inputs: [low, high]", "high_features"),
)


@pytest.mark.parametrize(("params", "block", "name"), WIDTHS)
def test_the_width_of_an_input_is_no_parameter(params: str, block: str, name: str) -> None:
    low = "low" if "low" in block else "input"
    text = (
        f"netspec: 1\nname: Net\n{params}\ninputs: {{image: [3, 8, 8]}}\n"
        f"blocks: {{Two: {{{block or 'params: []'}, chain: {{a: {{relu: [], from: {low}}}}}}}}}\n"
        "graph: {a: relu}\noutputs: {y1: a}\n"
    )
    with pytest.raises(SpecError) as error:
        network(text)
    found = [item for item in error.value.diagnostics if item.code == "NS014"]
    assert len(found) == 1
    assert found[0].span is not None and found[0].span.text.startswith(name)


def test_arguments_with_one_path_text_stay_apart() -> None:
    """Two constructor arguments that only the image decides must not have the same name."""
    block = (
        "  Flat:\n    params: [fc_in_features=5]\n    chain:\n"
        "      a: [flatten, {linear: 4}]\n"
        "      a_1: {linear: $fc_in_features}\n"
        "      fc: {chain: [flatten, {linear: 7}], from: input}\n"
        "      sum: {concat: [], from: [a_1, fc]}\n"
    )
    text = (
        "netspec: 1\nname: Net\ninputs: {image: [3, 8, 8]}\nblocks:\n" + block + "graph:\n"
        "  one: Flat\n  pool: {max_pool2d: 2, from: image}\n  two: Flat\n"
        "  end: {add: [], from: [one, two]}\noutputs: {y1: end}\n"
    )
    scope: dict[str, Any] = {"__name__": "generated"}
    exec(to_python(network(text), "0"), scope)
    assert scope["Net"]()(torch.zeros(1, 3, 8, 8)).shape == (1, 12)
