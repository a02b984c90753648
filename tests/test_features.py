"""Networks cut down to feature maps, and weights that move between networks."""

from __future__ import annotations

import pytest
import torch

from tests.support import ROOT, load, loads, verified

SPEC = ROOT / "specs" / "googlenet.yaml"


def test_features_are_the_maps_inside_the_network():
    net = load(SPEC, classes=10)
    whole = net.build().eval()
    part = net.features(["inception_4a", "inception_5b"]).build().eval()
    assert not part.load_state_dict(whole.state_dict(), strict=False).missing_keys
    seen = {}
    for name in ("inception_4a", "inception_5b"):
        layer = whole.get_submodule(name)
        layer.register_forward_hook(lambda _, __, out, name=name: seen.update({name: out}))
    image = torch.randn(1, 3, 224, 224)
    whole(image)
    found = part(image)
    assert found._fields == ("inception_4a", "inception_5b")
    assert all(torch.equal(getattr(found, name), seen[name]) for name in found._fields)
    assert not hasattr(part, "fc")


def test_features_say_what_they_see():
    net = load(SPEC).features(["conv2", "inception_5b"])
    source = net.to_python()
    assert "conv2: (N, 192, 56, 56), stride 4, receptive field 19" in source
    assert "inception_5b: (N, 1024, 7, 7), stride 32, receptive field 715" in source
    assert verified(net.network, source) == []


def test_a_feature_that_is_no_layer_is_suggested():
    with pytest.raises(ValueError, match=r"did you mean `inception_4a`"):
        load(SPEC).features(["inception_4aa"])


SPLIT = """
netspec: 1
name: Net
inputs: {image: [4, 8, 8], other: [4, 8, 8]}
blocks:
  Two: {outputs: [u, v], chain: {u: {conv2d: [4, 1]}, v: relu}}
graph:
  conv: {conv2d: [4, 3], padding: 1, from: image}
  again: {share: conv, from: other}
  third: {share: conv, from: again}
  parts: {chunk: 2, from: third}
  token: {parameter: [[4, 1, 1]]}
  shifted: {add: [], from: [third, token]}
  two: {Two: [], from: shifted}
outputs: {y1: two.v, y2: conv, y3: parts.0}
"""


@pytest.mark.parametrize(
    "names",
    [["again"], ["third"], ["third", "again"], ["conv", "third"], ["parts.1"], ["two.u", "again"],
     ["token", "again"], ["parts.0", "parts.1", "shifted"]],
)  # fmt: skip
def test_features_of_every_kind_of_layer_run_with_the_weights_of_the_whole(names):
    net = loads(SPLIT)
    whole = net.build().eval()
    seen = {}
    forward = net.features(["conv", "again", "third", "parts.0", "parts.1", "shifted", "two.u"])
    everything = forward.build().eval()
    everything.load_state_dict(whole.state_dict(), strict=False)
    images = {"image": torch.randn(2, 4, 8, 8), "other": torch.randn(2, 4, 8, 8)}
    seen = everything(**images)._asdict() | {"token": whole.token.expand(2, -1, -1, -1)}
    cut = net.features(names)
    assert verified(cut.network, cut.to_python()) == []
    part = cut.build().eval()
    keys = part.load_state_dict(whole.state_dict(), strict=False)
    assert not keys.missing_keys
    needed = {key: images[key] for key in images if key in cut.network.spec.inputs}
    found = part(**needed)
    found = [found] if len(names) == 1 else found
    for name, value in zip(names, found, strict=True):
        assert torch.equal(value, seen[name.replace(".", "_")])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("parts", "say which one: `parts.0` or `parts.1`"),
        ("two", "say which one: `two.u` or `two.v`"),
        ("conv.0", "`conv` has one output"),
        ("token", "`token` depends on no input"),
        ("parts.2", "`parts.0` or `parts.1`"),
    ],
)
def test_a_feature_that_cannot_be_given_says_why(name, words):
    with pytest.raises(ValueError) as error:
        loads(SPLIT).features([name])
    assert words in str(error.value)


def test_weights_load_where_shapes_agree(tmp_path):
    net = load(SPEC)
    torch.save(net.build().state_dict(), tmp_path / "weights.pt")
    report = net.load_weights(str(tmp_path / "weights.pt"), classes=10)
    assert report.skipped["fc.weight"] == "the file has 1000×1024, the model 10×1024"
    assert len(report.loaded) == 122
    assert set(report.missing) == set(report.skipped)
    assert report.model.fc.out_features == 10


def test_a_file_that_gives_few_tensors_is_refused(tmp_path):
    path = tmp_path / "one.pt"
    torch.save({"conv1.conv.bias": torch.ones(64)}, path)
    with pytest.raises(ValueError, match=r"gives 1 of 128 tensors.*match=\"key\""):
        load(SPEC).load_weights(path)
    report = load(SPEC).load_weights(path, match="key")
    assert report.loaded == ("conv1.conv.bias",) and report.model.conv1.conv.bias.eq(1).all()


def test_a_file_without_weights_is_refused(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="holds no state_dict"):
        load(SPEC).load_weights(str(tmp_path / "other.pt"))


def test_the_smallest_input_is_the_smallest_that_runs():
    net = load(SPEC)
    least = net.min_size()
    model = net.build().eval()
    with torch.device("meta"):
        model = net.build().eval()
        model(torch.empty(1, 3, least, least))
        with pytest.raises(RuntimeError):
            model(torch.empty(1, 3, least - 1, least - 1))


def test_a_vector_has_no_smallest_size():
    text = "netspec: 1\nname: Net\ninputs: {v: [4]}\ngraph: {fc: {linear: 2}}\noutputs: {a: fc}\n"
    with pytest.raises(ValueError, match="no input with a height"):
        loads(text).min_size()


PYRAMID = """
netspec: 1
name: Net
inputs: {image: [3, 16, 16]}
graph:
  c2:  {conv2d: [4, 3], stride: 2, padding: 1}
  c3:  {conv2d: [4, 3], stride: 2, padding: 1}
  up:  {interpolate: [], scale_factor: 2}
  sum: {add: [], from: [c2, up]}
outputs: {map: sum}
"""


def test_maps_of_one_size_have_one_size_at_the_smallest_input():
    """At 1 and 2 PyTorch would repeat a map of 1×1 over one of 2×2."""
    assert loads(PYRAMID).min_size() == 3
    gated = PYRAMID.replace("{interpolate: [], scale_factor: 2}", "global_avg_pool")
    (warning,) = loads(gated).warnings
    assert warning.code == "NS043"
    assert loads(gated.replace("{add", "{mul")).warnings == ()
