"""The optimised spec computes what the spec computes, with weights carried over."""

from __future__ import annotations

import json
import re
import subprocess
import textwrap
from collections.abc import Collection
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import netspec
from netspec.cli import main
from netspec.emit.torch.convert import convert, functions
from netspec.language.write import written
from netspec.rewrite import apply
from netspec.rewrite.optimize import NAMES, WITHOUT
from netspec.rewrite.tensors import Made, Old
from netspec.runtime.engines import ENGINES
from netspec.text.diagnostics import SpecError
from tests.random_spec import specs
from tests.support import FEW, ROOT, SPECS, draws, load, loads, mostly, one_block
from tests.test_random_specs import examples

TOLERANCE = 1e-5
"""Of the largest element of an output."""


def outputs(
    model: nn.Module, net: netspec.Net, needed: Collection[str] | None = None
) -> list[Tensor]:
    """Return what a model gives in inference for the same random inputs, or those it `needed`."""
    torch.manual_seed(1)
    integers = {name for (name,) in net.network.graph.integers}
    inputs = {
        name: torch.randint(3, (2, *shape)) if name in integers else torch.randn(2, *shape)
        for name, shape in net.inputs.items()
    }
    with torch.no_grad():
        result = model.eval()(*(inputs[name] for name in inputs if name in (needed or inputs)))
    return [x for x in ([result] if torch.is_tensor(result) else result) if x is not None]


def randomised(model: nn.Module) -> nn.Module:
    """Give batch normalisation statistics, scales and shifts that are worth folding."""
    torch.manual_seed(0)
    for module in model.modules():
        if getattr(module, "running_var", None) is not None:
            module.running_var.uniform_(0.5, 1.5)
            module.running_mean.normal_(0, 0.1)
            for tensor in module.parameters():
                nn.init.uniform_(tensor, 0.5, 1.5)
    return model


def check_same(net: netspec.Net, only: Collection[str] = ()) -> netspec.Net:
    """Optimise a network, and compare what it computes; return what it is then."""
    model, fast = randomised(net.build()), net.optimize(only=only)
    other = fast.build()
    other.load_state_dict(fast.convert(model.state_dict()), strict=True)
    ours, theirs = outputs(other, net, fast.inputs), outputs(model, net)
    assert len(ours) == len(theirs)
    for mine, wanted in zip(ours, theirs, strict=True):
        bound = TOLERANCE * max(1.0, wanted.nan_to_num().abs().max().item())
        torch.testing.assert_close(mine, wanted, rtol=0, atol=bound, equal_nan=True)
    return fast


@examples(draws(12, 80))
@given(text=specs(), only=st.one_of(st.just(NAMES), st.sets(st.sampled_from(NAMES), min_size=1)))
def test_a_random_network_computes_the_same(text: str, only: Collection[str]) -> None:
    try:
        net = loads(text)
        net.to_python()
    except SpecError:
        return
    fast = check_same(net, only)
    # Only a band matrix costs more: a multiply-add for each pair of channels of a pixel.
    pairs = sum(
        shape[0] ** 2 * shape[1] * shape[2]
        for node, shape in fast.network.shapes.items()
        if (found := fast.network.graph.nodes.get(node))
        and found.call.op.op_name == "band_response_norm"
    )
    assert fast.macs <= net.macs + pairs


@examples(draws(12, 60))
@given(text=specs())
def test_a_spec_that_is_written_down_is_the_same(text: str) -> None:
    try:
        check_written(loads(text))
    except SpecError as error:
        assert {item.code for item in error.diagnostics} == {"NS028"}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_shipped_spec_that_is_written_down_is_the_same(path: Path) -> None:
    check_written(load(path))


def check_written(net: netspec.Net) -> None:
    text = written(net.network.spec, {})
    again = loads(text)
    assert written(again.network.spec, {}) == text
    ours, theirs = (
        [(node.id, node.owner, node.inputs, node.op) for node in x.network.graph.nodes.values()]
        for x in (again, net)
    )
    assert [str(row) for row in ours] == [str(row) for row in theirs]


@pytest.mark.parametrize(
    "doc", ["My blocks:\n\nof layers", "a\n\nB: c\ngraph:\n  D:\n", "- it's: #", "x" * 95 + " B: y"]
)
def test_a_doc_is_written_as_it_is(doc: str) -> None:
    text = f"netspec: 1\nname: Net\ndoc: {json.dumps(doc)}\n"
    block = f"Same: {{doc: {json.dumps(doc)}, chain: {{same: relu}}}}"
    text += f"inputs: {{x: [3]}}\nblocks: {{{block}}}\ngraph: {{out: Same}}\noutputs: {{y: out}}\n"
    spec = loads(loads(text).optimize().text).network.spec
    assert spec.doc == spec.blocks["Same"].doc == doc.strip()


# ------------------------------------------------------------------ what each rewrite does

CASES = {
    "drop_idle": (
        """
        conv: {conv2d: [4, 3]}
        drop: dropout
        same: identity
        out:  relu
        """,
        """
        conv: {conv2d: [4, 3]}
        out:  relu
        """,
    ),
    "fold_batch_norm": (
        """
        conv: {conv2d: [4, 3], padding: 1, bias: false}
        norm: batch_norm2d
        out:  relu
        """,
        """
        conv: {conv2d: [4, 3], padding: 1}
        out:  relu
        """,
    ),
    "order_pools": (
        """
        conv: {conv2d: [4, 1]}
        pool: {avg_pool2d: 3, stride: 2, ceil_mode: true}
        out:  relu
        """,
        """
        pool: {avg_pool2d: 3, stride: 2, ceil_mode: true}
        conv: {conv2d: [4, 1]}
        out:  relu
        """,
    ),
    "join_linear": (
        """
        conv: {conv2d: [16, 3], stride: 2, bias: false}
        more: {conv2d: [2, 1]}
        out:  relu
        """,
        """
        conv: {conv2d: [2, 3], stride: 2}
        out:  relu
        """,
    ),
    "flatten_concat": (
        """
        left:  {conv2d: [4, 1], from: image}
        right: {conv2d: [6, 1], from: image}
        both:  {concat: [], from: [left, right]}
        more:  {concat: [], dim: -3, from: [both, image, both]}
        out:   {concat: [], from: [right, more]}
        """,
        """
        left:  {conv2d: [4, 1]}
        right: {conv2d: [6, 1], from: image}
        out:   {concat: [], from: [right, left, right, image, left, right]}
        """,
    ),
    "fuse_siblings": (
        """
        left:  {conv2d: [4, 1], from: image}
        right: {conv2d: [6, 1], from: image}
        more:  {conv2d: [6, 3], padding: 1}
        out:   {concat: [], from: [left, more]}
        """,
        """
        fused:  {conv2d: [10, 1]}
        pieces: {split: [[4, 6]], names: [left, right]}
        more:   {conv2d: [6, 3], padding: 1, from: pieces.right}
        out:    {concat: [], from: [pieces.left, more]}
        """,
    ),
    "band_response_norm": (
        """
        conv: {conv2d: [8, 3]}
        out:  {local_response_norm: 4, k: 2}
        """,
        """
        conv: {conv2d: [8, 3]}
        out:  {band_response_norm: 4, k: 2}
        """,
    ),
    "in_place": (
        """
        conv: {conv2d: [8, 3]}
        out:  relu
        """,
        """
        conv: {conv2d: [8, 3]}
        out:  {relu: [], inplace: true}
        """,
    ),
}


def graph(text: str) -> list[str]:
    """Return the lines of a spec's graph without the spaces of columns."""
    section = text.partition("graph:\n")[2].partition("\noutputs:")[0]
    return [" ".join(line.split()) for line in section.strip().splitlines()]


@pytest.mark.parametrize("name", CASES)
def test_a_rewrite_in_its_simplest_case(name: str) -> None:
    before, after = (one_block(body) for body in CASES[name])
    fast = check_same(loads(before), [name])
    assert graph(fast.text) == graph(after)


def test_blocks_stay_blocks() -> None:
    """The published network: one reduction in each module, its six widths as before."""
    fast = load(ROOT / "specs" / "googlenet.yaml").optimize()
    assert "params: [n1x1, n3x3r, n3x3, n5x5r, n5x5, proj]" in fast.text
    assert "{ConvReLU: [$n1x1 + $n3x3r + $n5x5r, 1]}" in fast.text
    assert "inception_3a: {Inception: [  64,   96,  128,  16,   32,   32]" in fast.text
    assert fast.warnings == ()


MOVED_UP = """\
netspec: 1
name: Net
inputs: {image: [3, 8, 8]}
blocks:
  Unit:
    params: [t]
    chain:
      conv:
        - [{conv2d: [6, 3], padding: 1}, batch_norm2d, relu]
        - {chain: [{conv2d: [6, 1]}, dropout, batch_norm2d, relu], when: $t != 1, else: nothing}
        - {conv2d: [6, 1]}
        - batch_norm2d
graph:
  a: {Unit: 1}
  b: {Unit: 2}
  c: {Unit: 1, repeat: 2}
  out: relu
outputs: {y: out}
"""


def test_layers_that_move_up_in_a_list_keep_their_weights() -> None:
    assert "else: nothing" in check_same(loads(MOVED_UP)).text


KEPT = {
    "a mean that counts its padding": """
        conv: {conv2d: [4, 1]}
        pool: {avg_pool2d: 3, stride: 2, padding: 1}
        out:  relu
        """,
    "a smaller map for nobody": """
        conv: {conv2d: [4, 1]}
        pool: {avg_pool2d: 3, stride: 1}
        more: {conv2d: [4, 1], from: conv}
        large: {interpolate: [], from: [pool, more]}
        out:  {add: [], from: [large, more]}
        """,
    "who else reads the convolution": """
        conv: {conv2d: [4, 3], padding: 1}
        norm: batch_norm2d
        out:  {add: [], from: [conv, norm]}
        """,
    "statistics of each batch": """
        conv: {conv2d: [4, 3]}
        norm: {batch_norm2d: [], track_running_stats: false}
        out:  {scale: 2}
        """,
    "another dimension": """
        rows: {linear: 16, from: image}
        norm: batch_norm2d
        out:  {scale: 2}
        """,
    "shared weights": """
        conv:  {conv2d: [3, 3], padding: 1}
        norm:  batch_norm2d
        again: {share: conv, from: norm}
        out:   {scale: 2}
        """,
    "other strides": """
        left:  {conv2d: [4, 1], from: image}
        right: {conv2d: [6, 1], stride: 2, from: image}
        large: {interpolate: [], from: [right, left]}
        out:   {concat: [], from: [left, large]}
        """,
    "who overwrites it, which PyTorch forbids for a piece": """
        left:  {conv2d: [4, 1], from: image}
        right: {conv2d: [4, 1], from: image}
        flat:  {flatten: [], from: left}
        relu:  {relu: [], inplace: true}
        rows:  {flatten: [], from: right}
        out:   {concat: [], from: [relu, rows]}
        """,
    "a source that changes before the other one reads it": """
        conv:  {conv2d: [4, 1]}
        left:  {conv2d: [4, 1]}
        relu:  {relu: [], inplace: true, from: conv}
        right: {conv2d: [4, 1], from: conv}
        large: {interpolate: [], from: [right, left]}
        out:   {concat: [], from: [large, relu]}
        """,
    "a part that changes once it is joined": """
        conv: {conv2d: [4, 1]}
        same: identity
        both: {concat: [], from: [same, image]}
        relu: {relu: [], inplace: true, from: conv}
        out:  {concat: [], from: [both, relu]}
        """,
    "a part that others read": """
        both: {concat: [], from: [image, image]}
        more: {concat: [], from: [both, image]}
        relu: relu
        out:  {concat: [], from: [relu, both]}
        """,
    "another axis": """
        both: {concat: [], dim: 2, from: [image, image]}
        out:  {concat: [], dim: 3, from: [both, both]}
        """,
    "groups": """
        left:  {conv2d: [3, 1], groups: 3, from: image}
        right: {conv2d: [6, 1], groups: 3, from: image}
        out:   {concat: [], from: [left, right]}
        """,
}


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT)
def test_what_must_stay_stays(body: str) -> None:
    net = loads(one_block(body))
    fast = check_same(net, ["fold_batch_norm", "order_pools", "fuse_siblings", "flatten_concat"])
    assert graph(fast.text) == graph(written(net.network.spec, {}))


SAME = {
    "heads of the graph": """
        graph:
          conv: {conv2d: [4, 3]}
          norm: batch_norm2d
          one:  {conv2d: [4, 1]}
          two:  {conv2d: [4, 1], from: norm}
          cat:  {concat: [], from: [one, two]}
          drop: dropout
        outputs:
          a: {relu: [], from: norm}
          b: {chain: [{conv2d: [5, 1]}, {dropout: 0.5}], from: drop}
          c: {local_response_norm: 3, from: two}
        """,
    "training's copies, and training's weights": """
        graph:
          conv:  {conv2d: [3, 1], when: train}
          aux:   {Unit: 4, repeat: 2, when: train}
          again: {share: conv, from: image}
          out:   {share: conv, from: again}
          more:  {share: conv, from: image, when: train}
        outputs: {y: out, z: aux, more: more}
        """,
    "training's input": """
        inputs: {image: [3, 8, 8], target: [3, 8, 8]}
        graph:
          conv: {conv2d: [3, 1], from: image}
          loss: {sub: [], from: [conv, target], when: train}
          out:  {relu: [], from: conv}
        outputs: {y: out, z: loss}
        """,
    "what moves up in a list": """
        graph:
          one:   {Listed: []}
          two:   {Listed: [], wide: true}
          three: {Listed: [], wide: true, drop: true}
          out:   relu
        outputs: {y: out}
        """,
    "a layer called as a branch": """
        graph:
          mixed:
            parallel:
              - {branch1: {conv2d: [4, 1]}}
              - [{conv2d: [5, 1]}, dropout, batch_norm2d]
              - {fused: {conv2d: [4, 1]}}
              - []
            join: concat
            repeat: 2
          out: relu
        outputs: {y: out}
        """,
    "copies that count": """
        graph:
          one: {conv2d: [4 * ($i + 1), 1], splice: 1, copies: a0, from: image}
          two: {Unit: 4 * ($i + 1), splice: 2, copies: b0, from: image}
          end: {conv2d: [8, 1], from: image}
          out: {concat: [], from: [a0, b1, end]}
        outputs: {y: out}
        """,
    "linear layers of a map": """
        graph:
          rows: {reshape: [[3, 64]], from: image}
          one:  {Row: 4, from: rows}
          two:  {Row: 6, from: rows}
          out:  {concat: [], dim: -1, from: [one, two]}
        outputs: {y: out}
        """,
    "statistics of each token": """
        graph:
          rows: {reshape: [[3, 64]], from: image}
          one:  {Rows: 4, from: rows}
          two:  {Rows: 6, from: rows}
          out:  {concat: [], dim: -1, from: [one, two]}
        outputs: {y: out}
        """,
    "volumes beside images": """
        inputs: {image: [3, 8, 8], volume: [1, 3, 3, 3]}
        graph:
          conv:  {conv2d: [32, 3], from: image}
          flat:  {flatten: [], from: conv}
          conv3: {conv3d: [2, 2], from: volume}
          rest:  {flatten: [], from: conv3}
          out:   {concat: [], from: [flat, rest]}
        outputs: {y: out}
        """,
}
BLOCKS = """
blocks:
  Unit: {params: [out], chain: {conv: {conv2d: [$out, 1]}, norm: batch_norm2d}}
  Row:  {params: [out], chain: {fc: {Inner: $out}, act: gelu}}
  Inner: {params: [out], chain: {fc: {linear: $out}, act: relu}}
  Rows: {params: [out], chain: {fc: {linear: $out}, norm: batch_norm1d}}
  Listed:
    params: [wide=false, drop=false]
    chain:
      list:
        - {dropout: 0.1, when: $drop, else: nothing}
        - {Unit: 6, when: $wide, else: nothing}
        - {conv2d: [4, 3], padding: 1}
        - identity
        - {batch_norm2d: [], eps: 0.1}
        - {Unit: 5, when: $wide == false, else: nothing}
        - [{conv2d: [6, 1]}, {batch_norm2d: [], when: $drop, else: nothing}, {conv2d: [3, 1]}]
        - {batch_norm2d: [], eps: 0.5}
"""


@pytest.mark.parametrize("case", SAME.values(), ids=SAME)
def test_what_is_written_in_other_ways_computes_the_same(case: str) -> None:
    case = textwrap.dedent(case)
    inputs = "" if "inputs:" in case else "inputs: {image: [3, 8, 8]}\n"
    net = loads(f"netspec: 1\nname: Net\n{inputs}{BLOCKS}{case}")
    for only in [NAMES, *([name] for name in NAMES)]:
        assert loads(check_same(net, only).text).warnings == ()


@pytest.mark.parametrize("path", mostly(FEW, SPECS), ids=lambda path: path.stem)
def test_a_shipped_spec_keeps_its_weights(path: Path) -> None:
    net = load(path)
    fast = net.optimize()
    assert loads(fast.text).warnings == ()
    with torch.device("meta"):
        model, other = net.build(), fast.build()
    other.load_state_dict(fast.convert(model.state_dict()), strict=True, assign=True)


def test_parameters_given_are_the_optimised_spec_s_own() -> None:
    fast = check_same(load(ROOT / "specs" / "googlenet.yaml", classes=7, size=232))
    assert fast.params == {"classes": 7, "size": 232}
    assert "shape: [" in fast.text.partition("graph:")[0]
    assert "shape: [" not in fast.text.partition("graph:")[2]


def test_what_does_not_pay_for_an_engine_is_left_out(tmp_path: Path) -> None:
    assert list(WITHOUT) == list(ENGINES)
    net = loads(one_block(CASES["fuse_siblings"][0]))
    spec, target = tmp_path / "net.yaml", tmp_path / "fast.yaml"
    spec.write_text(one_block(CASES["fuse_siblings"][0]))
    for engine, names in WITHOUT.items():
        assert net.optimize(engine=engine).text == net.optimize(without=names).text
        assert ("fused" in net.optimize(engine=engine).text) == ("fuse_siblings" not in names)
        assert main(["optimize", str(spec), "-o", str(target), "--for", engine]) == 0
        assert target.read_text().partition("\n")[2] == net.optimize(engine=engine).text
    for fused in (net.optimize(["fuse_siblings"], engine="openvino"), net.optimize()):
        assert "fused" in fused.text
    with pytest.raises(ValueError, match="engine `tflite`: expected one of eager, compile"):
        net.optimize(engine="tflite")


def test_the_guide_has_a_row_for_each_rewrite() -> None:
    table = (
        (ROOT / "docs/guide/inference.md")
        .read_text()
        .partition("| rewrite |")[2]
        .partition("\n\n")[0]
    )
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == NAMES


def test_an_unknown_rewrite_is_refused() -> None:
    with pytest.raises(ValueError, match="did you mean `in_place`"):
        loads(one_block("out: relu")).optimize(without=["inplace"])


def test_bodies_that_are_apart_change_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """How often the network is compiled again does not depend on how many bodies there are."""
    body = "{chain: {conv: {conv2d: [4, 1]}, norm: batch_norm2d, act: {chain: [identity, relu]}}}"
    again = apply.rebuilt
    rounds = []
    for count in (2, 5):
        calls: list[object] = []
        monkeypatch.setattr(apply, "rebuilt", lambda *x, calls=calls: calls.append(x) or again(*x))
        lines = [f"m{i}: {body}" for i in range(count)]
        check_same(loads(one_block("\n".join([*lines, "out: relu"]))))
        rounds.append(len(calls))
    assert rounds[0] == rounds[1]


# ------------------------------------------------------------------ generated code, files


def test_the_generated_module_converts_weights_by_itself(tmp_path: Path) -> None:
    spec = ROOT / "specs" / "googlenet_bn.yaml"
    net = load(spec)
    model, fast = randomised(net.build()), net.optimize()
    scope: dict[str, object] = {"__name__": "generated"}
    exec(compile(fast.to_python(), "<generated>", "exec"), scope)
    found = scope["convert"](model.state_dict())  # type: ignore[operator]  # a function
    wanted = fast.convert(model.state_dict())
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_convert_is_written_as_ruff_writes_it(tmp_path: Path) -> None:
    made = Made("folded_bias", (None, Old("b" * 20), None, Old("b.c"), 1e-5))
    for size in (1, 20, 40, 56, 64, *range(66, 100), 140):
        name = "a" * size
        below = {f"{x}.{name}.w": Old(f"{x}.{'b' * size}.w") for x in ("one", "two")}
        pairs = {f"{x}.{name}.m": Made("stacked", (Old(f"{x}.b.w"), made)) for x in "pq"}
        tensors = {"kept": Old("kept"), name: Old("b"), f"{name}.d": made, **below, **pairs}
        for index, some in enumerate((tensors, {"kept": Old("kept")}, {"a": Old("b")})):
            source = "\n\n\n".join([*functions(some).values(), convert(some)])
            head = "import torch\nfrom torch import Tensor\n\n\n" if index == 0 else ""
            head = head or "from torch import Tensor\n\n\n"
            (tmp_path / f"made{size}_{index}.py").write_text(f"{head}{source}\n")
    rules = ["--select", "E,F,B,PYI,RUF,PIE,RET"]
    for command in (["format", "--diff"], ["check", *rules]):
        line = ("ruff", *command, "--isolated", str(tmp_path))
        result = subprocess.run(line, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


def test_weights_are_written_beside_the_spec(tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(one_block(CASES["fold_batch_norm"][0]))
    net = load(spec)
    model = randomised(net.build())
    torch.save(model.state_dict(), tmp_path / "in.pt")
    names = ["fast.yaml", "--weights", "in.pt", "--weights-out"]
    for end in ("out.pt", "out.safetensors"):
        paths = [x if x.startswith("--") else str(tmp_path / x) for x in (*names, end)]
        assert main(["optimize", str(spec), "-o", *paths]) == 0
        loaded = load(tmp_path / "fast.yaml").load_weights(tmp_path / end)
        assert not loaded.skipped and not loaded.missing
        assert torch.allclose(outputs(loaded.model, net)[0], outputs(model, net)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--only", "fold"], 2, "no rewrite is called `fold`"),
        (["--weights", "in.pt"], 2, "--weights and --weights-out go together"),
        (["--weights", "no.pt", "--weights-out", "x.pt"], 2, "no.pt"),
        (["--weights", "part.pt", "--weights-out", "x.pt"], 1, "conv.weight: not in the file"),
        (["--weights", "other.pt", "--weights-out", "x.pt"], 1, "cannot be matched by structure"),
        (["--weights", "wide.pt", "--weights-out", "x.pt"], 1, "the file has 9×3×3×3, the model"),
        (["--weights", "net.yaml", "--weights-out", "x.pt"], 2, "net.yaml"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(one_block(CASES["fold_batch_norm"][0]))
    state = load(Path("net.yaml")).build().state_dict()
    torch.save({key: x for key, x in state.items() if key != "conv.weight"}, "part.pt")
    torch.save({"weight": torch.ones(1)}, "other.pt")
    torch.save({**state, "conv.weight": torch.ones(9, 3, 3, 3)}, "wide.pt")
    assert main(["optimize", "net.yaml", "-o", "fast.yaml", *arguments]) == code
    assert message in capsys.readouterr().err
    assert not Path("fast.yaml").exists() and not Path("x.pt").exists()


def test_the_weights_themselves_are_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(one_block("out: relu"))
    torch.save({}, "in.pt")
    before = Path("in.pt").read_bytes()
    for output, weights in (("in.pt", "out.pt"), ("fast.yaml", "in.pt")):
        files = ["-o", output, "--weights", "in.pt", "--weights-out", weights]
        assert main(["optimize", "net.yaml", *files, "--force"]) == 2
    assert Path("in.pt").read_bytes() == before


def test_the_spec_itself_is_never_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(one_block(CASES["fold_batch_norm"][0]))
    before = spec.read_text()
    assert main(["optimize", str(spec), "-o", str(spec), "--force"]) == 2
    assert spec.read_text() == before
    assert capsys.readouterr().err.count("\n") == 1  # it is refused before it is made
