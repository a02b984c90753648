"""Constructs where random specs found the compiler wrong, each as small as it can be."""

from __future__ import annotations

import inspect

import pytest
import torch

from netspec.text.diagnostics import SpecError
from tests.support import loads, mistakes, one_block, verified

SPEC = """\
netspec: 1
name: Net
params: {{deep: 3}}
inputs: {{image: [4, 8, 8]}}
blocks:
  Two: {{outputs: [u, v], chain: {{u: {{conv2d: [4, 1]}}, v: relu}}}}
  Choice:
    params: [wide, k=3, p=1]
    chain:
      conv: {{conv2d: [4, $k], padding: $p}}
      again: {{share: conv, when: $wide}}
      both: {{concat: [], from: [conv, again]}}
  Deep: {{chain: {{conv: {{conv2d: [$deep, 1]}}}}}}
  Hiding: {{params: [deep], chain: {{conv: {{conv2d: [$deep, 1]}}, inner: Deep}}}}
  Inline:
    params: [deep]
    chain:
      inner: {{chain: {{pool: {{max_pool2d: $deep, stride: 1}}}}}}
  Joined:
    params: [flag]
    chain:
      conv: {{conv2d: [4, 1]}}
      square: {{mul: [], from: [conv, conv], when: $flag}}
      again: {{share: square, from: [square, conv]}}
  Listed: {{params: [p], chain: [{{conv2d: [4, 1]}}, {{relu: [], when: $p}}, {{conv2d: [4, 1]}}]}}
  Widened:
    params: [t, s]
    chain:
      a: {{conv2d: [6, 1], when: $t != 1}}
      b: {{conv2d: [8, 1], when: $s == 1}}
  Inverted:
    params: [t, s=1]
    chain:
      conv:
        - {{conv2d: [4 * $t, 1], when: $t != 1, else: nothing}}
        - [{{relu: [], when: $s == 1, else: nothing}}, {{conv2d: [4 * $t, 3], padding: 1}}]
        - {{dropout: 0.5, when: $s == 7}}
        - {{conv2d: [4, 1], repeat: 2}}
  Gated: {{chain: {{gate: sigmoid, scaled: {{mul: [], from: [input, gate]}}}}}}
  Acting:
    params: [act=relu, last=Gated, deep=true]
    chain:
      conv: [{{conv2d: [4, 1]}}, $act]
      inner: {{chain: {{a: {{conv2d: [4, 1]}}, act: {{$act: [], when: $deep}}}}}}
      last: {{$last: [], repeat: 2, from: conv}}
      both: {{add: [], from: [inner, last]}}
  Idle: {{params: [act, called], chain: [{{conv2d: [4, 1]}}, {{$act: [], when: $called}}]}}
  Handing:
    params: [act, other=relu]
    chain:
      one: {{Acting: [$act], last: $other}}
      two: {{share: one}}
      three: {{Acting: [], deep: false}}
  Pair:
    inputs: [a, b]
    parallel:
      - [{{conv2d: [4, 3], from: b, padding: 1}}, relu]
      - [relu]
      - {{u: {{conv2d: [4, 1], from: b}}, v: {{add: [], from: [u, a]}}}}
    join: add
graph:
  {graph}
outputs: {{{outputs}}}
"""


def spec(graph: str, outputs: str = "out: out") -> str:
    return SPEC.format(graph=graph.replace("\n", "\n  "), outputs=outputs)


BOTH = """\
a: {Choice: [true]}
b: {Choice: [false], from: image}
out: {concat: [], from: [a, b]}"""
RUNNING = {
    "another call under a condition": BOTH,
    "another call of an absent layer": "a: {conv2d: [4, 1], when: $deep > 9}\nout: {share: a}",
    "another call that is absent": "a: {conv2d: [4, 1]}\nout: {share: a, when: $deep > 9}",
    "another call of a function": "a: {add: [], from: [image, image]}\n"
    "out: {share: a, from: [a, a]}",
    "another call of a block with two outputs": "a: Two\nb: {share: a, from: a.u}\n"
    "out: {add: [], from: [b.u, b.v, a.v]}",
    "an absent layer behind one of two outputs": "a: Two\n"
    "b: {relu: [], from: a.v, when: $deep > 9}\n"
    "c: {conv2d: [4, 1], from: a.u}\nout: {add: [], from: [b, c]}",
    "a kernel for each axis": BOTH.replace("true", "true, [1, 3], [0, 1]"),
    "a parameter of the spec behind a block's own of that name": "out: {Hiding: 2}",
    "a parameter of an inline block with the name of one of the spec": "out: {Inline: [[1, 2]]}",
    "another call of a function under a condition": "a: {Joined: true}\nout: {Joined: false}",
    "branches that read another input than the first": "out: {Pair: [], from: [image, image]}",
    "a branch that ends in several parts": "out: {parallel: [{a: {chunk: [2, 1]}}, "
    "{b: {conv2d: [2, 1]}}], join: add}",
    "a layer of a list that no use of it has": "out: {Listed: [false]}",
    "a layer of a list that one use of it has": "a: {Listed: [false]}\nout: {Listed: [true]}",
    "layers of a list that move up": "a: {Inverted: 1}\nb: {Inverted: [2, 2]}\n"
    "c: {Inverted: 1}\nout: {Inverted: [1, 2]}",
    "channels that no expression gives, of a layer that one use has not": "a: {Widened: [1, 1]}\n"
    "b: {Widened: [2, 1]}\nout: {Widened: [2, 2]}",
    "ops and blocks as arguments": "a: Acting\nb: {Acting: gelu}\nc: {Handing: Gated}\n"
    "d: {Handing: [silu, Gated]}\nout: {Acting: [silu, hardswish, false], repeat: 2, "
    "first: {act: identity}}",
    "a block that only a default names": "out: {Acting: [relu, gelu]}",
    "a block that is named and not called": "a: {Idle: [Gated, false]}\nout: {Idle: [relu, true]}",
    "a choice between poolings": "out: {parallel: [{a: {max_pool2d: 3, when: $deep == 3}}, "
    "{b: {max_pool2d: 3, when: $deep != 9}}], join: add}",
    "a sum of free tensors that a convolution reads": "a: {parameter: [[4, 8, 8]]}\n"
    "b: {constant: 1, size: [4, 8, 8]}\nc: {add: [], from: [a, b]}\nd: {conv2d: [4, 1]}\n"
    "out: {add: [], from: [d, image]}",
    "free tensors that only sums read, behind functions": "a: {parameter: [[8, 4]]}\n"
    "b: {reshape: [[4, 8, 1]]}\nc: {constant: arange, size: [4]}\nd: {reshape: [[4, 1, 1]]}\n"
    "e: {expand: [[4, 8, 1]]}\nf: {gather: [1], from: [b, e]}\n"
    "g: {concat: [], dim: 3, from: [image, image]}\nh: {narrow: [3, 0, 8]}\n"
    "out: {add: [], from: [h, f, b]}",
    "free tensors of one and of all images": "a: {parameter: [[4, 8, 8]]}\n"
    "b: {permute: [[0, 1, 3, 2]]}\nc: {add: [], from: [image, b]}\n"
    "d: {parameter: [[1, 8, 8]], batch: 1}\ne: {concat: [], from: [c, d]}\n"
    "out: {narrow: [1, 0, 4]}",
}


@pytest.mark.parametrize("graph", RUNNING.values(), ids=RUNNING)
def test_runs_as_inferred(graph):
    net = loads(spec(graph))
    assert verified(net.network, net.to_python()) == []


def test_what_the_network_lacks_no_argument_of_it_can_add():
    graph = (
        "a: {conv2d: [4, 1], when: $deep > 9}\nb: {Inner: $deep}\nout: {relu: [], when: $deep > 2}"
    )
    blocks = "Inner: {{params: [p], chain: {{a: relu, b: {{relu: [], when: $p == 9}}}}}}\n  Two:"
    source = loads(
        spec(graph).replace("Two:", blocks.replace("{{", "{").replace("}}", "}"))
    ).to_python()
    assert "def __init__(self) -> None:" in source.partition("class Net")[2]


def test_truth_values_are_parameters_of_the_network():
    text = spec("a: {conv2d: [4, 1], bias: $deep}\nout: {relu: [], when: $deep}")
    text = text.replace("deep: 3", "deep: true")
    net = loads(text, deep=False)
    assert (net.params, net.parameters) == ({"deep": False}, 16)
    assert verified(net.network, net.to_python()) == []
    assert len(net.build().state_dict()) == 1
    assert "deep: bool = True" in loads(text).to_python()
    with pytest.raises(TypeError, match="expects true or false, found 0"):
        loads(text, deep=0)


def test_an_op_as_an_argument_is_a_callable():
    source = loads(spec("a: Acting\nout: {Acting: [], act: gelu}")).to_python()
    assert "act: Callable[[], nn.Module] = nn.ReLU" in source
    assert "last: Callable[[], nn.Module] = Gated" in source
    assert "Acting(4, act=nn.GELU)" in source
    assert "from collections.abc import Callable\n\nfrom torch" in source
    assert "Callable" not in loads(spec("out: relu")).to_python()


def test_a_size_that_a_condition_fixes_is_written_once():
    source = loads(spec("a: {Inverted: 1}\nout: {Inverted: 2}")).to_python()
    assert "*([nn.Conv2d(in_channels, 4 * t, 1)] if t != 1 else [])" in source
    assert "in_channels: int, t: int" in source


def test_types_of_arguments_cover_defaults_and_uses():
    source = loads(spec("out: {Choice: [true, [1, 3], [0, 1]]}")).to_python()
    assert "k: int | tuple[int, int] = 3" in source
    assert "if wide" not in source.partition("def forward")[0]


def test_an_inline_block_takes_a_parameter_as_its_block_has_it():
    source = loads(spec("out: {Inline: [[1, 2]]}")).to_python()
    assert source.count("deep: tuple[int, int]") == 2


def test_another_call_of_a_function_is_written_without_brackets():
    source = loads(spec("a: {Joined: true}\nout: {Joined: false}")).to_python()
    assert "return square * x if self.flag else square" in source


def test_a_truth_value_is_compared_as_people_write_it():
    text = spec(BOTH).replace("$wide", "$wide == false")
    assert "if not self.wide else" in loads(text).to_python()


@pytest.mark.parametrize("many", [2, 12])
def test_what_broadcasts_with_a_size_of_one_is_held_fixed(many):
    params = ", ".join(f"p{i}: 1" for i in range(many))
    lines = [
        f"c{i}: {{conv2d: [$p{i}, 1], from: image}}\nh{i}: {{add: [], from: [h{i - 1}, c{i}]}}"
        for i in range(1, many)
    ]
    graph = "\n".join(["h0: {conv2d: [$p0, 1]}", *lines, "out: {conv2d: [4, 1]}"])
    net = loads(spec(graph).replace("deep: 3", f"deep: 3, {params}"))
    assert verified(net.network, net.to_python()) == []
    assert "def __init__(self) -> None:" in net.to_python()


WRONG = [
    ("out: {share: nothing, from: image}", "NS018", "nothing"),
    ("out: {share: out, from: image}", "NS018", "out"),
    ("out: {share: image}", "NS018", "image"),
    ("a: {conv2d: [4, 1]}\nb: {share: a}\nout: {share: b}", "NS018", "b"),
    ("a: {add: [], from: [image, image]}\nout: {share: a}", "NS026", "out"),
    ("a: {conv2d: [4, 1]}\nout: {share: a, from: [a, image]}", "NS026", "image"),
    ("a: {conv2d: [4, 1]}\nout: {share: a, repeat: 2}", "NS011", "repeat"),
    (
        "p: {parameter: [[4, 1, 1]], when: $deep > 2}\nout: {mul: [], from: [image, p]}",
        "NS011",
        "$deep > 2",
    ),
    ("a: {conv2d: [4, 1], weight: 0.5}\nout: relu", "NS011", "0.5"),
    ("out: {relu: [], when: $deep > 2, else: nothing}", "NS011", "else"),
    ("out: [{relu: [], else: nothing}]", "NS011", "else"),
    ("out: [{relu: [], when: train, else: nothing}]", "NS011", "else"),
    ("out: [{relu: [], when: $deep > 2, else: identity}]", "NS012", "identity"),
    (
        "out: [{relu: [], when: $deep > 2, else: nothing}, {conv2d: [4, 1], init: {bias: zeros_}}]",
        "NS011",
        "{conv2d: [4, 1], init: {bias: zeros_}}",
    ),
]


@pytest.mark.parametrize(("graph", "code", "text"), WRONG, ids=[graph for graph, *_ in WRONG])
def test_mistakes_are_reported(graph, code, text):
    found = [item for item in mistakes(spec(graph)) if item.severity == "error"]
    assert [(item.code, item.span.text) for item in found] == [(code, text)]


def test_a_weight_belongs_to_the_layer_that_an_output_names():
    graph = "a: {conv2d: [4, 1]}\nhead: {conv2d: [2, 1], when: train, weight: 0.5}\n"
    net = loads(spec(graph + "out: {relu: [], from: a}", "y1: out, y2: head"))
    assert [output.weight for output in net.network.graph.outputs] == [1.0, 0.5]
    total = net.build().total_loss(torch.tensor(1.0), torch.tensor(4.0))
    assert total.item() == 3.0


def test_a_free_parameter_is_counted():
    text = spec("p: {parameter: [[4, 1, 1]]}\nout: {mul: [], from: [image, p]}")
    assert "p" in str(loads(text).report(by="layer"))


WIDTHS = """\
netspec: 1
name: Net
params: {wide: 2}
inputs: {image: [4, 8, 16]}
blocks:
  Inverted:
    params: [out, e=6]
    chain:
      expand: {conv2d: [$in_channels * $e, 1], when: $e != 1}
      deep: {conv2d: [$in_channels * $e, 3], padding: 1, groups: $in_channels * $e}
      thin: {chain: {a: {conv2d: [$in_channels, 1]}, b: {conv2d: [$out, 1]}}}
      down: {conv2d: [$out, 1], from: input, when: $in_channels != $out}
      sum: {add: [], from: [thin, down]}
  Rows: {chain: {row: {linear: $in_features * 2}, same: {linear: $in_features}}}
  Two:
    inputs: [low, skip]
    chain:
      a: {conv2d: [$skip_channels, 1], from: low, repeat: $low_channels // 2}
      b: {scale: $low_features, from: skip}
      sum: {add: [], from: [a, b], shape: [$skip_channels, null, $low_features]}
graph:
  one: {Inverted: [8], e: 1}
  two: {Inverted: [8]}
  rows: Rows
  pool: {avg_pool2d: 2}
  thin: Rows
  out: {Two: [], from: [thin, pool]}
outputs: {y: out, z: one}
"""


def test_a_block_reads_the_widths_of_its_inputs():
    net = loads(WIDTHS)
    source = net.to_python()
    assert verified(net.network, source) == []
    for line in (
        "self.deep = nn.Conv2d(in_channels * e, in_channels * e, 3, padding=1, ",
        "self.thin = InvertedThin(in_channels * e, in_channels=in_channels, out=out)",
        "            if in_channels != out",
        "def __init__(self, in_features: int) -> None:",
        "self.thin = Rows(8)",
        "def __init__(self, low_channels: int, low_features: int, skip_channels: int) -> None:",
    ):
        assert "".join(line.split()) in "".join(source.split()).replace(",)", ")")


SIZES = """\
netspec: 1
name: Net
inputs: {image: [4, 8, 8]}
blocks:
  Last: {chain: {last: {permute: [[0, 2, 3, 1]]}, fc: {linear: 5}}}
  Half: {params: [s], chain: {pool: {avg_pool2d: 2}, conv: {conv2d: [3, 1], stride: $s}}}
  Pool: {chain: [{avg_pool2d: 2}, relu]}
  Two: {outputs: [low, count], chain: {low: {avg_pool2d: 2}, mid: {conv2d: [5, 3]}, count: relu}}
  Up:
    inputs: [small, large]
    chain: {up: {interpolate: [], from: [small, large]}, sum: {add: [], from: [up, large]}}
graph:
  two: Two
  halved: {Half: [2], from: image}
  pool: {Pool: [], from: image}
  up: {Up: [], from: [two.low, image]}
  other: {Two: [], from: image}
outputs: {a: {Last: [], from: up}, b: halved, c: pool, d: two.count, e: other.low}
"""


def test_every_size_of_a_docstring_is_defined_and_outputs_have_names():
    net = loads(SIZES)
    source = net.to_python()
    assert verified(net.network, source) == []
    for line in (
        "Shape: (N, in_channels, H, W) -> (N, H, W, 5).",
        "Shape: (N, in_channels, H, W) -> (N, 3, H_out, W_out).",
        "Shape: (N, in_channels, H, W) -> (N, in_channels, H // 2, W // 2).",
        "(N, small_channels, H, W), (N, large_channels, H_large, W_large) -> "
        "(N, small_channels, H_large, W_large).",
        "class TwoOutput(NamedTuple):",
        "H // 2, W // 2) count_: (N, 5, H // 2 - 2, W // 2 - 2)",
        "return TwoOutput(low, count_)",
        "low, count = self.two(image)",
        "other = self.other(image)",
        "other.low",
    ):
        assert line in " ".join(source.split())


PLAIN = """\
netspec: 1
name: Net
inputs: {image: [4, 8, 8]}
blocks:
  CNBlock:
    params: [factor=1]
    chain:
      block: {chain: {conv: {conv2d: [4, 1]}, sum: {add: [], from: [conv, input]}}}
      scaled: {scale: $factor}
graph:
  one: CNBlock
  two: {CNBlock: [], factor: 0.5}
  small: {scale: -0.17}
  pool: {adaptive_avg_pool2d: 1}
  flat: flatten
  out: {linear: 3}
outputs: {y: out}
"""


def test_code_reads_as_people_write_it():
    net = loads(PLAIN)
    source = net.to_python()
    assert verified(net.network, source) == []
    for line in (
        "class CNBlockInner(nn.Module):",
        "factor: float = 1)",
        "return x * self.factor",
        "x = x * -0.17",
        "self.out = nn.Linear(4, 3)\n",
    ):
        assert line in source


OFFERED = """\
netspec: 1
name: Net
params: {patch: 8, classes: 10, groups: 2, k: 3, drop: 0.2, deep: 2}
inputs: {image: [3, 32, 32]}
graph:
  patches: {conv2d: [16, $patch], stride: $patch}
  position: {parameter: [[16, 4, 4]]}
  sum: {add: [], from: [patches, position]}
  conv: {conv2d: [16, $k], padding: 1, groups: $groups}
  again: {conv2d: [16, 1], repeat: $deep}
  drop: {dropout: $drop}
  pool: {adaptive_avg_pool2d: 1}
  flat: flatten
  fc: {linear: $classes}
outputs: {y: fc}
"""


GROWING = """\
netspec: 1
name: Net
params: {width: 16, growth: 4, step: 1}
inputs: {image: [3, 16, 16]}
blocks:
  Dense:
    chain: {conv: {conv2d: [$growth, 3], padding: 1}, all: {concat: [], from: [input, conv]}}
  Half: {chain: [{conv2d: [$in_channels // 2, 1]}, {max_pool2d: 2}]}
  Residual:
    chain:
      squeeze: {conv2d: [$in_channels // 4, 1]}
      conv: {conv2d: [$in_channels, 1]}
      sum: {add: [], from: [conv, input]}
graph:
  stem: {conv2d: [$width * 4, 3], padding: 1}
  one: {Dense: [], repeat: 3}
  halved: Half
  two: {Dense: [], repeat: 5}
  rest: {Residual: [], repeat: 2}
  step: {conv2d: [$step, 1]}
  sum: {add: [], from: [rest, step]}
  flat: flatten
  fc: {linear: 10}
outputs: {y: fc}
"""


def test_widths_stay_arguments_however_they_are_passed_on():
    net = loads(GROWING)
    source = net.to_python()
    assert verified(net.network, source) == []
    # One channel is repeated where two are not.
    assert "Built for step=1:" in " ".join(source.split())
    assert "*(Dense(width * 4 + growth * i, growth=growth) for i in range(3))" in source
    make = type(net.build())
    for values in ({"width": 6}, {"growth": 1}, {"width": 3, "growth": 7}):
        model, other = make(**values), loads(GROWING, **values)
        found = {key: tuple(x.shape) for key, x in model.state_dict().items()}
        assert found == {key: tuple(x.shape) for key, x in other.build().state_dict().items()}
        assert model(torch.zeros(1, 3, 16, 16)).shape == (1, 10)


def test_a_constructor_offers_only_what_can_be_built_and_run():
    net = loads(OFFERED)
    assert "Built for patch=8, groups=2:" in " ".join(net.to_python().split())
    make = type(net.build())
    offered = {key: x.default for key, x in inspect.signature(make).parameters.items()}
    assert offered == {"classes": 10, "k": 3, "drop": 0.2, "deep": 2}
    for key, value in offered.items():
        other = {key: value / 2 if key == "drop" else value + 1}
        result = make(**other).eval()(torch.zeros(1, 3, 32, 32))
        assert tuple(result.shape[1:]) == loads(OFFERED, **other).outputs["y"]


@pytest.mark.parametrize(
    ("chain", "code"),
    [
        (
            "c: {conv2d: [4, 1]}, gone: {relu: [], when: $p}, end: {silu: [], when: $p}",
            "self.c(x)",
        ),
        (
            "gone: {relu: [], when: $p}, s: {add: [], from: [gone, input]}, o: {elu: [], when: $p}",
            "x + x",
        ),
        ("cut: {chunk: 2}, gone: {relu: [], when: $p, from: cut.1}", "cut[1]"),
        ("gone: {relu: [], when: $p}", "x"),
    ],
)
def test_what_no_use_has_leaves_no_variable(chain, code):
    text = one_block("out: B", "image: [4, 8, 8]")
    block = f"blocks: {{B: {{params: [p=false], chain: {{{chain}}}}}}}\n"
    net = loads(text.replace("graph:", f"{block}graph:"))
    source = net.to_python()
    assert f"        return {code}\n" in source.partition("class B")[2].partition("class Net")[0]
    assert verified(net.network, source) == []


def test_a_choice_between_nothing_and_nothing_is_none():
    block = "blocks: {B: {params: [p], chain: [{identity: [], when: $p}, relu]}}\n"
    text = one_block("a1: {B: true}\nb1: {B: false}\nout: {add: [], from: [a1, b1]}")
    source = loads(text.replace("graph:", f"{block}graph:")).to_python()
    assert "(nn.Identity(), nn.ReLU())" in source


@pytest.mark.parametrize(
    ("chain", "told"),
    [
        ("conv: {conv2d: [8, 1], when: $p}, norm: batch_norm2d", "depends on a `when:` in them"),
        ("norm: batch_norm2d, inner: {Inner: [$p]}", "depends on a `when:` in them"),
        ("norm: batch_norm2d, twice: {concat: [], from: [norm, input]}", "grow unevenly"),
        (
            "drop: {dropout: [], when: $p}, norm: batch_norm2d, "
            "twice: {concat: [], from: [norm, input]}",
            "grow unevenly",
        ),
    ],
)
def test_why_no_expression_describes_copies(chain, told):
    text = f"""\
netspec: 1
name: Net
inputs: {{image: [4, 8, 8]}}
blocks:
  Inner: {{params: [p], chain: {{conv: {{conv2d: [8, 1], when: $p}}}}}}
  Copy: {{params: [p], chain: {{{chain}}}}}
  Stage: {{params: [n, p], chain: {{copies: {{Copy: [$p], repeat: $n}}, relu: relu}}}}
graph:
  a: {{Stage: [2, false]}}
  b: {{Stage: [3, true]}}
  c: {{Inner: true}}
outputs: {{y: c}}
"""
    with pytest.raises(SpecError) as error:
        loads(text).to_python()
    (found,) = error.value.diagnostics
    assert (found.code, told in found.message) == ("NS028", True)
    assert [note.span.text for note in found.notes] == ["$p"] * ("when" in told)
