"""Which place a wrong shape or sum is blamed on, and what is said there and beside it."""

from __future__ import annotations

from netspec.text.diagnostics import Diagnostic
from tests.support import ROOT, mistakes

GOOGLENET = (ROOT / "specs" / "googlenet.yaml").read_text()


def only(text: str) -> Diagnostic:
    (item,) = mistakes(text)
    return item


def changed(old: str, new: str, text: str = GOOGLENET) -> str:
    assert old in text
    return text.replace(old, new, 1)


def said_at(item: Diagnostic) -> dict[str, str]:
    """Return what is said under the underlined texts."""
    labels = {note.span.text: note.text for note in item.notes}
    return labels | ({item.span.text: item.label} if item.span else {})


def test_a_join_says_what_each_branch_does_to_the_size():
    item = only(
        changed("{max_pool2d: 3, stride: 1, padding: 1}", "{max_pool2d: 3, stride: 2, padding: 1}")
    )
    assert said_at(item)["2"] == "halves 28×28 to 14×14 by stride 2"
    assert said_at(item)["conv1x1"] == "keeps 28×28"
    assert item.help == "write 1 in place of 2"


def test_a_use_is_blamed_before_the_block_that_it_shares():
    text = changed("{ConvReLU: [$n3x3, 3]}", "{ConvReLU: [$n3x3, 3, 2]}")
    item = only(text)
    assert (item.code, item.span.text, item.span.line) == ("NS053", "2", 25)


def test_places_are_the_lines_that_use_a_block():
    """Neither copies nor the pieces of an op are places of their own."""
    text = """netspec: 1
name: Net
inputs: {image: [4, 8, 8]}
blocks:
  Cut:
    chain:
      cut:  {chunk: 2, dim: 9, names: [a, b]}
      both: {add: [], from: [cut.a, cut.b]}
graph:
  one: {Cut: [], repeat: 3}
  two: Cut
outputs: {y1: two}
"""
    (item,) = mistakes(text)
    assert item.details[-1] == "this line is used at 2 places"
    once = mistakes(text.replace("  two: Cut\n", "").replace("y1: two", "y1: one"))
    assert not any("places" in detail for item in once for detail in item.details)


def test_an_image_size_is_no_cure_while_an_argument_is():
    for old, new in (("[64, 7, 2]", "[64, 7, 1]"), ("max_pool2d: 3, stride: 2", "max_pool2d: 3")):
        assert all("224" not in item.help for item in mistakes(changed(old, new)))


def test_an_image_size_is_the_cure_where_no_argument_is():
    assert only(changed("size: 224", "size: 242")).help.startswith("write 224 in place of 242")


def test_sums_of_inference_list_no_heads():
    item = only(changed("expect: {params: 6998552", "expect: {params: 6998553"))
    assert item.details == (
        "the largest: `fc` 1,025,000, `inception_5b.conv3x3.conv` 663,936, "
        "`inception_4e.conv3x3.conv` 461,120",
    )
    item = only(changed("train_params: 13378280", "train_params: 13378281"))
    assert "aux2.fc1" in item.details[0]


def test_a_contract_that_is_wrong_itself_is_not_explained_by_layers():
    item = only(changed("shape: [512, 14, 14]", "shape: [513, 14, 14]"))
    assert item.span.text == "[513, 14, 14]"
    assert len(item.notes) <= 1
    assert "the contract itself is wrong: write `shape: [512, 14, 14]`" in item.help


def test_a_number_where_the_kernel_is_a_parameter_is_answered_with_half_of_it():
    text = changed("$out, $k], stride: $s, padding: $k // 2", "$out, $k], stride: $s, padding: 0")
    assert "write `$k // 2` in place of 0" in mistakes(text)[0].help


def test_a_search_in_a_large_network_ends():
    lines = "".join(f"  c{i}: {{conv2d: [8, 3], padding: 1}}\n" for i in range(3000))
    text = (
        f"netspec: 1\nname: Net\ninputs: {{image: [8, 8, 8]}}\ngraph:\n{lines}"
        "  out: {add: [], from: [c2999, image]}\noutputs: {y1: out}\nexpect: {params: 1}\n"
    )
    assert only(text).code == "NS056"
    assert (
        only(text.replace("c1500: {conv2d: [8, 3], padding: 1}", "c1500: {conv2d: [8, 3]}")).code
        == "NS053"
    )
