"""The generated GoogLeNet against one that was written by hand, and against Caffe's numbers."""

from __future__ import annotations

import pytest
import torch

from tests.reference import googlenet
from tests.support import ROOT, load

SPEC = ROOT / "specs" / "googlenet.yaml"


@pytest.fixture(scope="module")
def pair() -> tuple[torch.nn.Module, torch.nn.Module]:
    torch.manual_seed(0)
    reference = googlenet.GoogLeNet(classes=10)
    generated = load(SPEC, classes=10).build()
    generated.load_state_dict(reference.state_dict())
    return generated, reference


def test_numbers_are_those_of_the_published_caffe_network():
    net = load(SPEC).network
    totals = net.totals
    assert (totals.inference.params, totals.inference.macs) == (6_998_552, 1_582_671_872)
    assert (totals.training.params, totals.training.macs) == (13_378_280, 1_591_044_096)
    assert (totals.depth, totals.depth_with_pooling) == (22, 27)
    flattens = [node for node in net.graph.nodes.values() if node.op.op_name == "flatten"]
    assert len(net.graph.nodes) - len(flattens) == 155


def test_spec_reads_like_table_1():
    lines = SPEC.read_text().splitlines()
    assert len(lines) <= 75
    assert max(map(len, lines)) <= 105


def test_parameters_have_the_same_names_and_shapes(pair):
    generated, reference = pair
    shapes = [
        {name: tuple(p.shape) for name, p in model.named_parameters()}
        for model in (generated, reference)
    ]
    assert shapes[0] == shapes[1]


def test_evaluation_is_bit_identical(pair):
    generated, reference = pair
    image = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        ours, theirs = generated.eval()(image), reference.eval()(image)
    assert isinstance(ours, torch.Tensor)
    assert torch.equal(ours, theirs)


def test_training_is_bit_identical_with_all_heads(pair):
    generated, reference = pair
    image = torch.randn(2, 3, 224, 224)
    results = []
    for model in (generated.train(), reference.train()):
        torch.manual_seed(1)
        results.append(model(image))
    assert results[0]._fields == ("logits", "aux1", "aux2")
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_losses_are_weighted_as_in_the_paper(pair):
    losses = torch.tensor([1.0, 10.0, 100.0])
    assert pair[0].total_loss(*losses).item() == pytest.approx(1 + 0.3 * 10 + 0.3 * 100)


def test_constructor_keeps_what_changes_no_inferred_constant():
    net = load(SPEC)
    assert net.build(classes=7).fc.out_features == 7
    assert net.build(classes=7).aux1.fc2.out_features == 7
    with pytest.raises(TypeError):
        net.build(size=256)
