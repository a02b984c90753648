"""Caffe's networks: published numbers, OpenCV's results, one layer at a time, and weights."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
import torch

import netspec
from netspec.cli import main
from netspec.importer import caffe
from netspec.importer.caffemodel import read as tensors_of
from netspec.importer.caffemodel import state
from netspec.importer.spec import imported
from netspec.language.fmt.text import formatted
from netspec.language.model import BlockCall
from netspec.text.diagnostics import Source, SpecError
from tests import prototxts
from tests.caffemodels import caffemodel, difference, outputs, read, weights
from tests.hostile_text import hostile_text
from tests.support import draws, mostly, printed

LAYERS = [
    "Convolution convolution_param { num_output: 6 kernel_size: 3 pad: 1 stride: 2 group: 3 }",
    "Convolution convolution_param { num_output: 4 kernel_h: 1 kernel_w: 5 pad_h: 0 pad_w: 2 }",
    "Convolution convolution_param { num_output: 4 kernel_size: 3 dilation: 2 bias_term: false }",
    "Deconvolution convolution_param { num_output: 5 kernel_size: 4 stride: 2 pad: 1 }",
    "Deconvolution convolution_param { num_output: 6 kernel_size: 4 stride: 2 group: 6 }",
    "InnerProduct inner_product_param { num_output: 7 }",
    "Pooling pooling_param { pool: MAX kernel_size: 3 stride: 2 }",
    "Pooling pooling_param { kernel_size: 2 stride: 2 }",
    "Pooling pooling_param { pool: MAX kernel_size: 3 stride: 2 pad: 1 }",
    "Pooling pooling_param { pool: AVE kernel_size: 2 stride: 2 }",
    "Pooling pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }",
    "Pooling pooling_param { pool: AVE kernel_size: 4 stride: 3 pad: 2 }",
    "Pooling pooling_param { pool: 1 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 }",
    "Pooling pooling_param { pool: AVE global_pooling: true }",
    "Pooling pooling_param { pool: MAX global_pooling: true }",
    "LRN lrn_param { local_size: 3 alpha: 0.5 beta: 0.6 }",
    "LRN lrn_param { local_size: 3 alpha: 0.5 norm_region: WITHIN_CHANNEL }",
    "ReLU",
    "ReLU relu_param { negative_slope: 0.1 }",
    "ReLU6",
    "PReLU",
    "PReLU prelu_param { channel_shared: true }",
    "ELU",
    "Sigmoid",
    "TanH",
    "BNLL",
    "Power power_param { power: 2 scale: 0.5 shift: 1 }",
    "Exp",
    "Dropout",
    "BatchNorm",
    "BatchNorm batch_norm_param { eps: 0.1 }",
    "Scale",
    "Scale scale_param { bias_term: true }",
    "Softmax",
    "Softmax softmax_param { axis: 2 }",
    "Flatten",
    "Flatten flatten_param { axis: 2 }",
    "Reshape reshape_param { shape { dim: 0 dim: 3 dim: -1 dim: 11 } }",
    "Permute permute_param { order: 0 order: 2 order: 3 order: 1 }",
    "ShuffleChannel shuffle_channel_param { group: 2 }",
]
"""A type and its fields, on an image of 6 channels of 11×11."""


def around(body: str) -> str:
    """Return a network of one layer."""
    kind, _, said = body.partition(" ")
    layer = f'name: "it" type: "{kind}" bottom: "data" top: "it" {said}'
    return f"{IMAGE} layer {{ {layer} }}"


IMAGE = 'input: "data" input_shape { dim: 2 dim: 6 dim: 11 dim: 11 }\n'
START = (
    f'{IMAGE} layer {{ name: "a" type: "Convolution" bottom: "data" top: "a" '
    "convolution_param { num_output: 6 kernel_size: 1 } }\n"
)
POOL = (
    'layer { name: "p" type: "Pooling" bottom: "a" top: "p" '
    "pooling_param { pool: AVE global_pooling: true } }\n"
)
JOINS = {
    "sum": 'layer { name: "e" type: "Eltwise" bottom: "data" bottom: "a" top: "e" }',
    "weighted": 'layer { name: "e" type: "Eltwise" bottom: "data" bottom: "a" top: "e" '
    "eltwise_param { operation: SUM coeff: 0.5 coeff: -2 } }",
    "difference": 'layer { name: "e" type: "Eltwise" bottom: "data" bottom: "a" top: "e" '
    "eltwise_param { coeff: 1 coeff: -1 } }",
    "product": 'layer { name: "e" type: "Eltwise" bottom: "data" bottom: "a" top: "e" '
    "eltwise_param { operation: PROD } }",
    "concat": 'layer { name: "c" type: "Concat" bottom: "data" bottom: "a" top: "c" }',
    "height": 'layer { name: "c" type: "Concat" bottom: "data" bottom: "a" top: "c" '
    "concat_param { axis: 2 } }",
    "slice": 'layer { name: "s" type: "Slice" bottom: "a" top: "x" top: "y" slice_param '
    '{ slice_point: 2 } } layer { name: "c" type: "Concat" bottom: "y" bottom: "x" top: "c" }',
    "halves": 'layer { name: "s" type: "Slice" bottom: "a" top: "x" top: "y" } '
    'layer { name: "c" type: "Concat" bottom: "y" bottom: "x" top: "c" }',
    "crop": 'layer { name: "p" type: "Pooling" bottom: "a" top: "p" pooling_param '
    '{ kernel_size: 5 } } layer { name: "c" type: "Crop" bottom: "a" bottom: "p" top: "c" '
    "crop_param { axis: 2 offset: 1 offset: 3 } }",
    "excitation": f'{POOL} layer {{ name: "f" type: "Flatten" bottom: "p" top: "f" }} layer '
    '{ name: "x" type: "Scale" bottom: "a" bottom: "f" top: "x" scale_param { axis: 0 } }',
    "norm_read_twice": 'layer { name: "b" type: "BatchNorm" bottom: "a" top: "b" } layer { name: '
    '"s" '
    'type: "Scale" bottom: "b" top: "s" scale_param { bias_term: true } } '
    'layer { name: "e" type: "Eltwise" bottom: "b" bottom: "s" top: "e" }',
    "in_place": 'layer { name: "r" type: "ReLU" bottom: "a" top: "a" } layer { name: "b" type: '
    '"BatchNorm" bottom: "a" top: "a" } layer { name: "s" type: "Scale" bottom: "a" top: "a" '
    'scale_param { bias_term: true } } layer { name: "t" type: "TanH" bottom: "a" top: "a" }',
    "split": 'layer { name: "s" type: "Split" bottom: "a" top: "x" top: "y" } '
    'layer { name: "e" type: "Eltwise" bottom: "x" bottom: "y" top: "e" }',
}


@pytest.mark.parametrize("body", LAYERS)
def test_a_layer_computes_what_opencv_computes(body, tmp_path):
    assert difference(*outputs(around(body), tmp_path)) < 1e-5


@pytest.mark.parametrize("name", JOINS)
def test_layers_compute_together_what_opencv_computes(name, tmp_path):
    assert difference(*outputs(START + JOINS[name], tmp_path)) < 1e-5


def test_axpy_is_a_product_and_a_sum():
    axpy = 'layer { name: "x" type: "Axpy" bottom: "p" bottom: "a" bottom: "data" top: "x" }'
    model = netspec.loads(imported(read(START + POOL + axpy)).spec.source.text).build()
    image = torch.randn(2, 6, 11, 11)
    a = model.a(image)
    assert torch.equal(model(image), a.mean((2, 3), keepdim=True) * a + image)


# ------------------------------------------------------------------ whole networks


class Published(NamedTuple):
    """A network's file, and what is known of it."""

    text: str
    params: int
    macs: int
    lines: int
    is_old: bool = False


NETWORKS = {
    "googlenet": Published(prototxts.googlenet(), 6_998_552, 1_582_671_872, 50),
    "alexnet": Published(prototxts.alexnet(is_old=True), 60_965_224, 724_406_816, 32, True),
    "caffenet": Published(prototxts.alexnet(is_caffenet=True), 60_965_224, 724_406_816, 32),
    "squeezenet_1.0": Published(prototxts.squeezenet("1.0"), 1_248_424, 832_667_936, 40),
    "squeezenet_1.1": Published(prototxts.squeezenet("1.1"), 1_235_496, 387_747_520, 40),
    # The convolutions of Table 1, and the bias that the first one of Caffe's ResNet-50 has.
    "resnet50": Published(prototxts.resnet(50), 25_557_032 + 64, 3_857_973_248, 55),
    "resnet152": Published(prototxts.resnet(152), 60_192_808, 11_282_415_616, 50),
    "nin": Published(prototxts.nin(), 7_595_176, 1_100_188_800, 32, True),
    "inception_v3": Published(prototxts.inception_v3(), 23_834_568, 5_713_216_096, 95),
}
LIGHT = ("squeezenet_1.1", "nin")


def lines(text: str) -> int:
    """Return how many lines a spec has, those of comments not counted."""
    found = (line.strip() for line in text.splitlines())
    return sum(bool(line) and not line.startswith("#") for line in found)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_its_published_numbers_in_few_lines(name):
    given = NETWORKS[name]
    network = imported(read(given.text))
    text = network.spec.source.text
    assert (network.totals.inference.params, network.totals.inference.macs) == given[1:3]
    assert f"expect: {{params: {given.params}, macs: {given.macs}}}" in text
    assert lines(text) <= given.lines
    assert formatted(Source("spec.yaml", text)) == text
    assert network.warnings == ()


@pytest.mark.parametrize("name", mostly(LIGHT, NETWORKS))
def test_a_network_computes_what_opencv_computes(name, tmp_path):
    # Without its softmax, behind which a random network's results could hardly differ.
    text = NETWORKS[name].text
    text = text[: text.rindex("layers {" if NETWORKS[name].is_old else "layer {")]
    assert difference(*outputs(text, tmp_path, NETWORKS[name].is_old)) < 1e-5


def test_googlenet_is_one_block_used_nine_times_with_six_widths():
    spec = imported(read(NETWORKS["googlenet"].text)).spec
    calls = [layer.call for layer in spec.model.body.layers if isinstance(layer.call, BlockCall)]
    uses = [call for call in calls if call.block == "Inception"]
    assert len(spec.blocks["Inception"].params) == 6
    widths = [[argument.value for argument in call.arguments.values()] for call in uses]
    assert widths == [[*widths] for widths in prototxts.MODULES.values()]


def test_googlenets_heads_run_in_training_and_have_their_share_of_the_loss():
    network = imported(read(prototxts.googlenet(is_deploy=False)))
    totals = network.totals
    assert (totals.inference.params, totals.training.params) == (6_998_552, 13_378_280)
    assert totals.inference.macs == 1_582_671_872
    shares = [(output.weight, output.train_only) for output in network.graph.outputs]
    assert shares == [(0.3, True), (0.3, True), (1.0, False)]
    deploy = imported(read(NETWORKS["googlenet"].text)).spec
    assert network.spec.blocks.keys() == deploy.blocks.keys() | {"Head"}
    uses = [layer.call for layer in network.spec.model.body.layers]
    assert sum(isinstance(use, BlockCall) and use.block == "Inception" for use in uses) == 9


def test_old_and_new_files_say_the_same():
    old, new = (read(prototxts.alexnet(is_old=is_old)) for is_old in (True, False))
    assert (old.inputs, old.outputs, old.remarks) == (new.inputs, new.outputs, new.remarks)
    assert [step.arguments for step in old.steps] == [step.arguments for step in new.steps]
    assert [step.reads for step in old.steps] == [step.reads for step in new.steps]


# ------------------------------------------------------------------ what else is said

FILLED = {
    'type: "xavier"': "kaiming_uniform_: [], nonlinearity: linear",
    'type: "xavier" variance_norm: FAN_OUT': "mode: fan_out, nonlinearity: linear",
    'type: "xavier" variance_norm: AVERAGE': "weight: xavier_uniform_",
    'type: "msra"': "kaiming_normal_: [], nonlinearity: relu",
    'type: "gaussian" std: 0.01': "normal_: [], std: 0.01",
    'type: "uniform" min: -1 max: 2': "uniform_: [], a: -1.0, b: 2.0",
    'type: "constant"': "weight: zeros_",
}


@pytest.mark.parametrize("filler", FILLED)
def test_fillers_become_init(filler):
    said = f"num_output: 4 kernel_size: 3 weight_filler {{ {filler} }}"
    text = imported(read(around(f"Convolution convolution_param {{ {said} }}"))).spec.source.text
    assert FILLED[filler] in text
    assert "bias: zeros_" in text


def test_what_a_scale_starts_at_is_what_the_normalisation_starts_at():
    scale = "scale_param { bias_term: true filler { value: 0 } bias_filler { value: 2 } }"
    pair = 'layer { name: "b" type: "BatchNorm" bottom: "a" top: "b" } layer { name: "s" ' + (
        f'type: "Scale" bottom: "b" top: "b" {scale} }}'
    )
    norm = read(START + pair).steps[-1]
    assert norm.arguments == {"momentum": 0.001}
    assert norm.init == {"weight": {"constant_": {"val": 0.0}}, "bias": {"constant_": {"val": 2.0}}}


def test_caffes_xavier_is_drawn_as_caffe_draws_it():
    said = 'num_output: 400 kernel_size: 3 weight_filler { type: "xavier" }'
    text = imported(read(around(f"Convolution convolution_param {{ {said} }}"))).spec.source.text
    drawn = netspec.loads(text).build().it.weight.detach()
    bound = (3 / (6 * 9)) ** 0.5
    assert 0.99 * bound < drawn.abs().max() <= bound
    assert abs(drawn.std() / (bound / 3**0.5) - 1) < 0.02


def test_what_a_spec_has_no_key_for_is_a_remark():
    flat = read(prototxts.googlenet(is_deploy=False))
    assert flat.remarks == (
        "images: channels in the order blue, green, red",
        "images: minus the mean 104, 117, 123",
        "training: lr_mult 1, 2; decay_mult 1, 0 of weight, bias",
        "training: loss1/classifier, loss2/classifier count less in the loss, so inference goes "
        "without them",
    )
    text = imported(flat).spec.source.text
    comments = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
    assert comments == " ".join(flat.remarks)


def test_a_file_that_is_laid_out_otherwise_is_the_same_network():
    text = prototxts.googlenet()
    other = text.replace("  type:", "  fork_field: [1, 2] # a fork's\n  type:", 1)
    other = re.sub(r" \{\n", ": < # begins\r\n", other).replace("}", ">;")
    other = (
        other.replace('"', "'").replace("  ", "\t").replace("kernel_size: 3", "kernel_size: [3]")
    )
    one, two = read(text), read(other)
    assert [replace(x, place="") for x in one.steps] == [replace(x, place="") for x in two.steps]
    assert two.remarks == (*one.remarks, "line 4: `fork_field` is not known")


def test_fields_of_forks_are_read_over_and_told():
    text = around("ReLU relu_param { engine: CAFFE fused: 3 } bn_mode: 7 my_param { x: 1 }")
    assert [x for x in read(text).remarks if "known" in x] == [
        "line 2: `bn_mode` is not known",
        "line 2: `fused` is not known",
    ]


def test_phases_levels_and_stages_decide_which_layers_are_there():
    rules = {
        "include { phase: TRAIN }": False,
        "include { phase: TEST }": True,
        "exclude { phase: TEST }": False,
        "include { phase: TEST stage: 'deploy' }": False,
        "include { phase: TEST min_level: 1 }": False,
        "include { phase: 1 not_stage: 'deploy' }": True,
        "include { phase: TRAIN } include { phase: TEST }": True,
        "exclude { stage: 'deploy' }": True,
    }
    for rule, is_there in rules.items():
        layer = f'layer {{ name: "t" type: "TanH" bottom: "a" top: "a" {rule} }}'
        assert [step.op for step in read(START + layer).steps][1:] == ["tanh"] * is_there


def test_layers_with_one_name_for_their_weights_share_them():
    twin = 'layer { name: "%s" type: "InnerProduct" bottom: "%s" top: "%s" param { name: "w" } '
    twin += 'param { name: "b" } inner_product_param { num_output: 121 axis: 2 } }\n'
    pair = IMAGE + twin % ("one", "data", "x") + twin % ("two", "x", "y")
    with pytest.raises(SpecError, match="shares weights"):
        read(pair.replace("121", "9", 1))
    flat = read(pair)
    assert [step.shares for step in flat.steps if step.op == "linear"] == [(), ("one",)]
    assert imported(flat).totals.inference.params == 121 * 121 + 121


# ------------------------------------------------------------------ weights


def test_weights_that_fit_another_network_are_refused():
    flat = read(around(LAYERS[0]))
    wanted = imported(flat).tensors()
    given = weights(flat, wanted)
    cases = {
        "`it\\[1\\]`, which is it.bias, is not there": {"it": given["it"][:1]},
        "`it\\[0\\]` is 6×2×9 and not 6×2×3×3": {"it": [given["it"][0].reshape(6, 2, 9)]},
        "no layer in it has a tensor": {},
    }
    for message, tensors in cases.items():
        with pytest.raises(ValueError, match=message):
            state(flat, caffemodel(tensors), wanted)
    more = caffemodel({**given, "other": given["it"]})
    assert state(flat, more, wanted)[1] == ["other[0]", "other[1]"]


def test_any_bytes_are_a_caffemodel_or_are_refused():
    arrays = [np.ones((2, 3), "f4"), np.ones(2, "f4"), np.ones(1, "f4")]
    whole = [caffemodel({"a": arrays}, is_old) for is_old in (True, False)]
    random = np.random.default_rng(0)
    kept = 0
    for number in range(1000):
        data = bytearray(whole[number % 2])
        data[random.integers(len(data))] = random.integers(256)
        data = data[: random.integers(1, 2 * len(data))]
        try:
            kept += all(torch.is_tensor(tensor) for tensor in tensors_of(bytes(data)).values())
        except ValueError as error:
            assert re.match("it is no caffemodel|`.*` has a tensor of", str(error))
    assert 100 < kept < 900


def test_the_command_writes_spec_weights_and_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = prototxts.squeezenet("1.1")
    (tmp_path / "deploy.prototxt").write_text(text)
    flat = read(text)
    data = caffemodel(weights(flat, imported(flat).tensors()))
    (tmp_path / "net.caffemodel").write_bytes(data)
    command = "import deploy.prototxt net.caffemodel -o net.yaml --weights net.safetensors"
    report = json.loads(printed(f"{command} --report json", errors=False))
    assert (report["name"], report["params"], report["unused"]) == ("SqueezeNet", 1_235_496, [])
    assert report["remarks"] == [*flat.remarks]
    net = netspec.load("net.yaml")
    assert net.load_weights("net.safetensors").missing == ()
    assert main(["build", "net.yaml", "-o", "net.py", "--verify"]) == 0
    first = net.load_weights("net.safetensors").model.state_dict()
    assert np.array_equal(
        first["conv1.conv.weight"].numpy().ravel(), tensors_of(data)["conv1[0]"].ravel()
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("deploy.prototxt -o -", 1, "NS075"),
        ("deploy.prototxt -o - --input 6x11x11", 0, "conv2d"),
        ("deploy.prototxt bad.caffemodel -o - --input 6x11x11 --weights w.pt", 1, "no caffemodel"),
        ("deploy.prototxt none.caffemodel -o - --input 6x11x11", 2, "no file none.caffemodel"),
        ("deploy.prototxt -o - --input 6x11x11 --weights w.pt", 2, "no weights"),
        ("deploy.prototxt -o - --input 6x11x11 --report json", 2, "standard output"),
        ("none.prototxt -o -", 2, "no file none.prototxt"),
    ],
)
def test_the_command_says_what_is_wrong(words, code, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deploy.prototxt").write_text(around(LAYERS[0]).replace("input_shape", "shape"))
    (tmp_path / "bad.caffemodel").write_bytes(b"\x80\x02}q\x00.")
    assert main(["import", *words.split()]) == code
    assert said in "".join(capsys.readouterr())


# ------------------------------------------------------------------ names of strangers


def test_any_names_are_those_of_a_spec():
    random = Random(0)
    for _ in range(draws(40, 300)):
        name, blob, net, file = (quoted(hostile_text(random)) for _ in range(4))
        words = random.sample(["on", "null", "forward", "input", "3x3", "_", "a/b", "日本", ""], 2)
        text = (
            f"name: {net} input: {blob} input_shape {{ dim: 1 dim: 3 dim: 8 dim: 8 }}\n"
            f'layer {{ name: {name} type: "Convolution" bottom: {blob} top: "{words[0]}" '
            f"param {{ lr_mult: 3 }} convolution_param {{ num_output: 4 kernel_size: 1 }} }}\n"
            f'layer {{ name: "{words[1]}" type: "ReLU" bottom: "{words[0]}" top: {name} }}\n'
        )
        flat = caffe.read(Source(file, text))
        network = imported(flat)
        assert [step.op for step in flat.steps] == ["conv2d", "relu"]
        assert network.spec.source.text.isascii()
        assert formatted(Source("spec.yaml", network.spec.source.text)) == network.spec.source.text


def quoted(text: str) -> str:
    """Write a text as a string of prototext, on one line."""
    plain = re.sub(r"[\n\"\\]", " ", text)
    return f'"{plain}"'
