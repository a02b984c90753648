"""Blocks of networks that name no modules: what is found, what it is called, and what stays."""

from __future__ import annotations

from random import Random

import pytest

from netspec.importer.flat import Flat
from netspec.importer.labels import class_name
from netspec.importer.regions import prefix, worth
from netspec.importer.spec import imported
from tests.caffemodels import read
from tests.prototxts import Prototxt
from tests.support import draws


def uses(flat: Flat) -> dict[str, dict[str, list[str]]]:
    """Return the blocks of a network: class → use → the names directly within it."""
    found: dict[str, dict[str, list[str]]] = {}
    for step in flat.steps:
        for depth, kind in enumerate(step.classes):
            name = ".".join(step.path[: depth + 1])
            parts = found.setdefault(kind, {}).setdefault(name, [])
            if step.path[depth + 1] not in parts:
                parts.append(step.path[depth + 1])
    return found


def start() -> Prototxt:
    net = Prototxt("net")
    net.input(8, 16, 16)
    return net


def residual(net: Prototxt, name: str, relu: bool = True, joins: str = "sum") -> None:
    """Write two convolutions beside a shortcut, with or without a ReLU behind them."""
    above = net.top
    net.conv(f"{name}_first", 8, 3, pad=1)
    net.relu(f"{name}_relu")
    net.conv(f"{name}_second", 8, 3, pad=1)
    net.add(f"{name}_{joins}", "Eltwise", [above, net.top])
    if relu:
        net.relu(f"{name}_last")


def test_what_stands_between_a_fork_and_its_join_is_a_block():
    net = start()
    for number in range(1, 5):
        residual(net, f"part{number}")
    found = uses(read(str(net)))
    parts = ["first", "relu", "second", "sum", "last"]
    assert found == {"Part": {f"part{number}": parts for number in range(1, 5)}}


def test_a_block_reaches_as_far_as_all_of_its_uses_are_alike():
    net = start()
    for number in range(1, 5):
        residual(net, f"part{number}", relu=number != 2)
    found = uses(read(str(net)))
    assert [parts[-1] for parts in found["Part"].values()] == ["sum"] * 4


def test_a_block_does_not_take_what_is_called_otherwise():
    net = start()
    for number in range(1, 5):
        residual(net, f"part{number}", relu=False)
        net.relu(f"between{number}")
    assert all(parts[-1] == "sum" for parts in uses(read(str(net)))["Part"].values())


def test_names_without_anything_in_common_give_names_by_what_is_done():
    net = start()
    names = iter(range(100))
    for _ in range(4):
        above = net.top
        net.conv(f"layer{next(names)}", 8, 3, pad=1)
        net.add(f"layer{next(names)}", "TanH")
        net.conv(f"layer{next(names)}", 8, 3, pad=1)
        net.add(f"layer{next(names)}", "Eltwise", [above, net.top])
    (found,) = uses(read(str(net))).values()
    assert [*found.values()] == [["conv1", "tanh1", "conv2", "add1"]] * 4


def test_a_tap_for_training_does_not_hide_a_block():
    def network(taps: bool) -> Prototxt:
        net = Prototxt("net")
        net.data(16)
        net.conv("start", 8, 1)
        for number in range(1, 6):
            residual(net, f"part{number}")
            if taps and number < 4:
                above = net.top
                net.top = above if number < 3 else f"part{number}_first"
                net.linear(f"loss{number}/fc", 10)
                net.loss(f"loss{number}/loss", 0.5)
                net.top = above
        net.linear("fc", 10)
        net.loss("loss")
        return net

    taps, plain = (uses(read(str(network(taps)))) for taps in (True, False))
    assert len(plain["Part"]) == 5
    assert taps["Part"] == plain["Part"]


def test_what_is_read_elsewhere_in_inference_is_not_shut_into_a_block():
    net = start()
    for number in range(1, 5):
        residual(net, f"part{number}")
    net.concat("all", *(f"part{number}_second" for number in range(1, 5)), net.top)
    assert uses(read(str(net))) == {}


def test_one_use_and_few_lines_are_no_block():
    net = start()
    residual(net, "part1")
    net.conv("conv", 8, 1)
    net.relu("relu")
    assert uses(read(str(net))) == {}
    assert not worth(1, 100)
    assert not worth(100, 1)
    assert worth(9, 14)


def test_blocks_within_blocks_and_shortcuts_around_all():
    net = start()
    first = net.top
    for number in range(1, 5):
        residual(net, f"part{number}")
    net.add("all", "Eltwise", [first, net.top])
    flat = read(str(net))
    assert len(uses(flat)["Part"]) == 4
    assert flat.steps[-1].path == ("all",)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["inception_3a_1x1", "inception_3a_pool", "inception_3a_output"], "inception_3a_"),
        (["res2a", "res2a_branch1", "res2a_relu"], "res2a"),
        (["expand1x1", "expand3x3"], ""),
        (["fire2_expand1x1", "fire2_expand3x3"], "fire2_"),
        (["a", "b"], ""),
        (["one"], "one"),
    ],
)
def test_the_words_with_which_names_begin(names, expected):
    assert prefix(names) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("inception_3a", "Inception"),
        ("inception_a1", "InceptionA"),
        ("fire2", "Fire"),
        ("res4b22", "Res"),
        ("stage_1", "Stage"),
        ("3a", ""),
    ],
)
def test_what_uses_are_uses_of(name, expected):
    assert class_name(name) == expected


def drawn(random: Random) -> tuple[str, int]:
    """Return a random network with forks, taps, twins and odd names, and its parameters."""
    net, params = start(), 0
    for number in range(random.randint(1, 8)):
        above, name = net.top, random.choice(["b", "block_", "s1/b", "x", "conv"]) + str(number)
        ends = [above] if random.random() < 0.3 else []
        for branch in range(random.randint(1, 3)):
            net.top = above
            for depth in range(random.randint(1, 2)):
                kernel = random.choice([1, 3])
                part = random.choice([f"{name}/{branch}{depth}", f"c{number}_{branch}_{depth}"])
                bias = random.random() < 0.5
                net.conv(part, 8, kernel, pad=kernel // 2, bias_term=bias)
                params += 8 * 8 * kernel * kernel + 8 * bias
                if random.random() < 0.6:
                    net.relu(f"{part}_relu")
            ends.append(net.top)
        if ends[1:]:
            net.add(f"{name}/sum", "Eltwise", ends)
        if random.random() < 0.3:
            net.pool(f"{name}/pool", 3, 1, pad=1)
    return str(net), params


def test_any_network_keeps_its_steps_and_their_order():
    blocks = 0
    for seed in range(draws(60, 200)):
        text, params = drawn(Random(seed))
        flat = read(text)
        network = imported(flat)
        blocks += bool(network.spec.blocks)
        assert network.totals.inference.params == params
        keys = [".".join((*step.path, tensor)) for step in flat.steps for tensor in step.tensors]
        assert sorted(network.tensors()) == sorted(keys)
        order = [step.path for step in flat.steps]
        assert {*network.graph.nodes} == {*order}
        seen = {(name,) for name in flat.inputs}
        for node in network.graph.nodes.values():
            assert seen.issuperset(node.inputs)
            seen.add(node.id)
        reads = {step.path: tuple(read.path for read in step.reads) for step in flat.steps}
        assert {node.id: node.inputs for node in network.graph.nodes.values()} == reads
    assert blocks > 10
